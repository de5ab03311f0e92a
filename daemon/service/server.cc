#include "daemon/service/server.h"

#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"
#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <grpcpp/server_posix.h>

#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "common/net/tls_credentials.h"
#include "daemon/service/audit.h"
#include "daemon/service/constants.h"
#include "daemon/service/server_parts.h"

namespace rekindle::service {

namespace {

// Answers that are ready get this long to reach their readers before connections are cut.
constexpr absl::Duration kFlush = absl::Milliseconds(500);
constexpr absl::Duration kTlsLookEvery = absl::Seconds(10);
// Only reflection works in threads of its own; each of its streams takes one.
constexpr int kMaxReflectionThreads = 8;

int Millis(absl::Duration duration) {
  return static_cast<int>(absl::ToInt64Milliseconds(duration));
}

void RunOnLoop(Loop& loop, absl::FunctionRef<void()> task) {
  Latch done;
  loop.Post([&] {
    task();
    done.Open();
  });
  done.Wait();
}

// Both are switches of the whole process, read when a server is built.
void EnableStandardServices() {
  static const bool kEnabled = [] {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    return true;
  }();
  static_cast<void>(kEnabled);
}

void SetLimits(grpc::ServerBuilder& builder) {
  builder.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  builder.SetMaxSendMessageSize(kMaxSendBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxConcurrentStreams);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, Millis(kKeepaliveTime));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, Millis(kKeepaliveTimeout));
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             Millis(kMinClientPing));
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, Millis(kLocalHelloTimeout));
  // Answers are small: pings that measure the line would be as much work as they are.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // Two daemons on one port would share its connections by chance.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetResourceQuota(grpc::ResourceQuota("rekindled").SetMaxThreads(kMaxReflectionThreads));
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 1);
}

// Builds and starts the server of `endpoint`, and has it answer. False when it cannot listen.
bool Build(grpc::ServerBuilder& builder, Endpoint& endpoint) {
  builder.RegisterService(endpoint.service.grpc_service());
  endpoint.queue.Attach(builder);
  endpoint.server = builder.BuildAndStart();
  if (!endpoint.server) return false;
  endpoint.service.Serve(endpoint.queue);
  endpoint.queue.Run();
  return true;
}

void SetServing(const std::unique_ptr<Endpoint>& endpoint, bool serving) {
  if (!endpoint || !endpoint->server) return;
  grpc::HealthCheckServiceInterface* health = endpoint->server->GetHealthCheckService();
  health->SetServingStatus("", serving);
  health->SetServingStatus(kServiceName, serving);
  health->SetServingStatus(kLivenessName, true);
}

absl::Status CheckOptions(const ServerOptions& options) {
  if (options.tls_address.empty() != !options.tls.has_value()) {
    return absl::InvalidArgumentError(
        options.tls ? "tls address: must be given with TLS files"
                    : "tls address: needs certificate, key and authority files");
  }
  if (options.socket_path.empty() && options.tls_address.empty()) {
    return absl::InvalidArgumentError("socket path, tls address: one of them must be given");
  }
  return absl::OkStatus();
}

Admission::Options AdmissionOptions(const ServerOptions& options, Admission::Trust trust) {
  return {
      .trust = trust, .calls_per_second = options.calls_per_second, .burst = options.call_burst};
}

absl::Status StartLocal(Server::Parts& parts) {
  RK_ASSIGN_OR_RETURN(LocalSocket socket,
                      LocalSocket::Listen(parts.options.socket_path, parts.options.local_access));
  parts.local = std::make_unique<Endpoint>(
      "local", AdmissionOptions(parts.options, Admission::Trust::kLocalPeers), parts.deps,
      parts.hub, parts.pods);
  grpc::ServerBuilder builder;
  SetLimits(builder);
  if (!Build(builder, *parts.local)) {
    return absl::InternalError("the local gRPC server cannot be built");
  }
  SetServing(parts.local, false);
  parts.local_listener = LocalListener::Start(
      parts.loop, std::move(socket), parts.options.local_access,
      {.accepted = [server = parts.local->server.get()](
                       int fd) { grpc::AddInsecureChannelFromFd(server, fd); },
       .refused = [&metrics = parts.deps.metrics](
                      absl::string_view reason) { metrics.ObserveRefusedConnection(reason); }});
  return absl::OkStatus();
}

// Takes note of what the files hold now; logs each change and each new trouble once.
absl::Status LookAtTls(Server::Parts& parts) {
  std::shared_ptr<const net::TlsMaterial> now = parts.tls_files->Refresh();
  const absl::Status error = parts.tls_files->last_error();
  if (parts.tls_seen && now != parts.tls_seen) LogTlsReload(absl::OkStatus());
  if (!error.ok() && error != parts.tls_error) LogTlsReload(error);
  parts.tls_error = error;
  parts.deps.metrics.SetTlsNotAfter(now->not_after);
  parts.tls_seen = std::move(now);
  return error;
}

void LookAtTlsLater(Server::Parts& parts) {
  parts.tls_timer.Set(parts.loop, kTlsLookEvery, [&parts] {
    LookAtTls(parts).IgnoreError();
    LookAtTlsLater(parts);
  });
}

absl::Status StartTls(Server::Parts& parts) {
  RK_ASSIGN_OR_RETURN(parts.tls_files, net::TlsFiles::Open(*parts.options.tls));
  parts.tls_credentials = net::ReloadingTls(parts.tls_files);
  parts.tls = std::make_unique<Endpoint>(
      "tls", AdmissionOptions(parts.options, Admission::Trust::kCertificates), parts.deps,
      parts.hub, parts.pods);
  grpc::ServerBuilder builder;
  SetLimits(builder);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_MS,
                             Millis(parts.options.max_connection_age));
  builder.AddChannelArgument(GRPC_ARG_MAX_CONNECTION_AGE_GRACE_MS, Millis(kMaxConnectionAgeGrace));
  builder.AddListeningPort(parts.options.tls_address, parts.tls_credentials, &parts.tls_port);
  if (!Build(builder, *parts.tls) || parts.tls_port <= 0) {
    return absl::UnavailableError(
        absl::StrCat("tls address: cannot listen on ", parts.options.tls_address));
  }
  SetServing(parts.tls, false);
  RunOnLoop(parts.loop, [&] {
    LookAtTls(parts).IgnoreError();
    LookAtTlsLater(parts);
  });
  return absl::OkStatus();
}

void StartLoopSide(Server::Parts& parts) {
  RunOnLoop(parts.loop, [&] {
    parts.hub = std::make_shared<OperationHub>(parts.deps.engine);
    parts.pods = std::make_shared<PodHub>(parts.loop, parts.deps.runtime, parts.deps.monitor);
  });
  parts.deps.metrics.SetQuarantinedRecords(parts.deps.facts.quarantined_records);
}

void StartHealth(Server::Parts& parts) {
  RunOnLoop(parts.loop, [&] {
    parts.health =
        std::make_unique<HealthWatch>(parts.loop, parts.deps.monitor, parts.deps.engine,
                                      parts.deps.metrics, [&parts](const Readiness& readiness) {
                                        LogReadiness(readiness.ready, readiness.reason);
                                        if (parts.draining) return;
                                        SetServing(parts.local, readiness.ready);
                                        SetServing(parts.tls, readiness.ready);
                                      });
  });
}

void StopServer(const std::unique_ptr<Endpoint>& endpoint) {
  if (!endpoint || !endpoint->server) return;
  endpoint->server->Shutdown(absl::ToChronoTime(absl::Now() + kFlush));
  endpoint->queue.Stop();
}

}  // namespace

Server::Server(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(AsioLoop& loop, const ServerOptions& options,
                                                      const ServiceDeps& deps) {
  RK_RETURN_IF_ERROR(CheckOptions(options));
  EnableStandardServices();
  // From here on the destructor of the server undoes what has been done.
  std::unique_ptr<Server> server(new Server(std::make_unique<Parts>(loop, options, deps)));
  Parts& parts = *server->parts_;
  StartLoopSide(parts);
  if (!options.socket_path.empty()) RK_RETURN_IF_ERROR(StartLocal(parts));
  if (!options.tls_address.empty()) RK_RETURN_IF_ERROR(StartTls(parts));
  StartHealth(parts);
  return server;
}

Server::~Server() { Shutdown("the daemon stops", absl::ZeroDuration()); }

void Server::BeginDrain(const std::string& reason) {
  Parts& parts = *parts_;
  RunOnLoop(parts.loop, [&] {
    if (parts.draining.exchange(true)) return;
    SetServing(parts.local, false);
    SetServing(parts.tls, false);
    for (Endpoint* endpoint : {parts.local.get(), parts.tls.get()}) {
      if (endpoint != nullptr) endpoint->admission.StopChanges(reason);
    }
    parts.hub->EndWatchers(absl::UnavailableError(reason));
    parts.pods->EndWatchers(absl::UnavailableError(reason));
  });
}

void Server::Shutdown(const std::string& reason, absl::Duration limit) {
  Parts& parts = *parts_;
  if (std::exchange(parts.stopped, true)) return;
  BeginDrain(reason);
  const absl::Time end = absl::Now() + limit;
  for (Endpoint* endpoint : {parts.local.get(), parts.tls.get()}) {
    if (endpoint != nullptr) endpoint->service.AwaitRestartStreams(end - absl::Now());
  }
  if (parts.local_listener) parts.local_listener->Stop();
  StopServer(parts.tls);
  StopServer(parts.local);
  // After all that the calls have posted to the loop.
  RunOnLoop(parts.loop, [&] {
    parts.health.reset();
    parts.tls_timer.Cancel();
    parts.hub->Close();
    parts.pods->Close();
  });
}

int Server::tls_port() const { return parts_->tls_port; }

absl::Status Server::ReloadTls() {
  Parts& parts = *parts_;
  if (!parts.tls_files) return absl::OkStatus();
  absl::Status status;
  RunOnLoop(parts.loop, [&] { status = LookAtTls(parts); });
  return status;
}

}  // namespace rekindle::service
