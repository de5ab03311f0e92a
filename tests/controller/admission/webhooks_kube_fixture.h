#ifndef REKINDLE_TESTS_CONTROLLER_ADMISSION_WEBHOOKS_KUBE_FIXTURE_H_
#define REKINDLE_TESTS_CONTROLLER_ADMISSION_WEBHOOKS_KUBE_FIXTURE_H_

#include <atomic>
#include <cctype>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/client/access.h"
#include "common/json/tree.h"
#include "common/json/yaml.h"
#include "controller/admission/admission_server.h"
#include "tests/bed/process.h"
#include "tests/conformance/control_plane.h"
#include "tests/fakes/await.h"

namespace rekindle::admission {

using conformance::Answer;

inline constexpr char kSource[] = RK_SOURCE_DIR "/deploy/";
inline constexpr char kRequests[] = "containerrecreaterequests";
inline constexpr absl::Duration kPatience = absl::Minutes(2);
inline const Registration kRegistration = {.name_space = "rekindle-system"};

inline std::string PathOf(const std::string& version, const std::string& plural,
                          const std::string& name = "") {
  return absl::StrCat("/apis/apps.kruise.io/", version, "/namespaces/shop/", plural,
                      name.empty() ? "" : "/", name);
}

// A kube-apiserver with everything installed but the controller.
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
    std::atomic<int> pod_reviews{0};
  };
  std::unique_ptr<Replica> Start(uint16_t port, const api::AdmissionGates& gates = {}) {
    auto out = std::make_unique<Replica>();
    client::ClientConfig config;
    config.cluster.server = plane_->endpoint().url;
    config.cluster.authority.path = plane_->endpoint().ca_file;
    config.user.token = "controller";
    AdmissionServer::Options options{
        .registration = kRegistration,
        .address = "127.0.0.1",
        .port = port,
        .gates = gates,
        .look_again = absl::Milliseconds(500),
        .observer = [&reviews = out->pod_reviews](const ReviewReport& report) {
          if (report.webhook == "mpod.kb.io") ++reviews;
        }};
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

  // The documents of a file below deploy/.
  static std::vector<Json> Load(const std::string& file) {
    auto documents = json::ReadYaml(bed::ReadFile(kSource + file));
    EXPECT_TRUE(documents.ok()) << file << documents.status();
    return documents.value_or(std::vector<Json>());
  }
  // An object of such a file, which is of no core kind.
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

 private:
  static int FreePort() {
    boost::asio::io_context io;
    boost::asio::ip::tcp::acceptor acceptor(io, {boost::asio::ip::address_v4::loopback(), 0});
    return acceptor.local_endpoint().port();
  }
  // With the port of this test.
  void SetPort(Json& tree) {
    if (tree.is_object() && tree.contains("clientConfig")) {
      tree["clientConfig"]["service"]["port"] = port_;
    }
    if (!tree.is_structured()) return;
    for (Json& below : tree) SetPort(below);
  }

  std::unique_ptr<conformance::ControlPlane> plane_;
  std::unique_ptr<conformance::Http> http_;
  int port_ = 0;
};

inline absl::Status Cluster::Install() {
  auto plane = conformance::ControlPlane::Start(
      {.controllers = false,
       .users = {"controller,system:serviceaccount:rekindle-system:rekindle-controller,3,"
                 "\"system:serviceaccounts\""}});
  if (!plane.ok()) return plane.status();
  plane_ = *std::move(plane);
  http_ = std::make_unique<conformance::Http>(plane_->endpoint());
  port_ = FreePort();  // the configurations name it
  Must("POST", "/api/v1/namespaces", Load("kubernetes/namespace.yaml").at(0));
  Must("POST", "/api/v1/namespaces", {{"metadata", {{"name", "shop"}}}});
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
  // The UID of a CloneSet of that name, which is made.
  static std::string MakeCloneSet(const std::string& name) {
    const Json made =
        cluster
            ->Must("POST", PathOf("v1beta1", "clonesets"),
                   {{"apiVersion", "apps.kruise.io/v1beta1"},
                    {"kind", "CloneSet"},
                    {"metadata", {{"name", name}}},
                    {"spec", Json::parse(R"({"replicas":0,"selector":{"matchLabels":{"app":"web"}},
                       "template":{"metadata":{"labels":{"app":"web"}},
                         "spec":{"containers":[{"name":"web","image":"web:1"}]}}})")}})
            .tree;
    return json::IsEmpty(made) ? "" : made["metadata"].value("uid", "");
  }
  // A pod as a workload makes it; of nobody when `kind` is empty.
  static Json PodOf(const std::string& name, const Json& labels, const std::string& version = "",
                    const std::string& kind = "", const std::string& uid = "none") {
    Json pod = {{"apiVersion", "v1"},
                {"kind", "Pod"},
                {"metadata", {{"name", name}, {"labels", labels}}},
                {"spec", {{"containers", {{{"name", "web"}, {"image", "web:1"}}}}}}};
    if (!kind.empty()) {
      pod["metadata"]["ownerReferences"] = {{{"apiVersion", version},
                                             {"kind", kind},
                                             {"name", "web"},
                                             {"uid", uid},
                                             {"controller", true}}};
    }
    return pod;
  }
  static std::vector<std::string> GatesOf(const Json& pod) {
    std::vector<std::string> out;
    if (!pod.contains("spec")) return {"no pod"};
    for (const Json& gate : pod["spec"].value("readinessGates", Json::array())) {
      out.push_back(gate["conditionType"].get<std::string>());
    }
    return out;
  }
  static void DeletePod(const std::string& name, const std::string& name_space = "shop") {
    cluster->Must("DELETE", absl::StrCat("/api/v1/namespaces/", name_space, "/pods/", name,
                                         "?gracePeriodSeconds=0"));
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
                testing::AllOf(testing::HasSubstr("mcontainerrecreaterequest.kb.io"),
                               testing::HasSubstr(message)));
  }

  static inline std::unique_ptr<Cluster> cluster;
  std::unique_ptr<Cluster::Replica> replica_;
};

}  // namespace rekindle::admission

#endif  // REKINDLE_TESTS_CONTROLLER_ADMISSION_WEBHOOKS_KUBE_FIXTURE_H_
