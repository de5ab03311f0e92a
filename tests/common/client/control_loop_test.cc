#include "common/client/control_loop.h"

#include <map>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/sim_loop.h"

namespace rekindle::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Holds on to what it was given until the test answers.
class HeldReconciler final : public Reconciler {
 public:
  void Reconcile(const ObjectKey& key, absl::Duration, Done done) override {
    EXPECT_FALSE(held_.contains(key.name)) << "twice at once";
    held_.emplace(key.name, std::move(done));
    begun.push_back(key.name);
  }
  void Answer(const std::string& name, Outcome outcome) {
    auto node = held_.extract(name);
    ASSERT_FALSE(node.empty()) << name;
    node.mapped()(std::move(outcome));
  }
  size_t held() const { return held_.size(); }
  std::vector<std::string> begun;

 private:
  std::map<std::string, Done> held_;
};

class ControlLoopTest : public ::testing::Test {
 protected:
  void Make(ControlLoop::Options options = {}) {
    options.observer = [this](const ControlLoop::Report& report) { reports_.push_back(report); };
    control_ = std::make_unique<ControlLoop>(loop_, reconciler_, options, [] { return 0.0; });
  }
  void Add(const std::string& name) { control_->queue().Add({"ns", name}); }
  void Answer(const std::string& name, Reconciler::Outcome outcome) {
    reconciler_.Answer(name, std::move(outcome));
    loop_.Settle();
  }

  SimLoop loop_;
  HeldReconciler reconciler_;
  std::vector<ControlLoop::Report> reports_;
  std::unique_ptr<ControlLoop> control_;
};

TEST_F(ControlLoopTest, RunsAFewKeysAtOnceAndNoneBeforeTheStart) {
  Make({.concurrency = 2});
  for (const char* name : {"a", "b", "c"}) Add(name);
  loop_.Settle();
  EXPECT_EQ(reconciler_.held(), 0U);
  control_->Start();
  EXPECT_THAT(reconciler_.begun, ElementsAre("a", "b"));
  Answer("a", std::nullopt);
  EXPECT_THAT(reconciler_.begun, ElementsAre("a", "b", "c"));
}

TEST_F(ControlLoopTest, OutcomesAreSorted) {
  Make();
  control_->Start();
  for (const char* name : {"done", "again", "retry", "terminal"}) Add(name);
  loop_.Settle();
  Answer("done", std::nullopt);
  Answer("again", Again{absl::Seconds(30)});
  Answer("retry", absl::UnavailableError("x"));
  Answer("terminal", absl::InvalidArgumentError("x"));
  EXPECT_EQ(control_->counters().done, 1U);
  EXPECT_EQ(control_->counters().again, 1U);
  EXPECT_EQ(control_->counters().retry, 1U);
  EXPECT_EQ(control_->counters().terminal, 1U);
  reconciler_.begun.clear();
  loop_.Advance(absl::Seconds(1));
  EXPECT_THAT(reconciler_.begun, ElementsAre("retry"));
  loop_.Advance(absl::Seconds(30));
  EXPECT_THAT(reconciler_.begun, ElementsAre("retry", "again"));
  // Something about it changes.
  Add("terminal");
  loop_.Settle();
  EXPECT_THAT(reconciler_.begun, ElementsAre("retry", "again", "terminal"));
}

// A key that hangs is reported, and still not run twice.
TEST_F(ControlLoopTest, ALateKeyIsReportedAndKeepsItsPlace) {
  Make({.deadline = absl::Seconds(10)});
  control_->Start();
  Add("a");
  loop_.Advance(absl::Seconds(11));
  ASSERT_EQ(reports_.size(), 1U);
  EXPECT_TRUE(reports_[0].late);
  Add("a");
  loop_.Advance(absl::Minutes(1));
  EXPECT_THAT(reconciler_.begun, ElementsAre("a"));
  Answer("a", std::nullopt);
  EXPECT_THAT(reconciler_.begun, ElementsAre("a", "a"));
  EXPECT_FALSE(reports_[1].late);
}

TEST_F(ControlLoopTest, StopWaitsForWhatIsBeingWorkedOn) {
  Make();
  control_->Start();
  Add("a");
  loop_.Settle();
  Add("b");
  absl::Status stopped = absl::UnknownError("not yet");
  control_->Stop(absl::Seconds(30), [&](const absl::Status& status) { stopped = status; });
  loop_.Advance(absl::Seconds(5));
  EXPECT_EQ(stopped.code(), absl::StatusCode::kUnknown);
  Answer("a", absl::UnavailableError("x"));
  EXPECT_TRUE(stopped.ok());
  loop_.Advance(absl::Minutes(1));
  EXPECT_THAT(reconciler_.begun, ElementsAre("a"));
}

TEST_F(ControlLoopTest, StopHasALimit) {
  Make();
  control_->Start();
  Add("slow");
  loop_.Settle();
  absl::Status stopped;
  control_->Stop(absl::Seconds(30), [&](const absl::Status& status) { stopped = status; });
  loop_.Advance(absl::Seconds(31));
  EXPECT_TRUE(absl::IsDeadlineExceeded(stopped));
  EXPECT_THAT(stopped.message(), HasSubstr("ns/slow"));
  // The answer of a run that outlives its loop falls on deaf ears.
  control_.reset();
  reconciler_.Answer("slow", std::nullopt);
  loop_.Settle();
}

}  // namespace
}  // namespace rekindle::client
