// Several requests for one pod, deadlines, pods that go (spec container-recreate 19.7).
#include "tests/bare_metal/bare_metal_fixture.h"

namespace rekindle::bare_metal {
namespace {

// A container that takes its time to end.
std::function<void(bed::PodSpec&)> Slow(int ms, int grace = 20) {
  return [=](bed::PodSpec& spec) {
    spec.grace_seconds = grace;
    spec.containers[0].args.insert(spec.containers[0].args.end(), {"--drain-ms", absl::StrCat(ms)});
  };
}

}  // namespace

// Scenario 51.
TEST_F(BareMetalTest, ThreeRequestsForOnePodRunOneAfterTheOther) {
  bed::Pod& pod = RunShown("queue", {"a"}, Slow(500));
  for (const char* name : {"q-1", "q-2", "q-3"}) {
    Create(name, pod, {"a"}, Strategy({{"forceRecreate", true}}));
  }
  for (const char* name : {"q-1", "q-2", "q-3"}) {
    EXPECT_EQ(StateOf(ExpectSuccess(name, {"a"}), "a")["isKilled"], true) << name;
  }
  ExpectStarts(pod, "a", 4);
  std::map<std::string, std::string> phases;
  std::vector<std::string> ends;
  for (const ObjectWatch::Version& version : requests_->versions()) {
    const std::string phase = PhaseOf(version.object);
    if (phase == "Completed" && phases[version.name] != phase) ends.push_back(version.name);
    phases[version.name] = phase;
    const auto running = std::count_if(phases.begin(), phases.end(), [](const auto& entry) {
      return entry.second == "Recreating";
    });
    EXPECT_LE(running, 1) << version.name;
  }
  EXPECT_THAT(ends, testing::ElementsAre("q-1", "q-2", "q-3"));
  bool waited = false;
  for (const Json& version : requests_->VersionsOf("q-3")) {
    waited = waited || (PhaseOf(version) == "Pending" &&
                        absl::StartsWith(MessageOf(version), "waits for ContainerRecreateRequest"));
  }
  EXPECT_TRUE(waited);
}

// 12.11: those that did not force find the container restarted already, and leave it alone.
TEST_F(BareMetalTest, ASecondRequestForARestartThatHasHappenedDoesNotRepeatIt) {
  bed::Pod& pod = RunShown("once", {"a"}, Slow(1500));
  Create("q-1", pod, {"a"});
  Create("q-2", pod, {"a"});
  ASSERT_TRUE(AwaitPhase("q-2", "Pending"));
  EXPECT_EQ(MessageOf(requests_->Newest("q-2")), "waits for ContainerRecreateRequest q-1");
  ExpectSuccess("q-1", {"a"});
  Json second = ExpectSuccess("q-2", {"a"});
  EXPECT_FALSE(StateOf(second, "a").value("isKilled", false));
  ExpectStarts(pod, "a", 2);
}

// Scenario 52: the name, too, is used again at once.
TEST_F(BareMetalTest, OneRequestEndsAndAnotherIsMadeInTheSameSecond) {
  bed::Pod& pod = RunShown("again", {"a"});
  constexpr int kRounds = 5;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    Create("same", pod, {"a"}, {{"ttlSecondsAfterFinished", 0}});
    ASSERT_TRUE(AwaitPhase("same", "Completed"));
    Json ended = requests_->Newest("same");
    EXPECT_EQ(MessageOf(ended), "");
    EXPECT_EQ(StateOf(ended, "a")["phase"], "Succeeded");
    // The Pod may not show the restart before this one yet.
    EXPECT_TRUE(StateOf(ended, "a").value("isKilled", false));
    ASSERT_TRUE(Await("same", [](const Json& now) { return now.is_null(); }));
  }
  ExpectStarts(pod, "a", 1 + kRounds);
}

// A request that waits and is deleted, and one that waits until its deadline.
TEST_F(BareMetalTest, RequestsThatWaitCanBeDeletedAndHaveDeadlines) {
  bed::Pod& pod = RunShown("waiting", {"a", "b"}, Slow(10'000));
  Create("q-1", pod, {"a"});
  ASSERT_TRUE(AwaitCount(pod, "a", "term", 1));
  Create("deleted", pod, {"b"});
  ASSERT_TRUE(AwaitPhase("deleted", "Pending"));
  Create("late", pod, {"b"}, {{"activeDeadlineSeconds", 3}});
  ASSERT_TRUE(api_->Delete(RequestPath(ns_, "deleted")).ok());
  EXPECT_TRUE(Await("deleted", [](const Json& now) { return now.is_null(); }));
  Json late = AwaitEnd("late");
  EXPECT_EQ(MessageOf(late), "recreating has exceeded the activeDeadlineSeconds");
  EXPECT_EQ(StateOf(late, "b")["phase"], "Failed");
  EXPECT_EQ(Count(pod, "a", "exit"), 0) << "the first one's stop was over before the deadline";
  ExpectSuccess("q-1", {"a"});
  ExpectStarts(pod, "a", 2);
  ExpectUntouched(pod, "b");
}

// Scenario 56.
TEST_F(BareMetalTest, APodThatTookTheNameIsNotTouched) {
  bed::Pod& old = RunShown("twin", {"a"});
  Create("drain", old, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 600}}));
  ASSERT_TRUE(AwaitPhase("drain", "Recreating"));
  ASSERT_TRUE(bed_->RemovePod(old).ok());
  bed::Pod& twin = RunShown("twin", {"a"});
  Json ended = AwaitEnd("drain");
  EXPECT_EQ(MessageOf(ended), "pod has gone");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_TRUE(AwaitCount(twin, "a", "start", 2));
  EXPECT_EQ(Count(twin, "a", "start"), 2) << "one of each pod: they share the volume";
  EXPECT_EQ(Running(twin, "a"), std::vector<std::string>{twin.containers["a"].id});
  // The new one's requests are its own.
  Create("own", twin, {"a"});
  ExpectSuccess("own", {"a"});
  EXPECT_TRUE(AwaitCount(twin, "a", "start", 3));
}

// Scenario 57: the stop that has begun comes to its end, what has not begun does not begin, and the
// states stay as they were at the deadline.
TEST_F(BareMetalTest, TheDeadlinePassesDuringAStop) {
  bed::Pod& pod = RunShown("late", {"a", "b"}, Slow(10'000));
  const absl::Time asked = absl::Now();
  Create("deadline", pod, {"a", "b"}, {{"activeDeadlineSeconds", 3}});
  Json ended = AwaitEnd("deadline");
  EXPECT_GE(absl::Now() - asked, absl::Seconds(3) - absl::Milliseconds(100));
  EXPECT_EQ(Count(pod, "a", "exit"), 0) << "the stop was over before the deadline";
  EXPECT_EQ(MessageOf(ended), "recreating has exceeded the activeDeadlineSeconds");
  for (const char* name : {"a", "b"}) {
    EXPECT_EQ(StateOf(ended, name)["phase"], "Failed") << name;
    EXPECT_THAT(StateOf(ended, name).value("message", ""),
                testing::HasSubstr("exceeded the activeDeadlineSeconds"));
  }
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  EXPECT_FALSE(StateOf(ended, "b").value("isKilled", false));
  ExpectStarts(pod, "a", 2);
  EXPECT_TRUE(
      AwaitPod("late", [](const Json& now) { return StatusOf(now, "a")["restartCount"] == 1; }));
  ExpectUntouched(pod, "b");
  const auto now = api_->Get(RequestPath(ns_, "deadline"));
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_EQ((*now)["status"], ended["status"]);
}

}  // namespace rekindle::bare_metal
