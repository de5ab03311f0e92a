// Several requests for one pod, pods that go, and parts of Rekindle that go (spec
// container-recreate 19.7).
#include <algorithm>

#include "absl/strings/escaping.h"

#include "tests/deploy/recreate_fixture.h"

namespace rekindle::deploy {
namespace {

constexpr char kSystem[] = "rekindle-system";

// Containers that take their time to end.
void SetSlow(json& pod, int ms, int grace = 30) {
  pod["spec"]["terminationGracePeriodSeconds"] = grace;
  for (json& container : pod["spec"]["containers"]) {
    container["args"].push_back("--drain-ms");
    container["args"].push_back(absl::StrCat(ms));
  }
}

// Whether the service of the webhooks has that address among those.
bool IsListed(const kube::ApiClient& api, const std::string& ip, const char* among) {
  const auto endpoints =
      api.Get("/api/v1/namespaces/rekindle-system/endpoints/rekindle-controller");
  if (!endpoints.ok()) return false;
  for (const json& subset : endpoints->value("subsets", json::array())) {
    for (const json& address : subset.value(among, json::array())) {
      if (address["ip"] == ip) return true;
    }
  }
  return false;
}

}  // namespace

// Scenario 51.
TEST_F(RecreateKubeTest, ThreeRequestsForOnePodRunOneAfterTheOther) {
  json spec = MakePod("queue", {"a"});
  SetSlow(spec, 500);
  const json pod = Run(spec);
  for (const char* name : {"q-1", "q-2", "q-3"}) {
    Create(name, pod, {"a"}, Strategy({{"forceRecreate", true}}));
  }
  for (const char* name : {"q-1", "q-2", "q-3"}) {
    EXPECT_EQ(StateOf(ExpectSuccess(name, {"a"}), "a")["isKilled"], true) << name;
  }
  ExpectRestarted(pod, "a", 3);
  std::map<std::string, std::string> phases;
  std::vector<std::string> ends;
  for (const ObjectWatch::Version& version : requests_->versions()) {
    if (!absl::StartsWith(version.name, "q-")) continue;
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
  for (const json& version : requests_->VersionsOf("q-3")) {
    waited = waited || (PhaseOf(version) == "Pending" &&
                        absl::StartsWith(MessageOf(version), "waits for ContainerRecreateRequest"));
  }
  EXPECT_TRUE(waited);
}

// Scenario 52: the name, too, is used again at once, and each one restarts the container, whether
// the kubelet has told the API of the one before or not.
TEST_F(RecreateKubeTest, OneRequestEndsAndAnotherIsMadeInTheSameSecond) {
  const json pod = RunPlain("again");
  constexpr int kRounds = 3;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(round);
    Create("same", pod, {"a"}, {{"ttlSecondsAfterFinished", 0}});
    ASSERT_TRUE(AwaitPhase("same", "Completed"));
    const json ended = requests_->Newest("same");
    EXPECT_EQ(MessageOf(ended), "");
    EXPECT_EQ(StateOf(ended, "a")["phase"], "Succeeded");
    EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
    ASSERT_TRUE(Await("same", [](const json& now) { return now.is_null(); }));
  }
  ExpectRestarted(pod, "a", kRounds);
}

// 12.2: pod and container are being stopped when the pod is deleted.
TEST_F(RecreateKubeTest, APodThatIsDeletedDuringAStopStaysGone) {
  json spec = MakePod("deleted", {"a"});
  SetSlow(spec, 5000);
  const json pod = Run(spec);
  Create("deleted", pod, {"a"});
  ASSERT_TRUE(AwaitCount("deleted", "a", "term", 1));
  ASSERT_TRUE(cluster_->api().Delete(kube::PodPath("deleted")).ok());
  const json ended = AwaitEnd("deleted");
  EXPECT_EQ(MessageOf(ended), "pod has gone");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_TRUE(cluster_->WaitGone(kube::PodPath("deleted"), absl::Minutes(2)).ok());
  // The daemon was told, while the container took its time: it has started no other one.
  EXPECT_EQ(Count("deleted", "a", "start"), 1);
  const auto left = cluster_->Running(pod["metadata"]["uid"]);
  ASSERT_TRUE(left.ok()) << left.status();
  EXPECT_TRUE(left->empty());
}

// Scenario 56.
TEST_F(RecreateKubeTest, APodThatTookTheNameIsNotTouched) {
  const json old = RunPlain("twin");
  Create("twin-old", old, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 600}}));
  ASSERT_TRUE(AwaitPhase("twin-old", "Recreating"));
  ASSERT_TRUE(cluster_->api().Delete(kube::PodPath("twin")).ok());
  ASSERT_TRUE(cluster_->WaitGone(kube::PodPath("twin"), absl::Minutes(2)).ok());
  const json twin = RunPlain("twin");
  ASSERT_TRUE(twin.is_object());
  const json ended = AwaitEnd("twin-old");
  EXPECT_EQ(MessageOf(ended), "pod has gone");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_EQ(RunningId(twin, "a"), kube::ContainerStatus(twin, "a")["containerID"]);
  EXPECT_EQ(Count("twin", "a", "start"), 2) << "one of each pod: they share the volume";
  // The new one's requests are its own.
  Create("twin-new", twin, {"a"});
  ExpectSuccess("twin-new", {"a"});
  EXPECT_TRUE(AwaitCount("twin", "a", "start", 3));
}

// Scenario 58: kill -9 of the replica that works; the other one, or the same when it is back, asks
// the daemon for what it has.
TEST_F(RecreateKubeTest, TheLeaderIsKilledDuringAStop) {
  json spec = MakePod("orphan", {"a", "b"});
  SetSlow(spec, 4000);
  const json pod = Run(spec);
  const auto leader = system_->Leader();
  ASSERT_TRUE(leader.ok()) << leader.status();
  Create("orphan", pod, {"a", "b"}, Strategy({{"orderedRecreate", true}}));
  ASSERT_TRUE(AwaitCount("orphan", "a", "term", 1));
  const absl::Status killed = system_->KillController(*leader);
  ASSERT_TRUE(killed.ok()) << killed;
  const json ended = ExpectSuccess("orphan", {"a", "b"});
  for (const char* name : {"a", "b"}) {
    ExpectRestarted(pod, name, 1);
    EXPECT_EQ(StateOf(ended, name)["isKilled"], true) << name;
    EXPECT_EQ(SnapshotOf(ended, name)["containerID"], RunningId(pod, name));
  }
  const absl::Status ready = system_->AwaitReady();
  EXPECT_TRUE(ready.ok()) << ready;
}

// A drain of the node, or an update: the leader is told to go, and the key that it holds is given
// back by the next one.
TEST_F(RecreateKubeTest, TheLeadersPodIsDeletedInADrain) {
  const json pod = Run(GatedPod("handed-on"));
  const auto leader = system_->Leader();
  ASSERT_TRUE(leader.ok()) << leader.status();
  Create("handed-on", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 5}}));
  ASSERT_TRUE(AwaitDrain("handed-on"));
  const absl::Time deleted = absl::Now();
  ASSERT_TRUE(cluster_->api().Delete(kube::PodPath(NameOf(*leader), kSystem)).ok());
  const json ended = ExpectSuccess("handed-on", {"a"});
  // The lease was given up, so nobody waited for its end.
  EXPECT_LT(absl::Now() - deleted, absl::Seconds(40));
  const absl::Time since = TimeOf(Condition(ended, "PreRecreateGrace")["lastTransitionTime"]);
  EXPECT_GE(Times("handed-on", "a", "term").at(0), since + absl::Seconds(5));
  ExpectRestarted(pod, "a", 1);
  EXPECT_TRUE(AwaitPod("handed-on", [](const json& now) {
    return Is(now, "Ready", "True") && Condition(now, "KruisePodReady")["message"] == "[]";
  })) << Now("handed-on").dump(1);
  const auto next = system_->Leader();
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_NE(NameOf(*next), NameOf(*leader));
  const absl::Status ready = system_->AwaitReady();
  EXPECT_TRUE(ready.ok()) << ready;
}

// The API server calls those that the service names as ready.
TEST_F(RecreateKubeTest, AReplicaThatDoesNotServeIsNotCalled) {
  json broken = MakePod("broken-replica", {"a"});
  broken["metadata"]["namespace"] = kSystem;
  broken["metadata"]["labels"] = {{"app.kubernetes.io/name", "rekindle-controller"}};
  broken["spec"]["containers"][0]["readinessProbe"] = {{"exec", {{"command", {"false"}}}}};
  const std::string path = kube::PodPath("broken-replica", kSystem);
  ASSERT_TRUE(cluster_->api().Create(kube::PodPath("", kSystem), broken).ok());
  const auto running = cluster_->WaitFor(
      path,
      [](const json& now) {
        return StatusOf(now, "a").value("state", json::object()).contains("running");
      },
      absl::Minutes(2));
  ASSERT_TRUE(running.ok()) << running.status();
  const std::string ip = (*running)["status"]["podIP"];
  ASSERT_TRUE(bed::WaitUntil([&] { return IsListed(cluster_->api(), ip, "notReadyAddresses"); },
                             absl::Minutes(1)));
  EXPECT_FALSE(IsListed(cluster_->api(), ip, "addresses"));
  const json pod = RunPlain("beside-broken");
  Create("beside-broken", pod, {"a"});
  ExpectSuccess("beside-broken", {"a"});
  EXPECT_TRUE(cluster_->api().Delete(path).ok());
  EXPECT_TRUE(cluster_->WaitGone(path, absl::Minutes(2)).ok());
}

// API servers hear of it a moment later.
TEST_F(RecreateKubeTest, AReplicaThatIsToldToGoServesOnForAMoment) {
  const auto leader = system_->Leader();
  ASSERT_TRUE(leader.ok()) << leader.status();
  const std::string ip = (*leader)["status"]["podIP"];
  const auto configuration = cluster_->api().Get(
      "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/rekindle");
  ASSERT_TRUE(configuration.ok()) << configuration.status();
  std::string authority;
  ASSERT_TRUE(absl::Base64Unescape(
      (*configuration)["webhooks"][0]["clientConfig"]["caBundle"].get<std::string>(), &authority));
  const kube::ApiClient webhooks(ip, 9443, authority, {});
  const auto serves = [&] {
    bed::HttpRequest request;
    request.target = "/";
    return webhooks.Call(request, absl::Seconds(5)).ok();
  };
  ASSERT_TRUE(serves());
  const absl::Time deleted = absl::Now();
  ASSERT_TRUE(cluster_->api().Delete(kube::PodPath(NameOf(*leader), kSystem)).ok());
  ASSERT_TRUE(bed::WaitUntil([&] { return !IsListed(cluster_->api(), ip, "addresses"); },
                             absl::Minutes(1)));
  const absl::Time unlisted = absl::Now();
  EXPECT_TRUE(serves()) << unlisted - deleted;
  EXPECT_TRUE(bed::WaitUntil([&] { return !serves(); }, absl::Minutes(1)));
  EXPECT_GE(absl::Now() - deleted, absl::Seconds(5));
  const absl::Status ready = system_->AwaitReady();
  EXPECT_TRUE(ready.ok()) << ready;
}

// Requests are taken while replicas come and go, since one is there all the time.
TEST_F(RecreateKubeTest, RequestsAreAdmittedDuringARollout) {
  const json pod = RunPlain("rollout");
  const auto restart = cluster_->Kubectl(
      {"-n", "rekindle-system", "rollout", "restart", "deployment/rekindle-controller"});
  ASSERT_TRUE(restart.ok()) << restart.status();
  const json request = bare_metal::MakeRequest(kSpace, "rollout", "rollout", {"a"});
  int asked = 0;
  std::vector<std::string> refused;
  const auto done = [&] {
    ++asked;
    const auto made = cluster_->api().Create(RequestPath(kSpace) + "?dryRun=All", request);
    if (!made.ok()) refused.emplace_back(made.status().message());
    const auto deployment = cluster_->api().Get(
        "/apis/apps/v1/namespaces/rekindle-system/deployments/rekindle-controller");
    return deployment.ok() &&
           (*deployment)["status"].value("observedGeneration", 0) ==
               (*deployment)["metadata"].value("generation", 1) &&
           (*deployment)["status"].value("replicas", 0) == 2 &&
           (*deployment)["status"].value("updatedReplicas", 0) == 2 &&
           (*deployment)["status"].value("readyReplicas", 0) == 2;
  };
  EXPECT_TRUE(bed::WaitUntil(done, absl::Minutes(4)));
  const absl::Status ready = system_->AwaitReady();
  EXPECT_TRUE(ready.ok()) << ready;
  EXPECT_GT(asked, 10);
  EXPECT_THAT(refused, testing::IsEmpty());
  Create("rollout", pod, {"a"});
  ExpectSuccess("rollout", {"a"});
  ExpectRestarted(pod, "a", 1);
}

// Scenario 55: the DaemonSet's pod is deleted in the middle of a hook, and its successor goes on.
TEST_F(RecreateKubeTest, TheDaemonsPodIsDeletedInTheMiddleOfAHook) {
  json spec = MakePod("hooked", {"a"});
  spec["spec"]["terminationGracePeriodSeconds"] = 60;
  spec["spec"]["containers"][0]["lifecycle"] = {
      {"preStop",
       {{"exec",
         {{"command", {"/testserver", "crash-after", "20000", "0", "--diary", "/diary/hook"}}}}}}};
  const json pod = Run(spec);
  Create("hooked", pod, {"a"});
  ASSERT_TRUE(AwaitCount("hooked", "hook", "start", 1));
  const auto daemon = system_->daemons().Pod();
  ASSERT_TRUE(daemon.ok()) << daemon.status();
  ASSERT_TRUE(cluster_->api().Delete(kube::PodPath(NameOf(*daemon), kSystem)).ok());
  const json ended = ExpectSuccess("hooked", {"a"});
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  ExpectRestarted(pod, "a", 1);
  EXPECT_EQ(Count("hooked", "hook", "start"), 1) << "a hook is not run twice";
  const auto next = system_->daemons().Pod();
  ASSERT_TRUE(next.ok()) << next.status();
  EXPECT_NE((*next)["metadata"]["uid"], (*daemon)["metadata"]["uid"]);
}

}  // namespace rekindle::deploy
