// The mirror on a real embedded API server: what it writes passes all rules there, and stays.
#include "tests/controller/nodes/embedded_mirror.h"

#include "tests/controller/nodes/fake_feed.h"

namespace rekindle::nodes {
namespace {

constexpr char kLocal[] = "unix:/run/local.sock";

class EmbeddedMirrorTest : public ::testing::Test {
 protected:
  void SetUp() override { Begin({}); }
  void Begin(const api::AdmissionGates& gates) {
    all_.Start(
        [this](Loop& loop) {
          daemons_ = std::make_unique<FakeDaemons>(loop);
          daemons_->At(kLocal).info = RuntimeInfo("node-1");
          return daemons_->Opener();
        },
        kLocal, gates);
  }
  void Put(const node::v1::Pod& pod) {
    RunOn(all_.loop(), [&] { daemons_->Put(kLocal, pod); });
  }
  static node::v1::Pod Web() {
    node::v1::Pod pod = RuntimePod("shop", "web-0");
    AddContainer(pod, "app");
    (*pod.mutable_labels())["app"] = "web";
    return pod;
  }

  std::unique_ptr<FakeDaemons> daemons_;
  EmbeddedMirror all_;
};

TEST_F(EmbeddedMirrorTest, APodFromItsFirstToItsLastMoment) {
  Put(Web());
  ASSERT_TRUE(
      all_.AwaitPod("shop", "web-0", [](const Json& pod) { return ReadyOf(pod) == "True"; }));
  const Json made = all_.Pod("shop", "web-0");
  EXPECT_EQ(made["metadata"]["annotations"]["rekindle.io/runtime-uid"], "uid-of-web-0");
  EXPECT_EQ(made["metadata"]["labels"]["app"], "web");
  EXPECT_EQ(made["status"]["podIP"], "10.1.0.7");
  EXPECT_EQ(made["status"]["phase"], "Running");
  EXPECT_EQ(made["status"]["containerStatuses"][0]["containerID"], "containerd://app-0");
  EXPECT_FALSE(all_.Get(client::NamespaceResource(), "", "shop").is_null());

  // The same again changes nothing, another container does.
  Put(Web());
  node::v1::Pod pod = Web();
  pod.mutable_containers(0)->set_state(node::v1::CONTAINER_STATE_EXITED);
  pod.mutable_containers(0)->mutable_finished()->set_seconds(2000);
  AddContainer(pod, "app", 1).set_image("registry.test/app:2");
  Put(pod);
  ASSERT_TRUE(all_.AwaitPod("shop", "web-0", [](const Json& now) {
    return now["status"]["containerStatuses"][0]["restartCount"] == 1;
  }));
  const Json restarted = all_.Pod("shop", "web-0");
  EXPECT_EQ(restarted["metadata"]["uid"], made["metadata"]["uid"]);
  EXPECT_EQ(restarted["spec"]["containers"][0]["image"], "registry.test/app:2");
  EXPECT_TRUE(restarted["status"]["containerStatuses"][0]["lastState"].contains("terminated"));

  // Deleted by a user it comes back, with a UID of its own.
  ASSERT_TRUE(all_.Delete("shop", "web-0").ok());
  ASSERT_TRUE(all_.AwaitPod("shop", "web-0", [&](const Json& now) {
    return !now.is_null() && now["metadata"]["uid"] != made["metadata"]["uid"] &&
           ReadyOf(now) == "True";
  }));

  RunOn(all_.loop(), [&] { daemons_->Remove(kLocal, "s0"); });
  EXPECT_TRUE(all_.AwaitPod("shop", "web-0", [](const Json& now) { return now.is_null(); }));
}

class EmbeddedMirrorGateTest : public EmbeddedMirrorTest {
 protected:
  void SetUp() override { Begin({.ready_gate_for_all = true}); }
};

// Admission gives it a gate that the runtime knows nothing of.
TEST_F(EmbeddedMirrorGateTest, APodThatGetsTheGateStaysAndWaitsForIt) {
  Put(Web());
  ASSERT_TRUE(
      all_.AwaitPod("shop", "web-0", [](const Json& pod) { return ReadyOf(pod) == "False"; }));
  const Json made = all_.Pod("shop", "web-0");
  EXPECT_EQ(made["spec"]["readinessGates"], Json::array({{{"conditionType", "KruisePodReady"}}}));
  Json conditions = made["status"]["conditions"];
  conditions.push_back({{"type", "KruisePodReady"}, {"status", "True"}});
  ASSERT_TRUE(all_.PatchStatus("shop", "web-0", {{"conditions", conditions}}).ok());
  ASSERT_TRUE(
      all_.AwaitPod("shop", "web-0", [](const Json& pod) { return ReadyOf(pod) == "True"; }));
  node::v1::Pod pod = Web();
  pod.mutable_containers(0)->set_id("another");
  Put(pod);
  ASSERT_TRUE(all_.AwaitPod("shop", "web-0", [](const Json& now) {
    return now["status"]["containerStatuses"][0]["containerID"] == "containerd://another";
  }));
  EXPECT_EQ(all_.Pod("shop", "web-0")["metadata"]["uid"], made["metadata"]["uid"]);
}

TEST_F(EmbeddedMirrorTest, NodeAndLease) {
  const absl::Time end = absl::Now() + absl::Seconds(60);
  Json node;
  while (ReadyOf(node = all_.Get(NodeResource(), "", "node-1")) != "True") {
    ASSERT_LT(absl::Now(), end);
  }
  EXPECT_EQ(node["metadata"]["labels"]["kubernetes.io/hostname"], "node-1");
  EXPECT_EQ(node["status"]["nodeInfo"]["osImage"], "Debian");
  while (all_.Get(client::LeaseResource(), "kube-node-lease", "node-1").is_null()) {
    ASSERT_LT(absl::Now(), end);
  }
}

TEST_F(EmbeddedMirrorTest, APodThatSomebodyElseMadeStays) {
  const Json theirs = {{"apiVersion", "v1"},
                       {"kind", "Pod"},
                       {"metadata", {{"name", "web-0"}, {"namespace", "default"}}},
                       {"spec", {{"containers", {{{"name", "app"}, {"image", "theirs"}}}}}}};
  ASSERT_TRUE(
      all_.Create({.resource = client::PodResource(), .key = {"default", "web-0"}}, theirs).ok());
  node::v1::Pod pod = Web();
  pod.mutable_ref()->set_namespace_("default");
  node::v1::Pod other = RuntimePod("default", "web-1", "s1");
  AddContainer(other, "app");
  Put(pod);
  Put(other);
  ASSERT_TRUE(all_.AwaitPod("default", "web-1", [](const Json& now) { return !now.is_null(); }));
  EXPECT_EQ(all_.Pod("default", "web-0")["spec"]["containers"][0]["image"], "theirs");
}

}  // namespace
}  // namespace rekindle::nodes
