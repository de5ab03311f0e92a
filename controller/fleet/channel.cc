#include "controller/fleet/channel.h"

#include <pthread.h>

#include <chrono>
#include <climits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

namespace rekindle::fleet {

namespace {

constexpr int kMaxReceiveBytes = 16 << 20;   // daemon/service: the most that a daemon sends
constexpr int kMaxMetadataBytes = 64 << 10;  // an error may quote what a runtime has printed
// A peer that has gone without a word is noticed after the sum of the two. Daemons cut off who
// pings more often than every 10 s.
constexpr int kKeepaliveMs = 20'000;
constexpr int kKeepaliveTimeoutMs = 10'000;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMaxReceiveBytes);
  arguments.SetInt(GRPC_ARG_MAX_METADATA_SIZE, kMaxMetadataBytes);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);  // a restart may be silent for long
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // What is repeated, and when, is the fleet's business.
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  // How long one that nobody uses is kept is the fleet's business, too.
  arguments.SetInt(GRPC_ARG_CLIENT_IDLE_TIMEOUT_MS, INT_MAX);
  // Each message would bring a ping of gRPC's own to measure the line, and its answer: as much work
  // as the message. What goes over these lines is small.
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  // There are thousands of channels: nothing that is kept for nobody, no DNS questions for nothing.
  arguments.SetInt(GRPC_ARG_ENABLE_CHANNELZ, 0);
  arguments.SetInt(GRPC_ARG_MAX_CHANNEL_TRACE_EVENT_MEMORY_PER_NODE, 0);
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  return arguments;
}

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> MakeChannel(const Endpoint& endpoint,
                                                           net::TlsFiles* tls) {
  grpc::ChannelArguments arguments = Arguments();
  if (endpoint.local()) {
    // The authority is never looked up; a fixed one keeps odd socket paths out of HTTP headers.
    arguments.SetString(GRPC_ARG_DEFAULT_AUTHORITY, "localhost");
    return grpc::CreateCustomChannel(endpoint.target, grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  if (tls == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat("no certificates are configured to speak to ",
                                                      endpoint.target, " with (mutual TLS)"));
  }
  const std::shared_ptr<const net::TlsMaterial> material = tls->Refresh();
  if (!endpoint.server_name.empty()) arguments.SetSslTargetNameOverride(endpoint.server_name);
  return grpc::CreateCustomChannel(
      endpoint.target,
      grpc::SslCredentials({.pem_root_certs = material->ca_pem,
                            .pem_private_key = material->key_pem,
                            .pem_cert_chain = material->certificate_pem}),
      arguments);
}

ChannelWatch::ChannelWatch(Loop& loop) : loop_(loop) {
  thread_ = std::thread([this] { Run(); });
  pthread_setname_np(thread_.native_handle(), "fleet-channels");
}

ChannelWatch::~ChannelWatch() {
  {
    MutexLock lock(&mutex_);
    tasks_.clear();
  }
  queue_.Shutdown();
  thread_.join();
}

void ChannelWatch::Watch(grpc::Channel& channel, grpc_connectivity_state last, absl::Duration limit,
                         Task changed) {
  uintptr_t tag = 0;
  {
    MutexLock lock(&mutex_);
    tag = next_tag_++;
    tasks_.emplace(tag, std::move(changed));
  }
  channel.NotifyOnStateChange(last,
                              std::chrono::system_clock::now() + absl::ToChronoNanoseconds(limit),
                              &queue_, reinterpret_cast<void*>(tag));
}

void ChannelWatch::Run() {
  void* tag = nullptr;
  bool ok = false;  // whether it changed in time: who waits looks for himself
  while (queue_.Next(&tag, &ok)) {
    MutexLock lock(&mutex_);
    const auto it = tasks_.find(reinterpret_cast<uintptr_t>(tag));
    if (it == tasks_.end()) continue;
    loop_.Post(std::move(it->second));
    tasks_.erase(it);
  }
}

}  // namespace rekindle::fleet
