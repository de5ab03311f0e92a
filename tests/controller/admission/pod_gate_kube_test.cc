// Readiness gate KruisePodReady behind a real kube-apiserver, with the manifests and the rights
// that users install (spec container-recreate 13.1, 13.2, scenario 42).
#include "absl/cleanup/cleanup.h"

#include "common/api/pod_record.h"
#include "common/client/decoders.h"
#include "common/client/informer.h"
#include "controller/readiness/readiness_controller.h"
#include "tests/controller/admission/webhooks_kube_fixture.h"

namespace rekindle::admission {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr char kPods[] = "/api/v1/namespaces/shop/pods";
constexpr char kDryRun[] = "?dryRun=All";
constexpr char kConfiguration[] =
    "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/rekindle";
constexpr char kKruise[] = "apps.kruise.io/v1alpha1";
const Json kRevision = {{"controller-revision-hash", "web-1"}};

TEST_F(WebhooksKubeTest, S42PodsOfACloneSetGetTheGateAndMostOthersAreNotEvenAskedAbout) {
  const std::string uid = MakeCloneSet("gated");
  const Json pod = PodOf("web-1", kRevision, kKruise, "CloneSet", uid);
  ASSERT_TRUE(cluster->AwaitAnswer([&] {
    return !GatesOf(cluster->Call("POST", absl::StrCat(kPods, kDryRun), pod).tree).empty();
  }));
  EXPECT_THAT(GatesOf(cluster->Must("POST", kPods, pod).tree), ElementsAre("KruisePodReady"));
  EXPECT_THAT(GatesOf(cluster->Must("GET", absl::StrCat(kPods, "/web-1")).tree),
              ElementsAre("KruisePodReady"));
  DeletePod("web-1");

  const int before = replica_->pod_reviews;
  EXPECT_GT(before, 0);
  for (const Json& other :
       {PodOf("bare", Json::object()),
        PodOf("replica", {{"pod-template-hash", "x"}}, "apps/v1", "ReplicaSet"),
        PodOf("job", {{"job-name", "x"}}, "batch/v1", "Job"),
        PodOf("daemon", {{"controller-revision-hash", "x"}, {"pod-template-generation", "1"}},
              "apps/v1", "DaemonSet")}) {
    EXPECT_THAT(GatesOf(cluster->Must("POST", absl::StrCat(kPods, kDryRun), other).tree), IsEmpty())
        << other;
  }
  EXPECT_EQ(replica_->pod_reviews, before);
  const Json native = PodOf("web-2", kRevision, "apps/v1", "StatefulSet");
  EXPECT_THAT(GatesOf(cluster->Must("POST", absl::StrCat(kPods, kDryRun), native).tree), IsEmpty());
  EXPECT_EQ(replica_->pod_reviews, before + 1);

  // Namespaces that are passed over. This Kubernetes does not label them by itself.
  cluster->Must("PATCH", "/api/v1/namespaces/kube-system",
                {{"metadata", {{"labels", {{"kubernetes.io/metadata.name", "kube-system"}}}}}},
                "application/merge-patch+json");
  for (const char* name_space : {"rekindle-system", "kube-system"}) {
    const std::string path = absl::StrCat("/api/v1/namespaces/", name_space, "/pods", kDryRun);
    EXPECT_TRUE(cluster->AwaitAnswer([&] {
      return GatesOf(cluster->Must("POST", path, pod).tree).empty();
    })) << name_space;
  }
  cluster->Must("DELETE", PathOf("v1beta1", "clonesets", "gated"));
}

// deploy/kubernetes/all-pods: both of its halves.
TEST_F(WebhooksKubeTest, S42WithTheFeatureGateEveryPodGetsIt) {
  const Json bare = PodOf("bare", Json::object());
  const auto gates = [&] {
    return GatesOf(cluster->Must("POST", absl::StrCat(kPods, kDryRun), bare).tree);
  };
  EXPECT_THAT(gates(), IsEmpty());
  const Json before = cluster->Must("GET", kConfiguration).tree;
  const Json component = Cluster::Load("kubernetes/all-pods/kustomization.yaml").at(0);
  // A document is an object, and a patch is a list.
  const auto patch =
      json::ReadYaml(absl::StrCat("patch:\n", component["patches"][1]["patch"].get<std::string>()));
  ASSERT_TRUE(patch.ok()) << patch.status();
  cluster->Must("PATCH", kConfiguration, patch->at(0)["patch"], "application/json-patch+json");
  const absl::Cleanup restore = [&] {
    cluster->Must("PATCH", kConfiguration,
                  Json::array({{{"op", "add"},
                                {"path", "/webhooks/5/objectSelector"},
                                {"value", before["webhooks"][5]["objectSelector"]}}}),
                  "application/json-patch+json");
  };
  // Asked now, and the controller still says no.
  ASSERT_TRUE(cluster->AwaitAnswer([&] {
    EXPECT_THAT(gates(), IsEmpty());
    return replica_->pod_reviews > 0;
  }));
  replica_.reset();
  replica_ = cluster->Start(static_cast<uint16_t>(cluster->port()), {.ready_gate_for_all = true});
  ASSERT_TRUE(Cluster::AwaitReady(*replica_));
  ASSERT_TRUE(cluster->AwaitAnswer([&] { return !gates().empty(); }));
  EXPECT_THAT(gates(), ElementsAre("KruisePodReady"));
}

TEST_F(WebhooksKubeTest, S42TheConditionOfSuchAPodBecomesTrue) {
  std::vector<std::string> made;
  for (Json object : Cluster::Load("kubernetes/controller-rbac.yaml")) {
    const std::string kind = object["kind"];
    if (kind != "ClusterRole" && kind != "ClusterRoleBinding") continue;
    made.push_back(absl::StrCat("/apis/rbac.authorization.k8s.io/v1/",
                                kind == "ClusterRole" ? "clusterroles/" : "clusterrolebindings/",
                                object["metadata"]["name"].get<std::string>()));
    cluster->Create(std::move(object));
  }
  // Others count on what the account may not do.
  const absl::Cleanup restore = [&] {
    for (const std::string& path : made) cluster->Must("DELETE", path);
  };

  // As its own account.
  struct Parts {
    explicit Parts(client::ApiAccess& access)
        : client(access.NewClient({})),
          pods(*client, {.collection = {.resource = client::PodResource()}}, client::PodDecoder()),
          controller(*client, pods, {}) {
      controller.Watch();
      pods.Start();
    }
    std::unique_ptr<client::ApiClient> client;
    client::Informer<api::PodRecord> pods;
    readiness::ReadinessController controller;
  };
  std::unique_ptr<Parts> parts;
  AsioLoop& loop = replica_->loop;
  RunOn(loop, [&] { parts = std::make_unique<Parts>(*replica_->access); });
  const absl::Cleanup end = [&] { RunOn(loop, [&] { parts.reset(); }); };
  ASSERT_TRUE(AwaitOn(
      loop, [&] { return parts->pods.synced(); }, kPatience));
  RunOn(loop, [&] { parts->controller.Start(); });

  const std::string uid = MakeCloneSet("conditioned");
  cluster->Must("POST", kPods, PodOf("web-3", kRevision, kKruise, "CloneSet", uid));
  cluster->Must("POST", kPods, PodOf("bare", Json::object()));
  const auto condition = [](const std::string& name) {
    const Json pod = cluster->Must("GET", absl::StrCat(kPods, "/", name)).tree;
    const Json* list = json::Find(pod, {"status", "conditions"});
    for (const Json& one : list == nullptr ? Json::array() : *list) {
      if (one["type"] == "KruisePodReady") return one.value("status", "");
    }
    return std::string("none");
  };
  EXPECT_TRUE(cluster->AwaitAnswer([&] { return condition("web-3") == "True"; }));
  EXPECT_EQ(condition("bare"), "none");
  DeletePod("web-3");
  DeletePod("bare");
  cluster->Must("DELETE", PathOf("v1beta1", "clonesets", "conditioned"));
}

TEST_F(WebhooksKubeTest, S42APodIsMadeWithoutTheGateRatherThanNotAtAll) {
  RunOn(replica_->loop, [this] { replica_->server->Stop(); });
  const Json pod = PodOf("web-4", kRevision, kKruise, "CloneSet");
  EXPECT_THAT(GatesOf(cluster->Must("POST", kPods, pod).tree), IsEmpty());
  DeletePod("web-4");
  // Somebody who takes connections and says nothing: two seconds, by the configuration.
  boost::asio::io_context io;
  const boost::asio::ip::tcp::acceptor silent(
      io, {boost::asio::ip::address_v4::loopback(), static_cast<uint16_t>(cluster->port())});
  const absl::Time begun = absl::Now();
  EXPECT_THAT(GatesOf(cluster->Must("POST", kPods, pod).tree), IsEmpty());
  EXPECT_LT(absl::Now() - begun, absl::Seconds(15));
  DeletePod("web-4");
}

}  // namespace
}  // namespace rekindle::admission
