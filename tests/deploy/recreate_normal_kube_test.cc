// Normal recreation beside a kubelet (spec container-recreate 19.3).
#include "tests/deploy/recreate_fixture.h"

namespace rekindle::deploy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Told apart by the file "mode" of the volume, which a test writes before a restart.
constexpr char kServe[] = "exec /testserver serve --diary /diary/a";

}  // namespace

// Scenario 20, by `kubectl apply`, and the issue's limit of two status writes.
TEST_F(RecreateKubeTest, KubectlApplyRestartsOneContainerInPlace) {
  const json pod = RunPlain("plain", {"a", "b"});
  // The watch is there before the request is.
  EXPECT_FALSE(Await(
      "one", [](const json& now) { return !now.is_null(); }, absl::Seconds(1)));
  const absl::Status applied = cluster_->Apply(R"(
apiVersion: apps.kruise.io/v1beta1
kind: ContainerRecreateRequest
metadata:
  name: one
spec:
  podName: plain
  containers:
  - name: a
  activeDeadlineSeconds: 300
)");
  ASSERT_TRUE(applied.ok()) << applied;
  const json ended = ExpectSuccess("one", {"a"});
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  ExpectRestarted(pod, "a", 1);
  ExpectUntouched(pod, "b");
  const json snapshot = SnapshotOf(ended, "a");
  EXPECT_EQ(snapshot["containerID"], RunningId(pod, "a"));
  EXPECT_EQ(snapshot["restartCount"], 1);
  EXPECT_EQ(snapshot["ready"], true);
  EXPECT_EQ(kube::ContainerStatus(Now("plain"), "b"), kube::ContainerStatus(pod, "b"));

  std::vector<std::string> phases;
  for (const json& version : requests_->VersionsOf("one")) {
    phases.push_back(PhaseOf(version) +
                     (version["metadata"].value("labels", json::object()).contains(kActiveLabel)
                          ? ""
                          : " done"));
  }
  EXPECT_THAT(phases, ElementsAre("", "Recreating", "Completed", "Completed done"));

  EXPECT_TRUE(AwaitRequestEvent("one", "Restarted", "(replace"));
  EXPECT_TRUE(AwaitEvent("Pod", "plain", "Killing",
                         "Stopping container a by ContainerRecreateRequest one"));
  // The same file again changes nothing.
  const auto again = cluster_->Kubectl({"get", "crr", "one", "-o", "name"});
  EXPECT_TRUE(again.ok()) << again.status();
  const auto described = cluster_->Kubectl({"describe", "crr", "one"});
  ASSERT_TRUE(described.ok()) << described.status();
  EXPECT_THAT(*described, HasSubstr("restarted in"));
}

// Scenario 21.
TEST_F(RecreateKubeTest, AHookAfterTheStartHoldsUpTheNextOneOnlyInOrder) {
  for (const bool ordered : {false, true}) {
    SCOPED_TRACE(ordered);
    const std::string name = ordered ? "post-ordered" : "post";
    json spec = MakePod(name, {"a", "b"});
    spec["spec"]["containers"][0]["lifecycle"] = {
        {"postStart", {{"exec", {{"command", {"sh", "-c", "sleep 5"}}}}}}};
    const json pod = Run(spec);
    ASSERT_TRUE(pod.is_object());
    Create(name, pod, {"a", "b"}, Strategy({{"orderedRecreate", ordered}}));
    ExpectSuccess(name, {"a", "b"});
    ExpectRestarted(pod, "a", 1);
    ExpectRestarted(pod, "b", 1);
    const absl::Time a = Times(name, "a", "term").at(0);
    const absl::Time b = Times(name, "b", "term").at(0);
    if (ordered) {
      EXPECT_GE(b - Times(name, "a", "start").at(1), absl::Seconds(5));
    } else {
      EXPECT_LT(absl::AbsDuration(b - a), absl::Seconds(3));
    }
  }
}

// Scenario 22.
TEST_F(RecreateKubeTest, TheNewContainerMustRunLongerThanAsked) {
  const json pod = RunPlain("watched");
  Create("watch", pod, {"a"}, Strategy({{"minStartedSeconds", 5}}));
  ExpectSuccess("watch", {"a"});
  EXPECT_GT(absl::Now() - Times("watched", "a", "start").at(1), absl::Seconds(5));
  ExpectRestarted(pod, "a", 1);
}

// Its second half: the kubelet starts what crashes within the time, and the time begins anew.
TEST_F(RecreateKubeTest, ACrashWithinTheTimeBeginsItAnew) {
  json spec = MakePod("crashing", {"a"});
  SetScript(spec, 0,
            absl::StrCat(R"(if mv /diary/crash /diary/crashed 2>/dev/null; then
    exec /testserver crash-after 2000 3 --diary /diary/a; fi; )",
                         kServe));
  spec["spec"]["containers"][0].erase("readinessProbe");
  const json pod = Run(spec);
  ASSERT_TRUE(pod.is_object());
  ASSERT_TRUE(bed::WriteFile(DiaryFile("crashing", "crash"), "once").ok());
  Create("window", pod, {"a"}, Strategy({{"minStartedSeconds", 5}}));
  const json ended = AwaitEnd("window");
  EXPECT_EQ(MessageOf(ended), "");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Succeeded") << ended["status"].dump(1);
  ASSERT_EQ(Count("crashing", "a", "start"), 3);
  EXPECT_GT(absl::Now() - Times("crashing", "a", "start").at(2), absl::Seconds(5));
  EXPECT_EQ(SnapshotOf(ended, "a")["restartCount"], 2);
  EXPECT_EQ(SnapshotOf(ended, "a")["containerID"], RunningId(pod, "a"));
}

// Scenario 23.
TEST_F(RecreateKubeTest, AContainerThatDoesNotBecomeReadyEndsByTheDeadline) {
  json spec = MakePod("unready", {"a"});
  spec["spec"]["containers"][0]["readinessProbe"] = {
      {"exec", {{"command", {"sh", "-c", "test ! -e /diary/broken"}}}}, {"periodSeconds", 1}};
  const json pod = Run(spec);
  ASSERT_TRUE(pod.is_object());
  ASSERT_TRUE(bed::WriteFile(DiaryFile("unready", "broken"), "yes").ok());
  const absl::Time asked = absl::Now();
  Create("late", pod, {"a"}, {{"activeDeadlineSeconds", 20}});
  const json ended = AwaitEnd("late");
  EXPECT_GE(absl::Now() - asked, absl::Seconds(20) - absl::Milliseconds(100));
  EXPECT_EQ(MessageOf(ended), "recreating has exceeded the activeDeadlineSeconds");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  EXPECT_EQ(Count("unready", "a", "start"), 2);
  std::remove(DiaryFile("unready", "broken").c_str());
  ExpectRestarted(pod, "a", 1);
}

// Scenario 24: what `kubectl debug` puts into the pod.
TEST_F(RecreateKubeTest, AnEphemeralContainerKeepsRunning) {
  const json pod = RunPlain("debugged");
  const std::string path = kube::PodPath("debugged") + "/ephemeralcontainers";
  auto list = cluster_->api().Get(path);
  ASSERT_TRUE(list.ok()) << list.status();
  (*list)["ephemeralContainers"] = json::array({{{"name", "debugger"},
                                                 {"image", bed::kServerImage},
                                                 {"imagePullPolicy", "Never"},
                                                 {"terminationMessagePolicy", "File"},
                                                 {"args", {"wait"}}}});
  const auto put = cluster_->api().Update(path, *list);
  ASSERT_TRUE(put.ok()) << put.status();
  std::string debugger;
  ASSERT_TRUE(bed::WaitUntil(
      [&] {
        debugger = RunningId(pod, "debugger");
        return !debugger.empty();
      },
      absl::Minutes(2)));
  Create("beside", pod, {"a"});
  ExpectSuccess("beside", {"a"});
  ExpectRestarted(pod, "a", 1);
  EXPECT_EQ(RunningId(pod, "debugger"), debugger);
  // And it is none of those that can be asked for.
  const absl::Status refused =
      cluster_->api()
          .Create(RequestPath(kSpace),
                  bare_metal::MakeRequest(kSpace, "debugger", "debugged", {"debugger"}))
          .status();
  EXPECT_THAT(std::string(refused.message()), HasSubstr("container debugger not found in Pod"));
}

// Scenario 25.
TEST_F(RecreateKubeTest, RequestsGoWhenTheirTimeIsOver) {
  const json pod = RunPlain("tidy");
  const auto gone = [](const json& now) { return now.is_null(); };
  Create("stays", pod, {"a"});
  ExpectSuccess("stays", {"a"});
  ExpectRestarted(pod, "a", 1);
  Create("at-once", pod, {"a"}, {{"ttlSecondsAfterFinished", 0}});
  ASSERT_TRUE(AwaitPhase("at-once", "Completed"));
  ASSERT_TRUE(Await("at-once", gone));
  ExpectRestarted(pod, "a", 2);
  Create("soon", pod, {"a"}, {{"ttlSecondsAfterFinished", 3}});
  ASSERT_TRUE(AwaitPhase("soon", "Completed"));
  const absl::Time completed = TimeOf(requests_->Newest("soon")["status"]["completionTime"]);
  ASSERT_TRUE(Await("soon", gone));
  EXPECT_GE(absl::Now() - completed, absl::Seconds(3));
  EXPECT_LT(absl::Now() - completed, absl::Seconds(6 + 4));  // a loaded machine
  EXPECT_TRUE(cluster_->api().Get(RequestPath(kSpace, "stays")).ok());
  ExpectRestarted(pod, "a", 3);
}

// Scenario 26.
TEST_F(RecreateKubeTest, AContainerThatHasJustStartedIsStopped) {
  const json pod = RunPlain("young");
  Create("first", pod, {"a"});
  ExpectSuccess("first", {"a"});
  ASSERT_TRUE(AwaitPod(
      "young", [](const json& now) { return StatusOf(now, "a").value("restartCount", 0) == 1; }));
  Create("second", pod, {"a"});
  EXPECT_LT(absl::Now() - Times("young", "a", "start").back(), absl::Seconds(30));
  EXPECT_EQ(StateOf(ExpectSuccess("second", {"a"}), "a")["isKilled"], true);
  ExpectRestarted(pod, "a", 2);
}

// Scenario 28, and with forceRecreate the second half of 30: the kubelet has not told the API of a
// restart yet, so that the request has the ID from before.
TEST_F(RecreateKubeTest, ARequestWithAnIdFromBeforeARestart) {
  for (const bool force : {false, true}) {
    SCOPED_TRACE(force);
    const std::string name = force ? "stale-forced" : "stale";
    const json pod = RunPlain(name);
    ASSERT_TRUE(cluster_->Stop(kube::Component::kKubelet, SIGKILL).ok());
    const auto restarted = system_->daemons().Cli({"restart", "default/" + name, "-c", "a"});
    EXPECT_TRUE(restarted.ok()) << restarted.status();
    Create(name, pod, {"a"}, Strategy({{"forceRecreate", force}}));
    EXPECT_EQ(requests_->Newest(name)["spec"]["containers"][0]["statusContext"]["containerID"],
              kube::ContainerStatus(pod, "a")["containerID"]);
    ASSERT_TRUE(cluster_->Start(kube::Component::kKubelet).ok());
    const json ended = ExpectSuccess(name, {"a"});
    // Also without a stop: what has been seen changed and not ready yet is not to be stopped.
    EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
    ExpectRestarted(pod, "a", force ? 2 : 1);
    EXPECT_EQ(SnapshotOf(ended, "a")["containerID"], RunningId(pod, "a"));
  }
}

}  // namespace rekindle::deploy
