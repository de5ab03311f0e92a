// Several containers, several requests: order, turns, failure policy, limits, expiry.
#include "tests/daemon/restart/engine_fixture.h"

namespace rekindle::restart {
namespace {

using testing::HasSubstr;

class QueueTest : public EngineTest {
 protected:
  absl::Time Entered(const OperationRecord& record, Phase phase) const {
    for (const PhaseTime& time : record.history) {
      if (time.phase == phase) return time.entered;
    }
    return absl::InfiniteFuture();
  }
};

TEST_F(QueueTest, ParallelContainersStopAtOnce) {
  for (const std::string& id : {a_, b_, c_}) runtime_.Get(id).ignores_signal = true;
  ASSERT_TRUE(Submit(Request({"a", "b", "c"})).ok());
  for (const char* id : {"r1/a", "r1/b", "r1/c"}) EXPECT_EQ(Finish(id).phase, Phase::kDone);
  EXPECT_EQ(runtime_.most_stops_at_once, 3u);
}

TEST_F(QueueTest, ListedContainersGoOneAfterTheOther) {
  RestartRequest request = Request({"c", "a", "b"});
  request.order = Order::kListed;
  for (ContainerRestart& container : request.containers) {
    container.min_started = absl::Seconds(3);
  }
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord c = Finish("r1/c");
  const OperationRecord a = Finish("r1/a");
  const OperationRecord b = Finish("r1/b");
  EXPECT_GE(Entered(a, Phase::kStopping), c.ended);
  EXPECT_GE(Entered(b, Phase::kStopping), a.ended);
  EXPECT_EQ(b.phase, Phase::kDone);
}

TEST_F(QueueTest, TheFirstFailureLeavesTheRestUntouched) {
  runtime_.missing_images = {"sha256:feed"};
  runtime_.Get(b_).config.mutable_image()->set_image("sha256:other");
  RestartRequest request = Request({"a", "b"});
  request.order = Order::kListed;
  ASSERT_TRUE(Submit(std::move(request)).ok());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kFailed);
  const OperationRecord b = Finish("r1/b");
  EXPECT_EQ(b.phase, Phase::kCancelled);
  EXPECT_EQ(b.message, "not begun: a failed");
  EXPECT_EQ(Current("b"), b_);
}

TEST_F(QueueTest, WithIgnoreTheOthersGoOn) {
  runtime_.missing_images = {"sha256:feed"};
  runtime_.Get(b_).config.mutable_image()->set_image("sha256:other");
  RestartRequest request = Request({"a", "b"});
  request.order = Order::kListed;
  request.failure_policy = FailurePolicy::kIgnore;
  ASSERT_TRUE(Submit(std::move(request)).ok());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kFailed);
  EXPECT_EQ(Finish("r1/b").phase, Phase::kDone);
}

TEST_F(QueueTest, ASecondRequestWaitsForItsTurnAndRuns) {
  runtime_.Get(a_).ignores_signal = true;
  ASSERT_TRUE(Submit(Request({"a"}, "r1")).ok());
  ASSERT_TRUE(Submit(Request({"a"}, "r2")).ok());
  EXPECT_THAT(engine_->Find("r2/a")->message, HasSubstr("waits for r1/a"));
  const OperationRecord first = Finish("r1/a");
  const OperationRecord second = Finish("r2/a");
  EXPECT_EQ(second.phase, Phase::kDone);
  EXPECT_EQ(second.old_container_id, first.new_container_id);
  EXPECT_EQ(second.attempt, 2u);
}

TEST_F(QueueTest, ASecondRequestForTheSameOldContainerJoinsTheResult) {
  runtime_.Get(a_).ignores_signal = true;
  RestartRequest first = Request({"a"}, "r1");
  first.containers[0].expected_container_id = a_;
  RestartRequest second = Request({"a"}, "r2");
  second.containers[0].expected_container_id = a_;
  ASSERT_TRUE(Submit(std::move(first)).ok());
  ASSERT_TRUE(Submit(std::move(second)).ok());
  const OperationRecord one = Finish("r1/a");
  const OperationRecord two = Finish("r2/a");
  EXPECT_EQ(two.phase, Phase::kDone);
  EXPECT_THAT(two.message, HasSubstr("nothing to do"));
  EXPECT_EQ(two.new_container_id, one.new_container_id);
  EXPECT_EQ(runtime_.CountCalls("StartContainer"), 1u);
}

TEST_F(QueueTest, AForcedSecondRequestRestartsAgain) {
  RestartRequest second = Request({"a"}, "r2");
  second.containers[0].expected_container_id = a_;
  second.force = true;
  ASSERT_TRUE(Submit(Request({"a"}, "r1")).ok());
  ASSERT_TRUE(Submit(std::move(second)).ok());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
  EXPECT_EQ(Finish("r2/a").attempt, 2u);
}

TEST_F(QueueTest, OrderedRequestsAgainstEachOtherDoNotLock) {
  RestartRequest first = Request({"a", "b"}, "r1");
  RestartRequest second = Request({"b", "a"}, "r2");
  first.order = second.order = Order::kListed;
  ASSERT_TRUE(Submit(std::move(first)).ok());
  ASSERT_TRUE(Submit(std::move(second)).ok());
  for (const char* id : {"r1/a", "r1/b", "r2/b", "r2/a"}) EXPECT_EQ(Finish(id).phase, Phase::kDone);
  EXPECT_EQ(runtime_.Running("a").size(), 1u);
  EXPECT_EQ(runtime_.Running("b").size(), 1u);
}

TEST_F(QueueTest, TheSameRequestIdAttachesAndStartsNothing) {
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const auto again = Submit(Request({"a"}));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->front().id(), "r1/a");
  Finish("r1/a");
  const auto later = Submit(Request({"a"}));
  ASSERT_TRUE(later.ok());
  EXPECT_EQ(later->front().phase, Phase::kDone);
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 1u);
}

TEST_F(QueueTest, TheSameRequestIdWhileTheFirstIsStillBeingChecked) {
  int answers = 0;
  for (int i = 0; i < 3; ++i) {
    engine_->Submit(Request({"a"}), [&](const absl::StatusOr<std::vector<OperationRecord>>& r) {
      EXPECT_TRUE(r.ok());
      ++answers;
    });
  }
  Rest();
  EXPECT_EQ(answers, 3);
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 1u);
}

TEST_F(QueueTest, ARequestIdOfAnotherPodIsRefused) {
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const auto other = Submit(Request({"b"}));
  EXPECT_TRUE(absl::IsInvalidArgument(other.status()));
  EXPECT_THAT(other.status().message(), HasSubstr("request_id"));
}

TEST_F(QueueTest, CancellingWhatWaitsAndRefusingWhatRuns) {
  runtime_.Get(a_).ignores_signal = true;
  ASSERT_TRUE(Submit(Request({"a"}, "r1")).ok());
  ASSERT_TRUE(Submit(Request({"a"}, "r2")).ok());
  loop_.Advance(absl::Seconds(1));
  absl::Status running, waiting, unknown;
  engine_->Cancel("r1/a", [&](const auto& r) { running = r.status(); });
  engine_->Cancel("r2/a", [&](const auto& r) { waiting = r.status(); });
  engine_->Cancel("r9/a", [&](const auto& r) { unknown = r.status(); });
  loop_.Settle();
  EXPECT_TRUE(absl::IsFailedPrecondition(running));
  EXPECT_THAT(running.message(), HasSubstr("stopping"));
  EXPECT_TRUE(waiting.ok());
  EXPECT_TRUE(absl::IsNotFound(unknown));
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
  EXPECT_EQ(engine_->Find("r2/a")->phase, Phase::kCancelled);
  Rest();
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 1u);
}

TEST_F(QueueTest, WithItsPodWhatWaitsIsCancelledAndWhatRunsStartsNothing) {
  runtime_.Get(a_).ignores_signal = true;
  ASSERT_TRUE(Submit(Request({"a"}, "r1")).ok());
  ASSERT_TRUE(Submit(Request({"a"}, "r2")).ok());
  loop_.Advance(absl::Seconds(1));
  for (const char* id : {"r1/a", "r2/a"}) {
    engine_->EndWithPod(id, [](const auto& told) { EXPECT_TRUE(told.ok()) << told.status(); });
  }
  loop_.Settle();
  EXPECT_EQ(engine_->Find("r2/a")->phase, Phase::kCancelled);
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("the pod is being deleted"));
  EXPECT_FALSE(record.service_down);
  Rest();
  EXPECT_EQ(runtime_.CountCalls("StartContainer"), 0u);
  // What had been created for it is gone.
  EXPECT_EQ(runtime_.All("a").size(), 1u);
}

TEST_F(QueueTest, ACancelInTheMiddleOfACreateLeavesNothing) {
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  loop_.AdvanceUntil([&] { return runtime_.CountCalls("CreateContainer") == 1; }, absl::Seconds(1));
  engine_->Cancel("r1/a", [](const auto&) {});
  Rest();
  EXPECT_EQ(engine_->Find("r1/a")->phase, Phase::kCancelled);
  EXPECT_EQ(runtime_.All("a").size(), 1u);
  EXPECT_EQ(Current("a"), a_);
}

// Of a pod of its own, with `count` containers that do not heed their signal.
RestartRequest Stubborn(FakeRuntime& runtime, const std::string& pod, int count) {
  const std::string sandbox = runtime.AddPod("shop", pod, "uid-of-" + pod);
  RestartRequest request;
  request.request_id = pod;
  request.pod = {"shop", pod, ""};
  for (int i = 0; i < count; ++i) {
    ContainerRestart container;
    container.name = absl::StrCat("n", i);
    container.grace = absl::Seconds(30);
    runtime.Get(runtime.AddContainer(sandbox, container.name)).ignores_signal = true;
    request.containers.push_back(container);
  }
  return request;
}

TEST_F(QueueTest, FiveHundredStopsOfThirtySecondsRunAtOnce) {
  constexpr int kPods = 125;
  const absl::Time began = loop_.Now();
  for (int pod = 0; pod < kPods; ++pod) {
    ASSERT_TRUE(Submit(Stubborn(runtime_, absl::StrCat("big", pod), 4)).ok());
  }
  for (int pod = 0; pod < kPods; ++pod) {
    for (int i = 0; i < 4; ++i) {
      EXPECT_EQ(Finish(absl::StrCat("big", pod, "/n", i)).phase, Phase::kDone);
    }
  }
  EXPECT_EQ(runtime_.most_stops_at_once, 500u);
  EXPECT_LT(loop_.Now() - began, absl::Seconds(40));
}

// docs/operations.md: many containers of one pod that exit together lock up containerd's shim.
TEST_F(QueueTest, ContainersOfOnePodGetTheirSignalsFourAtATime) {
  RestartRequest request = Stubborn(runtime_, "crowd", 10);
  for (const ContainerRestart& container : request.containers) {
    runtime_.Get(runtime_.All(container.name).front()).ignores_signal = false;
    runtime_.Get(runtime_.All(container.name).front()).stop_after = absl::Milliseconds(300);
  }
  bool told = false;
  changed = [&](const OperationRecord& record) {
    told = told || record.message == "waits for other containers of the pod that are being stopped";
  };
  ASSERT_TRUE(Submit(std::move(request)).ok());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Finish(absl::StrCat("crowd/n", i)).phase, Phase::kDone);
  }
  EXPECT_EQ(runtime_.most_stops_at_once, 4u);
  EXPECT_TRUE(told);
}

TEST_F(QueueTest, AContainerThatTakesItsTimeKeepsTheOthersWaitingASecondOnly) {
  const absl::Time began = loop_.Now();
  ASSERT_TRUE(Submit(Stubborn(runtime_, "crowd", 10)).ok());
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(Finish(absl::StrCat("crowd/n", i)).phase, Phase::kDone);
  }
  EXPECT_EQ(runtime_.most_stops_at_once, 10u);
  EXPECT_LT(loop_.Now() - began, absl::Seconds(34));
}

TEST_F(QueueTest, WhoWaitsForItsSignalCanBeCancelledAndTouchesNothing) {
  ASSERT_TRUE(Submit(Stubborn(runtime_, "crowd", 5)).ok());
  loop_.AdvanceUntil([&] { return runtime_.most_stops_at_once == 4; }, absl::Seconds(1));
  std::string waiting;
  for (int i = 0; i < 5; ++i) {
    const std::string id = absl::StrCat("crowd/n", i);
    if (engine_->Find(id)->phase == Phase::kStaged) waiting = id;
  }
  ASSERT_FALSE(waiting.empty());
  bool cancelled = false;
  engine_->Cancel(waiting, [&](const auto& answer) { cancelled = answer.ok(); });
  Rest();
  EXPECT_TRUE(cancelled);
  EXPECT_EQ(engine_->Find(waiting)->phase, Phase::kCancelled);
  const std::string name = waiting.substr(waiting.find('/') + 1);
  EXPECT_EQ(runtime_.All(name).size(), 1u);
}

TEST_F(QueueTest, TooManyOperationsAreRefused) {
  KillEngine();
  options_.max_active = 2;
  StartEngine();
  const auto refused = Submit(Request({"a", "b", "c"}));
  EXPECT_TRUE(absl::IsResourceExhausted(refused.status()));
  EXPECT_TRUE(runtime_.calls.empty());
  EXPECT_TRUE(Submit(Request({"a", "b"})).ok());
}

TEST_F(QueueTest, EndedOperationsExpireByCountAndAge) {
  KillEngine();
  options_.max_stored = 3;
  options_.keep = absl::Hours(1);
  StartEngine();
  for (int i = 0; i < 8; ++i) {
    ASSERT_TRUE(Submit(Request({"a"}, absl::StrCat("r", i))).ok());
    Finish(absl::StrCat("r", i, "/a"));
    Rest();
  }
  loop_.Advance(absl::Minutes(11));
  EXPECT_EQ(engine_->GetStats().stored, 3u);
  EXPECT_EQ(journal_.Contents().size(), 3u);
  EXPECT_EQ(engine_->Find("r0/a"), nullptr);
  EXPECT_NE(engine_->Find("r7/a"), nullptr);
  loop_.Advance(absl::Hours(2));
  EXPECT_EQ(engine_->GetStats().stored, 0u);
  EXPECT_TRUE(journal_.Contents().empty());
}

TEST_F(QueueTest, ListFiltersAndSorts) {
  ASSERT_TRUE(Submit(Request({"a"}, "r1")).ok());
  Finish("r1/a");
  runtime_.Get(b_).ignores_signal = true;
  ASSERT_TRUE(Submit(Request({"b"}, "r2")).ok());
  EXPECT_EQ(engine_->List({}).size(), 2u);
  EXPECT_EQ(engine_->List({}).front().id(), "r2/b");
  EXPECT_EQ(engine_->List({.active_only = true}).size(), 1u);
  EXPECT_EQ(engine_->List({.request_id = "r1"}).size(), 1u);
  EXPECT_EQ(engine_->List({.pod = {"shop", "other", ""}}).size(), 0u);
}

TEST_F(QueueTest, ADrainingDaemonWaitsForWhatIsDownAndBeginsNothing) {
  runtime_.Get(a_).stop_after = absl::Seconds(3);
  ASSERT_TRUE(Submit(Request({"a"}, "r1")).ok());
  ASSERT_TRUE(Submit(Request({"a"}, "r2")).ok());
  RestartRequest slow = Request({"b"}, "r3");
  slow.unready_grace = absl::Seconds(2);
  ASSERT_TRUE(Submit(std::move(slow)).ok());
  loop_.Advance(absl::Seconds(1));
  engine_->StopAccepting("shutting down");
  bool drained = false;
  engine_->Drain(absl::Seconds(10), [&](const absl::Status& status) { drained = status.ok(); });
  EXPECT_TRUE(absl::IsUnavailable(Submit(Request({"c"}, "r4")).status()));
  loop_.AdvanceUntil([&] { return drained; }, absl::Seconds(10));
  EXPECT_TRUE(drained);
  EXPECT_EQ(runtime_.Running("a").size(), 1u);
  Rest();
  EXPECT_EQ(engine_->Find("r2/a")->phase, Phase::kAccepted);
  EXPECT_EQ(Current("b"), b_);
  // The next daemon goes on.
  KillEngine();
  StartEngine();
  EXPECT_EQ(Finish("r2/a").phase, Phase::kDone);
  EXPECT_EQ(Finish("r3/b").phase, Phase::kDone);
}

// Acceptance and first phase are one write, so that nothing is waited for twice before the stop.
TEST_F(QueueTest, WhoseTurnItIsBeginsWithItsAcceptance) {
  std::vector<std::pair<std::string, Phase>> writes;
  journal_.on_write = [&](const OperationRecord& record) {
    writes.emplace_back(record.id(), record.phase);
    EXPECT_TRUE(runtime_.calls.empty()) << "before it is stored";
    if (writes.size() == 2) journal_.on_write = nullptr;
  };
  RestartRequest request = Request({"a", "b"});
  request.order = Order::kListed;
  const auto accepted = Submit(std::move(request));
  ASSERT_TRUE(accepted.ok());
  for (const OperationRecord& record : *accepted) EXPECT_EQ(record.phase, Phase::kAccepted);
  EXPECT_THAT(writes, testing::ElementsAre(std::pair("r1/a", Phase::kStaged),
                                           std::pair("r1/b", Phase::kAccepted)));
  EXPECT_EQ(journal_.appends, 1u);
  Finish("r1/b");
  EXPECT_EQ(seen_["r1/a"].front().phase, Phase::kStaged);
  const std::vector<Phase> phases = Phases(*engine_->Find("r1/a"));
  ASSERT_GE(phases.size(), 2u);
  EXPECT_EQ(phases[0], Phase::kAccepted);
  EXPECT_EQ(phases[1], Phase::kStaged);
}

TEST_F(QueueTest, TwoRequestsBeforeTheJournalAnswersTakeTurns) {
  for (const char* id : {"r1", "r2"}) engine_->Submit(Request({"a"}, id), [](const auto&) {});
  const OperationRecord second = Finish("r2/a");
  const OperationRecord first = Finish("r1/a");
  EXPECT_EQ(first.phase, Phase::kDone);
  EXPECT_EQ(second.phase, Phase::kDone);
  EXPECT_GE(Entered(second, Phase::kStaged), first.ended);
  EXPECT_EQ(second.old_container_id, first.new_container_id);
}

TEST_F(QueueTest, ADrainWhileTheJournalWritesHoldsWhatItWrites) {
  bool drained = false;
  journal_.on_write = [&](const OperationRecord&) {
    engine_->Drain(absl::Seconds(10), [&](const absl::Status& status) { drained = status.ok(); });
    journal_.on_write = nullptr;
  };
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  Rest();
  EXPECT_TRUE(drained);
  EXPECT_EQ(Current("a"), a_);
  EXPECT_EQ(engine_->Find("r1/a")->phase, Phase::kStaged);
  KillEngine();
  StartEngine();
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
}

}  // namespace
}  // namespace rekindle::restart
