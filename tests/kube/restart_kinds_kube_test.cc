// Pods of all kinds beside a real kubelet: what a restart must keep, and what the kubelet does
// around a start.
#include <functional>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <gmock/gmock.h>

#include "tests/kube/restart_fixture.h"

namespace rekindle::kube {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class PodKindsTest : public KubeRestartTest {
 protected:
  // What a file of the node holds.
  std::string NodeFile(const std::vector<std::string>& command) {
    const auto out = bed::RunCommand(cluster_->InNode(command), absl::Seconds(20));
    EXPECT_TRUE(out.ok()) << out.status();
    return out.ok() ? std::string(absl::StripAsciiWhitespace(*out)) : "";
  }

  static bool HealthChecked(const json& pod, const std::string& name) {
    for (const json& container : pod["spec"]["containers"]) {
      if (container["name"] != name) continue;
      return container.contains("livenessProbe") || container.contains("startupProbe");
    }
    return false;
  }

  // Restarts all containers once by `replace` and looks at the result.
  json RestartAll(const json& pod) {
    std::vector<std::string> names;
    for (const json& container : pod["spec"]["containers"]) names.push_back(container["name"]);
    watcher_->Watch(pod, {.backoff = kBackoffFlash});
    const auto ended = Restart(Request(pod, names));
    EXPECT_TRUE(ended.ok()) << ended.status();
    if (!ended.ok()) return json();
    for (const std::string& name : names) {
      const node::Operation& operation = ended->at(name);
      EXPECT_EQ(operation.phase(), node::PHASE_DONE) << operation.message();
      EXPECT_EQ(operation.method(), node::METHOD_REPLACE) << operation.method_reason();
      // The kubelet may kill one whose health it checks by mistake (docs/operations.md).
      const int restarts = static_cast<int>(operation.attempt());
      EXPECT_LE(restarts, HealthChecked(pod, name) ? 6 : 1);
      ExpectSettledForGood(pod, restarts, name);
    }
    const auto now = cluster_->Pod(pod["metadata"]["name"]);
    return now.ok() ? *now : json();
  }

  json RunAndRestart(const json& pod) {
    const json running = RunPod(pod);
    return running.is_null() ? json() : RestartAll(running);
  }
};

TEST_F(PodKindsTest, ThreeContainersWithInitContainersAndVolumes) {
  json pod = ServerPod("volumes", {"main", "side", "third"});
  ASSERT_TRUE(cluster_
                  ->Apply(json{{"apiVersion", "v1"},
                               {"kind", "PersistentVolume"},
                               {"metadata", {{"name", "pv-restart"}}},
                               {"spec",
                                {{"capacity", {{"storage", "10Mi"}}},
                                 {"accessModes", {"ReadWriteOnce"}},
                                 {"storageClassName", "by-hand"},
                                 {"hostPath", {{"path", DiaryDir("pv-restart")}}}}}})
                  .ok());
  ASSERT_TRUE(cluster_
                  ->Apply(json{{"apiVersion", "v1"},
                               {"kind", "PersistentVolumeClaim"},
                               {"metadata", {{"name", "pvc-restart"}}},
                               {"spec",
                                {{"accessModes", {"ReadWriteOnce"}},
                                 {"storageClassName", "by-hand"},
                                 {"resources", {{"requests", {{"storage", "10Mi"}}}}}}}})
                  .ok());
  auto& spec = pod["spec"];
  spec["volumes"].push_back({{"name", "scratch"}, {"emptyDir", json::object()}});
  spec["volumes"].push_back(
      {{"name", "claim"}, {"persistentVolumeClaim", {{"claimName", "pvc-restart"}}}});
  spec["initContainers"] = json::array(
      {{{"name", "prepare"},
        {"image", bed::kBusyboxImage},
        {"imagePullPolicy", "Never"},
        {"command",
         {"sh", "-c",
          "echo made > /scratch/made && mkdir -p /scratch/sub && "
          "echo below > /scratch/sub/file"}},
        {"volumeMounts", json::array({{{"name", "scratch"}, {"mountPath", "/scratch"}}})}}});
  auto& mounts = spec["containers"][0]["volumeMounts"];
  mounts.push_back({{"name", "scratch"}, {"mountPath", "/scratch"}});
  mounts.push_back({{"name", "scratch"}, {"mountPath", "/sub"}, {"subPath", "sub"}});
  mounts.push_back({{"name", "claim"}, {"mountPath", "/claim"}});
  const json before = RunPod(pod);
  ASSERT_FALSE(before.is_null());
  Exec(before, {"sh", "-c", "echo kept > /claim/kept"});
  const json after = RestartAll(before);
  ASSERT_FALSE(after.is_null());
  EXPECT_EQ(Exec(after, {"cat", "/scratch/made", "/sub/file", "/claim/kept"}),
            "made\nbelow\nkept\n");
  EXPECT_EQ(after["status"]["initContainerStatuses"][0]["restartCount"], 0);
  for (const char* name : {"main", "side", "third"}) EXPECT_EQ(Count(after, name, "start"), 2);
}

TEST_F(PodKindsTest, TheHostsNetworkAndPorts) {
  json host = ServerPod("hostnet");
  host["spec"]["hostNetwork"] = true;
  host["spec"]["containers"][0]["args"][2] = "28080";
  host["spec"]["containers"][0]["readinessProbe"]["httpGet"]["port"] = 28080;
  EXPECT_FALSE(RunAndRestart(host).is_null());
  json port = ServerPod("hostport");
  port["spec"]["containers"][0]["ports"] =
      json::array({{{"containerPort", 8080}, {"hostPort", 28081}}});
  EXPECT_FALSE(RunAndRestart(port).is_null());
}

TEST_F(PodKindsTest, ProbesOfAllKindsStartAfresh) {
  json pod = ServerPod("probes", {"main", "side"});
  auto& main = pod["spec"]["containers"][0];
  main["livenessProbe"] = {{"tcpSocket", {{"port", 8080}}}, {"periodSeconds", 1}};
  main["startupProbe"] = {{"exec", {{"command", {"true"}}}}, {"periodSeconds", 1}};
  const json after = RunAndRestart(pod);
  ASSERT_FALSE(after.is_null());
  EXPECT_EQ(ContainerStatus(after)["started"], true);
}

TEST_F(PodKindsTest, HooksRunOnceEach) {
  json pod = ServerPod("hooks");
  const auto adds = [](const std::string& text) {
    return json{{"exec", {{"command", {"testserver", "append", "/diary/hooks", text}}}}};
  };
  pod["spec"]["containers"][0]["lifecycle"] = {{"preStop", adds("prestop")},
                                               {"postStart", adds("poststart")}};
  const json before = RunPod(pod);
  ASSERT_FALSE(before.is_null());
  EXPECT_EQ(Count(before, "hooks", "poststart"), 1);
  const json after = RestartAll(before);
  ASSERT_FALSE(after.is_null());
  EXPECT_EQ(Count(after, "hooks", "prestop"), 1);
  EXPECT_EQ(Count(after, "hooks", "poststart"), 2);
}

TEST_F(PodKindsTest, SecurityContextResourcesAndFieldsAreKept) {
  json pod = ServerPod("context");
  auto& main = pod["spec"]["containers"][0];
  pod["spec"]["securityContext"] = {{"fsGroup", 2000}, {"supplementalGroups", {3000}}};
  main["securityContext"] = {{"runAsUser", 0},
                             {"readOnlyRootFilesystem", true},
                             {"allowPrivilegeEscalation", false},
                             {"capabilities", {{"drop", {"NET_RAW"}}}}};
  main["resources"] = {{"limits", {{"memory", "64Mi"}, {"cpu", "500m"}}}};
  main["env"] = json::array(
      {{{"name", "POD"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "metadata.name"}}}}}},
       {{"name", "IP"}, {"valueFrom", {{"fieldRef", {{"fieldPath", "status.podIP"}}}}}}});
  const std::vector<std::string> facts = {
      "sh", "-c",
      "id; grep -E 'Cap|NoNewPrivs' /proc/1/status; echo $POD $IP; "
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/cpu/cpu.cfs_quota_us "
      "/sys/fs/cgroup/memory.max /sys/fs/cgroup/cpu.max 2>/dev/null; true"};
  const json before = RunPod(pod);
  ASSERT_FALSE(before.is_null());
  const std::string old_facts = Exec(before, facts);
  EXPECT_THAT(old_facts, HasSubstr("67108864"));
  const json after = RestartAll(before);
  ASSERT_FALSE(after.is_null());
  EXPECT_EQ(Exec(after, facts), old_facts);
}

TEST_F(PodKindsTest, ASharedProcessNamespace) {
  json pod = ServerPod("shared", {"main", "side"});
  pod["spec"]["shareProcessNamespace"] = true;
  EXPECT_FALSE(RunAndRestart(pod).is_null());
}

TEST_F(PodKindsTest, TerminationMessagesLogsAndTheirLinks) {
  for (const char* policy : {"File", "FallbackToLogsOnError"}) {
    SCOPED_TRACE(policy);
    json pod = ServerPod("message");
    pod["spec"]["containers"][0]["terminationMessagePolicy"] = policy;
    const json before = RunPod(pod);
    ASSERT_FALSE(before.is_null());
    Exec(before, {"sh", "-c", "echo goodbye > /dev/termination-log"});
    const json after = RestartAll(before);
    ASSERT_FALSE(after.is_null());
    const json status = ContainerStatus(after);
    EXPECT_EQ(status["lastState"]["terminated"]["message"], "goodbye\n");
    // The new one has a file of its own, which programs of any user can write.
    EXPECT_EQ(
        Exec(after, {"sh", "-c", "cat /dev/termination-log; stat -c %a /dev/termination-log"}),
        "666\n");
    const std::string id =
        std::string(absl::StripPrefix(status["containerID"].get<std::string>(), "containerd://"));
    const std::string name = after["metadata"]["name"];
    const std::string link =
        absl::StrCat("/var/log/containers/", name, "_default_main-", id, ".log");
    EXPECT_EQ(NodeFile({"readlink", link}),
              absl::StrCat("/var/log/pods/default_", name, "_",
                           after["metadata"]["uid"].get<std::string>(), "/main/1.log"));
    EXPECT_TRUE(cluster_->Kubectl({"logs", name}).ok());
    EXPECT_TRUE(cluster_->Kubectl({"logs", "--previous", name}).ok());
  }
}

TEST_F(PodKindsTest, EnvFromObjectsIsLeftToTheKubelet) {
  ASSERT_TRUE(cluster_
                  ->Apply(json{{"apiVersion", "v1"},
                               {"kind", "ConfigMap"},
                               {"metadata", {{"name", "settings"}}},
                               {"data", {{"COLOUR", "red"}}}})
                  .ok());
  json pod = ServerPod("configmap");
  pod["spec"]["containers"][0]["envFrom"] =
      json::array({{{"configMapRef", {{"name", "settings"}}}}});
  const json before = RunPod(pod);
  ASSERT_FALSE(before.is_null());
  ASSERT_TRUE(
      cluster_->api()
          .Patch("/api/v1/namespaces/default/configmaps/settings", {{"data", {{"COLOUR", "blue"}}}})
          .ok());
  const auto ended = Restart(Request(before));
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("main").phase(), node::PHASE_DONE) << ended->at("main").message();
  EXPECT_EQ(ended->at("main").method(), node::METHOD_DELEGATE);
  EXPECT_THAT(ended->at("main").method_reason(), HasSubstr("ConfigMaps"));
  ExpectSettled(before, 1);
  EXPECT_EQ(Exec(before, {"sh", "-c", "echo $COLOUR"}), "blue\n");
}

TEST_F(PodKindsTest, WhatAStopWouldEndIsRefusedWithTheReason) {
  for (const char* policy : {"Never", "OnFailure"}) {
    json pod = ServerPod("policy");
    pod["spec"]["restartPolicy"] = policy;
    const json running = RunPod(pod);
    ASSERT_FALSE(running.is_null());
    watcher_->Watch(running);
    for (const node::Method method : {node::METHOD_AUTO, node::METHOD_HOT, node::METHOD_DELEGATE}) {
      const auto refused = Restart(Request(running, {"main"}, method));
      EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
      EXPECT_THAT(std::string(refused.status().message()), HasSubstr(policy));
    }
    ExpectSettled(running, 0);
  }
}

TEST_F(PodKindsTest, APodThatIsBeingDeletedEndsTheRestart) {
  json pod = ServerPod("deleted");
  pod["spec"]["containers"][0]["args"] = {"serve", "--diary", "/diary/main", "--drain-ms", "4000"};
  pod["spec"]["terminationGracePeriodSeconds"] = 10;
  const json running = RunPod(pod);
  ASSERT_FALSE(running.is_null());
  const node::RestartContainersRequest request = Request(running);
  ASSERT_TRUE(Submit(request).ok());
  ASSERT_TRUE(cluster_->api().Delete(PodPath(running["metadata"]["name"])).ok());
  EXPECT_TRUE(cluster_->WaitGone(PodPath(running["metadata"]["name"])).ok());
  const auto ended = WaitEnd(request.request_id() + "/main");
  ASSERT_TRUE(ended.ok()) << ended.status();
  const auto left = cluster_->Running(running["metadata"]["uid"]);
  ASSERT_TRUE(left.ok());
  EXPECT_TRUE(left->empty());
  // Nor does it come back.
  AfterAll([uid = running["metadata"]["uid"].get<std::string>()] {
    const auto later = cluster_->Containers(uid);
    ASSERT_TRUE(later.ok()) << later.status();
    EXPECT_TRUE(later->empty());
  });
}

TEST_F(PodKindsTest, AStaticPodIsLeftAloneUnlessAllowed) {
  json pod = ServerPod("static");
  const std::string name = pod["metadata"]["name"];
  ASSERT_TRUE(bed::WriteFile(cluster_->static_pods() + "/" + name + ".json", pod.dump()).ok());
  const std::string mirror = name + "-" + cluster_->node_name();
  const auto ready = cluster_->WaitReady(mirror, absl::Seconds(120));
  ASSERT_TRUE(ready.ok()) << ready.status();
  node::RestartContainersRequest request = Request(*ready);
  request.mutable_pod()->set_uid(
      (*ready)["metadata"]["annotations"]["kubernetes.io/config.mirror"].get<std::string>());
  EXPECT_THAT(std::string(Restart(request).status().message()), HasSubstr("static pod"));
  request.mutable_kubernetes_pod()->set_allow_static_pod(true);
  const auto ended = Restart(request);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_EQ(ended->at("main").phase(), node::PHASE_DONE) << ended->at("main").message();
  EXPECT_EQ(ended->at("main").method(), node::METHOD_REPLACE);
  const auto counted = cluster_->WaitPod(
      mirror, [](const json& seen) { return ContainerStatus(seen).value("restartCount", -1) == 1; },
      absl::Seconds(30));
  EXPECT_TRUE(counted.ok()) << counted.status();
  AfterAll([name, mirror, uid = request.pod().uid()] {
    const auto running = cluster_->Running(uid, "main");
    ASSERT_TRUE(running.ok()) << running.status();
    EXPECT_EQ(running->size(), 1u);
    std::remove((cluster_->static_pods() + "/" + name + ".json").c_str());
    EXPECT_TRUE(cluster_->WaitGone(PodPath(mirror), absl::Seconds(90)).ok());
  });
}

}  // namespace
}  // namespace rekindle::kube
