// The restart of a container by `hot`: the new one is up before the old one stops.
#include "tests/daemon/restart/engine_fixture.h"

namespace rekindle::restart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class HotTest : public EngineTest {
 protected:
  static RestartRequest Hot(std::string id = "r1") {
    RestartRequest request = Request({"a"}, std::move(id));
    request.containers[0].method = Method::kHot;
    return request;
  }
};

TEST_F(HotTest, TheOldOneStopsAfterTheNewOneIsUp) {
  RestartRequest request = Hot();
  request.containers[0].min_started = absl::Seconds(2);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_THAT(Phases(record), ElementsAre(Phase::kAccepted, Phase::kStaged, Phase::kStarting,
                                          Phase::kVerifying, Phase::kStopping, Phase::kDone));
  EXPECT_EQ(record.gap, absl::ZeroDuration());
  EXPECT_GT(runtime_.Get(a_).status.finished_at() -
                runtime_.Get(record.new_container_id).status.started_at(),
            absl::ToInt64Nanoseconds(absl::Seconds(2)));
  EXPECT_EQ(Current("a"), record.new_container_id);
}

TEST_F(HotTest, ReadyMeansSoManySuccessesInARow) {
  int tries = 0;
  hooks_.result = [&](const hooks::Handler&) {
    ++tries;
    return tries == 2 || tries == 4 || tries >= 6 ? absl::OkStatus()
                                                  : absl::AbortedError("HTTP status 503");
  };
  RestartRequest request = Hot();
  request.containers[0].ready_check =
      ReadyCheck{.handler = hooks::HttpGetAction{.host = "", .port = 80}, .success_threshold = 3};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
  EXPECT_EQ(tries, 8);
}

TEST_F(HotTest, ANewOneThatNeverGetsReadyIsTakenAwayAgain) {
  hooks_.result = [](const hooks::Handler&) { return absl::AbortedError("HTTP status 503"); };
  RestartRequest request = Hot();
  request.deadline = absl::Seconds(20);
  request.containers[0].ready_check =
      ReadyCheck{.handler = hooks::HttpGetAction{.host = "", .port = 80}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_FALSE(record.service_down);
  EXPECT_THAT(record.message, HasSubstr("503"));
  Rest();
  EXPECT_THAT(runtime_.All("a"), ElementsAre(a_));
  EXPECT_EQ(Current("a"), a_);
  EXPECT_EQ(runtime_.Get(a_).signals, 0);
}

TEST_F(HotTest, ANewOneThatDoesNotStartLeavesTheOldOneServing) {
  runtime_.start_error = [](const FakeRuntime::Container&) -> std::optional<std::string> {
    return "bind: address in use";
  };
  ASSERT_TRUE(Submit(Hot()).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_FALSE(record.service_down);
  Rest();
  EXPECT_THAT(runtime_.All("a"), ElementsAre(a_));
}

TEST_F(HotTest, WithoutAnyConditionItMustAtLeastStayForAWhile) {
  started = [&](FakeRuntime::Container& container) {
    loop_.RunAfter(absl::Seconds(2), [this, id = container.summary.id()] { runtime_.Exit(id, 1); });
  };
  ASSERT_TRUE(Submit(Hot()).ok());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kFailed);
  EXPECT_EQ(Current("a"), a_);
}

TEST_F(HotTest, ANewOneThatDiesWhileWeWaitLeavesTheOldOneServing) {
  started = [&](FakeRuntime::Container& container) {
    loop_.RunAfter(absl::Seconds(1), [this, id = container.summary.id()] { runtime_.Exit(id, 1); });
  };
  RestartRequest request = Hot();
  request.containers[0].min_started = absl::Seconds(5);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("exited with code 1"));
  Rest();
  EXPECT_EQ(Current("a"), a_);
}

TEST_F(HotTest, PreStopAndPostStartRunOnceEachOnTheirContainers) {
  RestartRequest request = Hot();
  request.containers[0].pre_stop = hooks::ExecAction{{"drain"}};
  request.containers[0].post_start = hooks::ExecAction{{"warm"}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  ASSERT_EQ(hooks_.ran.size(), 2u);
  EXPECT_EQ(hooks_.ran[0].target.container_id, record.new_container_id);
  EXPECT_EQ(hooks_.ran[1].target.container_id, a_);
}

TEST_F(HotTest, ItCanBeCancelledWhileTheOldOneServes) {
  RestartRequest request = Hot();
  request.containers[0].min_started = absl::Minutes(1);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.AdvanceUntil([&] { return engine_->Find("r1/a")->phase == Phase::kVerifying; },
                     absl::Seconds(5));
  absl::Status cancelled = absl::UnknownError("no reply");
  engine_->Cancel("r1/a",
                  [&](const absl::StatusOr<OperationRecord>& r) { cancelled = r.status(); });
  loop_.Settle();
  EXPECT_TRUE(cancelled.ok()) << cancelled;
  EXPECT_EQ(Finish("r1/a").phase, Phase::kCancelled);
  Rest();
  EXPECT_THAT(runtime_.All("a"), ElementsAre(a_));
}

TEST_F(HotTest, AnOldOneThatDiesMeanwhileIsNotStoppedAgain) {
  RestartRequest request = Hot();
  request.containers[0].min_started = absl::Seconds(5);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.Advance(absl::Seconds(1));
  runtime_.Exit(a_, 1);
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 0u);
}

}  // namespace
}  // namespace rekindle::restart
