#include "controller/app/program.h"

#include <unistd.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "common/base/version.h"
#include "common/client/access.h"
#include "common/client/config/kubeconfig.h"
#include "controller/app/controllers.h"
#include "controller/app/endpoint.h"
#include "controller/app/feature_gates.h"
#include "controller/app/node_access.h"
#include "controller/app/service_state.h"
#include "controller/nodes/registry_server.h"
#include "controller/runtime/controller_metrics.h"
#include "controller/runtime/manager.h"

namespace rekindle {
namespace {

constexpr char kUser[] = "rekindle-controller";
constexpr char kNamespaceWhenEmbedded[] = "rekindle-system";
// Exec plugins and the reading of credentials.
constexpr size_t kBlockingThreads = 2;

std::string HostName() {
  char name[256] = {};
  return ::gethostname(name, sizeof(name) - 1) == 0 ? std::string(name) : "unknown";
}

absl::StatusOr<client::ClientConfig> ClusterConfig(const RunOptions& run) {
  absl::StatusOr<client::ClientConfig> config = client::LoadClientConfig(
      {.kubeconfig = run.kubeconfig, .context = run.context, .env = &client::ProcessEnv});
  if (config.ok() || !absl::IsNotFound(config.status())) return config;
  return absl::NotFoundError(absl::StrCat(config.status().message(),
                                          " (--kubeconfig names a file; --embedded brings an API "
                                          "server of its own)"));
}

void TellGates(const RunOptions& run) {
  LOG(INFO) << "feature gates: " << FeatureGatesText(run.gates);
  const auto runs = [&](absl::string_view name) {
    return std::find(run.controllers.begin(), run.controllers.end(), name) != run.controllers.end();
  };
  LOG_IF(WARNING, run.gates.pod_webhook && (run.embedded || runs("webhooks")) && !runs("readiness"))
      << "pods get readiness gate KruisePodReady, and the controller \"readiness\" is off: unless "
         "another process runs it they are never ready (--feature-gates=PodWebhook=false: no pod "
         "gets the gate)";
}

}  // namespace

// In the order of their making; they go in the opposite one.
struct ControllerProgram::Parts {
  RunOptions run;
  EmbeddedOptions embedded;
  std::function<void()> ended;  // the loop's, once it has started

  std::unique_ptr<EmbeddedServer> server;
  AsioLoop loop{"controller"};
  std::unique_ptr<BlockingPool> blocking;
  ControllerMetrics metrics{kVersion};
  // The loop's.
  std::unique_ptr<client::ApiAccess> access;
  std::unique_ptr<NodeAccess> nodes;
  std::unique_ptr<Manager> manager;
  std::string shown;  // the summary that was told last
  // Not the loop's.
  std::unique_ptr<net::HttpServer> endpoint;
  std::unique_ptr<nodes::RegistryServer> registry;
  std::unique_ptr<ServiceState> state;
  Latch over;
  mutable Mutex mutex;
  std::optional<absl::Status> status ABSL_GUARDED_BY(mutex);

  absl::Status Start();
  absl::StatusOr<client::ClientConfig> Config();
  absl::Status Build(const client::ClientConfig& config, std::shared_ptr<net::TlsFiles> tls);
  absl::Status StartRegistry(std::shared_ptr<net::TlsFiles> tls);
  std::unique_ptr<client::ApiClient> NewClient(const std::string& component);
  Manager::Options ManagerOptions(const client::ClientConfig& config);
  bool ServesWebhooks() const;
  void OnChange();
  void OnEnd(const absl::Status& status);
  // Runs `task` on the loop and waits for it.
  void OnLoop(const std::function<void()>& task);
  ~Parts();
};

void ControllerProgram::Parts::OnLoop(const std::function<void()>& task) {
  Latch done;
  loop.Post([&] {
    task();
    done.Open();
  });
  done.Wait();
}

absl::StatusOr<client::ClientConfig> ControllerProgram::Parts::Config() {
  if (!run.embedded) return ClusterConfig(run);
  RK_ASSIGN_OR_RETURN(server, EmbeddedServer::Start(embedded));
  LOG(INFO) << "serving " << server->url() << "; kubeconfig of the admin: " << server->kubeconfig();
  RK_ASSIGN_OR_RETURN(client::ClientConfig config, server->AccessFor(kUser, {"system:masters"}));
  config.name_space = kNamespaceWhenEmbedded;
  return config;
}

Manager::Options ControllerProgram::Parts::ManagerOptions(const client::ClientConfig& config) {
  Manager::Options out;
  out.identity = client::NewIdentity(HostName(), client::SystemRandom());
  out.name_space = run.name_space.empty() ? config.name_space : run.name_space;
  if (run.leader_elect) {
    out.election = {.lease = {run.lease_name_space.empty() ? out.name_space : run.lease_name_space,
                              run.lease_name},
                    .times = run.lease_times};
  }
  out.requests_per_second = run.api_qps;
  out.burst = run.api_burst;
  out.make = [this](const ControllerContext& context) {
    const rekindle::NewClient new_client = [this](const std::string& component) {
      return NewClient(component);
    };
    return MakeControllers(
        run.controllers,
        {.context = context, .run = run, .nodes = *nodes, .new_client = new_client});
  };
  out.caches = [this] { return nodes->caches(); };
  out.changed = [this] { OnChange(); };
  out.ended = [this](const absl::Status& why) { OnEnd(why); };
  return out;
}

std::unique_ptr<client::ApiClient> ControllerProgram::Parts::NewClient(
    const std::string& component) {
  client::ApiClient::Options options;
  options.requests_per_second = run.api_qps;
  options.burst = run.api_burst;
  options.user_agent = absl::StrCat(kUser, "/", component);
  options.observer = [this](const client::CallReport& report) {
    if (manager != nullptr) manager->OnCall(report);
  };
  return access->NewClient(std::move(options));
}

absl::Status ControllerProgram::Parts::Build(const client::ClientConfig& config,
                                             std::shared_ptr<net::TlsFiles> tls) {
  RK_ASSIGN_OR_RETURN(access, client::ApiAccess::Open(loop, *blocking, config));
  nodes = std::make_unique<NodeAccess>(loop, run, std::move(tls));
  nodes->AddTo(metrics);
  RK_ASSIGN_OR_RETURN(manager, Manager::Make(loop, access->transport(), access->credentials(),
                                             metrics, ManagerOptions(config)));
  return absl::OkStatus();
}

absl::Status ControllerProgram::Parts::StartRegistry(std::shared_ptr<net::TlsFiles> tls) {
  if (!run.nodes_listen.has_value()) return absl::OkStatus();
  nodes::RegistryServer::Options options;
  options.address = ListenText(*run.nodes_listen);
  absl::StatusOr<std::unique_ptr<nodes::RegistryServer>> started = nodes::RegistryServer::Start(
      loop, options, std::move(tls), [this](const nodes::NodeEndpoint& daemon) {
        if (nodes != nullptr) nodes->Register(daemon);
      });
  if (!started.ok()) {
    return absl::Status(started.status().code(),
                        absl::StrCat("--node-listen: ", started.status().message()));
  }
  registry = *std::move(started);
  LOG(INFO) << "nodes register at port " << registry->port();
  return absl::OkStatus();
}

absl::Status ControllerProgram::Parts::Start() {
  RK_ASSIGN_OR_RETURN(const std::shared_ptr<net::TlsFiles> tls, NodeAccess::OpenTls(run));
  RK_ASSIGN_OR_RETURN(const client::ClientConfig config, Config());
  blocking = std::make_unique<BlockingPool>(loop, kBlockingThreads, "controller-io");
  absl::Status built;
  OnLoop([&] { built = Build(config, tls); });
  RK_RETURN_IF_ERROR(built);
  RK_RETURN_IF_ERROR(StartRegistry(tls));
  LOG(INFO) << "API: " << config.cluster.server << " (" << config.source << ")";
  TellGates(run);
  if (run.serve_metrics) {
    RK_ASSIGN_OR_RETURN(endpoint, StartEndpoint(loop, run, *manager, metrics));
    LOG(INFO) << "health and metrics: port " << endpoint->port();
  }
  state = std::make_unique<ServiceState>(loop);
  state->Ready("started");
  loop.Post([this] { manager->Start(); });
  return absl::OkStatus();
}

bool ControllerProgram::Parts::ServesWebhooks() const {
  return std::find(run.controllers.begin(), run.controllers.end(), "webhooks") !=
         run.controllers.end();
}

void ControllerProgram::Parts::OnChange() {
  const ManagerState at = manager->state();
  if (at.leading) nodes->Lead();
  const std::string now = Summary(at);
  if (now == shown) return;
  shown = now;
  LOG(INFO) << now;
  state->Status(now);
}

void ControllerProgram::Parts::OnEnd(const absl::Status& why) {
  {
    MutexLock lock(&mutex);
    status = why;
  }
  over.Open();
  if (ended) ended();
}

ControllerProgram::Parts::~Parts() {
  endpoint.reset();
  registry.reset();
  OnLoop([this] {
    if (nodes != nullptr) nodes->Forget();
    manager.reset();
    nodes.reset();
    access.reset();
  });
  state.reset();
  // In this order: work that is under way still posts to the loop.
  blocking.reset();
  loop.Stop();
  server.reset();
}

ControllerProgram::ControllerProgram(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}
ControllerProgram::~ControllerProgram() = default;

absl::StatusOr<std::unique_ptr<ControllerProgram>> ControllerProgram::Start(
    const RunOptions& run, const EmbeddedOptions& embedded, std::function<void()> ended) {
  auto parts = std::make_unique<Parts>();
  parts->run = run;
  parts->embedded = embedded;
  parts->ended = std::move(ended);
  RK_RETURN_IF_ERROR(parts->Start());
  return std::unique_ptr<ControllerProgram>(new ControllerProgram(std::move(parts)));
}

absl::Status ControllerProgram::Stop(const std::string& reason) {
  LOG(INFO) << reason;
  parts_->state->Stopping();
  if (parts_->ServesWebhooks()) parts_->over.WaitFor(parts_->run.webhook_linger);
  parts_->registry.reset();  // before the controller that hears of it
  parts_->loop.Post([parts = parts_.get()] {
    parts->ended = nullptr;
    parts->manager->Stop();
  });
  parts_->over.Wait();
  return status().value_or(absl::OkStatus());
}

std::optional<absl::Status> ControllerProgram::status() const {
  MutexLock lock(&parts_->mutex);
  return parts_->status;
}

uint16_t ControllerProgram::metrics_port() const {
  return parts_->endpoint == nullptr ? 0 : parts_->endpoint->port();
}
uint16_t ControllerProgram::api_port() const {
  return parts_->server == nullptr ? 0 : parts_->server->port();
}

}  // namespace rekindle
