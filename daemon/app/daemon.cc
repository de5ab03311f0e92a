#include "daemon/app/daemon.h"

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"

#include "common/base/asio_loop.h"
#include "common/base/blocking.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "common/net/http_server.h"
#include "daemon/app/observed_journal.h"
#include "daemon/cri/connection.h"
#include "daemon/cri/discovery.h"
#include "daemon/cri/grpc_runtime.h"
#include "daemon/cri/runtime_monitor.h"
#include "daemon/hooks/runner.h"
#include "daemon/images/runtime_puller.h"
#include "daemon/kubelet/reservation.h"
#include "daemon/register/grpc_registry.h"
#include "daemon/register/registrar.h"
#include "daemon/restart/engine_impl.h"
#include "daemon/restart/journal/journal_sqlite.h"
#include "daemon/service/local_socket.h"
#include "daemon/service/machine.h"
#include "daemon/service/metrics.h"
#include "daemon/service/server.h"

namespace rekindle {
namespace {

// Threads for file work that may block; one hung network mount leaves the others working.
constexpr size_t kFileThreads = 4;
// What a stop of the servers may take once operations have been dealt with.
constexpr absl::Duration kServerStop = absl::Seconds(2);

// Tests compare the kinds of placeholders beside a real kubelet, and show what happens without any
// (tests/README.md). Nothing else may set it.
constexpr char kPlaceholderVariable[] = "REKINDLE_TEST_PLACEHOLDER";

absl::StatusOr<std::optional<kubelet::PlaceholderKind>> PlaceholderOf(const char* asked) {
  if (asked == nullptr || absl::string_view(asked) == "unlabelled") {
    return kubelet::PlaceholderKind::kUnlabelled;
  }
  LOG(WARNING) << kPlaceholderVariable << "=" << asked << ": for tests only";
  if (absl::string_view(asked) == "pod-uid") return kubelet::PlaceholderKind::kPodUid;
  if (absl::string_view(asked) == "none") return std::nullopt;
  return absl::InvalidArgumentError(
      absl::StrCat(kPlaceholderVariable, ": is neither unlabelled nor pod-uid nor none"));
}

// Who may use the socket. The default group is there where a package has made it, and is missed by
// nobody elsewhere; one that was asked for has to be there.
absl::StatusOr<service::LocalAccess> AccessOf(const config::DaemonConfig& config) {
  service::LocalAccess out;
  out.gids.assign(config.socket_admin_gids.begin(), config.socket_admin_gids.end());
  if (config.socket_group.empty()) return out;
  const bool by_default = config.socket_group == config::DaemonConfig().socket_group;
  const absl::StatusOr<gid_t> group = by_default ? service::FindLocalGroup(config.socket_group)
                                                 : service::FindGroup(config.socket_group);
  if (group.ok()) {
    std::erase(out.gids, *group);
    out.gids.insert(out.gids.begin(), *group);
    return out;
  }
  if (!absl::IsNotFound(group.status()) || !by_default) {
    return absl::Status(group.status().code(),
                        absl::StrCat("socket_group: ", group.status().message()));
  }
  LOG(INFO) << "socket_group: " << group.status().message()
            << (out.gids.empty() ? "; the socket is root's alone" : "");
  return out;
}

}  // namespace

struct Daemon::Parts {
  config::DaemonConfig config;
  std::optional<kubelet::PlaceholderKind> placeholder;
  std::string version;
  absl::Time started = absl::Now();

  // In the order of their making; torn down in reverse.
  std::unique_ptr<service::Metrics> metrics;
  std::unique_ptr<AsioLoop> loop;
  std::unique_ptr<SystemdNotifier> systemd;
  std::unique_ptr<BlockingPool> files;
  std::shared_ptr<cri::Connection> connection;
  std::unique_ptr<cri::GrpcRuntime> runtime;
  std::unique_ptr<cri::RuntimeMonitor> monitor;
  std::unique_ptr<hooks::PodHookRunner> hooks;
  std::unique_ptr<images::RuntimePuller> puller;
  std::unique_ptr<restart::SqliteJournal> journal;
  std::unique_ptr<ObservedJournal> observed_journal;
  std::unique_ptr<restart::EngineImpl> engine;
  std::unique_ptr<service::Server> server;
  std::unique_ptr<net::HttpServer> http;
  std::unique_ptr<net::RpcQueue> controller_calls;  // null: no controller is configured
  std::unique_ptr<registration::GrpcRegistry> registry;
  std::unique_ptr<registration::Registrar> registrar;
  uint32_t quarantined = 0;
  bool stopped = false;

  // Runs `work` on the loop's thread and waits for it.
  void OnLoop(absl::AnyInvocable<void()> work) {
    Latch done;
    loop->Post([&] {
      work();
      done.Open();
    });
    done.Wait();
  }

  absl::Status StartState();
  absl::Status StartRuntime();
  absl::Status StartEngine();
  absl::Status StartServers();
  absl::Status StartHttp();
  absl::Status StartRegistration();
  void StopRegistration();
  net::HttpResponse Ready() const;
  std::string StatusLine() const;
  void TearDown();

  restart::JournalContents contents;
};

absl::Status Daemon::Parts::StartState() {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(config.state_dir).parent_path(), error);
  absl::StatusOr<restart::SqliteJournal::Opened> opened =
      restart::SqliteJournal::Open(*loop, {.directory = config.state_dir});
  if (!opened.ok()) {
    return Annotate(opened.status(), absl::StrCat("state_dir: journal in ", config.state_dir));
  }
  journal = std::move(opened->journal);
  contents = std::move(opened->contents);
  for (const std::string& damaged : contents.quarantined) {
    LOG(ERROR) << "journal: set aside, not read: " << damaged;
  }
  quarantined = static_cast<uint32_t>(contents.quarantined.size());
  metrics->SetQuarantinedRecords(contents.quarantined.size());
  return absl::OkStatus();
}

absl::Status Daemon::Parts::StartRuntime() {
  absl::StatusOr<std::string> endpoint =
      cri::FindRuntimeEndpoint(config.runtime_endpoint, cri::IsSocket);
  if (absl::IsNotFound(endpoint.status())) {
    LOG(WARNING) << "runtime_endpoint: " << endpoint.status().message() << "; waiting for "
                 << cri::kDefaultEndpoint;
    endpoint = std::string(cri::kDefaultEndpoint);
  }
  if (!endpoint.ok()) return Annotate(endpoint.status(), "runtime_endpoint");
  const cri::CallObserver observe = [this](absl::string_view method, absl::StatusCode code,
                                           absl::Duration latency) {
    metrics->ObserveRuntimeCall(method, code, latency);
  };
  connection = std::make_shared<cri::Connection>(*endpoint);
  OnLoop([&] {
    cri::GrpcRuntimeOptions options;
    options.max_creates_and_starts = static_cast<int>(config.max_concurrent_starts);
    options.observe = observe;
    runtime = std::make_unique<cri::GrpcRuntime>(*loop, connection, options);
    monitor = std::make_unique<cri::RuntimeMonitor>(*loop, *runtime, connection);
    monitor->WatchState([this](const cri::Monitor::State& state) {
      metrics->SetRuntimeReady(state.ready);
      if (state.ready) {
        LOG(INFO) << "runtime ready: " << state.runtime_name << " " << state.runtime_version
                  << " at " << state.endpoint << ", exits from " << state.event_source;
      } else {
        LOG(WARNING) << "runtime not ready: " << state.reason << " (" << state.endpoint << ")";
      }
      if (systemd != nullptr) {
        (void)systemd->Status(StatusLine());
      }
    });
    hooks = std::make_unique<hooks::PodHookRunner>(*loop, *runtime, version);
    puller = std::make_unique<images::RuntimePuller>(
        *loop, connection, images::RuntimePullerOptions{.observe = observe});
  });
  return absl::OkStatus();
}

absl::Status Daemon::Parts::StartEngine() {
  OnLoop([&] {
    observed_journal = std::make_unique<ObservedJournal>(
        *loop, *journal,
        [this](absl::string_view call, const absl::Status& status, absl::Duration latency) {
          metrics->ObserveJournal(call, status, latency);
        });
    restart::EngineImpl::Options options;
    options.operation.visible_paths = config.visible_paths;
    options.max_active = config.max_active_operations;
    options.max_stored = config.max_stored_operations;
    options.keep = config.keep_operations;
    options.operation.log_link_dir = config.container_log_links;
    options.operation.placeholder = placeholder;
    engine = std::make_unique<restart::EngineImpl>(
        restart::OperationDeps{*loop, *runtime, *monitor, *hooks, *observed_journal, *files},
        options);
    engine->Watch(
        [this](const restart::OperationRecord& record) { metrics->ObserveOperation(record); });
    engine->Recover(std::move(contents.records));
    if (const auto stats = engine->GetStats(); stats.active > 0) {
      LOG(INFO) << "going on with " << stats.active << " operations of an earlier life";
    }
  });
  return absl::OkStatus();
}

absl::Status Daemon::Parts::StartServers() {
  service::ServerOptions options;
  options.socket_path = config.socket;
  RK_ASSIGN_OR_RETURN(options.local_access, AccessOf(config));
  options.tls_address = config.listen;
  if (!config.listen.empty()) {
    options.tls = net::TlsPaths{config.tls_cert, config.tls_key, config.tls_client_ca};
  }
  options.calls_per_second = config.rate_limit_per_second;
  options.call_burst = config.rate_limit_burst;
  absl::StatusOr<std::unique_ptr<service::Server>> made = service::Server::Start(
      *loop, options,
      service::ServiceDeps{*loop, *engine, *runtime, *monitor, *puller, *metrics,
                           service::NodeFacts{.node_name = config.node_name,
                                              .daemon_version = version,
                                              .started = started,
                                              .quarantined_records = quarantined,
                                              .machine = &service::ReadMachine}});
  if (!made.ok()) return made.status();
  server = *std::move(made);
  return absl::OkStatus();
}

net::HttpResponse Daemon::Parts::Ready() const {
  const cri::Monitor::State& state = monitor->state();
  const restart::Engine::Stats stats = engine->GetStats();
  if (!state.ready) return {.status = 503, .body = absl::StrCat("runtime: ", state.reason, "\n")};
  if (!stats.accepting) {
    return {.status = 503, .body = absl::StrCat("engine: ", stats.accepting_reason, "\n")};
  }
  return {.status = 200, .body = "ok\n"};
}

absl::Status Daemon::Parts::StartHttp() {
  if (config.http_listen.empty()) return absl::OkStatus();
  RK_ASSIGN_OR_RETURN(const config::HostPort address, config::ParseHostPort(config.http_listen));
  net::HttpServer::Options options;
  options.address = address.host == "localhost" ? "127.0.0.1" : address.host;
  options.port = address.port;
  options.allow_remote = config.allow_remote_http;
  absl::StatusOr<std::unique_ptr<net::HttpServer>> made = net::HttpServer::Start(
      *loop, options,
      {{"/metrics",
        [this] {
          metrics->SetEngineStats(engine->GetStats());
          return net::HttpResponse{.content_type = "text/plain; version=0.0.4; charset=utf-8",
                                   .body = metrics->Text()};
        }},
       {"/healthz", [] { return net::HttpResponse{.body = "ok\n"}; }},
       {"/readyz", [this] { return Ready(); }}});
  if (!made.ok()) return Annotate(made.status(), "http_listen");
  http = *std::move(made);
  return absl::OkStatus();
}

// Last of all: the controller calls back at once.
absl::Status Daemon::Parts::StartRegistration() {
  if (config.controller.empty()) return absl::OkStatus();
  RK_ASSIGN_OR_RETURN(std::shared_ptr<net::TlsFiles> own,
                      net::TlsFiles::Open({config.tls_cert, config.tls_key, config.tls_client_ca}));
  controller_calls = std::make_unique<net::RpcQueue>("controller-rpc");
  controller::v1::RegisterRequest request;
  request.set_node_name(config.node_name);
  request.set_address(config::AdvertisedAddress(config, server->tls_port()));
  request.set_daemon_version(version);
  OnLoop([&] {
    registry = std::make_unique<registration::GrpcRegistry>(
        *loop, *controller_calls, config.controller, config.controller_name, std::move(own));
    registrar = std::make_unique<registration::Registrar>(
        *loop, *registry, std::move(request), registration::RegistrarOptions(),
        [random = std::make_shared<absl::BitGen>()] {
          return absl::Uniform<double>(*random, 0, 1);
        },
        [this](const absl::Status& status) {
          metrics->SetRegistered(status.ok());
          if (status.ok()) {
            LOG(INFO) << "registered with the controller at " << config.controller;
          } else {
            LOG(WARNING) << "not registered with the controller at " << config.controller << ": "
                         << status.message();
          }
        });
  });
  return absl::OkStatus();
}

void Daemon::Parts::StopRegistration() {
  if (controller_calls == nullptr) return;
  OnLoop([&] {
    registrar.reset();
    registry.reset();
  });
  controller_calls.reset();
}

std::string Daemon::Parts::StatusLine() const {
  const cri::Monitor::State& state = monitor->state();
  return state.ready ? absl::StrCat(state.runtime_name, " ", state.runtime_version, " ready")
                     : absl::StrCat("runtime not ready: ", state.reason);
}

void Daemon::Parts::TearDown() {
  StopRegistration();
  http.reset();
  server.reset();
  if (loop != nullptr) {
    OnLoop([&] {
      engine.reset();
      hooks.reset();
      puller.reset();
      monitor.reset();
    });
    // After the engine, so that what it asked for last is written.
    OnLoop([&] { journal.reset(); });
    files.reset();
    OnLoop([&] {
      runtime.reset();
      systemd.reset();
    });
    connection.reset();
    loop->Stop();
  }
}

Daemon::Daemon(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

Daemon::~Daemon() { parts_->TearDown(); }

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(const config::DaemonConfig& config,
                                                      const std::string& version,
                                                      const SystemdEnvironment& systemd) {
  std::unique_ptr<Daemon> daemon(new Daemon(std::make_unique<Parts>()));
  Parts& parts = *daemon->parts_;
  parts.config = config;
  parts.version = version;
  RK_ASSIGN_OR_RETURN(parts.placeholder, PlaceholderOf(std::getenv(kPlaceholderVariable)));
  parts.metrics = std::make_unique<service::Metrics>(version);
  parts.loop = std::make_unique<AsioLoop>("rekindled");
  parts.files = std::make_unique<BlockingPool>(*parts.loop, kFileThreads, "files");
  parts.OnLoop([&] { parts.systemd = std::make_unique<SystemdNotifier>(*parts.loop, systemd); });

  struct NamedStep {
    const char* name;
    absl::Status (Parts::*run)();
  };
  const NamedStep steps[] = {
      {"journal", &Parts::StartState},           {"runtime client", &Parts::StartRuntime},
      {"engine", &Parts::StartEngine},           {"gRPC servers", &Parts::StartServers},
      {"metrics and health", &Parts::StartHttp}, {"registration", &Parts::StartRegistration}};
  for (const NamedStep& step : steps) {
    const absl::Time began = absl::Now();
    RK_RETURN_IF_ERROR((parts.*step.run)());
    VLOG(1) << "started: " << step.name << " in " << absl::Now() - began;
  }
  parts.OnLoop([&] { (void)parts.systemd->Ready(parts.StatusLine()); });
  LOG(INFO) << "rekindled " << version << " serves node " << config.node_name << " on "
            << config.socket
            << (config.listen.empty() ? "" : absl::StrCat(" and ", config.listen, " (mutual TLS)"));
  return daemon;
}

absl::StatusOr<std::vector<std::string>> Daemon::Reload(const config::DaemonConfig& loaded) {
  parts_->OnLoop([&] { (void)parts_->systemd->Reloading(); });
  config::ReloadPlan plan = config::PlanReload(parts_->config, loaded);
  parts_->config = std::move(plan.config);
  SetLogVerbosity(static_cast<int>(parts_->config.verbosity));
  const absl::Status tls = parts_->server->ReloadTls();
  parts_->OnLoop([&] { (void)parts_->systemd->Ready(parts_->StatusLine()); });
  if (!tls.ok()) return tls;
  return std::move(plan.need_restart);
}

void Daemon::Stop(const std::string& reason) {
  if (std::exchange(parts_->stopped, true)) return;
  Parts& parts = *parts_;
  parts.OnLoop([&] { (void)parts.systemd->Stopping(reason); });
  parts.StopRegistration();
  parts.server->BeginDrain(reason);
  Latch drained;
  absl::Status result;
  parts.OnLoop([&] {
    parts.engine->StopAccepting(reason);
    parts.engine->Drain(parts.config.shutdown_grace, [&](absl::Status status) {
      result = std::move(status);
      drained.Open();
    });
  });
  drained.Wait();
  if (!result.ok()) {
    LOG(WARNING) << "stopping all the same: " << result.message()
                 << "; they go on at the next start";
  }
  parts.server->Shutdown(reason, kServerStop);
}

int Daemon::tls_port() const { return parts_->server->tls_port(); }

}  // namespace rekindle
