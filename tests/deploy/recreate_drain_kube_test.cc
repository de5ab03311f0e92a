// Out of service before the first stop, beside a kubelet that computes readiness itself (spec
// container-recreate 19.5).
#include <cstdio>

#include "tests/deploy/recreate_fixture.h"

namespace rekindle::deploy {
namespace {

std::string Key(const std::string& name) {
  return absl::StrCat(R"({"userAgent":"ContainerRecreateRequest","key":")", kSpace, "/", name,
                      R"("})");
}

}  // namespace

// Scenarios 36, 37 and 41.
TEST_F(RecreateKubeTest, APodWithTheGateIsOutOfServiceBeforeItsHookIsRun) {
  json spec = GatedPod("gated");
  spec["spec"]["containers"][0]["lifecycle"] = {
      {"preStop",
       {{"exec",
         {{"command", {"/testserver", "crash-after", "0", "0", "--diary", "/diary/hook"}}}}}}};
  const json pod = Run(spec);
  ASSERT_TRUE(pod.is_object());
  ObjectWatch pods(AdminEndpoint(), kube::PodPath(""));
  ASSERT_TRUE(pods.Await("gated", [](const json& now) { return !now.is_null(); }));
  Create("drain", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 5}}));
  ASSERT_TRUE(AwaitDrain("drain"));
  // By then the rest is there: finalizer, key, Ready.
  EXPECT_TRUE(HasFinalizer(requests_->Newest("drain")));
  ASSERT_TRUE(AwaitPod("gated", [](const json& now) { return Is(now, "Ready", "False"); }));
  const json drained = Now("gated");
  EXPECT_EQ(Condition(drained, "KruisePodReady")["status"], "False");
  EXPECT_EQ(Condition(drained, "KruisePodReady")["message"], "[" + Key("drain") + "]");
  EXPECT_EQ(Condition(drained, "Ready")["reason"], "ReadinessGatesNotReady");
  EXPECT_EQ(Count("gated", "hook", "start"), 0);
  // Changes of the pod make the controller look again and again; the drain's begin does not move.
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(cluster_->api()
                    .Patch(kube::PodPath("gated"),
                           {{"metadata", {{"annotations", {{"look", absl::StrCat(i)}}}}}})
                    .ok());
  }
  const json ended = ExpectSuccess("drain", {"a"});
  const absl::Time since = TimeOf(Condition(ended, "PreRecreateGrace")["lastTransitionTime"]);
  EXPECT_GE(Times("gated", "hook", "start").at(0), since + absl::Seconds(5));
  EXPECT_GE(Times("gated", "a", "term").at(0), Times("gated", "hook", "start").at(0));
  ExpectRestarted(pod, "a", 1);

  std::vector<std::string> drains;
  for (const json& version : requests_->VersionsOf("drain")) {
    const std::string at = Condition(version, "PreRecreateGrace").value("lastTransitionTime", "");
    if (!at.empty() && (drains.empty() || drains.back() != at)) drains.push_back(at);
    // The finalizer is stored before the condition is, and outlives the work.
    if (PhaseOf(version) == "Recreating") {
      EXPECT_TRUE(HasFinalizer(version));
    }
  }
  EXPECT_EQ(drains.size(), 1u);
  ASSERT_TRUE(pods.Await("gated", [](const json& now) {
    return Is(now, "KruisePodReady", "True") && Is(now, "Ready", "True") &&
           StatusOf(now, "a").value("restartCount", 0) == 1;
  })) << pods.Newest("gated").dump(1);
  EXPECT_EQ(Condition(pods.Newest("gated"), "KruisePodReady")["message"], "[]");
  // Out of service in one piece: the key is held, then it is not, and the write that takes it says
  // not Ready too. A kubelet that was writing what it knew before may say Ready once more; it must
  // take that back, and nobody says Ready from then on.
  std::vector<std::string> held;
  std::vector<std::string> ready;
  for (const json& version : pods.VersionsOf("gated")) {
    const std::string status = Condition(version, "KruisePodReady").value("status", "absent");
    EXPECT_THAT(status, testing::AnyOf("True", "False"));
    if (held.empty() || held.back() != status) held.push_back(status);
    if (status != "False") continue;
    const std::string now = Condition(version, "Ready").value("status", "absent");
    if (ready.empty() || ready.back() != now) ready.push_back(now);
  }
  EXPECT_THAT(ready, testing::AnyOf(testing::ElementsAre("False"),
                                    testing::ElementsAre("False", "True", "False")));
  EXPECT_THAT(held, testing::ElementsAre("True", "False", "True"));
}

// Scenario 38.
TEST_F(RecreateKubeTest, APodWithoutTheGateStaysReadyAndTheTimePassesAllTheSame) {
  const json pod = RunPlain("ungated");
  ObjectWatch pods(AdminEndpoint(), kube::PodPath(""));
  ASSERT_TRUE(pods.Await("ungated", [](const json& now) { return !now.is_null(); }));
  Create("no-gate", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 5}}));
  ASSERT_TRUE(AwaitDrain("no-gate"));
  const json ended = ExpectSuccess("no-gate", {"a"});
  const absl::Time since = TimeOf(Condition(ended, "PreRecreateGrace")["lastTransitionTime"]);
  EXPECT_GE(Times("ungated", "a", "term").at(0), since + absl::Seconds(5));
  ExpectRestarted(pod, "a", 1);
  for (const json& version : requests_->VersionsOf("no-gate")) EXPECT_FALSE(HasFinalizer(version));
  EXPECT_TRUE(AwaitRequestEvent("no-gate", "NoReadinessGate"));
  ASSERT_TRUE(pods.Await(
      "ungated", [](const json& now) { return StatusOf(now, "a").value("restartCount", 0) == 1; }));
  for (const json& version : pods.VersionsOf("ungated")) {
    if (kube::ContainerStatus(version, "a")["containerID"] !=
        kube::ContainerStatus(pod, "a")["containerID"]) {
      break;
    }
    if (kube::ContainerStatus(version, "a")["state"].contains("running")) {
      EXPECT_TRUE(Is(version, "Ready", "True"));
    }
  }
}

TEST_F(RecreateKubeTest, ADrainOfNoTimeTakesThePodOutOfServiceAndStopsAtOnce) {
  const json pod = Run(GatedPod("drain-zero"));
  ObjectWatch pods(AdminEndpoint(), kube::PodPath(""));
  ASSERT_TRUE(pods.Await("drain-zero", [](const json& now) { return !now.is_null(); }));
  Create("zero", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 0}}));
  const json ended = ExpectSuccess("zero", {"a"});
  EXPECT_EQ(Condition(ended, "PreRecreateGrace")["status"], "True");
  ExpectRestarted(pod, "a", 1);
  ASSERT_TRUE(pods.Await("drain-zero", [](const json& now) {
    return Is(now, "Ready", "True") && StatusOf(now, "a").value("restartCount", 0) == 1;
  }));
  bool closed = false;
  for (const json& version : pods.VersionsOf("drain-zero")) {
    closed = closed || (Is(version, "KruisePodReady", "False") && Is(version, "Ready", "False"));
  }
  EXPECT_TRUE(closed);
}

// Scenario 40.
TEST_F(RecreateKubeTest, ARequestThatIsDeletedInItsDrainLetsGo) {
  const json pod = Run(GatedPod("spared"));
  Create("let-go", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 600}}));
  ASSERT_TRUE(AwaitDrain("let-go"));
  ASSERT_TRUE(AwaitPod("spared", [](const json& now) { return Is(now, "Ready", "False"); }));
  Delete("let-go");
  ASSERT_TRUE(Await("let-go", [](const json& now) { return now.is_null(); }));
  EXPECT_TRUE(AwaitPod("spared", [](const json& now) {
    return Is(now, "KruisePodReady", "True") && Is(now, "Ready", "True");
  })) << Now("spared").dump(1);
  ExpectUntouched(pod, "a");
}

TEST_F(RecreateKubeTest, APodThatGoesInTheDrainEndsTheRequest) {
  const json pod = Run(GatedPod("goes"));
  Create("gone-in-drain", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 600}}));
  ASSERT_TRUE(AwaitDrain("gone-in-drain"));
  ASSERT_TRUE(cluster_->api().Delete(kube::PodPath("goes")).ok());
  const json ended = AwaitEnd("gone-in-drain");  // which waits for the finalizer, too
  EXPECT_EQ(MessageOf(ended), "pod has gone");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_TRUE(AwaitRequestEvent("gone-in-drain", "Aborted", "pod has gone"));
  EXPECT_TRUE(cluster_->WaitGone(kube::PodPath("goes"), absl::Minutes(2)).ok());
  EXPECT_EQ(Count("goes", "a", "start"), 1);
  EXPECT_FALSE(HasEvent("Pod", "goes", "Killing", "ContainerRecreateRequest"));
}

// Scenario 43: why the pod is not ready stays the kubelet's word.
TEST_F(RecreateKubeTest, APodThatIsNotReadyAnywayKeepsItsReason) {
  json spec = GatedPod("ailing");
  spec["spec"]["containers"][0]["readinessProbe"] = {
      {"exec", {{"command", {"sh", "-c", "test ! -e /diary/broken"}}}}, {"periodSeconds", 1}};
  const json pod = Run(spec);
  ASSERT_TRUE(pod.is_object());
  ASSERT_TRUE(bed::WriteFile(DiaryFile("ailing", "broken"), "yes").ok());
  ASSERT_TRUE(
      AwaitPod("ailing", [](const json& now) { return Is(now, "ContainersReady", "False"); }));
  const json ready = Condition(Now("ailing"), "Ready");
  EXPECT_EQ(ready["reason"], "ContainersNotReady");
  ObjectWatch pods(AdminEndpoint(), kube::PodPath(""));
  ASSERT_TRUE(pods.Await("ailing", [](const json& now) { return !now.is_null(); }));
  Create("ailing", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 600}}));
  ASSERT_TRUE(AwaitDrain("ailing"));
  ASSERT_TRUE(
      pods.Await("ailing", [](const json& now) { return Is(now, "KruisePodReady", "False"); }));
  for (const json& version : pods.VersionsOf("ailing")) {
    EXPECT_EQ(Condition(version, "Ready")["status"], "False");
    EXPECT_EQ(Condition(version, "Ready")["lastTransitionTime"], ready["lastTransitionTime"]);
    if (Is(version, "KruisePodReady", "False")) {
      // The first version with the key is the controller's own.
      EXPECT_EQ(Condition(version, "Ready")["reason"], "ContainersNotReady");
      break;
    }
  }
  Delete("ailing");
  ASSERT_TRUE(Await("ailing", [](const json& now) { return now.is_null(); }));
  std::remove(DiaryFile("ailing", "broken").c_str());
  EXPECT_TRUE(AwaitPod("ailing", [](const json& now) { return Is(now, "Ready", "True"); }));
  ExpectUntouched(pod, "a");
}

}  // namespace rekindle::deploy
