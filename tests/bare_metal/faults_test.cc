// Daemon and controller die in the middle (spec container-recreate 19.7).
#include "tests/bare_metal/bare_metal_fixture.h"

namespace rekindle::bare_metal {

// Scenario 54 with a short deadline; the limit of 60 s is in silence_test.cc.
TEST_F(BareMetalTest, ARequestWhoseDaemonIsAwayEndsAtItsDeadline) {
  bed::Pod& pod = RunShown("alone", {"a"});
  KillDaemon();
  Create("away", pod, {"a"}, {{"activeDeadlineSeconds", 4}});
  Json ended = AwaitEnd("away");
  EXPECT_EQ(MessageOf(ended), "recreating has exceeded the activeDeadlineSeconds");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_THAT(StateOf(ended, "a").value("message", ""), testing::HasSubstr("node node-a"));
  EXPECT_TRUE(AwaitRequestEvent("away", "Aborted", "exceeded the activeDeadlineSeconds"));
  // It is over for good, and the next one finds the daemon.
  StartNode();
  Create("back", pod, {"a"});
  ExpectSuccess("back", {"a"});
  ExpectStarts(pod, "a", 2);
}

TEST_F(BareMetalTest, ARequestWaitsForADaemonThatComesBack) {
  bed::Pod& pod = RunShown("patient-daemon", {"a"});
  KillDaemon();
  Create("wait", pod, {"a"});
  ASSERT_TRUE(AwaitPhase("wait", "Pending"));
  EXPECT_THAT(MessageOf(requests_->Newest("wait")), testing::HasSubstr("node-a"));
  StartNode();
  ExpectSuccess("wait", {"a"});
  ExpectStarts(pod, "a", 2);
}

// Scenario 55.
TEST_F(BareMetalTest, TheDaemonIsKilledInTheMiddleOfAHook) {
  bed::Pod& pod = RunShown("hooked", {"a"}, [](bed::PodSpec& spec) {
    spec.grace_seconds = 30;
    spec.containers[0].pre_stop =
        R"({"exec":{"command":["/testserver","crash-after","20000","0","--diary","/data/hook"]}})";
  });
  Create("hook", pod, {"a"});
  ASSERT_TRUE(AwaitCount(pod, "hook", "start", 1));
  KillDaemon();
  EXPECT_EQ(Count(pod, "a", "term"), 0);
  StartNode();
  Json ended = ExpectSuccess("hook", {"a"});
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  ExpectStarts(pod, "a", 2);
  EXPECT_EQ(Count(pod, "hook", "start"), 1) << "a hook is not run twice";
}

TEST_F(BareMetalTest, TheDaemonIsKilledDuringAStop) {
  bed::Pod& pod = RunShown("stopping", {"a"}, [](bed::PodSpec& spec) {
    spec.grace_seconds = 30;
    spec.containers[0].args.insert(spec.containers[0].args.end(), {"--drain-ms", "3000"});
  });
  Create("stop", pod, {"a"});
  ASSERT_TRUE(AwaitCount(pod, "a", "term", 1));
  KillDaemon();
  StartNode();
  ExpectSuccess("stop", {"a"});
  ExpectStarts(pod, "a", 2);
}

// Scenario 58, by kill -9.
TEST_F(BareMetalTest, TheControllerIsKilledDuringAStop) {
  bed::Pod& pod = RunShown("orphan", {"a", "b"}, [](bed::PodSpec& spec) {
    spec.grace_seconds = 30;
    spec.containers[0].args.insert(spec.containers[0].args.end(), {"--drain-ms", "3000"});
  });
  Create("resume", pod, {"a", "b"}, Strategy({{"orderedRecreate", true}}));
  ASSERT_TRUE(AwaitCount(pod, "a", "term", 1));
  KillController();
  // The daemon has it, whoever asked.
  ASSERT_TRUE(AwaitCount(pod, "a", "start", 2));
  EXPECT_EQ(Count(pod, "b", "term"), 0);
  ASSERT_NO_FATAL_FAILURE(ReturnController());
  Json ended = ExpectSuccess("resume", {"a", "b"});
  for (const char* name : {"a", "b"}) {
    ExpectStarts(pod, name, 2);
    EXPECT_EQ(StateOf(ended, name)["isKilled"], true) << name;
    EXPECT_EQ(SnapshotOf(ended, name)["containerID"], FullId(Running(pod, name).at(0)));
    EXPECT_EQ(SnapshotOf(ended, name)["restartCount"], 1);
  }
}

TEST_F(BareMetalTest, TheControllerIsKilledInADrainAndTheKeyIsGivenBack) {
  bed::Pod& pod = RunShown("drained", {"a"}, [](bed::PodSpec& spec) {
    spec.annotations["rekindle.io/readiness-gates"] = "KruisePodReady";
  });
  Create("drain", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 3}}));
  ASSERT_TRUE(Await("drain", [](const Json& now) {
    return ConditionOf(now, "PreRecreateGrace").value("status", "") == "True";
  }));
  KillController();
  ASSERT_NO_FATAL_FAILURE(ReturnController());
  const Json ended = ExpectSuccess("drain", {"a"});
  ExpectStarts(pod, "a", 2);
  EXPECT_GE(Times(pod, "a", "term").at(0), DrainSince(ended) + absl::Seconds(3));
  EXPECT_TRUE(AwaitPod("drained", [](const Json& now) {
    return ConditionOf(now, "Ready").value("status", "") == "True" &&
           ConditionOf(now, "KruisePodReady").value("message", "") == "[]";
  })) << GetPod("drained").dump(1);
}

}  // namespace rekindle::bare_metal
