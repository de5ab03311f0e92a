// rekindled as a DaemonSet pod on a real Kubernetes: deploy/kubernetes and the image of
// deploy/image.
#include "tests/deploy/daemon_set.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/deploy/kube_pods.h"
#include "tests/kube/shared_cluster.h"

namespace rekindle::deploy {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

// What takes a second or two may take much longer beside other work.
constexpr absl::Duration kSeen = absl::Minutes(3);

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(fd, raw, size), 0);
  EXPECT_EQ(getsockname(fd, raw, &size), 0);
  close(fd);
  return ntohs(address.sin_port);
}

class DaemonSetTest : public kube::SharedClusterTest {
 protected:
  static void SetUpTestSuite() {
    kube::SharedClusterTest::SetUpTestSuite();
    if (cluster_ == nullptr) return;
    auto set = DaemonSet::Install(cluster_, {.image = RK_NODE_IMAGE,
                                             .manifests = RK_SOURCE_DIR "/deploy/kubernetes",
                                             .rekindle = REKINDLE_PROGRAM});
    ASSERT_TRUE(set.ok()) << set.status();
    set_ = set->release();
  }
  static void TearDownTestSuite() {
    delete std::exchange(set_, nullptr);
    kube::SharedClusterTest::TearDownTestSuite();
  }
  void SetUp() override {
    kube::SharedClusterTest::SetUp();
    ASSERT_NE(set_, nullptr);
  }

  // A pod that runs and is ready; the test's name keeps it apart from others.
  json Start(const json& pod) {
    const absl::Status applied = cluster_->Apply(pod);
    EXPECT_TRUE(applied.ok()) << applied;
    auto ready = cluster_->WaitReady(pod["metadata"]["name"], kSeen);
    EXPECT_TRUE(ready.ok()) << ready.status();
    return ready.value_or(json());
  }
  json Now(const json& pod) { return cluster_->Pod(pod["metadata"]["name"]).value_or(json()); }
  // The kubelet has seen the restart: count and readiness.
  json AwaitCount(const json& pod, int count) {
    auto seen = cluster_->WaitPod(
        pod["metadata"]["name"],
        [&](const json& now) {
          return kube::ContainerStatus(now).value("restartCount", -1) == count &&
                 kube::HasCondition(now, "Ready");
        },
        kSeen);
    EXPECT_TRUE(seen.ok()) << seen.status();
    return seen.value_or(json());
  }
  static void ExpectKept(const json& before, const json& after) {
    EXPECT_EQ(before["metadata"]["uid"], after["metadata"]["uid"]);
    EXPECT_EQ(before["status"]["podIP"], after["status"]["podIP"]);
    EXPECT_NE(kube::ContainerStatus(before)["containerID"],
              kube::ContainerStatus(after)["containerID"]);
  }
  void ExpectOneRunning(const json& pod) {
    const auto running = cluster_->Running(pod["metadata"]["uid"], "main");
    ASSERT_TRUE(running.ok()) << running.status();
    EXPECT_EQ(running->size(), 1U);
  }

  static inline DaemonSet* set_ = nullptr;
};

TEST_F(DaemonSetTest, IsHealthyAndKnowsItsNode) {
  const auto live = set_->Exec({"/usr/bin/rekindled", "--health-check=liveness"});
  EXPECT_TRUE(live.ok()) << live.status();
  const auto ready = set_->Exec({"/usr/bin/rekindled", "--health-check=readiness"});
  EXPECT_TRUE(ready.ok()) << ready.status();
  const auto info = set_->Cli({"info"});
  ASSERT_TRUE(info.ok()) << info.status() << set_->Log();
  EXPECT_THAT(*info, AllOf(HasSubstr(cluster_->node_name()), HasSubstr("Runtime ready:   yes"),
                           HasSubstr("Accepting work:  yes")));
  const json pod = *set_->Pod();
  EXPECT_EQ(pod["status"]["qosClass"], "Burstable");
  EXPECT_EQ(pod["status"]["podIP"], pod["status"]["hostIP"]);
  EXPECT_EQ(kube::ContainerStatus(pod, "rekindled")["restartCount"], 0);
}

TEST_F(DaemonSetTest, OnlyCertificatesOfItsAuthorityAreLetIn) {
  EXPECT_THAT(set_->CliAs("viewer", {"ps"}).value_or(""), HasSubstr("NAMESPACE"));
  const auto viewer = set_->CliAs("viewer", {"cancel", "none/none"});
  EXPECT_THAT(std::string(viewer.status().message()), HasSubstr("may read only"));
  EXPECT_FALSE(set_->CliAs("", {"info"}).ok());
  EXPECT_THAT(set_->LocalCli({"info"}).value_or(""), HasSubstr(cluster_->node_name()));
}

TEST_F(DaemonSetTest, PodHoldsNoTokenAndFewRights) {
  const json pod = *set_->Pod();
  for (const json& volume : pod["spec"]["volumes"]) {
    EXPECT_FALSE(volume.contains("projected")) << volume;
    if (volume.contains("secret")) {
      EXPECT_EQ(volume["secret"]["secretName"], "rekindled-tls");
    }
  }
  const auto can = cluster_->Kubectl(
      {"auth", "can-i", "--list", "--as=system:serviceaccount:rekindle-system:rekindled"});
  ASSERT_TRUE(can.ok()) << can.status();
  EXPECT_THAT(*can, AllOf(Not(HasSubstr("pods")), Not(HasSubstr("secrets"))));
}

TEST_F(DaemonSetTest, RestartOverMutualTls) {
  json pod = ServerPod("tls", {});
  const json before = Start(pod);
  const auto restarted = set_->Cli({"restart", "default/tls", "-c", "main"});
  ASSERT_TRUE(restarted.ok()) << restarted.status() << set_->Log();
  EXPECT_THAT(*restarted, HasSubstr("restarted in"));
  ExpectKept(before, AwaitCount(pod, 1));
  ExpectOneRunning(before);
}

// A hook over HTTP needs the pod's network namespace: mount and capability of the manifest are
// enough, and without the capability it fails.
TEST_F(DaemonSetTest, HooksReachPodsInTheirNetworks) {
  const json hook = {{"preStop", {{"httpGet", {{"port", "http"}, {"path", "/id"}}}}}};
  json pod = ServerPod("hook", {{"lifecycle", hook}});
  Start(pod);
  const auto restarted = set_->Cli({"restart", "default/hook", "-c", "main", "-o", "json"});
  ASSERT_TRUE(restarted.ok()) << restarted.status();
  EXPECT_EQ(json::parse(*restarted)["operations"][0]["preStopResult"], "ok");
  AwaitCount(pod, 1);

  // A pod in the node's network: its loopback is the node's, and so are its ports, which others on
  // this machine use too.
  const int port = FreePort();
  json on_node = ServerPod(
      "hook-node", {{"args", {"serve", "--port", absl::StrCat(port)}},
                    {"ports", json::array({{{"containerPort", port}, {"name", "http"}}})},
                    {"readinessProbe", {{"httpGet", {{"port", port}, {"path", "/healthz"}}}}},
                    {"lifecycle", hook}});
  on_node["spec"]["hostNetwork"] = true;
  Start(on_node);
  const auto node = set_->Cli({"restart", "default/hook-node", "-c", "main", "-o", "json"});
  ASSERT_TRUE(node.ok()) << node.status();
  EXPECT_EQ(json::parse(*node)["operations"][0]["preStopResult"], "ok");

  ASSERT_TRUE(
      set_->Change({{"securityContext", {{"capabilities", {{"add", json::array()}}}}}}).ok());
  const auto weak = set_->Cli({"restart", "default/hook", "-c", "main", "-o", "json"});
  EXPECT_THAT(weak.value_or(std::string(weak.status().message())),
              HasSubstr("Operation not permitted"));
  ASSERT_TRUE(set_->Change(json::object()).ok());
}

TEST_F(DaemonSetTest, TerminationMessageAndLogLinkAreFresh) {
  json pod = ServerPod("files", {});
  const json before = Start(pod);
  ASSERT_TRUE(set_->Cli({"restart", "default/files", "-c", "main"}).ok());
  const json after = AwaitCount(pod, 1);
  std::string id = kube::ContainerStatus(after)["containerID"];
  id = id.substr(id.find("://") + 3);
  const std::string link = absl::StrCat("/var/log/containers/files_default_main-", id, ".log");
  const auto target = bed::RunCommand(cluster_->InNode({"readlink", link}), absl::Seconds(20));
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_THAT(*target, HasSubstr("/main/1.log"));
  EXPECT_TRUE(cluster_->Kubectl({"logs", "files"}).ok());
  EXPECT_TRUE(cluster_->Kubectl({"logs", "--previous", "files"}).ok());
}

// The journal is on the node: a daemon that is replaced while a container takes long to end leaves
// the rest to its successor, and no pod notices.
TEST_F(DaemonSetTest, RollingRestartInTheMiddleOfALongGrace) {
  const json bystander = Start(ServerPod("bystander", {}));
  json pod = ServerPod("slow", {{"args", {"serve", "--port", "8080", "--drain-ms", "15000"}}});
  pod["spec"]["terminationGracePeriodSeconds"] = 60;
  const json before = Start(pod);
  const auto accepted =
      set_->Cli({"restart", "default/slow", "-c", "main", "--request-id", "rolling", "--no-wait"});
  ASSERT_TRUE(accepted.ok()) << accepted.status();
  ASSERT_TRUE(bed::WaitUntil(
      [&] {
        return absl::StrContains(set_->Cli({"ops", "rolling/main", "-o", "json"}).value_or(""),
                                 "PHASE_STOPPING");
      },
      absl::Seconds(30)));
  const json old_daemon = *set_->Pod();
  const absl::Status rolled = set_->RolloutRestart();
  ASSERT_TRUE(rolled.ok()) << rolled;
  EXPECT_NE((*set_->Pod())["metadata"]["uid"], old_daemon["metadata"]["uid"]);
  // The new daemon knows of it and ends it.
  std::string last;
  EXPECT_TRUE(bed::WaitUntil(
      [&] {
        last = set_->Cli({"ops", "rolling/main", "-o", "json"}).value_or("");
        return absl::StrContains(last, "\"phase\": \"PHASE_DONE\"");
      },
      absl::Minutes(2)))
      << last << set_->Log();
  ExpectKept(before, AwaitCount(pod, 1));
  ExpectOneRunning(before);
  EXPECT_EQ(Now(bystander)["status"]["containerStatuses"][0]["containerID"],
            bystander["status"]["containerStatuses"][0]["containerID"]);
}

// New certificates in the Secret are used without a restart; those of before are refused.
TEST_F(DaemonSetTest, CertificatesAreRenewedInPlace) {
  const json before = *set_->Pod();
  ASSERT_TRUE(set_->Cli({"info"}).ok());
  const absl::Status renewed = set_->RenewCertificates();
  ASSERT_TRUE(renewed.ok()) << renewed;
  absl::Status last;
  EXPECT_TRUE(bed::WaitUntil(
      [&] {
        last = set_->Cli({"info", "--timeout", "3s"}).status();
        return last.ok();
      },
      kSeen))
      << last << set_->Log();
  EXPECT_FALSE(set_->CliAs("former", {"info", "--timeout", "3s"}).ok());
  const json after = *set_->Pod();
  EXPECT_EQ(kube::ContainerStatus(after, "rekindled")["containerID"],
            kube::ContainerStatus(before, "rekindled")["containerID"]);
}

TEST_F(DaemonSetTest, RemovalAndReturnTouchNothing) {
  const json bystander = Start(ServerPod("stays", {}));
  ASSERT_TRUE(set_->Remove().ok());
  EXPECT_FALSE(set_->Cli({"info", "--timeout", "3s"}).ok());
  ASSERT_TRUE(set_->Change(json::object()).ok());
  // What was done before is still known.
  const auto ops = set_->Cli({"ops"});
  EXPECT_TRUE(ops.ok()) << ops.status();
  EXPECT_EQ(Now(bystander)["status"]["containerStatuses"][0]["containerID"],
            bystander["status"]["containerStatuses"][0]["containerID"]);
  EXPECT_EQ(Now(bystander)["status"]["containerStatuses"][0]["restartCount"], 0);
}

}  // namespace
}  // namespace rekindle::deploy
