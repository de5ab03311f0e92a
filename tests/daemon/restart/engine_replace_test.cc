// The restart of a container by `replace`, step by step.
#include "tests/daemon/restart/engine_fixture.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;
using testing::ElementsAre;
using testing::HasSubstr;

class ReplaceTest : public EngineTest {};

TEST_F(ReplaceTest, OneContainerIsReplacedAndTheOthersAreNotTouched) {
  auto accepted = Submit(Request({"a"}));
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_EQ(accepted->size(), 1u);
  EXPECT_EQ(accepted->front().id(), "r1/a");
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.old_container_id, a_);
  EXPECT_EQ(record.new_container_id, Current("a"));
  EXPECT_EQ(record.attempt, 1u);
  EXPECT_EQ(record.start_failures, 0u);
  EXPECT_FALSE(record.service_down);
  EXPECT_THAT(Phases(record), ElementsAre(Phase::kAccepted, Phase::kStaged, Phase::kStopping,
                                          Phase::kStarting, Phase::kVerifying, Phase::kDone));
  EXPECT_EQ(Current("b"), b_);
  EXPECT_EQ(Current("c"), c_);
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 1u);
  EXPECT_EQ(runtime_.CountCalls("StartContainer"), 1u);
}

TEST_F(ReplaceTest, TheReplacementIsCreatedBeforeTheStop) {
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  Finish("r1/a");
  ASSERT_GE(runtime_.calls.size(), 3u);
  EXPECT_EQ(runtime_.calls[0], "CreateContainer a 1");
  EXPECT_THAT(runtime_.calls[1], HasSubstr("StopContainer " + a_));
  EXPECT_THAT(runtime_.calls[2], HasSubstr("StartContainer"));
}

TEST_F(ReplaceTest, TheGapIsFromExitToStartByTheRuntimesClock) {
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  ASSERT_TRUE(record.gap.has_value());
  const auto& old_status = runtime_.Get(a_).status;
  const auto& new_status = runtime_.Get(record.new_container_id).status;
  EXPECT_EQ(*record.gap, absl::Nanoseconds(new_status.started_at() - old_status.finished_at()));
}

TEST_F(ReplaceTest, TheStartNeedNotWaitUntilTheRuntimeHasTidiedUp) {
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord on_event = Finish("r1/a");
  EXPECT_LT(*on_event.gap, runtime_.stop_latency + runtime_.start_latency);

  KillEngine();
  options_.operation.start_on_exit_event = false;
  StartEngine();
  ASSERT_TRUE(Submit(Request({"b"}, "r2")).ok());
  const OperationRecord on_reply = Finish("r2/b");
  EXPECT_GE(*on_reply.gap, runtime_.stop_latency + runtime_.start_latency);
}

TEST_F(ReplaceTest, OneJournalSyncOnTheWayToTheStop) {
  size_t appends_at_stop = 0;
  changed = [&](const OperationRecord& record) {
    if (record.phase == Phase::kStopping) appends_at_stop = journal_.appends;
  };
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  Finish("r1/a");
  EXPECT_EQ(appends_at_stop, 1u);
  EXPECT_EQ(journal_.appends, 1u);
}

TEST_F(ReplaceTest, GraceComesFromRequestThenAnnotationThenDefault) {
  (*runtime_.Get(b_).config.mutable_annotations())["io.kubernetes.pod.terminationGracePeriod"] =
      "45";
  RestartRequest request = Request({"a", "b", "c"});
  request.containers[0].grace = absl::Seconds(7);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  for (const char* id : {"r1/a", "r1/b", "r1/c"}) Finish(id);
  EXPECT_EQ(runtime_.CountCalls("StopContainer " + a_ + " 7s"), 1u);
  EXPECT_EQ(runtime_.CountCalls("StopContainer " + b_ + " 45s"), 1u);
  EXPECT_EQ(runtime_.CountCalls("StopContainer " + c_ + " 30s"), 1u);
}

TEST_F(ReplaceTest, PreStopRunsOnceAndItsTimeIsChargedToTheGrace) {
  RestartRequest request = Request({"a"});
  request.containers[0].grace = absl::Seconds(30);
  request.containers[0].pre_stop = hooks::SleepAction{absl::Seconds(4)};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(record.pre_stop_result, "ok");
  ASSERT_EQ(hooks_.ran.size(), 1u);
  EXPECT_EQ(hooks_.ran[0].target.container_id, a_);
  EXPECT_EQ(hooks_.ran[0].target.netns_path, "/var/run/netns/x");
  EXPECT_THAT(hooks_.ran[0].target.pod_ips, ElementsAre("10.0.0.7"));
  EXPECT_EQ(hooks_.ran[0].limit, absl::Seconds(30));
  EXPECT_EQ(runtime_.CountCalls("StopContainer " + a_ + " 26s"), 1u);
}

TEST_F(ReplaceTest, AHookLongerThanTheGraceIsCutOff) {
  RestartRequest request = Request({"a"});
  request.containers[0].grace = absl::Seconds(12);
  request.containers[0].pre_stop = hooks::SleepAction{absl::Minutes(10)};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(record.pre_stop_result, "failed: cut off after 12s");
  EXPECT_EQ(runtime_.CountCalls("StopContainer " + a_ + " 2s"), 1u);
}

TEST_F(ReplaceTest, AFailingPreStopHookDoesNotKeepTheContainer) {
  hooks_.result = [](const hooks::Handler&) { return absl::AbortedError("exit code 3"); };
  RestartRequest request = Request({"a"});
  request.containers[0].pre_stop = hooks::ExecAction{{"drain"}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(record.pre_stop_result, "failed: exit code 3");
}

TEST_F(ReplaceTest, GraceZeroRunsNoHookAndStopsWithinTwoSeconds) {
  RestartRequest request = Request({"a"});
  request.containers[0].grace = absl::ZeroDuration();
  request.containers[0].pre_stop = hooks::ExecAction{{"drain"}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_TRUE(hooks_.ran.empty());
  EXPECT_THAT(record.pre_stop_result, HasSubstr("skipped"));
  EXPECT_EQ(runtime_.CountCalls("StopContainer " + a_ + " 2s"), 1u);
}

TEST_F(ReplaceTest, TheRecordedHookOfTheContainerIsTheDefault) {
  (*runtime_.Get(a_).config.mutable_annotations())["io.kubernetes.container.preStopHandler"] =
      R"({"exec":{"command":["/bin/drain","-x"]}})";
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  Finish("r1/a");
  ASSERT_EQ(hooks_.ran.size(), 1u);
  EXPECT_EQ(hooks_.ran[0].handler, hooks::Handler(hooks::ExecAction{{"/bin/drain", "-x"}}));

  RestartRequest skipping = Request({"a"}, "r2");
  skipping.containers[0].skip_pre_stop = true;
  ASSERT_TRUE(Submit(std::move(skipping)).ok());
  EXPECT_EQ(Finish("r2/a").pre_stop_result, "skipped: asked for");
  EXPECT_EQ(hooks_.ran.size(), 1u);
}

TEST_F(ReplaceTest, AContainerThatIgnoresItsSignalIsKilledAfterTheGrace) {
  runtime_.Get(a_).ignores_signal = true;
  RestartRequest request = Request({"a"});
  request.containers[0].grace = absl::Seconds(20);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(record.old_exit_code, 137);
}

TEST_F(ReplaceTest, UnreadyGracePassesBeforeAnythingIsTouched) {
  RestartRequest request = Request({"a"});
  request.unready_grace = absl::Seconds(5);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.Advance(absl::Seconds(4.9));
  EXPECT_EQ(engine_->Find("r1/a")->phase, Phase::kDraining);
  EXPECT_TRUE(runtime_.calls.empty());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
}

TEST_F(ReplaceTest, MinStartedIsStrictlyLonger) {
  RestartRequest request = Request({"a"});
  request.containers[0].min_started = absl::Seconds(5);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_GT(
      record.ended - absl::FromUnixNanos(runtime_.Get(record.new_container_id).status.started_at()),
      absl::Seconds(5));
}

TEST_F(ReplaceTest, ACrashInsideMinStartedMeansANewAttemptAndANewWindow) {
  int starts = 0;
  started = [&](FakeRuntime::Container& container) {
    if (container.config.metadata().name() == "a" && ++starts == 1) {
      loop_.RunAfter(absl::Seconds(3),
                     [this, id = container.summary.id()] { runtime_.Exit(id, 9); });
    }
  };
  RestartRequest request = Request({"a"});
  request.containers[0].min_started = absl::Seconds(5);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.start_failures, 1u);
  EXPECT_THAT(record.message, HasSubstr("restarted as attempt 2, after 1 start that failed"));
  EXPECT_EQ(record.attempt, 2u);
  EXPECT_EQ(Current("a"), record.new_container_id);
}

TEST_F(ReplaceTest, AFailingStartIsTriedAgainWithTheNextAttempt) {
  runtime_.start_error = [](const FakeRuntime::Container& container) -> std::optional<std::string> {
    if (container.config.metadata().attempt() < 3) return "exec: no such file";
    return std::nullopt;
  };
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.attempt, 3u);
  EXPECT_EQ(record.start_failures, 2u);
  EXPECT_THAT(record.message, HasSubstr("restarted as attempt 3, after 2 starts that failed"));
  Rest();
  // The old one stays for its log; failed attempts do not.
  EXPECT_THAT(runtime_.All("a"), ElementsAre(a_, record.new_container_id));
}

// As a containerd does while it undoes a start whose caller was killed.
TEST_F(ReplaceTest, AStartThatIsRefusedForAWhileComesSoonAfter) {
  constexpr int kRefusals = 30;
  for (int i = 0; i < kRefusals; ++i) {
    runtime_.FailNext("StartContainer", absl::UnknownError("is already in starting state"));
  }
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.start_failures, 0u);
  EXPECT_EQ(runtime_.CountCalls("StartContainer"), kRefusals + 1u);
  // Pauses that grow would have led far beyond that.
  EXPECT_LT(*record.gap, kRefusals * absl::Milliseconds(200));
}

TEST_F(ReplaceTest, AStartThatNeverWorksIsReportedAsServiceDown) {
  runtime_.start_error = [](const FakeRuntime::Container&) -> std::optional<std::string> {
    return "exec: no such file";
  };
  RestartRequest request = Request({"a"});
  request.deadline = absl::Seconds(60);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_TRUE(record.service_down);
  EXPECT_GE(record.start_failures, 3u);
  EXPECT_THAT(record.message, HasSubstr("exec: no such file"));
  EXPECT_LE(record.ended - record.created, absl::Seconds(70));
}

TEST_F(ReplaceTest, PostStartRunsOnceInTheNewContainer) {
  RestartRequest request = Request({"a"});
  request.containers[0].post_start = hooks::ExecAction{{"warm"}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(record.post_start_result, "ok");
  ASSERT_EQ(hooks_.ran.size(), 1u);
  EXPECT_EQ(hooks_.ran[0].target.container_id, record.new_container_id);
}

TEST_F(ReplaceTest, AFailingPostStartHookFailsTheOperationButNotTheService) {
  hooks_.result = [](const hooks::Handler&) { return absl::AbortedError("exit code 1"); };
  RestartRequest request = Request({"a"});
  request.containers[0].post_start = hooks::ExecAction{{"warm"}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_EQ(record.post_start_result, "failed: exit code 1");
  EXPECT_FALSE(record.service_down);
  EXPECT_EQ(Current("a"), record.new_container_id);
}

TEST_F(ReplaceTest, OverridesOfEnvAreApplied) {
  auto* env = runtime_.Get(a_).config.add_envs();
  env->set_key("MODE");
  env->set_value("old");
  RestartRequest request = Request({"a"});
  request.containers[0].env = {{"MODE", "new"}, {"EXTRA", "1"}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  std::vector<std::string> envs;
  for (const auto& item : runtime_.Get(record.new_container_id).config.envs()) {
    envs.push_back(item.key() + "=" + item.value());
  }
  EXPECT_THAT(envs, ElementsAre("MODE=new", "EXTRA=1"));
}

TEST_F(ReplaceTest, OnlyTheNewestDeadInstanceIsKept) {
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(Submit(Request({"a"}, absl::StrCat("r", i))).ok());
    EXPECT_EQ(Finish(absl::StrCat("r", i, "/a")).attempt, static_cast<uint32_t>(i));
    Rest();
    EXPECT_EQ(runtime_.All("a").size(), 2u);
  }
}

TEST_F(ReplaceTest, WhatAKilledRuntimeMadeOfACreateIsRemoved) {
  runtime_.AddContainer(sandbox_, "a", 1);
  const std::string half_made = runtime_.All("a").back();
  runtime_.Exit(half_made, 0);
  runtime_.Get(half_made).summary.set_state(v1::CONTAINER_UNKNOWN);
  runtime_.Get(half_made).summary.set_created_at(1);  // the one that runs is the newest
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  Rest();
  EXPECT_FALSE(runtime_.Has(half_made));
  EXPECT_TRUE(runtime_.Has(a_));
}

TEST_F(ReplaceTest, AnEarlierInstanceThatTheRuntimeLostTrackOfIsRemoved) {
  ASSERT_TRUE(Submit(Request({"a"}, "r1")).ok());
  const std::string earlier = Finish("r1/a").new_container_id;
  Rest();
  // The runtime is killed while that one ends.
  changed = [&](const OperationRecord& record) {
    if (record.id() != "r2/a" || record.phase != Phase::kStarting) return;
    runtime_.Get(earlier).summary.set_state(v1::CONTAINER_UNKNOWN);
  };
  ASSERT_TRUE(Submit(Request({"a"}, "r2")).ok());
  EXPECT_EQ(Finish("r2/a").phase, Phase::kDone);
  changed = nullptr;
  Rest();
  EXPECT_EQ(runtime_.Get(earlier).summary.state(), v1::CONTAINER_EXITED) << "settled by a stop";
  runtime_.Get(earlier).summary.set_state(v1::CONTAINER_UNKNOWN);
  ASSERT_TRUE(Submit(Request({"a"}, "r3")).ok());
  EXPECT_EQ(Finish("r3/a").phase, Phase::kDone);
  Rest();
  EXPECT_FALSE(runtime_.Has(earlier));
  EXPECT_EQ(runtime_.All("a").size(), 2u);
}

// -- what happens when the runtime does not do as it is told --

TEST_F(ReplaceTest, AnImageThatIsGoneFailsBeforeTheStop) {
  runtime_.missing_images = {"sha256:feed"};
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("image sha256:feed is no longer on the node"));
  EXPECT_EQ(Current("a"), a_);
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 0u);
}

TEST_F(ReplaceTest, AMountSourceThatIsGoneFailsBeforeTheStop) {
  files_.result = absl::FailedPreconditionError("mount source /data is gone");
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_EQ(record.message, "mount source /data is gone");
  EXPECT_TRUE(runtime_.calls.empty());
}

TEST_F(ReplaceTest, ALostReplyOfCreateDoesNotMakeASecondOne) {
  runtime_.FailNext("CreateContainer", absl::DeadlineExceededError("late"), /*takes_effect=*/true);
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(record.attempt, 1u);
  EXPECT_EQ(runtime_.CountCalls("CreateContainer"), 1u);
}

TEST_F(ReplaceTest, ACreateThatFailsForGoodFailsBeforeTheStop) {
  for (int i = 0; i < 20; ++i) runtime_.FailNext("CreateContainer", absl::UnknownError("refused"));
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("refused"));
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 0u);
  EXPECT_LE(runtime_.CountCalls("CreateContainer"), 10u);
}

TEST_F(ReplaceTest, ANameHeldBySomebodyElseIsPassedOver) {
  // Created behind our back under the attempt we were about to take.
  bool intruded = false;
  changed = [&](const OperationRecord& record) {
    if (record.phase == Phase::kStaged && !std::exchange(intruded, true)) {
      runtime_.AddContainer(sandbox_, "a", 1);
      runtime_.Exit(runtime_.All("a").back(), 0);
    }
  };
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.attempt, 2u);
  EXPECT_EQ(Current("a"), record.new_container_id);
}

TEST_F(ReplaceTest, AStopThatWasCutOffIsIssuedAgainUntilTheExit) {
  runtime_.Get(a_).ignores_signal = true;
  runtime_.FailNext("StopContainer", absl::UnavailableError("connection dropped"));
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 2u);
  EXPECT_EQ(runtime_.Running("a").size(), 1u);
}

TEST_F(ReplaceTest, ALostReplyOfStartDoesNotStartASecondOne) {
  runtime_.FailNext("StartContainer", absl::UnavailableError("dropped"), /*takes_effect=*/true);
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(record.attempt, 1u);
  EXPECT_EQ(runtime_.CountCalls("StartContainer"), 1u);
}

TEST_F(ReplaceTest, ARuntimeThatIsAwayInTheMiddleIsWaitedFor) {
  changed = [&](const OperationRecord& record) {
    if (record.phase == Phase::kStopping) {
      runtime_.SetDown(true);
      changed = nullptr;
      loop_.RunAfter(absl::Seconds(40), [this] { runtime_.SetDown(false); });
      // What a lost connection looks like to the caller.
      runtime_.FailNext("StopContainer", absl::UnavailableError("gone"));
    }
  };
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(runtime_.Running("a").size(), 1u);
}

TEST_F(ReplaceTest, ARuntimeThatHasJustStartedIsAskedAgain) {
  RestartRequest request = Request({"a"});
  request.unready_grace = absl::Seconds(1);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  for (int i = 0; i < 5; ++i) {
    runtime_.FailNext("ListPodSandbox", absl::UnknownError("server is not initialized yet"));
  }
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
}

TEST_F(ReplaceTest, APodThatIsDeletedInTheMiddleEndsTruthfully) {
  RestartRequest request = Request({"a"});
  request.unready_grace = absl::Seconds(5);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.Advance(absl::Seconds(1));
  runtime_.RemoveSandbox(sandbox_);
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("no pod shop/web-0"));
  EXPECT_FALSE(record.service_down);
}

TEST_F(ReplaceTest, TheDeadlineEndsWhatHasNotBeenTouched) {
  RestartRequest request = Request({"a"});
  request.unready_grace = absl::Minutes(5);
  request.deadline = absl::Seconds(10);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("deadline"));
  EXPECT_EQ(record.ended - record.created, absl::Seconds(10));
  EXPECT_TRUE(runtime_.calls.empty());
}

TEST_F(ReplaceTest, WhatIsBeingStoppedAtTheDeadlineIsStillBroughtUp) {
  runtime_.Get(a_).ignores_signal = true;
  RestartRequest request = Request({"a"});
  request.containers[0].grace = absl::Seconds(60);
  request.deadline = absl::Seconds(10);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(runtime_.Running("a").size(), 1u);
}

TEST_F(ReplaceTest, ABrokenJournalRefusesNewWorkAndTouchesNothing) {
  journal_.broken = absl::ResourceExhaustedError("disk full");
  const auto refused = Submit(Request({"a"}));
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status())) << refused.status();
  EXPECT_THAT(refused.status().message(), HasSubstr("disk full"));
  EXPECT_TRUE(runtime_.calls.empty());
  EXPECT_EQ(engine_->Find("r1/a"), nullptr);
}

TEST_F(ReplaceTest, AJournalThatBreaksBeforeTheStopKeepsTheContainer) {
  changed = [&](const OperationRecord& record) {
    if (record.phase == Phase::kStopping) journal_.broken = absl::UnavailableError("read-only");
  };
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("journal"));
  EXPECT_EQ(Current("a"), a_);
}

TEST_F(ReplaceTest, AJournalThatBreaksAfterTheStopDoesNotKeepItDown) {
  changed = [&](const OperationRecord& record) {
    if (record.phase == Phase::kStarting) journal_.broken = absl::UnavailableError("read-only");
  };
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(Current("a"), record.new_container_id);
  // The end is stored as soon as the journal takes it.
  journal_.broken = absl::OkStatus();
  Rest();
  EXPECT_EQ(journal_.Contents().front().phase, Phase::kDone);
}

}  // namespace
}  // namespace rekindle::restart
