// A real containerd, a real daemon and a real embedded API server: a pod that a client of the
// runtime has made is a pod of the API.
#include "controller/nodes/grpc_feed.h"
#include "controller/nodes/registry_server.h"
#include "tests/controller/nodes/embedded_mirror.h"
#include "tests/daemon/app/daemon_fixture.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::nodes {
namespace {

// The status of the pod's only container; an empty object while there is none.
Json ContainerOf(const Json& pod) {
  const Json* statuses = json::Find(pod, {"status", "containerStatuses"});
  return statuses == nullptr || statuses->empty() ? Json::object() : (*statuses)[0];
}

class NodesBedTest : public DaemonTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(bed::SharedBedTest::SetUp());
    StartDaemon({"--node-name", "bed-node"});
    queue_ = std::make_unique<net::RpcQueue>("test-rpc");
    all_ = std::make_unique<EmbeddedMirror>();
    all_->Start([this](Loop& loop) { return GrpcFeeds(loop, *queue_, nullptr); },
                "unix:" + daemon_->socket());
  }
  void TearDown() override {
    all_.reset();
    queue_.reset();
    DaemonTest::TearDown();
  }

  std::unique_ptr<net::RpcQueue> queue_;
  std::unique_ptr<EmbeddedMirror> all_;
};

TEST_F(NodesBedTest, PodsOfTheRuntimeAreInTheApi) {
  const absl::Time began = absl::Now();
  bed::Pod& pod = RunPod("mirrored", {"main"}, [](bed::PodSpec& spec) {
    spec.labels["app"] = "web";
    spec.grace_seconds = 12;
  });
  ASSERT_TRUE(all_->AwaitPod("default", "mirrored",
                             [](const Json& now) { return ReadyOf(now) == "True"; }));
  RecordProperty("appeared_ms", static_cast<int>(absl::ToInt64Milliseconds(absl::Now() - began)));
  const Json shown = all_->Pod("default", "mirrored");
  EXPECT_EQ(shown["status"]["podIP"], pod.ip);
  EXPECT_EQ(shown["spec"]["nodeName"], "bed-node");
  EXPECT_EQ(shown["spec"]["terminationGracePeriodSeconds"], 12);
  EXPECT_EQ(shown["metadata"]["labels"]["app"], "web");
  EXPECT_EQ(shown["metadata"]["annotations"]["rekindle.io/runtime-uid"],
            pod.config.metadata().uid());
  EXPECT_EQ(ContainerOf(shown)["containerID"], "containerd://" + pod.containers["main"].id);
  EXPECT_EQ(ReadyOf(all_->Get(NodeResource(), "", "bed-node")), "True");

  const auto restarted = daemon_->Cli({"restart", "mirrored", "-c", "main"});
  ASSERT_TRUE(restarted.ok()) << restarted.status();
  // The runtime calls the old container running for some milliseconds after its end.
  ASSERT_TRUE(all_->AwaitPod("default", "mirrored", [](const Json& now) {
    return ContainerOf(now).value("restartCount", 0) == 1 && ReadyOf(now) == "True" &&
           ContainerOf(now).contains("lastState");
  }));
  const Json after = all_->Pod("default", "mirrored");
  EXPECT_EQ(after["metadata"]["uid"], shown["metadata"]["uid"]);
  EXPECT_EQ(after["status"]["podIP"], pod.ip);
  EXPECT_EQ(ContainerOf(after)["containerID"], "containerd://" + Running(pod, "main").at(0));
  EXPECT_EQ(json::String(ContainerOf(after), {"lastState", "terminated", "containerID"}),
            "containerd://" + pod.containers["main"].id);

  // The process dies: nobody starts it again here, and the API says so.
  ASSERT_TRUE(bed_->cri().StopContainer(Running(pod, "main").at(0), 0).ok());
  ASSERT_TRUE(all_->AwaitPod("default", "mirrored", [](const Json& now) {
    return json::Find(ContainerOf(now), {"state", "terminated"}) != nullptr;
  }));
  EXPECT_EQ(ReadyOf(all_->Pod("default", "mirrored")), "False");

  ASSERT_TRUE(bed_->RemovePod(pod).ok());
  EXPECT_TRUE(all_->AwaitPod("default", "mirrored", [](const Json& now) { return now.is_null(); }));
}

TEST_F(NodesBedTest, ADaemonThatWasAwayIsCaughtUpWith) {
  RunPod("stays", {"main"});
  bed::Pod& goes = RunPod("goes", {"main"});
  for (const char* name : {"stays", "goes"}) {
    ASSERT_TRUE(
        all_->AwaitPod("default", name, [](const Json& now) { return ReadyOf(now) == "True"; }));
  }
  const Json before = all_->Pod("default", "stays");
  KillDaemon();
  ASSERT_TRUE(bed_->RemovePod(goes).ok());
  RunPod("comes", {"main"});
  StartDaemon({"--node-name", "bed-node"});
  EXPECT_TRUE(
      all_->AwaitPod("default", "comes", [](const Json& now) { return ReadyOf(now) == "True"; }));
  EXPECT_TRUE(all_->AwaitPod("default", "goes", [](const Json& now) { return now.is_null(); }));
  // Nothing of it has changed: nothing was written.
  EXPECT_EQ(all_->Pod("default", "stays")["metadata"]["resourceVersion"],
            before["metadata"]["resourceVersion"]);
}

// The same over the network: the daemon registers, with certificates on both sides.
class RegisteredBedTest : public DaemonTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(bed::SharedBedTest::SetUp());
    Issue("node", {.cn = "bed-node", .o = "rekindle:node", .names = "DNS:bed-node,IP:127.0.0.1"});
    Issue("controller", {.cn = "controller", .o = "rekindle:controller"});
    auto files =
        net::TlsFiles::Open({dir_ / "controller.crt", dir_ / "controller.key", dir_ / "ca.crt"});
    ASSERT_TRUE(files.ok()) << files.status();
    queue_ = std::make_unique<net::RpcQueue>("test-rpc");
    all_ = std::make_unique<EmbeddedMirror>();
    all_->Start([&](Loop& loop) { return GrpcFeeds(loop, *queue_, *files); }, "");
    auto server = RegistryServer::Start(
        all_->loop(), {.address = "127.0.0.1:0", .again_after = absl::Seconds(1)}, *files,
        [this](const NodeEndpoint& endpoint) { all_->mirror().Registered(endpoint); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    Run();
  }
  void TearDown() override {
    server_.reset();
    all_.reset();
    queue_.reset();
    DaemonTest::TearDown();
  }

  void Issue(const std::string& name, const TestCa::Subject& subject) {
    const PemPair own = ca_.Issue(subject);
    WriteFile(dir_ / (name + ".crt"), own.certificate);
    WriteFile(dir_ / (name + ".key"), own.key);
    WriteFile(dir_ / "ca.crt", ca_.pem());
  }
  void Run() {
    StartDaemon({"--node-name", "bed-node", "--listen", "127.0.0.1:0", "--tls-cert",
                 dir_ / "node.crt", "--tls-key", dir_ / "node.key", "--tls-client-ca",
                 dir_ / "ca.crt", "--controller", absl::StrCat("127.0.0.1:", server_->port()),
                 "--controller-name", "localhost"});
  }

  TempDir dir_;
  TestCa ca_;
  std::unique_ptr<net::RpcQueue> queue_;
  std::unique_ptr<EmbeddedMirror> all_;
  std::unique_ptr<RegistryServer> server_;
};

TEST_F(RegisteredBedTest, ANodeThatRegistersIsFollowedAlsoToItsNextPort) {
  RunPod("first", {"main"});
  ASSERT_TRUE(
      all_->AwaitPod("default", "first", [](const Json& now) { return ReadyOf(now) == "True"; }));
  EXPECT_EQ(all_->Pod("default", "first")["status"]["hostIP"], "127.0.0.1");
  EXPECT_EQ(ReadyOf(all_->Get(NodeResource(), "", "bed-node")), "True");
  KillDaemon();
  Run();  // on another port of the system's choice
  RunPod("second", {"main"});
  EXPECT_TRUE(
      all_->AwaitPod("default", "second", [](const Json& now) { return ReadyOf(now) == "True"; }));
}

}  // namespace
}  // namespace rekindle::nodes
