// Restarts beside a kubelet: what is done, in which order, and what is left alone.
#include "daemon/kubelet/ownership.h"
#include "tests/daemon/restart/kubelet_fixture.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

// Spec scenario 50.
TEST_F(KubeletTest, TheKubeletTakesTheReplacementForItsOwn) {
  StartKubelet();
  ASSERT_TRUE(Submit(Ask()).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.method, Method::kReplace);
  EXPECT_EQ(record.requested_method, Method::kAuto);
  EXPECT_THAT(record.method_reason, HasSubstr("the same container"));
  EXPECT_FALSE(record.adopted);
  EXPECT_EQ(record.attempt, 1u);
  const v1::ContainerConfig config = runtime_.Get(record.new_container_id).config;
  EXPECT_EQ(config.annotations().at("io.kubernetes.container.restartCount"), "1");
  EXPECT_EQ(config.annotations().at("io.kubernetes.container.hash"), "beef");
  EXPECT_EQ(config.log_path(), "a/1.log");
  EXPECT_EQ(Placeholders().size(), 1u);
  Settle();
  ExpectSettled();
  EXPECT_EQ(Current("a"), record.new_container_id);
  EXPECT_EQ(kubelet_->created, 0u);
  // The old one is the kubelet's: it reads lastState from it.
  EXPECT_TRUE(runtime_.Has(a_));
  EXPECT_EQ(engine_->Find("r1/a")->aftercare_result, "ok");
}

TEST_F(KubeletTest, NothingIsCreatedUnderTheNameBeforeTheOldOneHasExited) {
  StartKubelet();
  runtime_.Get(a_).stop_after = absl::Seconds(20);
  ASSERT_TRUE(Submit(Ask()).ok());
  loop_.Advance(absl::Seconds(10));
  EXPECT_EQ(engine_->Find("r1/a")->phase, Phase::kStopping);
  EXPECT_THAT(runtime_.calls,
              ElementsAre("CreateContainer a 2", StartsWith("StopContainer " + a_)));
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
  EXPECT_THAT(runtime_.calls, ElementsAre("CreateContainer a 2", StartsWith("StopContainer " + a_),
                                          "CreateContainer a 1", StartsWith("StartContainer ")));
  Settle();
  ExpectSettled();
}

TEST_F(KubeletTest, TheNameIsReleasedOnceTheKubeletMustHaveSeenTheNewOne) {
  StartKubelet();
  ASSERT_TRUE(Submit(Ask()).ok());
  Finish("r1/a");
  loop_.Advance(absl::Seconds(4));
  EXPECT_EQ(Placeholders().size(), 1u);
  EXPECT_TRUE(engine_->Find("r1/a")->aftercare);
  loop_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Placeholders().empty());
  EXPECT_TRUE(engine_->Find("r1/a")->aftercare);
  loop_.Advance(absl::Seconds(66));
  EXPECT_FALSE(engine_->Find("r1/a")->aftercare);
}

// The kubelet's own kill after a failed probe, for instance. No name is in its way then.
TEST_F(KubeletTest, OneThatEndsAfterItsOperationIsLeftToTheKubeletAndNoted) {
  StartKubelet();
  ASSERT_TRUE(Submit(Ask()).ok());
  const OperationRecord record = Finish("r1/a");
  loop_.Advance(absl::Seconds(2));
  EXPECT_EQ(Placeholders().size(), 1u);
  runtime_.Exit(record.new_container_id, 137);
  loop_.Advance(absl::Milliseconds(100));
  EXPECT_TRUE(Placeholders().empty());
  EXPECT_THAT(engine_->Find("r1/a")->aftercare_result, HasSubstr("attempt 1 exited with code 137"));
  // A daemon that is restarted does not say it twice.
  KillEngine();
  StartEngine();
  Settle();
  ExpectSettled();
  EXPECT_EQ(AttemptOf(Current("a")), 2u);
  EXPECT_EQ(kubelet_->failed_creates, 0u);
  const std::string noted = engine_->Find("r1/a")->aftercare_result;
  EXPECT_EQ(noted.find("exited with code"), noted.rfind("exited with code")) << noted;
}

TEST_F(KubeletTest, AReservationThatIsCollectedDuringALongStopIsMadeAnew) {
  StartKubelet();
  runtime_.Get(a_).stop_after = absl::Seconds(25);
  ASSERT_TRUE(Submit(Ask()).ok());
  loop_.Advance(absl::Seconds(5));
  const std::vector<std::string> before = Placeholders();
  ASSERT_EQ(before.size(), 1u);
  kubelet_->CollectNow();
  EXPECT_EQ(kubelet_->folders_wiped, 0u);
  loop_.Advance(absl::Seconds(1));
  const std::vector<std::string> after = Placeholders();
  ASSERT_EQ(after.size(), 1u);
  EXPECT_NE(after, before);
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
  Settle();
  ExpectSettled();
}

TEST_F(KubeletTest, AnotherRestartDoesNotWaitForTheReservationOfTheOneBefore) {
  StartKubelet();
  absl::Duration slowest;
  for (int i = 1; i <= 30; ++i) {
    const std::string id = absl::StrCat("r", i);
    ASSERT_TRUE(Submit(Ask(Method::kReplace, id)).ok());
    const OperationRecord record = Finish(id + "/a");
    ASSERT_EQ(record.phase, Phase::kDone) << record.message;
    EXPECT_EQ(record.attempt, static_cast<uint32_t>(i));
    EXPECT_FALSE(record.adopted);
    slowest = std::max(slowest, record.ended - record.created);
    EXPECT_LE(Placeholders().size(), 2u);
    ASSERT_EQ(runtime_.Running("a").size(), 1u);
  }
  EXPECT_LT(slowest, absl::Milliseconds(500));
  Settle();
  ExpectSettled();
  EXPECT_EQ(kubelet_->created, 0u);
  EXPECT_EQ(AttemptOf(Current("a")), 30u);
}

TEST_F(KubeletTest, HotOverlapsAndStopsTheOldOneLast) {
  StartKubelet();
  ASSERT_TRUE(Submit(Ask(Method::kHot)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.gap, absl::ZeroDuration());
  EXPECT_THAT(runtime_.calls,
              ElementsAre("CreateContainer a 2", "CreateContainer a 1",
                          StartsWith("StartContainer "), StartsWith("StopContainer " + a_)));
  Settle();
  ExpectSettled();
  EXPECT_EQ(kubelet_->created, 0u);
}

TEST_F(KubeletTest, AHotOneThatFailsLeavesTheKubeletWithTheOldOne) {
  StartKubelet();
  started = [&](FakeRuntime::Container& container) {
    loop_.RunAfter(absl::Seconds(2), [this, id = container.summary.id()] { runtime_.Exit(id, 1); });
  };
  ASSERT_TRUE(Submit(Ask(Method::kHot)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_FALSE(record.service_down);
  started = nullptr;
  Settle();
  EXPECT_EQ(Current("a"), a_);
  ExpectSettled();
  EXPECT_EQ(kubelet_->created, 0u);
}

TEST_F(KubeletTest, HooksRunOnceEachOnTheirContainers) {
  StartKubelet();
  RestartRequest request = Ask();
  request.containers[0].pre_stop = hooks::ExecAction{{"drain"}};
  request.containers[0].post_start = hooks::ExecAction{{"warm"}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  ASSERT_EQ(hooks_.ran.size(), 2u);
  EXPECT_EQ(hooks_.ran[0].target.container_id, a_);
  EXPECT_EQ(hooks_.ran[1].target.container_id, record.new_container_id);
  EXPECT_EQ(record.pre_stop_result, "ok");
  EXPECT_EQ(record.post_start_result, "ok");
}

// Spec scenario 60.
TEST_F(KubeletTest, APostStartHookThatFailsStopsTheContainerAsTheKubeletWould) {
  StartKubelet();
  hooks_.result = [](const hooks::Handler&) { return absl::AbortedError("exit code 1"); };
  RestartRequest request = Ask();
  request.containers[0].post_start = hooks::ExecAction{{"warm"}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("post-start hook failed: exit code 1"));
  EXPECT_EQ(runtime_.CountCalls("StopContainer " + record.new_container_id), 1u);
  Settle();
  ExpectSettled();
  EXPECT_EQ(kubelet_->created, 1u);
  EXPECT_EQ(AttemptOf(Current("a")), 2u);
}

TEST_F(KubeletTest, AStartThatIsCutOffIsTriedAgain) {
  StartKubelet();
  runtime_.start_error = [](const FakeRuntime::Container& container) -> std::optional<std::string> {
    if (container.config.metadata().attempt() == 1) return "signal: killed";
    return std::nullopt;
  };
  ASSERT_TRUE(Submit(Ask()).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_FALSE(record.adopted);
  EXPECT_EQ(record.attempt, 2u);
  EXPECT_EQ(record.start_failures, 1u);
  Settle();
  ExpectSettled();
  EXPECT_EQ(kubelet_->created, 0u);
}

TEST_F(KubeletTest, AReplacementThatDoesNotStartIsLeftToTheKubelet) {
  StartKubelet();
  runtime_.start_error = [](const FakeRuntime::Container& container) -> std::optional<std::string> {
    if (container.config.annotations().contains(kubelet::kOperationAnnotation)) {
      return "no such device";
    }
    return std::nullopt;
  };
  ASSERT_TRUE(Submit(Ask()).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_TRUE(record.adopted);
  EXPECT_EQ(record.attempt, record.start_failures + 1);
  Settle();
  ExpectSettled();
}

TEST_F(KubeletTest, AContainerThatEndsSoonIsTheKubeletsToStartAgain) {
  StartKubelet();
  started = [&](FakeRuntime::Container& container) {
    if (container.summary.metadata().attempt() != 1) return;
    loop_.RunAfter(absl::Milliseconds(700),
                   [this, id = container.summary.id()] { runtime_.Exit(id, 1); });
  };
  ASSERT_TRUE(Submit(Ask()).ok());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
  loop_.Advance(absl::Seconds(3));
  // Nothing kept the kubelet from it.
  EXPECT_EQ(AttemptOf(Current("a")), 2u);
  EXPECT_EQ(kubelet_->failed_creates, 0u);
  Settle();
  ExpectSettled();
}

TEST_F(KubeletTest, AForcedRestartOfAnExitedContainerDoesNotWaitForTheBackoff) {
  runtime_.Exit(a_, 1);
  RestartRequest request = Ask();
  request.force = true;
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.attempt, 1u);
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 0u);
}

TEST_F(KubeletTest, ACancelledOneReleasesItsReservation) {
  StartKubelet();
  RestartRequest request = Ask(Method::kHot);
  request.containers[0].min_started = absl::Minutes(1);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.Advance(absl::Seconds(5));
  engine_->Cancel("r1/a", [](const absl::StatusOr<OperationRecord>&) {});
  loop_.Settle();
  EXPECT_EQ(Finish("r1/a").phase, Phase::kCancelled);
  Settle();
  EXPECT_EQ(Current("a"), a_);
  ExpectSettled();
  EXPECT_EQ(kubelet_->created, 0u);
}

TEST_F(KubeletTest, NothingIsStartedInAPodThatIsBeingDeleted) {
  StartKubelet();
  runtime_.Get(a_).stop_after = absl::Seconds(10);
  ASSERT_TRUE(Submit(Ask()).ok());
  loop_.Advance(absl::Seconds(5));
  ASSERT_EQ(engine_->Find("r1/a")->phase, Phase::kStopping);
  kubelet_->Kill();  // it would start the next one: it does not know of the deletion here
  absl::StatusOr<OperationRecord> told;
  engine_->EndWithPod("r1/a", [&](absl::StatusOr<OperationRecord> got) { told = std::move(got); });
  loop_.Settle();
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(told->phase, Phase::kStopping);
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("the pod is being deleted"));
  EXPECT_FALSE(record.service_down);
  Settle();
  EXPECT_EQ(runtime_.CountCalls("StartContainer"), 0u);
  EXPECT_TRUE(runtime_.Running("a").empty());
  EXPECT_EQ(Count("a", ::runtime::v1::CONTAINER_CREATED), 0u);
  EXPECT_TRUE(Placeholders().empty());
  engine_->EndWithPod("r1/a", [&](absl::StatusOr<OperationRecord> got) { told = std::move(got); });
  loop_.Settle();
  EXPECT_TRUE(absl::IsFailedPrecondition(told.status())) << told.status();
}

// Spec scenario 58, as far as it can be seen without the API.
TEST_F(KubeletTest, NothingIsCreatedInASandboxThatIsNotReadyAnyMore) {
  runtime_.Get(a_).stop_after = absl::Seconds(10);
  ASSERT_TRUE(Submit(Ask()).ok());
  loop_.Advance(absl::Seconds(5));
  runtime_.SetSandboxReady(sandbox_, false);
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("not ready any more"));
  EXPECT_FALSE(record.service_down);
  EXPECT_EQ(runtime_.CountCalls("CreateContainer a 1"), 0u);
}

TEST_F(KubeletTest, ThreeContainersAtOnce) {
  StartKubelet();
  ASSERT_TRUE(Submit(Ask(Method::kAuto, "r1", {"a", "b", "c"})).ok());
  for (const char* name : {"a", "b", "c"}) {
    EXPECT_EQ(Finish(absl::StrCat("r1/", name)).phase, Phase::kDone) << name;
  }
  Settle();
  for (const char* name : {"a", "b", "c"}) ExpectSettled(name);
  EXPECT_EQ(kubelet_->created, 0u);
}

TEST_F(KubeletTest, TheMethodAndItsReasonAreInTheResult) {
  StartKubelet();
  RestartRequest request = Ask(Method::kReplace);
  request.containers[0].env_from_references = true;
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.method, Method::kDelegate);
  EXPECT_EQ(record.requested_method, Method::kReplace);
  EXPECT_THAT(record.method_reason, HasSubstr("ConfigMaps"));
  EXPECT_EQ(kubelet_->created, 1u);
  EXPECT_EQ(runtime_.CountCalls("CreateContainer a 2"), 0u);
}

TEST_F(KubeletTest, WhatIsRefusedTouchesNothing) {
  struct Row {
    std::function<void(RestartRequest&)> change;
    const char* message;
  };
  const Row rows[] = {
      {[](RestartRequest& r) { r.kubernetes_pod.reset(); }, "kubernetes_pod"},
      {[](RestartRequest& r) { r.kubernetes_pod->terminating = true; }, "being deleted"},
      {[](RestartRequest& r) { r.kubernetes_pod->restart_policy = kubelet::RestartPolicy::kNever; },
       "restart policy Never"},
      {[](RestartRequest& r) {
         r.containers[0].method = Method::kHot;
         r.containers[0].env_from_references = true;
       },
       "cannot be restarted hot"},
  };
  for (const Row& row : rows) {
    RestartRequest request = Ask();
    row.change(request);
    const auto refused = Submit(std::move(request));
    ASSERT_FALSE(refused.ok());
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(row.message));
  }
  EXPECT_TRUE(runtime_.calls.empty());
}

TEST_F(KubeletTest, StaticPodsAreLeftAloneUnlessAllowed) {
  runtime_.GiveToKubelet(sandbox_, "file");
  const auto refused = Submit(Ask());
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("static pod"));
  RestartRequest allowed = Ask();
  allowed.kubernetes_pod->allow_static_pod = true;
  ASSERT_TRUE(Submit(std::move(allowed)).ok());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
}

TEST_F(KubeletTest, APodThatWasBeingDeletedWhenTheContainerWasMade) {
  (*runtime_.Get(a_).config.mutable_annotations())[kubelet::kDeletionGraceAnnotation] = "30";
  const auto refused = Submit(Ask());
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("deleting"));
}

TEST_F(KubeletTest, DelegateNeedsAKubelet) {
  runtime_.Sandbox(sandbox_).mutable_annotations()->clear();
  const auto refused = Submit(Ask(Method::kDelegate));
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("METHOD_DELEGATE"));
  EXPECT_TRUE(runtime_.calls.empty());
}

}  // namespace
}  // namespace rekindle::restart
