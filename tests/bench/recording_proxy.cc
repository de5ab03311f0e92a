#include "tests/bench/recording_proxy.h"

#include <time.h>

#include <chrono>

#include "absl/strings/str_cat.h"

#include "common/base/sync.h"

namespace rekindle::bench {
namespace {

// containerd's own services find their namespace here.
constexpr char kNamespaceHeader[] = "containerd-namespace";

}  // namespace

int64_t MonotonicNanos() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

// One call on its way. Reads from the runtime and writes to the client alternate, so that at most
// one reply is in memory; the end is passed on when the last write is done (the hold sees to that).
class RecordingProxy::Relay : public grpc::ServerGenericBidiReactor {
 public:
  Relay(RecordingProxy* proxy, grpc::GenericCallbackServerContext* context)
      : proxy_(proxy), method_(context->method()), upstream_(this) {
    auto header = context->client_metadata().find(kNamespaceHeader);
    if (header != context->client_metadata().end()) {
      context_.AddMetadata(kNamespaceHeader,
                           std::string(header->second.data(), header->second.size()));
    }
    context_.set_deadline(context->deadline());
    StartRead(&message_);
  }

  void OnReadDone(bool ok) override {
    if (!ok) return Finish(grpc::Status(grpc::StatusCode::INVALID_ARGUMENT, "no request"));
    id_ = proxy_->Began(method_);
    proxy_->stub_.PrepareBidiStreamingCall(&context_, method_, grpc::StubOptions(), &upstream_);
    upstream_.AddHold();
    upstream_.StartWriteLast(&message_, grpc::WriteOptions());
    upstream_.StartRead(&reply_);
    upstream_.StartCall();
  }

  void OnWriteDone(bool ok) override {
    if (!ok) context_.TryCancel();
    upstream_.StartRead(&reply_);
  }

  void OnCancel() override { context_.TryCancel(); }
  void OnDone() override { delete this; }

 private:
  struct Upstream : grpc::ClientBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer> {
    explicit Upstream(Relay* owner) : relay(owner) {}
    void OnReadDone(bool ok) override {
      if (ok) {
        relay->StartWrite(&relay->reply_);
      } else {
        RemoveHold();
      }
    }
    void OnDone(const grpc::Status& status) override {
      relay->proxy_->Ended(relay->id_);
      relay->Finish(status);
    }
    Relay* const relay;
  };

  RecordingProxy* const proxy_;
  const std::string method_;
  uint64_t id_ = 0;
  grpc::ClientContext context_;
  grpc::ByteBuffer message_;
  grpc::ByteBuffer reply_;
  Upstream upstream_;
};

RecordingProxy::RecordingProxy(const std::string& path, const std::string& endpoint)
    : endpoint_(absl::StrCat("unix://", path)), stub_([&endpoint] {
        grpc::ChannelArguments arguments;
        arguments.SetMaxReceiveMessageSize(-1);
        return grpc::CreateCustomChannel(endpoint, grpc::InsecureChannelCredentials(), arguments);
      }()) {}

absl::StatusOr<std::unique_ptr<RecordingProxy>> RecordingProxy::Start(const std::string& path,
                                                                      const std::string& endpoint) {
  std::unique_ptr<RecordingProxy> proxy(new RecordingProxy(path, endpoint));
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(-1);
  builder.AddListeningPort(proxy->endpoint_, grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(proxy.get());
  proxy->server_ = builder.BuildAndStart();
  if (proxy->server_ == nullptr) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", path));
  }
  return proxy;
}

RecordingProxy::~RecordingProxy() {
  if (server_ != nullptr) server_->Shutdown(std::chrono::system_clock::now());
}

grpc::ServerGenericBidiReactor* RecordingProxy::CreateReactor(
    grpc::GenericCallbackServerContext* context) {
  return new Relay(this, context);
}

uint64_t RecordingProxy::Began(const std::string& method) {
  MutexLock lock(&mutex_);
  calls_.push_back({.method = method, .begun = MonotonicNanos(), .ended = 0});
  return first_id_ + calls_.size() - 1;
}

void RecordingProxy::Ended(uint64_t id) {
  MutexLock lock(&mutex_);
  if (id >= first_id_) calls_[id - first_id_].ended = MonotonicNanos();
}

void RecordingProxy::Clear() {
  MutexLock lock(&mutex_);
  first_id_ += calls_.size();
  calls_.clear();
}

std::vector<RecordedCall> RecordingProxy::Calls() const {
  MutexLock lock(&mutex_);
  return calls_;
}

}  // namespace rekindle::bench
