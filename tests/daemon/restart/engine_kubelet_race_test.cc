// The race of DESIGN.md section 4 at every moment of simulated time: the kubelet's list falls
// anywhere into the swap, its periodic sync too.
#include "tests/daemon/restart/kubelet_fixture.h"

namespace rekindle::restart {
namespace {

struct Outcome {
  size_t running_at_end = 0;
  size_t most_running = 0;   // from the second list of the kubelet on
  size_t most_at_start = 0;  // right after any start
  size_t collisions = 0;     // creates of the kubelet that failed
  size_t adopted = 0;
  size_t placeholders_left = 0;
  bool done = true;
};

// A world of its own for each moment.
class RaceWorld final : public KubeletTest {
 public:
  void TestBody() override {}

  Outcome Play(Method method, std::optional<kubelet::PlaceholderKind> placeholder,
               absl::Duration first_relist, bool sync_in_between, absl::Duration stop_takes,
               bool on_exit_event) {
    options_.operation.placeholder = placeholder;
    options_.operation.start_on_exit_event = on_exit_event;
    KillEngine();
    StartEngine();
    runtime_.Get(a_).stop_after = stop_takes;
    Outcome outcome;
    started = [&](const FakeRuntime::Container&) {
      outcome.most_at_start = std::max(outcome.most_at_start, runtime_.Running("a").size());
    };
    StartKubelet(first_relist);
    RestartRequest request = Ask(method);
    request.containers[0].min_started = absl::Milliseconds(100);
    EXPECT_TRUE(Submit(std::move(request)).ok());
    // A sync on what was seen last, as an API update or a resync of the pod causes.
    if (sync_in_between) {
      for (int ms = 0; ms < 400; ms += 35) {
        loop_.RunAfter(absl::Milliseconds(ms), [this] { kubelet_->SyncNow(); });
      }
    }
    const OperationRecord record = Finish("r1/a");
    outcome.done = record.phase == Phase::kDone;
    outcome.adopted = record.adopted;
    // From the second list of the kubelet on.
    loop_.Advance(absl::Seconds(2));
    for (int second = 0; second < 95; ++second) {
      outcome.most_running = std::max(outcome.most_running, runtime_.Running("a").size());
      loop_.Advance(absl::Seconds(1));
    }
    outcome.running_at_end = runtime_.Running("a").size();
    outcome.collisions = kubelet_->failed_creates;
    outcome.placeholders_left = Placeholders().size();
    return outcome;
  }
};

Outcome PlayRace(Method method, std::optional<kubelet::PlaceholderKind> placeholder, int phase_ms,
                 bool sync_in_between = false, absl::Duration stop_takes = absl::Milliseconds(50),
                 bool on_exit_event = true) {
  return std::make_unique<RaceWorld>()->Play(method, placeholder, absl::Milliseconds(phase_ms),
                                             sync_in_between, stop_takes, on_exit_event);
}

class KubeletRaceTest : public testing::TestWithParam<kubelet::PlaceholderKind> {};

INSTANTIATE_TEST_SUITE_P(BothKinds, KubeletRaceTest,
                         testing::Values(kubelet::PlaceholderKind::kUnlabelled,
                                         kubelet::PlaceholderKind::kPodUid));

TEST_P(KubeletRaceTest, NoCopyWhereverTheKubeletLooks) {
  size_t collisions = 0;
  size_t adopted = 0;
  // Containers that share the pod's process namespace are started once the runtime has tidied up
  // after the old one: time enough for the kubelet to be first.
  for (const bool on_exit_event : {true, false}) {
    for (int phase_ms = 0; phase_ms < 1000; phase_ms += 5) {
      SCOPED_TRACE(absl::StrCat("first list after ", phase_ms, " ms"));
      const Outcome outcome = PlayRace(Method::kReplace, GetParam(), phase_ms, false,
                                       absl::Milliseconds(50), on_exit_event);
      EXPECT_TRUE(outcome.done);
      EXPECT_EQ(outcome.most_at_start, 1u);
      EXPECT_EQ(outcome.most_running, 1u);
      EXPECT_EQ(outcome.running_at_end, 1u);
      EXPECT_EQ(outcome.placeholders_left, 0u);
      collisions += outcome.collisions;
      adopted += outcome.adopted;
      if (testing::Test::HasFailure()) return;
    }
  }
  // The sweep does meet the race: the kubelet tried, and sometimes it was first.
  EXPECT_GT(collisions, 0u);
  EXPECT_GT(adopted, 0u);
}

TEST_P(KubeletRaceTest, NoCopyWhenItAlsoSyncsInBetween) {
  for (int phase_ms = 0; phase_ms < 400; phase_ms += 5) {
    SCOPED_TRACE(absl::StrCat("first list after ", phase_ms, " ms"));
    for (const Method method : {Method::kReplace, Method::kHot}) {
      const Outcome outcome = PlayRace(method, GetParam(), phase_ms, /*sync_in_between=*/true);
      EXPECT_TRUE(outcome.done);
      EXPECT_EQ(outcome.running_at_end, 1u);
      EXPECT_EQ(outcome.most_running, 1u) << MethodName(method);
      EXPECT_EQ(outcome.placeholders_left, 0u);
      if (testing::Test::HasFailure()) return;
    }
  }
}

TEST_P(KubeletRaceTest, NoCopyAfterALongStop) {
  for (int phase_ms = 0; phase_ms < 1000; phase_ms += 25) {
    SCOPED_TRACE(absl::StrCat("first list after ", phase_ms, " ms"));
    const Outcome outcome =
        PlayRace(Method::kReplace, GetParam(), phase_ms, false, absl::Seconds(20));
    EXPECT_TRUE(outcome.done);
    EXPECT_EQ(outcome.most_running, 1u);
    EXPECT_EQ(outcome.running_at_end, 1u);
    EXPECT_EQ(outcome.placeholders_left, 0u);
    if (testing::Test::HasFailure()) return;
  }
}

// A kubelet that looks while the replacement is created has its probes fail, and kills it at its
// next look. The operation swaps once more, so that nobody waits for a back-off.
class HealthChecksWorld final : public KubeletTest {
 public:
  void TestBody() override {}

  // How long the container is down at a time, at most; times it was killed.
  std::pair<absl::Duration, size_t> Play(Method method, bool told, absl::Duration first_relist) {
    StartKubelet(first_relist);
    kubelet_->health_checks = true;
    RestartRequest request = Ask(method);
    request.containers[0].health_checked = told;
    if (method == Method::kHot) {
      // Ready at once. No exit has the kubelet sync in the swap; something else has.
      request.containers[0].min_started = absl::Milliseconds(50);
      for (int ms = 0; ms < 400; ms += 35) {
        loop_.RunAfter(absl::Milliseconds(ms), [this] { kubelet_->SyncNow(); });
      }
    }
    EXPECT_TRUE(Submit(std::move(request)).ok());
    absl::Duration down;
    absl::Duration longest;
    for (int ms = 0; ms < 150'000; ms += 10) {
      loop_.Advance(absl::Milliseconds(10));
      down = runtime_.Running("a").empty() ? down + absl::Milliseconds(10) : absl::ZeroDuration();
      longest = std::max(longest, down);
    }
    EXPECT_EQ(engine_->Find("r1/a")->phase, Phase::kDone) << engine_->Find("r1/a")->message;
    ExpectSettled();
    return {longest, kubelet_->killed};
  }

  // A first start that takes two seconds, and looks that take as long. Times it was killed.
  size_t PlayOnSlowNode(absl::Duration first_relist) {
    StartKubelet(first_relist);
    kubelet_->health_checks = true;
    kubelet_->relist_takes = absl::Milliseconds(1500);
    runtime_.start_latency = absl::Seconds(2);
    started = [this](const FakeRuntime::Container&) {
      runtime_.start_latency = absl::Milliseconds(70);
    };
    RestartRequest request = Ask();
    request.containers[0].health_checked = true;
    EXPECT_TRUE(Submit(std::move(request)).ok());
    const OperationRecord record = Finish("r1/a");
    EXPECT_EQ(record.phase, Phase::kDone) << record.message;
    Settle();
    ExpectSettled();
    // None was killed after the operation.
    EXPECT_EQ(Current("a"), record.new_container_id);
    return kubelet_->killed;
  }
};

std::pair<absl::Duration, size_t> PlayHealthChecks(Method method, bool told, int phase_ms) {
  return std::make_unique<HealthChecksWorld>()->Play(method, told, absl::Milliseconds(phase_ms));
}

TEST(KubeletHealthChecksTest, OneThatTheKubeletKillsByMistakeIsUpAgainAtOnce) {
  size_t killed = 0;
  absl::Duration longest_untold;
  for (int phase_ms = 0; phase_ms < 1000; phase_ms += 10) {
    SCOPED_TRACE(absl::StrCat("first list after ", phase_ms, " ms"));
    const auto told = PlayHealthChecks(Method::kReplace, true, phase_ms);
    killed += told.second;
    EXPECT_LT(told.first, absl::Milliseconds(500));
    longest_untold =
        std::max(longest_untold, PlayHealthChecks(Method::kReplace, false, phase_ms).first);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(killed, 0u);
  // What it is for.
  EXPECT_GT(longest_untold, absl::Seconds(5));
}

// On a machine that is so busy that each swap takes longer than the kubelet's second.
TEST_F(KubeletTest, OneThatTheKubeletKillsByMistakeSeveralTimesIsUpAgainAtOnceEachTime) {
  StartKubelet();
  kubelet_->health_checks = true;
  runtime_.start_latency = absl::Milliseconds(1200);
  int starts = 0;
  started = [&](const FakeRuntime::Container&) {
    if (++starts == 3) runtime_.start_latency = absl::Milliseconds(70);
  };
  RestartRequest request = Ask();
  request.containers[0].health_checked = true;
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_FALSE(record.adopted);
  EXPECT_GE(kubelet_->killed, 3u);
  EXPECT_EQ(record.attempt, kubelet_->killed + 1);
  EXPECT_EQ(kubelet_->created, 0u);
  Settle();
  ExpectSettled();
}

// There the kubelet's look, and with it the kill, comes later too.
TEST(KubeletHealthChecksTest, OnASlowNodeItIsWatchedLonger) {
  size_t killed = 0;
  for (int phase_ms = 0; phase_ms < 2500; phase_ms += 100) {
    SCOPED_TRACE(absl::StrCat("first list after ", phase_ms, " ms"));
    killed += std::make_unique<HealthChecksWorld>()->PlayOnSlowNode(absl::Milliseconds(phase_ms));
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(killed, 0u);
}

TEST_F(KubeletTest, OneThatFailsByItselfIsTriedOnceMoreAndThenLeftToTheKubelet) {
  StartKubelet();
  started = [&](FakeRuntime::Container& container) {
    if (container.summary.metadata().attempt() > 2) return;
    loop_.RunAfter(absl::Milliseconds(100),
                   [this, id = container.summary.id()] { runtime_.Exit(id, 1); });
  };
  RestartRequest request = Ask();
  request.containers[0].health_checked = true;
  request.deadline = absl::Minutes(5);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_TRUE(record.adopted);
  EXPECT_EQ(record.attempt, 3u);
  Settle();
  ExpectSettled();
}

TEST(KubeletHealthChecksTest, AHotOneThatTheKubeletKillsByMistakeLeavesNoGap) {
  size_t killed = 0;
  absl::Duration longest_untold;
  for (int phase_ms = 0; phase_ms < 400; phase_ms += 10) {
    SCOPED_TRACE(absl::StrCat("first list after ", phase_ms, " ms"));
    const auto told = PlayHealthChecks(Method::kHot, true, phase_ms);
    killed += told.second;
    EXPECT_EQ(told.first, absl::ZeroDuration());
    longest_untold =
        std::max(longest_untold, PlayHealthChecks(Method::kHot, false, phase_ms).first);
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(killed, 0u);
  // What it is for.
  EXPECT_GT(longest_untold, absl::ZeroDuration());
}

// It proves that the tests above can see the race.
TEST(KubeletRaceOpenTest, WithoutTheReservationThereAreCopies) {
  size_t copies = 0;
  for (int phase_ms = 0; phase_ms < 1000; phase_ms += 5) {
    const Outcome outcome = PlayRace(Method::kReplace, std::nullopt, phase_ms);
    copies += outcome.most_at_start > 1;
    // The verification finds them in the end.
    EXPECT_EQ(outcome.running_at_end, 1u);
  }
  EXPECT_GT(copies, 0u);
}

}  // namespace
}  // namespace rekindle::restart
