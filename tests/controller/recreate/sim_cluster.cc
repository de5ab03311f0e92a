#include "tests/controller/recreate/sim_cluster.h"

#include <sys/stat.h>
#include <unistd.h>

#include <functional>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <grpcpp/security/server_credentials.h>
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "tests/bench/api/load.h"
#include "tests/fakes/test_certs.h"

namespace rekindle {
namespace {

using conformance::Request;
using nlohmann::json;

constexpr char kSystem[] = "rekindle-system";
constexpr int kClients = 16;
constexpr uint16_t kPort = 10240;  // where controllers expect daemons
constexpr absl::Duration kEnd = absl::Seconds(30);

std::string NodeName(int node) { return absl::StrCat("node-", node); }
std::string PodName(int node) { return absl::StrCat("web-", node); }
std::string ContainerId(int node) {
  return absl::StrCat(absl::Hex(node + 1, absl::kZeroPad16), std::string(48, 'a'));
}

// Of this process alone, as far as that goes: others may run the same test.
std::string Address(int node) {
  return absl::StrCat("127.", 2 + getpid() % 250, ".", node / 250, ".", 1 + node % 250);
}

Request Post(const std::string& path, const json& object) {
  return {.method = "POST",
          .path = path,
          .headers = {{"Content-Type", "application/json"}},
          .body = object.dump()};
}

Request Status(const std::string& path, json status) {
  return {.method = "PATCH",
          .path = path + "/status",
          .headers = {{"Content-Type", "application/merge-patch+json"}},
          .body = json({{"status", std::move(status)}}).dump()};
}

json Pod(const std::string& name, int node, const json& labels) {
  return {{"apiVersion", "v1"},
          {"kind", "Pod"},
          {"metadata", {{"name", name}, {"labels", labels}}},
          {"spec",
           {{"nodeName", NodeName(node)},
            {"terminationGracePeriodSeconds", 30},
            {"containers",
             json::array(
                 {{{"name", "app"},
                   {"image", "registry.example.com/app:v1"},
                   {"env",
                    {{{"name", "POD_NAME"},
                      {"valueFrom", {{"fieldRef", {{"fieldPath", "metadata.name"}}}}}},
                     {{"name", "LEVEL"}, {"value", "info"}}}},
                   {"resources",
                    {{"limits", {{"cpu", "2"}, {"memory", "1Gi"}}},
                     {"requests", {{"cpu", "500m"}, {"memory", "512Mi"}}}}},
                   {"livenessProbe", {{"httpGet", {{"path", "/healthz"}, {"port", 8080}}}}}}})}}}};
}

json Running(int node) {
  return {{"phase", "Running"},
          {"hostIP", Address(node)},
          {"podIP", absl::StrCat("10.", node / 65536, ".", node / 256 % 256, ".", node % 256)},
          {"startTime", "2026-01-15T08:00:00Z"},
          {"conditions",
           {{{"type", "Ready"}, {"status", "True"}},
            {{"type", "ContainersReady"}, {"status", "True"}},
            {{"type", "PodScheduled"}, {"status", "True"}}}},
          {"containerStatuses",
           json::array({{{"name", "app"},
                         {"ready", true},
                         {"started", true},
                         {"restartCount", 0},
                         {"image", "registry.example.com/app:v1"},
                         {"imageID", "registry.example.com/app@sha256:" + std::string(64, 'c')},
                         {"containerID", "containerd://" + ContainerId(node)},
                         {"state", {{"running", {{"startedAt", "2026-01-15T08:00:05Z"}}}}}}})}};
}

std::string Pods(const std::string& name_space) {
  return absl::StrCat("/api/v1/namespaces/", name_space, "/pods");
}

absl::Status Each(const conformance::Endpoint& endpoint, int count,
                  const std::function<Request(int)>& make) {
  return bench::Run(endpoint, {.clients = kClients,
                               .requests = count,
                               .request = [&](int64_t i) { return make(static_cast<int>(i)); }})
      .status();
}

}  // namespace

absl::StatusOr<std::unique_ptr<SimCluster>> SimCluster::Start(const Options& options) {
  std::unique_ptr<SimCluster> cluster(new SimCluster(options));
  WriteFile(cluster->dir_ / "tokens", "administrator,admin,1,\"system:masters\"\n");
  ::chmod((cluster->dir_ / "tokens").c_str(), 0600);
  RK_RETURN_IF_ERROR(cluster->StartApi("127.0.0.1:0"));
  cluster->MakeCertificates();
  RK_RETURN_IF_ERROR(cluster->MakeObjects());
  RK_RETURN_IF_ERROR(cluster->StartDaemons());
  return cluster;
}

SimCluster::~SimCluster() = default;

absl::Status SimCluster::StartApi(const std::string& listen) {
  RK_ASSIGN_OR_RETURN(
      api_, ControllerProcess::Start(options_.program,
                                     {"--embedded", "--data-dir", dir_ / "data", "--listen", listen,
                                      "--token-file", dir_ / "tokens", "--controllers=-*",
                                      "--local-daemon", "", "--metrics-listen", "off"},
                                     NextLog()));
  RK_ASSIGN_OR_RETURN(url_, api_->Said("serving "));
  return absl::OkStatus();
}

absl::Status SimCluster::RestartApi(int signal) {
  api_->Signal(signal);
  RK_RETURN_IF_ERROR(api_->WaitExit(kEnd).status());
  return StartApi(url_.substr(std::string("https://").size()));
}

void SimCluster::MakeCertificates() {
  const TestCa ca;
  const PemPair own = ca.Issue({.cn = "controller", .o = "rekindle:controller"});
  WriteFile(dir_ / "ca", ca.pem());
  WriteFile(dir_ / "own.crt", own.certificate);
  WriteFile(dir_ / "own.key", own.key);
  const PemPair daemon = ca.Issue({.cn = "daemon", .o = "rekindle:node", .names = "DNS:rekindled"});
  grpc::SslServerCredentialsOptions server(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  server.pem_root_certs = ca.pem();
  server.pem_key_cert_pairs = {{daemon.key, daemon.certificate}};
  credentials_ = grpc::SslServerCredentials(server);
}

absl::Status SimCluster::MakeObjects() {
  const conformance::Endpoint at = endpoint();
  const int nodes = options_.nodes;
  RK_RETURN_IF_ERROR(Each(at, 2, [](int i) {
    return Post("/api/v1/namespaces", {{"metadata", {{"name", i == 0 ? kNamespace : kSystem}}}});
  }));
  RK_RETURN_IF_ERROR(Each(at, nodes, [](int i) {
    return Post("/api/v1/nodes", {{"metadata", {{"name", NodeName(i)}}}});
  }));
  RK_RETURN_IF_ERROR(Each(at, nodes, [](int i) {
    return Post(Pods(kNamespace), Pod(PodName(i), i, {{"app", "web"}}));
  }));
  RK_RETURN_IF_ERROR(Each(at, nodes, [](int i) {
    return Post(Pods(kSystem),
                Pod(absl::StrCat("rekindled-", i), i, {{"app.kubernetes.io/name", "rekindled"}}));
  }));
  RK_RETURN_IF_ERROR(Each(at, nodes, [](int i) {
    return Status(absl::StrCat(Pods(kNamespace), "/", PodName(i)), Running(i));
  }));
  return Each(at, nodes, [](int i) {
    return Status(absl::StrCat(Pods(kSystem), "/rekindled-", i), Running(i));
  });
}

absl::Status SimCluster::StartDaemons() {
  std::vector<std::string> addresses;
  for (int i = 0; i < options_.nodes; ++i) {
    addresses.push_back(absl::StrCat(Address(i), ":", kPort));
  }
  daemons_ = std::make_unique<SimDaemons>(
      SimDaemons::Options{.nodes = options_.nodes,
                          .nodes_per_server = options_.nodes_per_server,
                          .shortest = options_.shortest,
                          .longest = options_.longest,
                          .addresses = std::move(addresses),
                          .clock_ahead = options_.clock_ahead,
                          .credentials = credentials_});
  conformance::Http http(endpoint());
  RK_ASSIGN_OR_RETURN(const conformance::Answer pods, http.Call({.path = Pods(kNamespace)}));
  if (pods.status != 200) return absl::InternalError(absl::StrCat("pods: ", pods.body));
  uids_.resize(static_cast<size_t>(options_.nodes));
  for (int i = 0; i < options_.nodes; ++i) {
    const json& pod = pods.tree.at("items").at(static_cast<size_t>(i));
    node::v1::PodRef ref;
    ref.set_namespace_(kNamespace);
    ref.set_name(pod.at("metadata").at("name"));
    ref.set_uid(pod.at("metadata").at("uid"));
    int node = 0;
    if (!absl::SimpleAtoi(ref.name().substr(PodName(0).size() - 1), &node)) {
      return absl::InternalError(absl::StrCat("pod ", ref.name()));
    }
    uids_.at(static_cast<size_t>(node)) = ref.uid();
    daemons_->AddContainer(ref, "app", ContainerId(node));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ControllerProcess>> SimCluster::StartController(
    const std::vector<std::string>& flags) {
  std::vector<std::string> all = {"--controllers=*,-webhooks",
                                  "--kubeconfig",
                                  dir_ / "data/admin.kubeconfig",
                                  "--namespace",
                                  kSystem,
                                  "--metrics-listen",
                                  "127.0.0.1:0",
                                  "--tls-cert",
                                  dir_ / "own.crt",
                                  "--tls-key",
                                  dir_ / "own.key",
                                  "--tls-ca",
                                  dir_ / "ca"};
  all.insert(all.end(), flags.begin(), flags.end());
  return ControllerProcess::Start(options_.program, all, NextLog());
}

Request SimCluster::Creation(const std::string& name, int node) {
  return Post(
      absl::StrCat("/apis/apps.kruise.io/v1beta1/namespaces/", kNamespace,
                   "/containerrecreaterequests"),
      {{"apiVersion", "apps.kruise.io/v1beta1"},
       {"kind", "ContainerRecreateRequest"},
       {"metadata", {{"name", name}}},
       {"spec",
        {{"podName", PodName(node)}, {"containers", nlohmann::json::array({{{"name", "app"}}})}}}});
}

}  // namespace rekindle
