#include "tests/kube/cluster.h"

#include <signal.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/kube/shared_cluster.h"

namespace rekindle::kube {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

class ClusterTest : public SharedClusterTest {};

// A pod of the test server, with what all tests of it want.
json ServerPod(const std::string& name) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", name}, {"labels", {{"app", name}}}}},
          {"spec",
           {{"terminationGracePeriodSeconds", 1},
            {"containers", json::array({{{"name", "main"},
                                         {"image", bed::kServerImage},
                                         {"imagePullPolicy", "Never"},
                                         {"readinessProbe",
                                          {{"httpGet", {{"path", "/healthz"}, {"port", 8080}}},
                                           {"periodSeconds", 1}}}}})}}}};
}

TEST_F(ClusterTest, RunsAPodThatIsReachableAndReadsItsLogAndExecs) {
  ASSERT_TRUE(cluster_->Apply(ServerPod("web")).ok());
  absl::StatusOr<json> pod = cluster_->WaitReady("web");
  ASSERT_TRUE(pod.ok()) << pod.status();
  const std::string ip = (*pod)["status"]["podIP"];
  EXPECT_TRUE(absl::StartsWith(ip, cluster_->bed().network().gateway.substr(0, 5))) << ip;
  EXPECT_TRUE(bed::HttpGet(ip, 8080, "/healthz").ok());

  absl::StatusOr<std::string> out =
      cluster_->Kubectl({"exec", "web", "--", "sh", "-c", "echo $VERSION from $HOSTNAME"});
  ASSERT_TRUE(out.ok()) << out.status();
  EXPECT_EQ(*out, "1 from web\n");
  out = cluster_->Kubectl({"exec", "web", "--", "sh", "-c", "exit 7"});
  EXPECT_THAT(std::string(out.status().message()), HasSubstr("exit code 7"));

  // The log is where production has it, in the node's mounts alone.
  const std::string uid = (*pod)["metadata"]["uid"];
  const std::string log = absl::StrCat("/var/log/pods/default_web_", uid, "/main/0.log");
  EXPECT_TRUE(bed::RunCommand(cluster_->InNode({"test", "-s", log}), absl::Seconds(10)).ok() ||
              bed::RunCommand(cluster_->InNode({"test", "-e", log}), absl::Seconds(10)).ok());
  EXPECT_FALSE(std::filesystem::exists(log));

  absl::StatusOr<std::vector<bed::v1::Container>> running = cluster_->Running(uid, "main");
  ASSERT_TRUE(running.ok()) << running.status();
  EXPECT_EQ(running->size(), 1);
  EXPECT_TRUE(cluster_->Kubectl({"delete", "pod", "web"}).ok());
  EXPECT_TRUE(cluster_->WaitGone(PodPath("web")).ok());
}

TEST_F(ClusterTest, KubectlLogsShowsWhatThePodPrinted) {
  json pod = ServerPod("talks");
  pod["spec"]["containers"][0].erase("readinessProbe");
  pod["spec"]["containers"][0]["args"] = {"log", "3", "20"};
  ASSERT_TRUE(cluster_->Apply(pod).ok());
  ASSERT_TRUE(cluster_->WaitReady("talks").ok());
  absl::StatusOr<std::string> log;
  EXPECT_TRUE(bed::WaitUntil(
      [&] {
        log = cluster_->Kubectl({"logs", "talks"});
        return log.ok() && !log->empty();
      },
      absl::Seconds(20)))
      << log.status();
  EXPECT_EQ(std::count(log->begin(), log->end(), '\n'), 6) << *log;
}

TEST_F(ClusterTest, PodsReachTheApiWithTheirServiceAccountAndRbacHoldsThem) {
  absl::StatusOr<std::string> token = cluster_->AccountToken("default", "default");
  ASSERT_TRUE(token.ok()) << token.status();
  ApiClient account = cluster_->Client({"", "", *token});
  EXPECT_EQ(account.Get(PodPath("")).status().code(), absl::StatusCode::kPermissionDenied);
  ASSERT_TRUE(cluster_
                  ->Kubectl({"create", "rolebinding", "reader", "--clusterrole=view",
                             "--serviceaccount=default:default"})
                  .ok());
  absl::StatusOr<json> list;
  EXPECT_TRUE(bed::WaitUntil(
      [&] {
        list = account.Get(PodPath(""));
        return list.ok();
      },
      absl::Seconds(20)))
      << list.status();
  EXPECT_EQ(account.Create(PodPath(""), ServerPod("no")).status().code(),
            absl::StatusCode::kPermissionDenied);

  // The address that pods are told is the API server's own.
  ASSERT_TRUE(cluster_->Apply(ServerPod("client")).ok());
  ASSERT_TRUE(cluster_->WaitReady("client").ok());
  const std::string tell =
      "echo $KUBERNETES_SERVICE_HOST $KUBERNETES_SERVICE_PORT; "
      "cat /var/run/secrets/kubernetes.io/serviceaccount/token";
  absl::StatusOr<std::string> told = cluster_->Kubectl({"exec", "client", "--", "sh", "-c", tell});
  ASSERT_TRUE(told.ok()) << told.status();
  EXPECT_EQ(*told, absl::StrCat(cluster_->bed().network().first_service, " 443\n", *token));
  EXPECT_TRUE(cluster_
                  ->Kubectl({"exec", "client", "--", "sh", "-c",
                             "nc -w 5 $KUBERNETES_SERVICE_HOST 443 </dev/null"})
                  .ok());
}

TEST_F(ClusterTest, UsersGetWhatTheirGroupsAllowAndNodesOnlyTheirOwn) {
  absl::StatusOr<std::string> nobody = cluster_->KubeconfigFor("eve");
  ASSERT_TRUE(nobody.ok()) << nobody.status();
  absl::StatusOr<std::string> out = cluster_->KubectlAs(*nobody, {"get", "pods"});
  EXPECT_THAT(std::string(out.status().message()), HasSubstr("Forbidden"));
  absl::StatusOr<std::string> master = cluster_->KubeconfigFor("adam", "system:masters,others");
  ASSERT_TRUE(master.ok()) << master.status();
  EXPECT_TRUE(cluster_->KubectlAs(*master, {"get", "pods"}).ok());

  ApiClient node = cluster_->Client(cluster_->NewIdentity("system:node:other", "system:nodes"));
  absl::StatusOr<json> patched = node.Patch("/api/v1/nodes/" + cluster_->node_name(),
                                            {{"metadata", {{"labels", {{"mine", "yes"}}}}}});
  EXPECT_EQ(patched.status().code(), absl::StatusCode::kPermissionDenied) << patched.status();
  EXPECT_EQ(cluster_->Client({}).Get(PodPath("")).status().code(),
            absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(cluster_->Client({"", "", "made-up"}).Get(PodPath("")).status().code(),
            absl::StatusCode::kUnauthenticated);
}

constexpr char kCrd[] = R"(
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: sparks.bed.example}
spec:
  group: bed.example
  scope: Namespaced
  names: {plural: sparks, singular: spark, kind: Spark}
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            properties:
              colour: {type: string}
              sizes: {type: object, additionalProperties: {type: integer}}
)";

TEST_F(ClusterTest, DecodesCustomResources) {
  const pid_t api_server = cluster_->Pid(Component::kApiServer);
  ASSERT_TRUE(cluster_->Apply(kCrd).ok());
  ASSERT_TRUE(cluster_
                  ->WaitFor("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
                            "sparks.bed.example",
                            [](const json& crd) { return HasCondition(crd, "Established"); })
                  .ok());
  const std::string path = "/apis/bed.example/v1/namespaces/default/sparks";
  absl::StatusOr<json> made;
  EXPECT_TRUE(bed::WaitUntil(
      [&] {
        made = cluster_->api().Create(path, {{"apiVersion", "bed.example/v1"},
                                             {"kind", "Spark"},
                                             {"metadata", {{"name", "one"}}},
                                             {"spec", {{"colour", "red"}, {"sizes", {{"a", 1}}}}}});
        return made.ok();
      },
      absl::Seconds(20)))
      << made.status();
  ASSERT_TRUE(cluster_
                  ->Apply("apiVersion: bed.example/v1\nkind: Spark\nmetadata: {name: two}\n"
                          "spec: {colour: blue, sizes: {b: 2}}\n")
                  .ok());
  absl::StatusOr<json> list = cluster_->api().Get(path);
  ASSERT_TRUE(list.ok()) << list.status();
  ASSERT_EQ((*list)["items"].size(), 2);
  EXPECT_EQ((*list)["items"][1]["spec"]["sizes"]["b"], 2);
  // A client that decodes them strongly typed is what crashed an unfixed API server.
  EXPECT_TRUE(cluster_
                  ->Kubectl({"patch", "spark", "one", "--type=merge", "-p",
                             R"({"spec":{"colour":"green"}})"})
                  .ok());
  absl::StatusOr<json> refused = cluster_->api().Patch(path + "/one", {{"spec", {{"colour", 3}}}});
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument) << refused.status();
  EXPECT_EQ(cluster_->Pid(Component::kApiServer), api_server);
}

TEST_F(ClusterTest, DeploymentsBringPodsAndTheSchedulerPlacesThem) {
  json pod = ServerPod("shop");
  json deployment = {
      {"apiVersion", "apps/v1"},
      {"kind", "Deployment"},
      {"metadata", {{"name", "shop"}}},
      {"spec",
       {{"replicas", 3},
        {"selector", {{"matchLabels", {{"app", "shop"}}}}},
        {"template", {{"metadata", {{"labels", {{"app", "shop"}}}}}, {"spec", pod["spec"]}}}}}};
  ASSERT_TRUE(cluster_->Apply(deployment).ok());
  absl::StatusOr<json> ready = cluster_->WaitFor(
      "/apis/apps/v1/namespaces/default/deployments/shop", [](const json& object) {
        return object.value("/status/readyReplicas"_json_pointer, 0) == 3;
      });
  ASSERT_TRUE(ready.ok()) << ready.status();
  EXPECT_EQ(cluster_->Pods("default", "app=shop")->size(), 3);
  EXPECT_TRUE(cluster_->Kubectl({"delete", "deployment", "shop"}).ok());
}

TEST_F(ClusterTest, EveryKindOfVolumeIsMounted) {
  json pod = ServerPod("volumes");
  const std::string host = cluster_->bed().Volume("claimed");
  ASSERT_TRUE(bed::WriteFile(host + "/note", "kept").ok());
  const std::string yaml = absl::StrCat(R"(
apiVersion: v1
kind: PersistentVolume
metadata: {name: disk}
spec:
  capacity: {storage: 1Gi}
  accessModes: [ReadWriteOnce]
  storageClassName: by-hand
  hostPath: {path: )",
                                        host, R"(}
---
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: claim}
spec:
  accessModes: [ReadWriteOnce]
  storageClassName: by-hand
  resources: {requests: {storage: 1Gi}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: green}
)");
  ASSERT_TRUE(cluster_->Apply(yaml).ok());
  pod["spec"]["volumes"] = {
      {{"name", "claim"}, {"persistentVolumeClaim", {{"claimName", "claim"}}}},
      {{"name", "scratch"}, {"emptyDir", json::object()}},
      {{"name", "memory"}, {"emptyDir", {{"medium", "Memory"}}}},
      {{"name", "settings"}, {"configMap", {{"name", "settings"}}}}};
  pod["spec"]["containers"][0]["volumeMounts"] = {
      {{"name", "claim"}, {"mountPath", "/claim"}},
      {{"name", "scratch"}, {"mountPath", "/scratch"}, {"subPath", "below"}},
      {{"name", "memory"}, {"mountPath", "/memory"}},
      {{"name", "settings"}, {"mountPath", "/settings"}}};
  ASSERT_TRUE(cluster_->Apply(pod).ok());
  absl::StatusOr<json> ready = cluster_->WaitReady("volumes");
  ASSERT_TRUE(ready.ok()) << ready.status();
  const std::string look =
      "cat /claim/note /settings/colour; echo x >/scratch/f && echo y >/memory/f && "
      "grep -c ' /memory tmpfs ' /proc/mounts";
  absl::StatusOr<std::string> seen = cluster_->Kubectl({"exec", "volumes", "--", "sh", "-c", look});
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(*seen, "keptgreen1\n");
}

TEST_F(ClusterTest, StaticPodsRun) {
  json pod = ServerPod("fixed");
  ASSERT_TRUE(bed::WriteFile(cluster_->static_pods() + "/fixed.json", pod.dump()).ok());
  const std::string mirror = "fixed-" + cluster_->node_name();
  absl::StatusOr<json> ready = cluster_->WaitReady(mirror);
  ASSERT_TRUE(ready.ok()) << ready.status();
  EXPECT_EQ((*ready)["metadata"]["annotations"]["kubernetes.io/config.source"], "file");
  std::filesystem::remove(cluster_->static_pods() + "/fixed.json");
  EXPECT_TRUE(cluster_->WaitGone(PodPath(mirror)).ok());
}

TEST_F(ClusterTest, LimitsAreInTheBedsCgroup) {
  json pod = ServerPod("limited");
  pod["spec"]["containers"][0]["resources"] = {{"limits", {{"memory", "64Mi"}, {"cpu", "100m"}}}};
  ASSERT_TRUE(cluster_->Apply(pod).ok());
  absl::StatusOr<json> ready = cluster_->WaitReady("limited");
  ASSERT_TRUE(ready.ok()) << ready.status();
  absl::StatusOr<std::vector<bed::v1::Container>> running =
      cluster_->Running((*ready)["metadata"]["uid"]);
  ASSERT_TRUE(running.ok()) << running.status();
  ASSERT_EQ(running->size(), 1);
  absl::StatusOr<bed::v1::ContainerStatusResponse> status =
      cluster_->bed().cri().VerboseStatus(running->front().id());
  ASSERT_TRUE(status.ok()) << status.status();
  json info = json::parse(status->info().at("info"));
  const std::string pid = absl::StrCat(info["pid"].get<int>());
  EXPECT_THAT(bed::ReadFile("/proc/" + pid + "/cgroup"),
              HasSubstr(cluster_->layout().cgroup + "/"));
  EXPECT_EQ(info["runtimeSpec"]["linux"]["resources"]["memory"]["limit"], 64 << 20);
}

TEST_F(ClusterTest, PodsRunOnWhateverIsRestarted) {
  ASSERT_TRUE(cluster_->Apply(ServerPod("steady")).ok());
  absl::StatusOr<json> before = cluster_->WaitReady("steady");
  ASSERT_TRUE(before.ok()) << before.status();
  const std::string ip = (*before)["status"]["podIP"];
  const std::string instance = bed::HttpGet(ip, 8080, "/id").value_or("");
  ASSERT_NE(instance, "");
  for (Component component : {Component::kKubelet, Component::kContainerd, Component::kApiServer,
                              Component::kControllerManager, Component::kScheduler}) {
    for (int signal : {SIGTERM, SIGKILL}) {
      // That takes a minute, in which the API server waits for its clients.
      if (component == Component::kApiServer && signal == SIGTERM) continue;
      SCOPED_TRACE(absl::StrCat(Name(component), " signal ", signal));
      const pid_t pid = cluster_->Pid(component);
      absl::Status restarted = cluster_->Restart(component, signal);
      ASSERT_TRUE(restarted.ok()) << restarted;
      EXPECT_NE(cluster_->Pid(component), pid);
      EXPECT_EQ(bed::HttpGet(ip, 8080, "/id").value_or(""), instance);
    }
  }
  // All of them work together again: a new pod passes through each.
  ASSERT_TRUE(cluster_->Apply(ServerPod("later")).ok());
  absl::StatusOr<json> later = cluster_->WaitReady("later");
  EXPECT_TRUE(later.ok()) << later.status();
  absl::StatusOr<json> after = cluster_->WaitReady("steady");
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_EQ(ContainerStatus(*after)["restartCount"], 0);
  EXPECT_EQ(ContainerStatus(*after)["containerID"], ContainerStatus(*before)["containerID"]);
  EXPECT_EQ((*after)["status"]["podIP"], ip);
}

}  // namespace
}  // namespace rekindle::kube
