// The webhooks behind a real kube-apiserver, with the manifests and the rights that users install.
#include "tests/controller/admission/webhooks_kube_fixture.h"

namespace rekindle::admission {
namespace {

using ::testing::HasSubstr;

TEST_F(WebhooksKubeTest, ARequestMadeThroughTheOldVersionIsReadThroughTheNewOne) {
  cluster->Must("POST", PathOf("v1alpha1", kRequests), RestartRequest("old", "v1alpha1"));
  const Json now = cluster->Must("GET", PathOf("v1beta1", kRequests, "old")).tree;
  EXPECT_EQ(now["apiVersion"], "apps.kruise.io/v1beta1");
  EXPECT_EQ(now["metadata"]["labels"]["crr.apps.kruise.io/node-name"], "n1");
  EXPECT_EQ(now["metadata"]["labels"]["crr.apps.kruise.io/active"], "true");
  EXPECT_EQ(now["spec"]["strategy"]["failurePolicy"], "Fail");
  EXPECT_EQ(now["spec"]["strategy"]["terminationGracePeriodSeconds"], 45);
  EXPECT_EQ(now["spec"]["containers"][0]["preStop"]["exec"]["command"][0], "/bin/drain");
  EXPECT_EQ(now["spec"]["containers"][0]["statusContext"]["containerID"], "containerd://aa");
  EXPECT_EQ(now["spec"]["containers"][0]["statusContext"]["restartCount"], 2);
  // The stored object fits the new schema at once (scenario 19): a status write is taken.
  cluster->Must("PATCH", PathOf("v1beta1", kRequests, "old") + "/status",
                Json::parse(R"({"status":{"phase":"Recreating","containerStatusSnapshot":[
                  {"name":"cart","ready":true,"restartCount":3,"containerID":"containerd://bb"}],
                  "conditions":[{"type":"PreRecreateGrace","status":"True","reason":"PreRecreateGrace",
                  "message":"m","lastTransitionTime":"2030-01-01T00:00:02Z"}]}})"),
                "application/merge-patch+json");
  const Json old = cluster->Must("GET", PathOf("v1alpha1", kRequests, "old")).tree;
  EXPECT_EQ(old["metadata"]["annotations"]["crr.apps.kruise.io/unready-acquired"],
            "2030-01-01T00:00:02Z");
  // A label through the old version leaves drain and snapshot (scenario 18).
  cluster->Must("PATCH", PathOf("v1alpha1", kRequests, "old"),
                {{"metadata", {{"labels", {{"mine", "new"}}}}}}, "application/merge-patch+json");
  const Json after = cluster->Must("GET", PathOf("v1beta1", kRequests, "old")).tree;
  EXPECT_EQ(after["status"]["conditions"][0]["lastTransitionTime"], "2030-01-01T00:00:02Z");
  EXPECT_EQ(after["status"]["containerStatusSnapshot"][0]["containerID"], "containerd://bb");
  EXPECT_EQ(after["metadata"]["labels"]["mine"], "new");
  // And the annotation is protected there (scenario 14).
  ExpectRefused(cluster->Call("PATCH", PathOf("v1alpha1", kRequests, "old"),
                              Json::parse(R"({"metadata":{"annotations":
                                {"crr.apps.kruise.io/unready-acquired":null}}})"),
                              "application/merge-patch+json"),
                403, "Forbidden", "not allowed to update immutable annotation");
  // A list in both versions is converted as a whole.
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    const Json list = cluster->Must("GET", PathOf(version, kRequests)).tree;
    ASSERT_FALSE(list["items"].empty());
    for (const Json& one : list["items"]) {
      EXPECT_EQ(one["apiVersion"], absl::StrCat("apps.kruise.io/", version));
    }
  }
  cluster->Must("DELETE", PathOf("v1beta1", kRequests, "old"));
}

TEST_F(WebhooksKubeTest, RefusalsReachTheUserAsTheRulesSay) {
  const std::string path = PathOf("v1beta1", kRequests);
  Json request = RestartRequest("bad");
  request["spec"]["podName"] = "gone";
  ExpectRefused(cluster->Call("POST", path, request), 400, "BadRequest",
                "denied the request: no found Pod named gone");
  request = RestartRequest("bad");
  request["spec"]["activeDeadlineSeconds"] = 2;
  ExpectRefused(cluster->Call("POST", path, request), 400, "BadRequest",
                "activeDeadlineSeconds can not be less than 3s");
  request = RestartRequest("bad");
  request["spec"]["containers"][0]["preStop"] = {{"exec", {{"command", {"/bin/evil"}}}}};
  ExpectRefused(cluster->Call("POST", path, request), 400, "BadRequest",
                "preStop, ports, statusContext in container are ready-only fields");
  // An update.
  cluster->Must("POST", path, RestartRequest("good"));
  ExpectRefused(
      cluster->Call("PATCH", PathOf("v1beta1", kRequests, "good"),
                    {{"spec", {{"activeDeadlineSeconds", 9}}}}, "application/merge-patch+json"),
      403, "Forbidden", "spec of ContainerRecreateRequest is immutable");
  cluster->Must("DELETE", PathOf("v1beta1", kRequests, "good"));
}

TEST_F(WebhooksKubeTest, CloneSetsInBothVersions) {
  const Json set = {{"apiVersion", "apps.kruise.io/v1alpha1"},
                    {"kind", "CloneSet"},
                    {"metadata", {{"name", "web"}}},
                    {"spec", Json::parse(R"({"selector":{"matchLabels":{"app":"web"}},
         "updateStrategy":{"type":"InPlaceIfPossible"},
         "template":{"metadata":{"labels":{"app":"web"}},
           "spec":{"containers":[{"name":"web","image":"web:1"}]}}})")}};
  cluster->Must("POST", PathOf("v1alpha1", "clonesets"), set);
  const Json now = cluster->Must("GET", PathOf("v1beta1", "clonesets", "web")).tree;
  EXPECT_EQ(now["spec"]["replicas"], 1);
  EXPECT_EQ(now["spec"]["updateStrategy"]["rollingUpdate"]["podUpdatePolicy"], "InPlaceIfPossible");
  const Answer bad = cluster->Call("PATCH", PathOf("v1beta1", "clonesets", "web"),
                                   Json::parse(R"({"spec":{"template":{"metadata":{"labels":
                                     {"app":"other"}}}}})"),
                                   "application/merge-patch+json");
  EXPECT_EQ(bad.status, 422) << bad.body;
  EXPECT_THAT(bad.tree.value("message", ""), HasSubstr("vcloneset.kb.io"));
  EXPECT_FALSE(bad.tree["details"]["causes"].empty());
  cluster->Must("DELETE", PathOf("v1beta1", "clonesets", "web"));
}

TEST_F(WebhooksKubeTest, WithoutAControllerNoPodWaits) {
  RunOn(replica_->loop, [this] { replica_->server->Stop(); });
  const Answer refused = cluster->Call("POST", PathOf("v1beta1", kRequests), RestartRequest("x"));
  EXPECT_EQ(refused.status, 500) << refused.body;
  EXPECT_THAT(refused.tree.value("message", ""), HasSubstr("failed calling webhook"));
  // What was stored can be read and deleted, and pods are made as ever.
  cluster->Must("GET", PathOf("v1beta1", kRequests));
  cluster->Must("POST", "/api/v1/namespaces/shop/pods", Json::parse(R"({"metadata":{"name":"other"},
                  "spec":{"containers":[{"name":"c","image":"c:1"}]}})"));
  DeletePod("other");
}

TEST_F(WebhooksKubeTest, ASecondReplicaAndALostSecret) {
  auto second = cluster->Start(0);
  ASSERT_TRUE(Cluster::AwaitReady(*second));
  const std::string path = "/api/v1/namespaces/rekindle-system/secrets/rekindle-webhook-tls";
  const Json before = cluster->Must("GET", path).tree;
  cluster->Must("DELETE", path);
  ASSERT_TRUE(cluster->AwaitAnswer([&] { return cluster->Call("GET", path).status == 200; }));
  EXPECT_EQ(cluster->Must("GET", path).tree["data"], before["data"]);
  // A bundle that somebody removes is put back.
  const std::string configuration =
      "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/rekindle";
  cluster->Must("PATCH", configuration,
                Json::parse(R"([{"op":"remove","path":"/webhooks/0/clientConfig/caBundle"}])"),
                "application/json-patch+json");
  EXPECT_TRUE(cluster->AwaitAnswer([&] {
    return cluster->Call("GET", configuration)
        .tree["webhooks"][0]["clientConfig"]
        .contains("caBundle");
  }));
  EXPECT_TRUE(second->server->health().ok());
}

TEST_F(WebhooksKubeTest, ItsAccountMayDoNothingElse) {
  // What the rights do not say is refused: other Secrets, lists, other configurations.
  for (const char* path :
       {"/api/v1/secrets", "/api/v1/namespaces/rekindle-system/secrets",
        "/api/v1/namespaces/rekindle-system/secrets/other", "/api/v1/pods",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations",
        "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/other",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/nodeimages.apps.kruise.io"}) {
    const auto reply = AwaitReply<client::HttpReply>(replica_->loop, [&](auto done) {
      client::HttpRequest request{.target = path};
      replica_->access->credentials().Get(
          [this, request,
           done = std::move(done)](absl::StatusOr<client::Credentials> credentials) mutable {
            request.headers = credentials->headers;
            request.tls = credentials->tls;
            replica_->access->transport().Start(request, nullptr, std::move(done));
          });
    });
    ASSERT_TRUE(reply.ok()) << reply.status();
    EXPECT_EQ(reply->head.status, 403) << path << reply->body;
  }
}

}  // namespace
}  // namespace rekindle::admission
