// The daemon is killed at every journal state and at every moment in between: no container is
// lost, none is stopped or started twice for one operation, every operation ends truthfully.
#include "tests/daemon/restart/engine_fixture.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;
using testing::HasSubstr;

class EngineRecoveryTest : public EngineTest {
 protected:
  RestartRequest FullRequest(Method method) {
    RestartRequest request = Request({"a"});
    ContainerRestart& container = request.containers[0];
    container.method = method;
    container.grace = absl::Seconds(10);
    container.pre_stop = hooks::SleepAction{absl::Milliseconds(300)};
    container.post_start = hooks::SleepAction{absl::Milliseconds(200)};
    container.min_started = absl::Milliseconds(500);
    request.unready_grace = absl::Milliseconds(300);
    return request;
  }

  // What must hold whatever happened.
  void ExpectSound(const std::string& where) {
    const OperationRecord record = Finish("r1/a");
    Rest();
    EXPECT_EQ(record.phase, Phase::kDone) << where << ": " << record.message;
    EXPECT_EQ(runtime_.Running("a").size(), 1u) << where;
    EXPECT_EQ(Current("a"), record.new_container_id) << where;
    EXPECT_LE(runtime_.All("a").size(), 2u) << where << ": leftovers";
    // The old one exists still, and got its signal at most once.
    ASSERT_TRUE(runtime_.Has(a_)) << where;
    EXPECT_LE(runtime_.Get(a_).signals, 1) << where;
    EXPECT_EQ(runtime_.Get(record.new_container_id).starts, 1) << where;
    int pre_stops = 0;
    for (const FakeHooks::Ran& ran : hooks_.ran) pre_stops += ran.target.container_id == a_;
    EXPECT_LE(pre_stops, 1) << where;
    EXPECT_EQ(journal_.Contents().front().phase, Phase::kDone) << where;
  }
};

TEST_F(EngineRecoveryTest, KilledAtEveryStepOfTime) {
  for (Method method : {Method::kReplace, Method::kHot}) {
    for (int step = 0; step < 1200; step += 3) {
      SCOPED_TRACE(absl::StrCat(MethodName(method), " killed after ", step, " ms"));
      // A world of its own for each kill.
      class World final : public EngineRecoveryTest {
       public:
        void TestBody() override {}
        void Play(Method how, int after_ms) {
          ASSERT_TRUE(Submit(FullRequest(how)).ok());
          loop_.Advance(absl::Milliseconds(after_ms));
          KillEngine();
          // Creates and starts that the runtime was in the middle of come to rest.
          loop_.Advance(absl::Milliseconds(150));
          StartEngine();
          ExpectSound("after the kill");
        }
      } world;
      world.Play(method, step);
      if (HasFailure()) return;
    }
  }
}

TEST_F(EngineRecoveryTest, KilledAgainAndAgain) {
  ASSERT_TRUE(Submit(FullRequest(Method::kReplace)).ok());
  for (int i = 0; i < 12; ++i) {
    loop_.Advance(absl::Milliseconds(37));
    KillEngine();
    loop_.Advance(absl::Milliseconds(100));
    StartEngine();
  }
  ExpectSound("twelve kills");
}

TEST_F(EngineRecoveryTest, KilledRightAfterEachJournalWrite) {
  class World final : public EngineRecoveryTest {
   public:
    void TestBody() override {}
    // False: there are fewer writes than that.
    bool Play(absl::Duration unready_grace, size_t kill_at) {
      size_t count = 0;
      journal_.on_write = [&](const OperationRecord&) {
        if (++count == kill_at) journal_.DropClient();
      };
      RestartRequest request = FullRequest(Method::kReplace);
      request.unready_grace = unready_grace;
      engine_->Submit(std::move(request), [](const auto&) {});
      loop_.AdvanceUntil([&] { return count == kill_at; }, absl::Minutes(1));
      journal_.on_write = nullptr;
      if (count < kill_at) return false;
      KillEngine();
      loop_.Advance(absl::Milliseconds(150));
      StartEngine();
      ExpectSound(absl::StrCat("write ", kill_at));
      return true;
    }
  };
  // With a drain acceptance is a write of its own.
  for (absl::Duration unready_grace : {absl::ZeroDuration(), absl::Milliseconds(300)}) {
    SCOPED_TRACE(unready_grace);
    size_t writes = 0;
    while (!HasFailure() && std::make_unique<World>()->Play(unready_grace, writes + 1)) ++writes;
    EXPECT_EQ(writes, unready_grace == absl::ZeroDuration() ? 7u : 9u);
  }
}

TEST_F(EngineRecoveryTest, AHookThatWasInterruptedIsNotRunAgain) {
  RestartRequest request = FullRequest(Method::kReplace);
  request.containers[0].pre_stop = hooks::SleepAction{absl::Seconds(5)};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.AdvanceUntil([&] { return engine_->Find("r1/a")->phase == Phase::kPreStop; },
                     absl::Seconds(5));
  loop_.Advance(absl::Seconds(3));
  KillEngine();
  StartEngine();
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_THAT(record.pre_stop_result, HasSubstr("interrupted"));
  // Ten seconds of grace less the three that the hook has had.
  EXPECT_EQ(runtime_.CountCalls("StopContainer " + a_ + " 7s"), 1u);
}

TEST_F(EngineRecoveryTest, AStopThatWasCutOffGoesOnWithWhatIsLeftOfTheGrace) {
  runtime_.Get(a_).ignores_signal = true;
  RestartRequest request = Request({"a"});
  request.containers[0].grace = absl::Seconds(20);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.Advance(absl::Seconds(8));
  KillEngine();
  StartEngine();
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone);
  EXPECT_EQ(runtime_.Get(a_).signals, 1);
  EXPECT_LE(record.ended - record.created, absl::Seconds(23));
}

TEST_F(EngineRecoveryTest, QueuedOperationsSurvive) {
  runtime_.Get(a_).ignores_signal = true;
  ASSERT_TRUE(Submit(Request({"a"}, "r1")).ok());
  ASSERT_TRUE(Submit(Request({"a"}, "r2")).ok());
  RestartRequest listed = Request({"b", "c"}, "r3");
  listed.order = Order::kListed;
  ASSERT_TRUE(Submit(std::move(listed)).ok());
  KillEngine();
  StartEngine();
  for (const char* id : {"r1/a", "r2/a", "r3/b", "r3/c"}) {
    EXPECT_EQ(Finish(id).phase, Phase::kDone) << id;
  }
}

TEST_F(EngineRecoveryTest, TheDeadlineThatPassedWhileTheDaemonWasDown) {
  RestartRequest request = Request({"a"});
  request.unready_grace = absl::Seconds(30);
  request.deadline = absl::Seconds(60);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.Advance(absl::Seconds(5));
  KillEngine();
  loop_.Advance(absl::Minutes(5));
  StartEngine();
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_THAT(record.message, HasSubstr("deadline"));
  EXPECT_EQ(Current("a"), a_);
}

TEST_F(EngineRecoveryTest, AContainerThatIsDownIsBroughtUpEvenAfterTheDeadline) {
  RestartRequest request = Request({"a"});
  request.deadline = absl::Seconds(20);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.AdvanceUntil([&] { return engine_->Find("r1/a")->phase == Phase::kStarting; },
                     absl::Seconds(5));
  KillEngine();
  loop_.Advance(absl::Minutes(5));
  EXPECT_TRUE(runtime_.Running("a").empty());
  StartEngine();
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(Current("a"), record.new_container_id);
}

TEST_F(EngineRecoveryTest, ARuntimeThatComesBackLaterThanTheDaemon) {
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  loop_.AdvanceUntil([&] { return engine_->Find("r1/a")->phase == Phase::kStopping; },
                     absl::Seconds(5));
  KillEngine();
  runtime_.SetDown(true);
  StartEngine();
  loop_.Advance(absl::Seconds(30));
  EXPECT_THAT(engine_->Find("r1/a")->message, HasSubstr("cannot go on"));
  runtime_.SetDown(false);
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
  EXPECT_EQ(runtime_.Running("a").size(), 1u);
}

TEST_F(EngineRecoveryTest, LeftoversOfAnEarlierLifeAreRemoved) {
  for (int i = 0; i < 10; ++i) runtime_.FailNext("RemoveContainer", absl::UnavailableError("x"));
  runtime_.start_error = [](const FakeRuntime::Container& container) -> std::optional<std::string> {
    if (container.config.metadata().attempt() == 1) return "no";
    return std::nullopt;
  };
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  Finish("r1/a");
  KillEngine();
  EXPECT_EQ(runtime_.All("a").size(), 3u);
  StartEngine();
  loop_.Advance(absl::Minutes(5));
  StartEngine();
  loop_.Advance(absl::Minutes(5));
  EXPECT_EQ(runtime_.All("a").size(), 2u);
  EXPECT_TRUE(journal_.Contents().front().leftovers.empty());
}

TEST_F(EngineRecoveryTest, EndedOperationsAreStillThereAfterARestart) {
  ASSERT_TRUE(Submit(Request({"a"})).ok());
  const OperationRecord before = Finish("r1/a");
  Rest();
  KillEngine();
  StartEngine();
  ASSERT_NE(engine_->Find("r1/a"), nullptr);
  EXPECT_EQ(engine_->Find("r1/a")->new_container_id, before.new_container_id);
  const auto again = Submit(Request({"a"}));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->front().phase, Phase::kDone);
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 1u);
}

}  // namespace
}  // namespace rekindle::restart
