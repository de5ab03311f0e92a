#ifndef REKINDLE_DAEMON_CRI_SERVER_STREAM_H_
#define REKINDLE_DAEMON_CRI_SERVER_STREAM_H_

#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/status.h>

#include "common/base/loop.h"
#include "common/base/sync.h"
#include "common/net/grpc_status.h"
#include "daemon/cri/connection.h"

namespace rekindle::cri {

// A stream of messages from the runtime. It is read on the connection's thread as fast as it comes,
// whatever the loop is doing: a reader who stalls would stall containerd 2 for everybody
// (spec/node-runtime 1.17). Destruction cancels the stream; nothing arrives after it.
// Threads: the loop's thread.
template <typename Message>
class ServerStream {
 public:
  using OnMessage = absl::AnyInvocable<void(Message)>;
  using OnEnd = absl::AnyInvocable<void(absl::Status)>;
  template <typename Stub, typename Request>
  using Method = std::unique_ptr<grpc::ClientAsyncReader<Message>> (Stub::*)(
      grpc::ClientContext*, const Request&, grpc::CompletionQueue*);

  // `on_end` is the last thing that arrives, OK when the runtime closed the stream by itself; both
  // may destroy this object. `containerd_namespace` is sent along unless it is empty.
  template <typename Stub, typename Request>
  ServerStream(Loop& loop, const std::shared_ptr<Connection>& connection, Stub& stub,
               Method<Stub, Request> method, const std::type_identity_t<Request>& request,
               const std::string& containerd_namespace, OnMessage on_message, OnEnd on_end)
      : gate_(std::make_shared<Gate>(loop, this)),
        connection_(connection),
        on_message_(std::move(on_message)),
        on_end_(std::move(on_end)),
        reading_(std::make_shared<Reading>()) {
    if (!containerd_namespace.empty()) {
      reading_->context.AddMetadata("containerd-namespace", containerd_namespace);
    }
    reading_->gate = gate_;
    connection_->Track(reading_);
    reading_->reader = (stub.*method)(&reading_->context, request, connection_->queue());
    reading_->reader->StartCall(reading_->tag());
  }

  ServerStream(const ServerStream&) = delete;
  ServerStream& operator=(const ServerStream&) = delete;
  ~ServerStream() {
    gate_->owner = nullptr;
    gate_->Close();
    reading_->context.TryCancel();
  }

 private:
  // What the connection's thread touches; outlives this object.
  struct Gate : std::enable_shared_from_this<Gate> {
    Gate(Loop& target, ServerStream* stream) : owner(stream), loop(&target) {}

    void Close() {
      MutexLock lock(&mutex);
      loop = nullptr;
    }
    void Post(Message message) {
      MutexLock lock(&mutex);
      if (loop == nullptr) return;
      loop->Post([gate = this->shared_from_this(), message = std::move(message)]() mutable {
        if (gate->owner != nullptr) gate->owner->on_message_(std::move(message));
      });
    }
    void PostEnd(const grpc::Status& status) {
      MutexLock lock(&mutex);
      if (loop == nullptr) return;
      loop->Post([gate = this->shared_from_this(), end = net::FromGrpc(status)]() mutable {
        if (gate->owner == nullptr) return;
        auto on_end = std::move(gate->owner->on_end_);
        on_end(std::move(end));
      });
    }

    ServerStream* owner;  // null once it is gone; the loop's thread only
    Mutex mutex;
    Loop* loop ABSL_GUARDED_BY(mutex);
  };

  struct Reading final : Connection::Operation {
    bool Done(bool ok) override {
      if (finishing) {
        gate->PostEnd(status);
        return true;
      }
      if (ok && started) gate->Post(std::move(message));
      started = true;
      if (ok) {
        message.Clear();
        reader->Read(&message, tag());
      } else {
        finishing = true;
        reader->Finish(&status, tag());
      }
      return false;
    }
    Connection::Operation* tag() { return this; }

    std::shared_ptr<Gate> gate;
    std::unique_ptr<grpc::ClientAsyncReader<Message>> reader;
    Message message;
    grpc::Status status;
    bool started = false;
    bool finishing = false;
  };

  const std::shared_ptr<Gate> gate_;
  const std::shared_ptr<Connection> connection_;
  OnMessage on_message_;
  OnEnd on_end_;
  const std::shared_ptr<Reading> reading_;
};

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_SERVER_STREAM_H_
