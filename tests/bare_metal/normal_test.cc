// Normal recreation (spec container-recreate 19.3).
#include "tests/bare_metal/bare_metal_fixture.h"

namespace rekindle::bare_metal {
namespace {

constexpr char kActive[] = "crr.apps.kruise.io/active";

}  // namespace

// Scenario 20, and the limit of two status writes.
TEST_F(BareMetalTest, OneContainerIsRestartedInPlace) {
  bed::Pod& pod = RunShown("plain", {"a", "b"});
  Json before = GetPod("plain");
  Create("one", pod, {"a"});
  Json ended = ExpectSuccess("one", {"a"});
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  ExpectStarts(pod, "a", 2);
  ExpectUntouched(pod, "b");
  const std::string id = FullId(Running(pod, "a").at(0));
  EXPECT_NE(id, StatusOf(before, "a")["containerID"]);
  Json snapshot = SnapshotOf(ended, "a");
  EXPECT_EQ(snapshot["containerID"], id);
  EXPECT_EQ(snapshot["restartCount"], 1);
  EXPECT_EQ(snapshot["ready"], true);

  // What admission has filled in.
  EXPECT_EQ(ended["metadata"]["labels"]["crr.apps.kruise.io/node-name"], "node-a");
  EXPECT_EQ(ended["metadata"]["labels"]["crr.apps.kruise.io/pod-uid"], before["metadata"]["uid"]);
  EXPECT_EQ(ended["spec"]["containers"][0]["statusContext"]["containerID"],
            StatusOf(before, "a")["containerID"]);
  EXPECT_EQ(ended["spec"]["strategy"]["failurePolicy"], "Fail");
  EXPECT_EQ(ended["spec"]["strategy"]["terminationGracePeriodSeconds"], 10);

  EXPECT_TRUE(AwaitPod("plain", [&](const Json& now) {
    return StatusOf(now, "a")["containerID"] == id &&
           ConditionOf(now, "Ready").value("status", "") == "True";
  }));
  Json after = GetPod("plain");
  EXPECT_EQ(after["metadata"]["uid"], before["metadata"]["uid"]);
  EXPECT_EQ(after["status"]["podIP"], pod.ip);
  EXPECT_EQ(StatusOf(after, "a")["restartCount"], 1);
  EXPECT_EQ(StatusOf(after, "b"), StatusOf(before, "b"));

  // Created, Recreating, Completed, and the label taken off.
  std::vector<std::string> phases;
  for (const Json& version : requests_->VersionsOf("one")) {
    phases.push_back(PhaseOf(version) +
                     (version["metadata"]["labels"].contains(kActive) ? "" : " done"));
  }
  EXPECT_THAT(phases, testing::ElementsAre("", "Recreating", "Completed", "Completed done"));

  EXPECT_TRUE(AwaitRequestEvent("one", "Restarted", "container a: restarted in "));
  EXPECT_TRUE(HasEvent("ContainerRecreateRequest", "one", "Restarted", "(replace"));
  EXPECT_TRUE(AwaitEvent("Pod", "plain", "Killing",
                         "Stopping container a by ContainerRecreateRequest one"));
}

// The first half of scenario 21: without an order the second container does not wait for the first.
TEST_F(BareMetalTest, ContainersAreStoppedTogetherUnlessAnOrderIsAskedFor) {
  bed::Pod& pod = RunShown("together", {"a", "b"});
  Create("both", pod, {"a", "b"}, Strategy({{"minStartedSeconds", 4}}));
  ExpectSuccess("both", {"a", "b"});
  ExpectStarts(pod, "a", 2);
  ExpectStarts(pod, "b", 2);
  // a is watched for 4 s after its start; b is stopped before that is over.
  EXPECT_LT(Times(pod, "b", "term").at(0), Times(pod, "a", "start").at(1) + absl::Seconds(4));
}

// Scenario 22.
TEST_F(BareMetalTest, TheNewContainerMustRunLongerThanAsked) {
  bed::Pod& pod = RunShown("watched", {"a"});
  Create("watch", pod, {"a"}, Strategy({{"minStartedSeconds", 3}}));
  ExpectSuccess("watch", {"a"});
  EXPECT_GT(absl::Now() - Times(pod, "a", "start").at(1), absl::Seconds(3));
  ExpectStarts(pod, "a", 2);
}

// Scenario 24: a container that somebody else has put into the sandbox, as kubectl debug does.
TEST_F(BareMetalTest, AContainerOfNoConcernKeepsRunning) {
  bed::Pod& pod = RunShown("visited", {"a"});
  bed::ContainerSpec visitor = pod.spec.containers[0];
  visitor.name = "visitor";
  visitor.args = {"wait", "--diary", "/data/visitor"};
  const auto id = bed_->CreateContainer(&pod, visitor);
  ASSERT_TRUE(id.ok()) << id.status();
  ASSERT_TRUE(bed_->cri().StartContainer(*id).ok());
  ASSERT_TRUE(AwaitPod("visited", [&](const Json& now) {
    return !now.is_null() && now["status"].contains("containerStatuses") &&
           StatusOf(now, "visitor").is_object();
  }));
  Create("beside", pod, {"a"});
  ExpectSuccess("beside", {"a"});
  ExpectStarts(pod, "a", 2);
  ExpectUntouched(pod, "visitor");
}

// Scenario 25.
TEST_F(BareMetalTest, RequestsGoWhenTheirTimeIsOver) {
  bed::Pod& pod = RunShown("tidy", {"a"});
  Create("stays", pod, {"a"});
  ExpectSuccess("stays", {"a"});
  const auto gone = [](const Json& now) { return now.is_null(); };
  // A request that is made before the API shows the restart before counts that one as its own.
  const auto shows = [](int restarts) {
    return [=](const Json& now) { return StatusOf(now, "a")["restartCount"] == restarts; };
  };
  ASSERT_TRUE(AwaitPod("tidy", shows(1)));
  Create("at-once", pod, {"a"}, {{"ttlSecondsAfterFinished", 0}});
  ASSERT_TRUE(AwaitPhase("at-once", "Completed"));
  ASSERT_TRUE(Await("at-once", gone));
  ASSERT_TRUE(AwaitPod("tidy", shows(2)));
  Create("soon", pod, {"a"}, {{"ttlSecondsAfterFinished", 3}});
  ASSERT_TRUE(AwaitPhase("soon", "Completed"));
  absl::Time completed;
  std::string error;
  ASSERT_TRUE(absl::ParseTime(
      absl::RFC3339_full, requests_->Newest("soon")["status"]["completionTime"].get<std::string>(),
      &completed, &error))
      << error;
  ASSERT_TRUE(Await("soon", gone));
  EXPECT_GE(absl::Now() - completed, absl::Seconds(3));
  EXPECT_LT(absl::Now() - completed, absl::Seconds(6 + 4));  // a loaded machine
  EXPECT_EQ(PhaseOf(requests_->Newest("stays")), "Completed");
  EXPECT_TRUE(api_->Get(RequestPath(ns_, "stays")).ok());
  ExpectStarts(pod, "a", 4);
}

// Scenario 26: right after its start a container counts as what the request was made for.
TEST_F(BareMetalTest, AContainerThatHasJustStartedIsStopped) {
  bed::Pod& pod = RunShown("young", {"a"});
  Create("first", pod, {"a"});
  ExpectSuccess("first", {"a"});
  ASSERT_TRUE(
      AwaitPod("young", [](const Json& now) { return StatusOf(now, "a")["restartCount"] == 1; }));
  Create("second", pod, {"a"});
  EXPECT_LT(absl::Now() - Times(pod, "a", "start").back(), absl::Seconds(10));
  EXPECT_EQ(StateOf(ExpectSuccess("second", {"a"}), "a")["isKilled"], true);
  ExpectStarts(pod, "a", 3);
}

// Scenario 28: the request was admitted with the ID from before a restart that the API did not show
// yet. With forceRecreate (the second half of 30) what runs now is stopped, once.
TEST_F(BareMetalTest, ARequestWithAnIdFromBeforeARestart) {
  for (const bool force : {false, true}) {
    SCOPED_TRACE(force);
    const std::string name = force ? "stale-forced" : "stale";
    bed::Pod& pod = RunShown(name, {"a"});
    const std::string old_id = pod.containers["a"].id;
    // Behind the back of the API: nobody tells it while the daemon is away.
    KillDaemon();
    bed::ContainerSpec next = pod.spec.containers[0];
    next.attempt = 1;
    const auto next_id = bed_->CreateContainer(&pod, next);
    ASSERT_TRUE(next_id.ok()) << next_id.status();
    ASSERT_TRUE(bed_->cri().StopContainer(old_id, 10).ok());
    ASSERT_TRUE(bed_->cri().StartContainer(*next_id).ok());
    ASSERT_TRUE(AwaitCount(pod, "a", "start", 2));
    Create(name, pod, {"a"}, Strategy({{"forceRecreate", force}}));
    EXPECT_EQ(requests_->Newest(name)["spec"]["containers"][0]["statusContext"]["containerID"],
              FullId(old_id));
    StartNode();
    Json ended = ExpectSuccess(name, {"a"});
    ExpectStarts(pod, "a", force ? 3 : 2);
    EXPECT_EQ(StateOf(ended, "a").value("isKilled", false), force);
    EXPECT_EQ(SnapshotOf(ended, "a")["containerID"], FullId(Running(pod, "a").at(0)));
  }
}

}  // namespace rekindle::bare_metal
