#include "controller/plan/restart.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using testing::At;
using testing::TemplateOf;
using testing::World;
using Phase = RestartState::Phase;

class RestartTest : public ::testing::Test {
 protected:
  RestartTest() : revision_(world_.Rev("web-1", TemplateOf({"main=web:1"}))) {}
  void Pods(int count) {
    for (int i = 0; i < count; ++i) Add({.name = absl::StrCat("web-", i)});
  }
  void Add(const testing::PodDesc& desc) { pods_.push_back(world_.Pod(revision_, desc)); }
  RestartPlan Plan() {
    const auto spec = ParseRestart(job_);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return PlanRestart(*spec, pods_, states_, options_, At(0));
  }
  std::string Starts(const RestartPlan& plan) {
    std::vector<std::string> out;
    for (const int32_t i : plan.start) out.push_back(pods_[static_cast<size_t>(i)]->name.substr(4));
    return absl::StrJoin(out, " ");
  }
  void Set(int i, Phase phase, const char* detail = "") {
    states_[absl::StrCat("web-", i)] = {phase, detail};
  }

  World world_;
  Revision revision_;
  Json job_ = Json::object();
  std::vector<PodPtr> pods_;
  std::map<std::string, RestartState> states_;
  RestartOptions options_;
};

TEST_F(RestartTest, OneAtATimeFromTheHighestByDefault) {
  Pods(12);
  RestartPlan plan = Plan();
  EXPECT_EQ(Starts(plan), "11");
  EXPECT_EQ(plan.reasons[10].code, Code::kMaxUnavailable);
  EXPECT_EQ(Words(plan.reasons[10]), "waits: maxUnavailable 1, 1 in use by web-11");
  Set(11, Phase::kRunning, "stopping");
  plan = Plan();
  EXPECT_EQ(Starts(plan), "");
  EXPECT_EQ(Words(plan.reasons[11]), "is restarting: stopping");
  Set(11, Phase::kSucceeded);
  EXPECT_EQ(Starts(Plan()), "10");
}

TEST_F(RestartTest, BatchesByNumberAndPerCent) {
  Pods(10);
  job_ = {{"batch", 4}, {"maxUnavailable", "50%"}, {"order", "NameAscending"}};
  RestartPlan plan = Plan();
  EXPECT_EQ(plan.batches.size(), 3U);
  EXPECT_EQ(Starts(plan), "0 1 2 3");
  EXPECT_EQ(plan.reasons[4].code, Code::kBatchFull);
  EXPECT_EQ(Words(plan.reasons[0]), "restart in place: batch 1 of 3");
  for (int i = 0; i < 4; ++i) Set(i, i == 0 ? Phase::kRunning : Phase::kSucceeded);
  EXPECT_EQ(Starts(Plan()), "");  // the batch is not through
  Set(0, Phase::kSucceeded);
  EXPECT_EQ(Starts(Plan()), "4 5 6 7");
  job_["batch"] = "25%";  // rounded up: 3
  states_.clear();
  EXPECT_EQ(Plan().batches.size(), 4U);
}

TEST_F(RestartTest, PartitionKeepsTheLastOfTheOrder) {
  Pods(5);
  job_ = {{"partition", "30%"}, {"maxUnavailable", 5}};
  const RestartPlan plan = Plan();
  EXPECT_EQ(Starts(plan), "4 3 2");
  EXPECT_EQ(plan.reasons[0].code, Code::kOutOfPartition);
  EXPECT_EQ(plan.wanted, 3);
}

TEST_F(RestartTest, BrokenPodsUseTheBudgetButMayRestart) {
  Pods(3);
  Add({.name = "web-3", .ready = false});
  job_ = {{"order", "NotReadyFirst"}};
  EXPECT_EQ(Starts(Plan()), "3");  // it is down already, the budget of 1 is used up by it
}

TEST_F(RestartTest, SpreadOverTopologyDomains) {
  for (int i = 0; i < 4; ++i) Add({.name = absl::StrCat("web-", i), .node = absl::StrCat("n", i)});
  options_.node_label = [](absl::string_view node, absl::string_view) {
    return node < absl::string_view("n2") ? absl::string_view("a") : absl::string_view("b");
  };
  job_ = {{"maxUnavailable", 4}, {"spread", {{"topologyKey", "zone"}, {"maxPerDomain", 1}}}};
  const RestartPlan plan = Plan();
  EXPECT_EQ(Starts(plan), "3 1");
  EXPECT_EQ(Words(plan.reasons[2]), "waits: at most 1 restart at a time in b, now 1");
}

TEST_F(RestartTest, FailuresBeyondTheThresholdHaltTheJob) {
  Pods(10);
  job_ = {{"maxFailures", "10%"}, {"maxUnavailable", 3}};
  Set(9, Phase::kFailed, "image is gone");
  RestartPlan plan = Plan();
  EXPECT_FALSE(plan.halted);
  EXPECT_EQ(Starts(plan), "8 7 6");
  Set(8, Phase::kFailed);
  plan = Plan();
  EXPECT_TRUE(plan.halted);
  EXPECT_EQ(Starts(plan), "");
  EXPECT_EQ(plan.reasons[0].code, Code::kFailureThreshold);
  EXPECT_EQ(Words(plan.reasons[9]), "the restart failed: image is gone");
}

TEST_F(RestartTest, PercentageOfTheBudgetRoundsDownToAtLeastOne) {
  Pods(5);
  job_ = {{"maxUnavailable", "50%"}};
  EXPECT_EQ(Starts(Plan()), "4 3");
  job_ = {{"maxUnavailable", "10%"}};
  EXPECT_EQ(Starts(Plan()), "4");
}

TEST_F(RestartTest, PauseBudgetAndMinReady) {
  Pods(2);
  job_ = {{"paused", true}};
  EXPECT_EQ(Plan().reasons[0].code, Code::kPaused);
  job_ = {{"minReadySeconds", 30}};
  options_.budget_allows = [](const api::PodRecord& pod) { return pod.name != "web-1"; };
  RestartPlan plan = Plan();
  EXPECT_EQ(Starts(plan), "0");
  EXPECT_EQ(plan.reasons[1].code, Code::kDisruptionBudget);
  pods_.clear();
  Add({.name = "web-0"});
  Add({.name = "web-1", .ready_for = 10});
  Set(1, Phase::kSucceeded);
  plan = Plan();
  EXPECT_EQ(Starts(plan), "");
  EXPECT_EQ(plan.reasons[1].code, Code::kMinReady);
  EXPECT_EQ(*plan.requeue, absl::Seconds(20));
}

TEST_F(RestartTest, FinishedJobDoesNothingAndGonePodsAreLeftOut) {
  Pods(2);
  Add({.name = "web-2", .terminating = true});
  Set(0, Phase::kSucceeded);
  Set(1, Phase::kSucceeded);
  const RestartPlan plan = Plan();
  EXPECT_TRUE(plan.finished);
  EXPECT_EQ(plan.done, 2);
  EXPECT_EQ(plan.reasons[2].code, Code::kNotActive);
}

TEST(ParseRestart, FieldsAreNamedInErrors) {
  for (const auto& [field, value] : {std::pair<const char*, Json>{"batch", "x"},
                                     {"maxUnavailable", -1},
                                     {"order", "Random"},
                                     {"partition", "5"},
                                     {"maxFailures", 1.5}}) {
    const auto parsed = ParseRestart({{field, value}});
    ASSERT_FALSE(parsed.ok()) << field;
    EXPECT_NE(parsed.status().message().find(field), absl::string_view::npos);
  }
}

}  // namespace
}  // namespace rekindle::plan
