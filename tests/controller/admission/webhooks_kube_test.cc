// The webhooks behind a real kube-apiserver, with the manifests and the rights that users install.
#include <atomic>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/client/access.h"
#include "common/json/yaml.h"
#include "controller/admission/admission_server.h"
#include "tests/bed/process.h"
#include "tests/conformance/control_plane.h"
#include "tests/fakes/await.h"

namespace rekindle::admission {
namespace {

using conformance::Answer;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kSource[] = RK_SOURCE_DIR "/deploy/";
constexpr char kRequests[] = "containerrecreaterequests";
constexpr absl::Duration kPatience = absl::Minutes(2);
const Registration kRegistration = {.name_space = "rekindle-system"};

std::string PathOf(const std::string& version, const std::string& plural,
                   const std::string& name = "") {
  return absl::StrCat("/apis/apps.kruise.io/", version, "/namespaces/shop/", plural,
                      name.empty() ? "" : "/", name);
}

class Cluster {
 public:
  // Starts a control plane and installs everything but the controller.
  absl::Status Install();

  Answer Call(const std::string& method, const std::string& path, const Json& body = Json(),
              const std::string& type = "application/json") {
    conformance::Request request{.method = method, .path = path};
    if (!body.is_null()) {
      request.headers["Content-Type"] = type;
      request.body = body.dump();
    }
    auto answer = http_->Call(request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.value_or(Answer());
  }
  Answer Must(const std::string& method, const std::string& path, const Json& body = Json(),
              const std::string& type = "application/json") {
    Answer answer = Call(method, path, body, type);
    EXPECT_EQ(answer.status / 100, 2) << method << " " << path << ": " << answer.body;
    return answer;
  }

  // One replica of the controller: its webhooks, as its own account.
  struct Replica {
    Replica() = default;
    ~Replica() {
      RunOn(loop, [this] {
        server.reset();
        client.reset();
        access.reset();
      });
      loop.Stop();
    }
    AsioLoop loop{"replica"};
    BlockingPool blocking{loop, 1, "replica-block"};
    std::unique_ptr<client::ApiAccess> access;
    std::unique_ptr<client::ApiClient> client;
    std::unique_ptr<AdmissionServer> server;
  };
  std::unique_ptr<Replica> Start(uint16_t port, const std::string& token = "controller") {
    auto out = std::make_unique<Replica>();
    client::ClientConfig config;
    config.cluster.server = plane_->endpoint().url;
    config.cluster.authority.path = plane_->endpoint().ca_file;
    config.user.token = token;
    AdmissionServer::Options options{.registration = kRegistration,
                                     .address = "127.0.0.1",
                                     .port = port,
                                     .look_again = absl::Milliseconds(500)};
    RunOn(out->loop, [&] {
      auto access = client::ApiAccess::Open(out->loop, out->blocking, config);
      ASSERT_TRUE(access.ok()) << access.status();
      out->access = *std::move(access);
      out->client = out->access->NewClient({});
      out->server = std::make_unique<AdmissionServer>(out->loop, *out->client, options,
                                                      client::SystemRandom());
      out->server->Start();
    });
    return out;
  }
  static bool AwaitReady(Replica& replica) {
    const bool ready = AwaitOn(
        replica.loop,
        [&] { return replica.server->health().ok() && replica.server->certificates().ok(); },
        kPatience);
    EXPECT_TRUE(ready) << replica.server->health() << replica.server->certificates();
    return ready;
  }
  int port() const { return port_; }

  // API servers hear of a changed configuration within a second or so.
  bool AwaitAnswer(const std::function<bool()>& good) { return bed::WaitUntil(good, kPatience); }

 private:
  static int FreePort() {
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
    return acceptor.local_endpoint().port();
  }
  static std::vector<Json> Load(const std::string& file) {
    auto documents = json::ReadYaml(bed::ReadFile(kSource + file));
    EXPECT_TRUE(documents.ok()) << file << documents.status();
    return documents.value_or(std::vector<Json>());
  }
  // With the port of this test.
  void SetPort(Json& tree) {
    if (tree.is_object() && tree.contains("clientConfig")) {
      tree["clientConfig"]["service"]["port"] = port_;
    }
    if (!tree.is_structured()) return;
    for (Json& below : tree) SetPort(below);
  }
  void Create(Json object) {
    SetPort(object);
    const std::string group = object["apiVersion"];
    std::string kind = object["kind"];
    for (char& c : kind) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    const Json& metadata = object["metadata"];
    Must("POST",
         absl::StrCat("/apis/", group,
                      metadata.contains("namespace")
                          ? absl::StrCat("/namespaces/", metadata["namespace"].get<std::string>())
                          : "",
                      "/", kind, "s"),
         object);
  }

  std::unique_ptr<conformance::ControlPlane> plane_;
  std::unique_ptr<conformance::Http> http_;
  int port_ = 0;
};

absl::Status Cluster::Install() {
  auto plane = conformance::ControlPlane::Start(
      {.controllers = false,
       .users = {"controller,system:serviceaccount:rekindle-system:rekindle-controller,3,"
                 "\"system:serviceaccounts\""}});
  if (!plane.ok()) return plane.status();
  plane_ = *std::move(plane);
  http_ = std::make_unique<conformance::Http>(plane_->endpoint());
  port_ = FreePort();  // the configurations name it
  for (const char* name : {"rekindle-system", "shop"}) {
    Must("POST", "/api/v1/namespaces", {{"metadata", {{"name", name}}}});
  }
  // Nobody forwards the addresses of services here, so this one leads to the machine itself.
  Must("POST", "/api/v1/namespaces/rekindle-system/services",
       {{"metadata", {{"name", "rekindle-controller"}}},
        {"spec", {{"type", "ExternalName"}, {"externalName", "localhost"}}}});
  for (const char* file :
       {"crds/apps.kruise.io_clonesets.yaml", "crds/apps.kruise.io_containerrecreaterequests.yaml",
        "crds/apps.kruise.io_imagepulljobs.yaml", "crds/apps.kruise.io_nodeimages.yaml",
        "crds/apps.kruise.io_statefulsets.yaml", "kubernetes/webhooks.yaml",
        "kubernetes/webhook-rbac.yaml"}) {
    for (Json object : Load(file)) Create(std::move(object));
  }
  Must("POST", "/api/v1/nodes", {{"metadata", {{"name", "n1"}}}});
  Must("POST", "/api/v1/namespaces/shop/pods",
       Json::parse(R"({"metadata":{"name":"cart-0"},"spec":{"nodeName":"n1",
           "terminationGracePeriodSeconds":45,
           "containers":[{"name":"cart","image":"cart:1",
             "lifecycle":{"preStop":{"exec":{"command":["/bin/drain"]}}}}]}})"));
  Must("PATCH", "/api/v1/namespaces/shop/pods/cart-0/status",
       Json::parse(R"({"status":{"phase":"Running","containerStatuses":[
           {"name":"cart","image":"cart:1","imageID":"i","ready":true,"restartCount":2,
            "containerID":"containerd://aa","state":{"running":{}}}]}})"),
       "application/merge-patch+json");
  return absl::OkStatus();
}

class WebhooksKubeTest : public ::testing::Test {
 protected:
  // One control plane for all: it takes long to start.
  static void SetUpTestSuite() {
    cluster = std::make_unique<Cluster>();
    const absl::Status installed = cluster->Install();
    EXPECT_TRUE(installed.ok()) << installed;
    if (!installed.ok()) cluster.reset();
  }
  static void TearDownTestSuite() { cluster.reset(); }

  void SetUp() override {
    ASSERT_NE(cluster, nullptr);
    replica_ = cluster->Start(static_cast<uint16_t>(cluster->port()));
    ASSERT_TRUE(Cluster::AwaitReady(*replica_));
    ASSERT_TRUE(cluster->AwaitAnswer([&] {
      return cluster->Call("GET", PathOf("v1alpha1", kRequests)).status == 200 &&
             cluster->Call("POST", PathOf("v1beta1", kRequests) + "?dryRun=All",
                           RestartRequest("ready"))
                     .status == 201;
    })) << cluster
               ->Call("POST", PathOf("v1beta1", kRequests) + "?dryRun=All", RestartRequest("ready"))
               .body;
  }
  static Json RestartRequest(const std::string& name, const std::string& version = "v1beta1") {
    return {{"apiVersion", "apps.kruise.io/" + version},
            {"kind", "ContainerRecreateRequest"},
            {"metadata", {{"name", name}}},
            {"spec", Json::parse(R"({"podName":"cart-0","containers":[{"name":"cart"}]})")}};
  }
  void ExpectRefused(const Answer& answer, int code, const std::string& reason,
                     const std::string& message) {
    EXPECT_EQ(answer.status, code) << answer.body;
    EXPECT_EQ(answer.tree.value("reason", ""), reason);
    EXPECT_THAT(answer.tree.value("message", ""),
                AllOf(HasSubstr("mcontainerrecreaterequest.kb.io"), HasSubstr(message)));
  }

  static inline std::unique_ptr<Cluster> cluster;
  std::unique_ptr<Cluster::Replica> replica_;
};

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
  cluster->Must("DELETE", "/api/v1/namespaces/shop/pods/other?gracePeriodSeconds=0");
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
