#include "daemon/cri/connection.h"

#include <pthread.h>

#include <climits>
#include <utility>

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include "common/base/sync.h"

namespace rekindle::cri {

namespace {

// A runtime sends at most 16 MiB; twice that leaves room for one that was configured higher.
constexpr int kMaxMessageBytes = 32 * 1024 * 1024;
// The error of a failed start may quote the whole output of the OCI runtime, and errors travel as
// metadata. gRPC's 8 KiB would turn such an error into RESOURCE_EXHAUSTED.
constexpr int kMaxMetadataBytes = 256 * 1024;
constexpr int kFirstReconnectMs = 100;
constexpr int kLastReconnectMs = 5000;
// How long one attempt to connect may take: a busy node answers late.
constexpr int kConnectAttemptMs = 5000;

std::shared_ptr<grpc::Channel> MakeChannel(const std::string& endpoint) {
  grpc::ChannelArguments args;
  args.SetMaxReceiveMessageSize(kMaxMessageBytes);
  args.SetMaxSendMessageSize(kMaxMessageBytes);
  args.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  args.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, INT_MAX);
  args.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kFirstReconnectMs);
  args.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kLastReconnectMs);
  args.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectAttemptMs);
  // A mutating call is sent once; what follows is decided from the runtime's state.
  args.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  args.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  args.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // The default would be the socket's path, which Go's HTTP/2 servers refuse.
  args.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
  return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), args);
}

}  // namespace

Connection::Connection(const std::string& endpoint)
    : endpoint_(endpoint), channel_(MakeChannel(endpoint)) {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "runtime-rpc");
}

Connection::~Connection() {
  {
    MutexLock lock(&mutex_);
    for (auto& [raw, operation] : operations_) operation->context.TryCancel();
    // gRPC aborts on an operation that begins after the shutdown of its queue.
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return operations_.empty(); });
  }
  queue_.Shutdown();
  thread_.join();
}

void Connection::Track(std::shared_ptr<Operation> operation) {
  MutexLock lock(&mutex_);
  Operation* raw = operation.get();
  operations_[raw] = std::move(operation);
}

void Connection::Run() {
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

}  // namespace rekindle::cri
