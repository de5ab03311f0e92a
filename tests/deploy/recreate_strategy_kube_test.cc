// Failure policy, force, order, back-off, restart policy (spec container-recreate 19.4).
#include <cstdio>
#include <filesystem>

#include "tests/deploy/recreate_fixture.h"

namespace rekindle::deploy {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

}  // namespace

// Scenario 29. A stop call of a healthy runtime does not fail, so the failure is one before it: the
// container cannot be made again, and is not stopped.
TEST_F(RecreateKubeTest, AContainerThatCannotBeMadeAgainAndTheFailurePolicy) {
  for (const bool ignore : {false, true}) {
    SCOPED_TRACE(ignore);
    const std::string name = ignore ? "fails-ignore" : "fails";
    json spec = MakePod(name, {"a", "b"});
    spec["spec"]["volumes"].push_back({{"name", "scratch"}, {"emptyDir", json::object()}});
    spec["spec"]["containers"][0]["volumeMounts"].push_back(
        {{"name", "scratch"}, {"mountPath", "/scratch"}});
    const json pod = Run(spec);
    ASSERT_TRUE(pod.is_object());
    const std::string volume =
        absl::StrCat(cluster_->KubeletDir(), "/pods/", pod["metadata"]["uid"].get<std::string>(),
                     "/volumes/kubernetes.io~empty-dir/scratch");
    std::error_code error;
    ASSERT_TRUE(std::filesystem::remove(volume, error)) << volume << ": " << error.message();
    Create(name, pod, {"a", "b"}, Strategy({{"failurePolicy", ignore ? "Ignore" : "Fail"}}));
    const json ended = AwaitEnd(name);
    EXPECT_EQ(MessageOf(ended), "");
    const json failed = StateOf(ended, "a");
    EXPECT_EQ(failed.value("phase", ""), "Failed") << ended["status"].dump(1);
    EXPECT_THAT(failed.value("message", ""), StartsWith("kill container error: "));
    EXPECT_THAT(failed.value("message", ""), HasSubstr("kubernetes.io~empty-dir/scratch"));
    EXPECT_FALSE(failed.value("isKilled", false));
    ExpectUntouched(pod, "a");
    EXPECT_EQ(StateOf(ended, "b").value("phase", "") == "Succeeded", ignore);
    ExpectRestarted(pod, "b", ignore ? 1 : 0);
    EXPECT_TRUE(AwaitRequestEvent(name, "Failed", "container a: kill container error"));
    // The kubelet wants it when the pod goes.
    std::filesystem::create_directory(volume, error);
  }
}

// Scenario 30: a container that another request has restarted, and whose postStart hook runs.
TEST_F(RecreateKubeTest, AContainerThatChangesMeanwhileIsStoppedAgainOnlyByForce) {
  for (const bool force : {false, true}) {
    SCOPED_TRACE(force);
    const std::string name = force ? "forced" : "unforced";
    json spec = MakePod(name, {"a"});
    spec["spec"]["containers"][0]["lifecycle"] = {
        {"postStart", {{"exec", {{"command", {"sh", "-c", "test ! -e /diary/slow || sleep 6"}}}}}}};
    const json pod = Run(spec);
    ASSERT_TRUE(pod.is_object());
    ASSERT_TRUE(bed::WriteFile(DiaryFile(name, "slow"), "yes").ok());
    Create(name + "-1", pod, {"a"});
    Create(name + "-2", pod, {"a"}, Strategy({{"forceRecreate", force}}));
    ASSERT_TRUE(AwaitCount(name, "a", "start", 2));
    EXPECT_TRUE(AwaitPhase(name + "-1", "Recreating"));
    ExpectSuccess(name + "-1", {"a"});
    ExpectSuccess(name + "-2", {"a"});
    ExpectRestarted(pod, "a", force ? 2 : 1);
  }
}

// Scenario 31, in another order than the pod's.
TEST_F(RecreateKubeTest, ForcedAndInOrderOverThreeContainers) {
  const json pod = RunPlain("ordered", {"a", "b", "c"});
  Create("order", pod, {"c", "a", "b"},
         Strategy({{"orderedRecreate", true}, {"forceRecreate", true}}));
  const json ended = ExpectSuccess("order", {"c", "a", "b"});
  for (const char* name : {"a", "b", "c"}) {
    ExpectRestarted(pod, name, 1);
    EXPECT_EQ(StateOf(ended, name)["isKilled"], true) << name;
  }
  EXPECT_EQ(ended["status"]["containerRecreateStates"][0]["name"], "c");
  EXPECT_LT(Times("ordered", "c", "start").at(1), Times("ordered", "a", "term").at(0));
  EXPECT_LT(Times("ordered", "a", "start").at(1), Times("ordered", "b", "term").at(0));
}

// Scenario 32.
TEST_F(RecreateKubeTest, AContainerInBackOffIsWaitedForAndNotStopped) {
  json spec = MakePod("backoff", {"a"});
  SetScript(spec, 0, R"(test ! -e /diary/crash || exec /testserver exit 1 --diary /diary/crashes
    exec /testserver serve --diary /diary/a)");
  const json pod = Run(spec);
  ASSERT_TRUE(pod.is_object());
  ASSERT_TRUE(bed::WriteFile(DiaryFile("backoff", "crash"), "yes").ok());
  const std::string first = RunningId(pod, "a");
  ASSERT_TRUE(cluster_->bed().cri().StopContainer(first.substr(first.find("://") + 3), 5).ok());
  ASSERT_TRUE(AwaitPod("backoff", [](const json& now) {
    const json status = kube::ContainerStatus(now, "a");
    return status.is_object() && status["state"].contains("waiting") &&
           status["state"]["waiting"].value("reason", "") == "CrashLoopBackOff";
  }));
  std::remove(DiaryFile("backoff", "crash").c_str());
  Create("wait", pod, {"a"});
  const int before = Count("backoff", "a", "term");
  const json ended = ExpectSuccess("wait", {"a"});
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  EXPECT_EQ(Count("backoff", "a", "term"), before);
  EXPECT_EQ(Count("backoff", "a", "start"), 2) << "by the kubelet, once";
  EXPECT_EQ(SnapshotOf(ended, "a")["containerID"], RunningId(pod, "a"));
  EXPECT_EQ(SnapshotOf(ended, "a")["ready"], true);
  EXPECT_FALSE(HasEvent("Pod", "backoff", "Killing", "ContainerRecreateRequest"));
}

// Scenario 33: a stop would end the pod, so the daemon refuses.
TEST_F(RecreateKubeTest, APodThatTheKubeletWouldNotStartAgainIsNotStopped) {
  for (const char* policy : {"Never", "OnFailure"}) {
    const std::string name = policy == std::string("Never") ? "never" : "on-failure";
    json spec = MakePod(name, {"a"});
    spec["spec"]["restartPolicy"] = policy;
    const json pod = Run(spec);
    Create(name, pod, {"a"});
    const json ended = AwaitEnd(name);
    EXPECT_EQ(MessageOf(ended), "");
    EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
    EXPECT_THAT(StateOf(ended, "a").value("message", ""),
                testing::AllOf(StartsWith("kill container error: "), HasSubstr(policy)));
    ExpectUntouched(pod, "a");
  }
}

// Scenario 34: the runtime has lost a container. The kubelet, which is away, makes it again later;
// until then it is not there, and what comes after it waits.
TEST_F(RecreateKubeTest, AListedContainerThatIsNotThere) {
  const json pod = RunPlain("lacking", {"a", "b"});
  ASSERT_TRUE(cluster_->Stop(kube::Component::kKubelet, SIGKILL).ok());
  const std::string gone = RunningId(pod, "b").substr(std::string("containerd://").size());
  EXPECT_TRUE(cluster_->bed().cri().StopContainer(gone, 5).ok());
  EXPECT_TRUE(cluster_->bed().cri().RemoveContainer(gone).ok());
  Create("lack", pod, {"b", "a"});
  EXPECT_TRUE(Await("lack", [](const json& now) {
    return StateOf(now, "b").value("message", "") == "not found container on Node";
  })) << requests_->Newest("lack").dump(1);
  EXPECT_EQ(StateOf(requests_->Newest("lack"), "b").value("phase", ""), "Pending");
  EXPECT_EQ(Count("lacking", "a", "term"), 0);
  ASSERT_TRUE(cluster_->Start(kube::Component::kKubelet).ok());
  ExpectSuccess("lack", {"b", "a"});
  ExpectRestarted(pod, "a", 1);
}

}  // namespace rekindle::deploy
