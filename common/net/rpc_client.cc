#include "common/net/rpc_client.h"

#include <pthread.h>

#include "absl/strings/match.h"
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

namespace rekindle::net {

namespace {

constexpr int kMaxMessageBytes = 16 << 20;  // as the daemon sends
constexpr int kFirstReconnectMs = 100;
constexpr int kLastReconnectMs = 5000;
// How long one attempt to connect may take, TLS included.
constexpr int kConnectAttemptMs = 10'000;
constexpr int kKeepaliveTimeMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 20'000;

}  // namespace

RpcQueue::RpcQueue(const std::string& name) {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), name.c_str());
}

RpcQueue::~RpcQueue() {
  {
    MutexLock lock(&mutex_);
    for (auto& [raw, operation] : operations_) operation->context.TryCancel();
    // gRPC aborts on an operation that begins after the shutdown of its queue.
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return operations_.empty(); });
  }
  queue_.Shutdown();
  thread_.join();
}

void RpcQueue::Track(std::shared_ptr<Operation> operation) {
  MutexLock lock(&mutex_);
  Operation* raw = operation.get();
  operations_[raw] = std::move(operation);
}

void RpcQueue::Run() {
  void* tag = nullptr;
  bool ok = false;
  while (queue_.Next(&tag, &ok)) {
    auto* operation = static_cast<Operation*>(tag);
    if (!operation->Done(ok)) continue;
    std::shared_ptr<Operation> last;  // destroyed after the lock
    MutexLock lock(&mutex_);
    auto it = operations_.find(operation);
    if (it == operations_.end()) continue;
    last = std::move(it->second);
    operations_.erase(it);
  }
}

std::shared_ptr<grpc::Channel> OpenChannel(const std::string& target, const TlsMaterial& tls,
                                           const std::string& server_name) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxMessageBytes);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLastReconnectMs);
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectAttemptMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  if (absl::StartsWith(target, "unix:")) {
    // The authority is never looked up; a fixed one keeps odd socket paths out of HTTP headers.
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
    return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  }
  grpc::SslCredentialsOptions options;
  options.pem_root_certs = tls.ca_pem;
  options.pem_private_key = tls.key_pem;
  options.pem_cert_chain = tls.certificate_pem;
  if (!server_name.empty()) arguments.SetSslTargetNameOverride(server_name);
  return grpc::CreateCustomChannel(target, grpc::SslCredentials(options), arguments);
}

}  // namespace rekindle::net
