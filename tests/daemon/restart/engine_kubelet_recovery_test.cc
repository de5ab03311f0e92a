// Beside a kubelet the daemon is killed at every moment, and the kubelet goes on meanwhile.
#include "tests/daemon/restart/kubelet_fixture.h"

namespace rekindle::restart {
namespace {


class KubeletRecoveryWorld final : public KubeletTest {
 public:
  void TestBody() override {}

  static RestartRequest Whole(Method method) {
    RestartRequest request = Ask(method);
    ContainerRestart& container = request.containers[0];
    container.grace = absl::Seconds(10);
    container.pre_stop = hooks::SleepAction{absl::Milliseconds(200)};
    container.post_start = hooks::SleepAction{absl::Milliseconds(100)};
    container.min_started = absl::Milliseconds(300);
    return request;
  }

  // Ends true: the operation is over and all is well.
  void ExpectSound(const OperationRecord& record) {
    EXPECT_EQ(record.phase, Phase::kDone) << record.message;
    loop_.Advance(absl::Seconds(150));
    EXPECT_EQ(runtime_.Running("a").size(), 1u);
    ExpectSettled();
    if (runtime_.Has(a_)) {
      EXPECT_LE(runtime_.Get(a_).signals, 1);
    }
    int pre_stops = 0;
    for (const FakeHooks::Ran& ran : hooks_.ran) pre_stops += ran.target.container_id == a_;
    EXPECT_LE(pre_stops, 1);
  }

  void PlayKill(Method method, absl::Duration after, absl::Duration down,
                absl::Duration first_relist) {
    StartKubelet(first_relist);
    ASSERT_TRUE(Submit(Whole(method)).ok());
    loop_.Advance(after);
    KillEngine();
    loop_.Advance(down);
    StartEngine();
    ExpectSound(Finish("r1/a"));
  }

  // False: there are fewer writes than that.
  bool PlayKillAtWrite(Method method, size_t kill_at) {
    StartKubelet();
    size_t count = 0;
    journal_.on_write = [&](const OperationRecord&) {
      if (++count == kill_at) journal_.DropClient();
    };
    engine_->Submit(Whole(method), [](const auto&) {});
    loop_.AdvanceUntil([&] { return count == kill_at; }, absl::Minutes(3));
    journal_.on_write = nullptr;
    if (count < kill_at) return false;
    KillEngine();
    loop_.Advance(absl::Milliseconds(150));
    StartEngine();
    ExpectSound(Finish("r1/a"));
    return true;
  }
};

TEST(KubeletRecoveryTest, KilledAtEveryStepOfTime) {
  for (const Method method : {Method::kReplace, Method::kHot, Method::kDelegate}) {
    for (const absl::Duration down : {absl::Milliseconds(150), absl::Seconds(3)}) {
      for (int step = 0; step < 1500; step += 11) {
        SCOPED_TRACE(absl::StrCat(MethodName(method), " killed after ", step, " ms for ",
                                  absl::FormatDuration(down)));
        std::make_unique<KubeletRecoveryWorld>()->PlayKill(method, absl::Milliseconds(step), down,
                                                           absl::Milliseconds((step * 37) % 1000));
        if (testing::Test::HasFailure()) return;
      }
    }
  }
}

TEST(KubeletRecoveryTest, KilledAfterEachJournalWrite) {
  for (const Method method : {Method::kReplace, Method::kHot, Method::kDelegate}) {
    SCOPED_TRACE(MethodName(method));
    size_t writes = 0;
    while (!testing::Test::HasFailure() &&
           std::make_unique<KubeletRecoveryWorld>()->PlayKillAtWrite(method, writes + 1)) {
      ++writes;
    }
    // Up to the end and the four steps of the aftercare.
    EXPECT_GE(writes, 9u);
  }
}

TEST(KubeletRecoveryTest, KilledDuringTheAftercare) {
  for (int step = 0; step < 75; ++step) {
    SCOPED_TRACE(step);
    std::make_unique<KubeletRecoveryWorld>()->PlayKill(Method::kReplace, absl::Seconds(step),
                                                       absl::Seconds(2), absl::ZeroDuration());
    if (testing::Test::HasFailure()) return;
  }
}

class KubeletOrphanTest : public KubeletTest {};

TEST_F(KubeletOrphanTest, PlaceholdersThatNobodyOwnsAreRemoved) {
  ASSERT_TRUE(Submit(Ask()).ok());
  Finish("r1/a");
  ASSERT_EQ(Placeholders().size(), 1u);
  KillEngine();
  // The journal was lost with the disk.
  journal_.Remove({"r1/a"}, [](const absl::Status&) {});
  StartEngine();
  loop_.Advance(absl::Seconds(1));
  EXPECT_TRUE(Placeholders().empty());
}

TEST_F(KubeletOrphanTest, TheyAreRemovedOnceTheRuntimeIsBack) {
  ASSERT_TRUE(Submit(Ask()).ok());
  Finish("r1/a");
  KillEngine();
  journal_.Remove({"r1/a"}, [](const absl::Status&) {});
  runtime_.SetDown(true);
  StartEngine();
  loop_.Advance(absl::Seconds(20));
  EXPECT_EQ(Placeholders().size(), 1u);
  runtime_.SetDown(false);
  loop_.Advance(absl::Seconds(10));
  EXPECT_TRUE(Placeholders().empty());
}

TEST_F(KubeletOrphanTest, ThoseOfAnOperationThatIsUnderWayStay) {
  runtime_.Get(a_).stop_after = absl::Seconds(20);
  ASSERT_TRUE(Submit(Ask()).ok());
  loop_.Advance(absl::Seconds(2));
  KillEngine();
  StartEngine();
  loop_.Advance(absl::Seconds(2));
  EXPECT_EQ(Placeholders().size(), 1u);
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
}

TEST_F(KubeletOrphanTest, ARuntimeThatDiesInTheMiddleOfTheSwap) {
  struct Row {
    const char* method;
    size_t nth;  // of its calls
    bool takes_effect;
  };
  // The calls of a swap: the placeholder, the stop, the container, its start.
  for (const Row& row : {Row{"CreateContainer", 0, false}, Row{"CreateContainer", 0, true},
                         Row{"CreateContainer", 1, false}, Row{"CreateContainer", 1, true},
                         Row{"StopContainer", 0, false}, Row{"StartContainer", 0, false},
                         Row{"StartContainer", 0, true}, Row{"PodSandboxStatus", 1, false},
                         Row{"ContainerStatus", 1, false}}) {
    SCOPED_TRACE(absl::StrCat(row.method, " ", row.nth, row.takes_effect ? " took effect" : ""));
    class World final : public KubeletTest {
     public:
      void TestBody() override {}
      void Play(const Row& fault) {
        StartKubelet();
        runtime_.FailNth(fault.method, fault.nth, absl::UnavailableError("connection dropped"),
                         fault.takes_effect);
        ASSERT_TRUE(Submit(Ask()).ok());
        const OperationRecord record = Finish("r1/a");
        EXPECT_EQ(record.phase, Phase::kDone) << record.message;
        Settle();
        Settle();
        ExpectSettled();
      }
    };
    std::make_unique<World>()->Play(row);
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace rekindle::restart
