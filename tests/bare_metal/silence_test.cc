// What waits for the limit of a minute (spec container-recreate 19.7).
#include "tests/bare_metal/bare_metal_fixture.h"

namespace rekindle::bare_metal {

// Scenario 54.
TEST_F(BareMetalTest, ADaemonThatIsSilentForAMinute) {
  bed::Pod& pod = RunShown("silent", {"a"});
  KillDaemon();
  const absl::Time asked = absl::Now();
  Create("silent", pod, {"a"});
  ASSERT_TRUE(AwaitPhase("silent", "Pending"));
  Json ended = AwaitEnd("silent", absl::Minutes(3));
  EXPECT_GE(absl::Now() - asked, absl::Seconds(59));
  EXPECT_LT(absl::Now() - asked, absl::Seconds(90));
  EXPECT_EQ(MessageOf(ended), "daemon has not responded for a long time");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_THAT(StateOf(ended, "a").value("message", ""), testing::HasSubstr("node node-a"));
  EXPECT_TRUE(AwaitRequestEvent("silent", "Aborted", "daemon has not responded"));
  StartNode();
  Create("back", pod, {"a"});
  ExpectSuccess("back", {"a"});
  ExpectStarts(pod, "a", 2);
}

// Scenario 53: a stop that lasts longer than the limit; neither its request nor the one that waits
// for it is taken for unanswered.
TEST_F(BareMetalTest, AStopOfMoreThanAMinuteHoldsUpNobodyFalsely) {
  bed::Pod& pod = RunShown("long", {"a"}, [](bed::PodSpec& spec) {
    spec.grace_seconds = 120;
    spec.containers[0].args.insert(spec.containers[0].args.end(), {"--drain-ms", "70000"});
  });
  Create("q-1", pod, {"a"});
  ASSERT_TRUE(AwaitCount(pod, "a", "term", 1));
  Create("q-2", pod, {"a"});
  ASSERT_TRUE(AwaitPhase("q-2", "Pending"));
  EXPECT_EQ(MessageOf(requests_->Newest("q-2")), "waits for ContainerRecreateRequest q-1");
  // Other pods of the node are not held up.
  bed::Pod& other = RunShown("other", {"a"});
  Create("other", other, {"a"});
  ExpectSuccess("other", {"a"});
  EXPECT_EQ(Count(pod, "a", "exit"), 0);
  Json first = AwaitEnd("q-1", absl::Minutes(3));
  EXPECT_EQ(MessageOf(first), "");
  EXPECT_EQ(StateOf(first, "a")["phase"], "Succeeded");
  ExpectSuccess("q-2", {"a"});
  ExpectStarts(pod, "a", 2);
}

}  // namespace rekindle::bare_metal
