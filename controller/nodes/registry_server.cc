#include "controller/nodes/registry_server.h"

#include <atomic>
#include <chrono>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include <grpcpp/resource_quota.h>
#include <grpcpp/security/auth_context.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "common/base/logging.h"
#include "common/base/sync.h"
#include "common/net/grpc_status.h"
#include "common/net/tls_credentials.h"
#include "controller/nodes/registration.h"
#include "rekindle/controller/v1/registry.grpc.pb.h"

namespace rekindle::nodes {
namespace {

constexpr int kMaxMessageBytes = 64 << 10;
constexpr int kMaxStreams = 16;  // of one connection; a daemon has one call at a time
constexpr int kMaxThreads = 8;
constexpr int kHandshakeMs = 10'000;
constexpr int kKeepaliveTimeMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 20'000;
constexpr int kMinClientPingMs = 10'000;

}  // namespace

struct RegistryServer::Parts final : controller::v1::NodeRegistry::Service {
  Parts(Loop& loop_in, const Options& options_in,
        std::function<void(const NodeEndpoint&)> registered_in)
      : loop(loop_in), options(options_in), registered(std::move(registered_in)) {}

  // On a thread of gRPC's.
  grpc::Status Register(grpc::ServerContext* context,
                        const controller::v1::RegisterRequest* request,
                        controller::v1::RegisterResponse* response) override {
    const absl::Status status = Take(*context, *request);
    if (!status.ok()) return net::ToGrpc(status);
    response->mutable_again_after()->set_seconds(absl::ToInt64Seconds(options.again_after));
    return grpc::Status::OK;
  }

  absl::Status Take(const grpc::ServerContext& context,
                    const controller::v1::RegisterRequest& request) {
    const std::vector<grpc::string_ref> pem =
        context.auth_context()->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
    if (pem.empty()) return absl::UnauthenticatedError("the client showed no certificate");
    const auto certificate = net::ReadPeerCertificate({pem[0].data(), pem[0].size()}, loop.Now());
    if (!certificate.ok()) return certificate.status();
    const auto endpoint = JudgeRegistration(request, *certificate, PeerAddress(context.peer()));
    if (!endpoint.ok()) {
      LOG(WARNING) << "registration refused (" << context.peer()
                   << "): " << endpoint.status().message();
      return endpoint.status();
    }
    {
      MutexLock lock(&mutex);
      const auto known = nodes.find(endpoint->node);
      if (known == nodes.end() && nodes.size() >= options.max_nodes) {
        return absl::ResourceExhaustedError(
            absl::StrCat("the controller takes ", options.max_nodes, " nodes"));
      }
      if (known == nodes.end() || known->second != *endpoint) {
        LOG(INFO) << "node " << endpoint->node << " is at " << endpoint->target;
        nodes[endpoint->node] = *endpoint;
      }
    }
    loop.Post([this_alive = alive, tell = &registered, told = *endpoint] {
      if (*this_alive) (*tell)(told);
    });
    return absl::OkStatus();
  }

  Loop& loop;
  const Options options;
  const std::function<void(const NodeEndpoint&)> registered;
  std::shared_ptr<grpc::ServerCredentials> credentials;  // outlives the server
  std::unique_ptr<grpc::Server> server;
  int port = 0;
  Mutex mutex;
  absl::flat_hash_map<std::string, NodeEndpoint> nodes ABSL_GUARDED_BY(mutex);
  const std::shared_ptr<std::atomic<bool>> alive = std::make_shared<std::atomic<bool>>(true);
};

RegistryServer::RegistryServer(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

absl::StatusOr<std::unique_ptr<RegistryServer>> RegistryServer::Start(
    Loop& loop, const Options& options, std::shared_ptr<net::TlsFiles> tls,
    std::function<void(const NodeEndpoint&)> registered) {
  auto parts = std::make_unique<Parts>(loop, options, std::move(registered));
  parts->credentials = net::ReloadingTls(std::move(tls));
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, kMaxStreams);
  builder.AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                             kMinClientPingMs);
  builder.AddChannelArgument(
      GRPC_ARG_MAX_CONNECTION_AGE_MS,
      static_cast<int>(absl::ToInt64Milliseconds(options.max_connection_age)));
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetResourceQuota(grpc::ResourceQuota("registry").SetMaxThreads(kMaxThreads));
  builder.SetSyncServerOption(grpc::ServerBuilder::NUM_CQS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MIN_POLLERS, 1);
  builder.SetSyncServerOption(grpc::ServerBuilder::MAX_POLLERS, 2);
  builder.AddListeningPort(options.address, parts->credentials, &parts->port);
  builder.RegisterService(parts.get());
  parts->server = builder.BuildAndStart();
  if (parts->server == nullptr || parts->port <= 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", options.address));
  }
  return std::unique_ptr<RegistryServer>(new RegistryServer(std::move(parts)));
}

RegistryServer::~RegistryServer() {
  parts_->server->Shutdown(std::chrono::system_clock::now());
  parts_->server->Wait();
  // After this the loop runs nothing of ours any more.
  Latch done;
  parts_->loop.Post([&] {
    *parts_->alive = false;
    done.Open();
  });
  done.Wait();
}

int RegistryServer::port() const { return parts_->port; }

}  // namespace rekindle::nodes
