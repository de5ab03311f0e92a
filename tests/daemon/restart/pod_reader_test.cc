#include "daemon/restart/pod_reader.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/fakes/fake_runtime.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::restart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PodReaderTest : public testing::Test {
 protected:
  PodReaderTest()
      : sandbox_(runtime_.AddPod("shop", "web-0", "uid-1")),
        a_(runtime_.AddContainer(sandbox_, "a")),
        b_(runtime_.AddContainer(sandbox_, "b", 3)) {
    runtime_.AddContainer(runtime_.AddPod("shop", "web-1", "uid-2"), "a");
    runtime_.read_latency = kRound;
  }

  absl::StatusOr<PodDetails> Read(std::vector<std::string> names,
                                  const PodRef& pod = {"shop", "web-0", "uid-1"}) {
    std::optional<absl::StatusOr<PodDetails>> got;
    const absl::Duration begun = loop_.Monotonic();
    ReadPodDetails(runtime_, pod, std::move(names),
                   [&](absl::StatusOr<PodDetails> details) { got = std::move(details); });
    loop_.AdvanceUntil([&] { return got.has_value(); }, absl::Minutes(1));
    took_ = loop_.Monotonic() - begun;
    return got.has_value() ? *std::move(got) : absl::InternalError("no reply");
  }

  // The IDs of a view, newest first.
  static std::vector<std::string> Ids(const PodDetails& details) {
    std::vector<std::string> ids;
    for (const auto& container : details.view->containers) ids.push_back(container.id());
    return ids;
  }

  static constexpr absl::Duration kRound = absl::Milliseconds(1);
  SimLoop loop_;
  FakeRuntime runtime_{loop_};
  std::string sandbox_, a_, b_;
  absl::Duration took_;
};

// What is read before a stop is time out of the request's: two rounds of calls, not one call each.
TEST_F(PodReaderTest, ALabelledPodTakesTwoRounds) {
  const auto details = Read({"a", "b"});
  ASSERT_TRUE(details.ok()) << details.status();
  EXPECT_EQ(took_, 2 * kRound);
  EXPECT_THAT(Ids(*details), ElementsAre(b_, a_));
  EXPECT_EQ(details->view->sandbox.id(), sandbox_);
  EXPECT_EQ(details->view->pod.uid, "uid-1");
  EXPECT_EQ(details->current.at("a").status().id(), a_);
  EXPECT_EQ(details->current.at("b").status().id(), b_);
  EXPECT_EQ(details->sandbox->status().id(), sandbox_);
  EXPECT_EQ(details->view->NextAttempt("b"), 4u);
}

TEST_F(PodReaderTest, ContainersWithoutLabelsCount) {
  // One that is older than what was asked for, and one of another name.
  const std::string older = runtime_.AddContainer(sandbox_, "a", 7);
  const std::string other = runtime_.AddContainer(sandbox_, "c");
  for (const std::string& id : {older, other}) runtime_.Get(id).summary.clear_labels();
  runtime_.Get(older).summary.set_created_at(1);
  const auto details = Read({"a"});
  ASSERT_TRUE(details.ok()) << details.status();
  EXPECT_EQ(took_, 2 * kRound);
  EXPECT_THAT(Ids(*details), ElementsAre(other, b_, a_, older));
  EXPECT_EQ(details->view->NextAttempt("a"), 8u);
}

TEST_F(PodReaderTest, ANewerOneWithoutLabelsIsTheOneThatIsRead) {
  const std::string newer = runtime_.AddContainer(sandbox_, "a", 1);
  runtime_.Get(newer).summary.clear_labels();
  const auto details = Read({"a"});
  ASSERT_TRUE(details.ok()) << details.status();
  EXPECT_EQ(details->current.at("a").status().id(), newer);
  EXPECT_EQ(details->view->Newest("a")->id(), newer);
}

TEST_F(PodReaderTest, APodOfWhichNothingCarriesLabels) {
  runtime_.Sandbox(sandbox_).clear_labels();
  for (const std::string& id : {a_, b_}) runtime_.Get(id).summary.clear_labels();
  auto details = Read({"a"});
  ASSERT_TRUE(details.ok()) << details.status();
  EXPECT_THAT(Ids(*details), ElementsAre(b_, a_));
  // Labels on the sandbox alone.
  *runtime_.Sandbox(sandbox_).mutable_labels() = runtime_.Get(a_).config.labels();
  details = Read({"a"});
  ASSERT_TRUE(details.ok()) << details.status();
  EXPECT_EQ(details->current.at("a").status().id(), a_);
}

TEST_F(PodReaderTest, WhatIsLabelledWithThisPodButLivesInAnotherIsNotTaken) {
  const std::string elsewhere = runtime_.AddContainer(runtime_.AddPod("x", "y", "z"), "a", 9);
  *runtime_.Get(elsewhere).summary.mutable_labels() = runtime_.Get(a_).summary.labels();
  const auto details = Read({"a"});
  ASSERT_TRUE(details.ok()) << details.status();
  EXPECT_EQ(details->current.at("a").status().id(), a_);
  EXPECT_EQ(details->view->NextAttempt("a"), 1u);
}

TEST_F(PodReaderTest, ErrorsNameWhatIsMissing) {
  const struct {
    PodRef pod;
    std::vector<std::string> names;
    absl::StatusCode code;
    std::string message;
  } rows[] = {
      {{"shop", "web-9", ""}, {"a"}, absl::StatusCode::kNotFound, "no pod shop/web-9"},
      {{"shop", "web-0", "uid-9"}, {"a"}, absl::StatusCode::kFailedPrecondition, "UID uid-1"},
      {{"shop", "web-0", ""}, {"a", "z"}, absl::StatusCode::kNotFound, "\"z\"; it has: a, b"},
  };
  for (const auto& row : rows) {
    const absl::Status status = Read(row.names, row.pod).status();
    EXPECT_EQ(status.code(), row.code) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.message));
  }
}

TEST_F(PodReaderTest, AnyCallThatFailsIsTheError) {
  for (const char* method :
       {"ListPodSandbox", "ListContainers", "PodSandboxStatus", "ContainerStatus"}) {
    runtime_.FailNext(method, absl::UnavailableError("gone away"));
    EXPECT_TRUE(absl::IsUnavailable(Read({"a"}).status())) << method;
    EXPECT_TRUE(Read({"a"}).ok()) << method;
  }
}

}  // namespace
}  // namespace rekindle::restart
