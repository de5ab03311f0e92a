#ifndef REKINDLE_COMMON_NET_RPC_CLIENT_H_
#define REKINDLE_COMMON_NET_RPC_CLIENT_H_

#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/status.h>

#include "common/base/loop.h"
#include "common/base/sync.h"
#include "common/net/grpc_status.h"
#include "common/net/tls_files.h"

namespace rekindle::net {

// The client's side of gRPC calls whose outcome comes on a loop. Not gRPC's callback API: its
// threads (release 1.51, Linux) sleep 100 ms after each second without an event.

// The completion queue of some calls, of any number of channels, with a thread of its own.
// Threads: any, except that the destructor must not run on the queue's own thread.
class RpcQueue {
 public:
  // One call or stream. Kept alive by the queue from Track until Done says true.
  class Operation {
   public:
    virtual ~Operation() = default;
    // On the queue's thread: something that was started with this object as its tag has ended.
    // True: nothing more will come.
    virtual bool Done(bool ok) = 0;
    grpc::ClientContext context;
  };

  // `name` (at most 15 characters) is what ps and gdb show.
  explicit RpcQueue(const std::string& name);
  RpcQueue(const RpcQueue&) = delete;
  RpcQueue& operator=(const RpcQueue&) = delete;
  // Cancels what is under way and waits for it. No call may begin any more.
  ~RpcQueue();

  grpc::CompletionQueue* queue() { return &queue_; }
  // Before the operation starts anything.
  void Track(std::shared_ptr<Operation> operation);

 private:
  void Run();

  grpc::CompletionQueue queue_;
  Mutex mutex_;
  absl::flat_hash_map<Operation*, std::shared_ptr<Operation>> operations_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

// One call or stream that is under way. Destruction cancels it; nothing arrives after that.
// Threads: the loop's.
class Rpc {
 public:
  virtual ~Rpc() = default;
};

// A channel to "unix:/path", where `tls` is not looked at, or to "host:port" with mutual TLS only:
// the server's certificate must be one of its authority, for `server_name` (empty: the host). It
// connects at the first call, and anew after 100 ms doubling to 5 s; a peer that is silent for 50 s
// is given up.
std::shared_ptr<grpc::Channel> OpenChannel(const std::string& target, const TlsMaterial& tls,
                                           const std::string& server_name);

namespace rpc_internal {

// What the queue's thread touches; outlives the caller's handle.
class Gate : public std::enable_shared_from_this<Gate> {
 public:
  explicit Gate(Loop& loop) : loop_(&loop) {}
  // Runs `task` on the loop unless the handle has gone by then.
  template <typename Task>
  void Post(Task task) {
    MutexLock lock(&mutex_);
    if (loop_ == nullptr) return;
    loop_->Post([gate = shared_from_this(), task = std::move(task)]() mutable {
      if (gate->open_) task();
    });
  }
  void Close() {
    open_ = false;
    MutexLock lock(&mutex_);
    loop_ = nullptr;
  }

 private:
  bool open_ = true;  // the loop's thread only
  Mutex mutex_;
  Loop* loop_ ABSL_GUARDED_BY(mutex_);
};

class Handle final : public Rpc {
 public:
  Handle(std::shared_ptr<Gate> gate, std::shared_ptr<RpcQueue::Operation> operation)
      : gate_(std::move(gate)), operation_(std::move(operation)) {}
  ~Handle() override {
    gate_->Close();
    operation_->context.TryCancel();
  }

 private:
  const std::shared_ptr<Gate> gate_;
  const std::shared_ptr<RpcQueue::Operation> operation_;
};

template <typename Response>
struct UnaryOperation final : RpcQueue::Operation {
  bool Done(bool) override {
    gate->Post([this_status = FromGrpc(status), got = std::move(response),
                reply = std::move(done)]() mutable {
      if (this_status.ok()) {
        reply(std::move(got));
      } else {
        reply(std::move(this_status));
      }
    });
    return true;
  }
  std::shared_ptr<Gate> gate;
  Response response;
  grpc::Status status;
  std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
  absl::AnyInvocable<void(absl::StatusOr<Response>)> done;
};

template <typename Message>
struct StreamOperation final : RpcQueue::Operation {
  // Used on the loop only; shared, since tasks outlive the operation.
  struct Callbacks {
    absl::AnyInvocable<void(Message)> message;
    absl::AnyInvocable<void(absl::Status)> end;
  };

  bool Done(bool ok) override {
    if (finishing) {
      gate->Post([to = callbacks, why = FromGrpc(status)]() mutable {
        auto end = std::move(to->end);
        end(std::move(why));
      });
      return true;
    }
    if (ok && started) {
      gate->Post(
          [to = callbacks, got = std::move(message)]() mutable { to->message(std::move(got)); });
    }
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
  RpcQueue::Operation* tag() { return this; }

  std::shared_ptr<Gate> gate;
  std::shared_ptr<Callbacks> callbacks = std::make_shared<Callbacks>();
  std::unique_ptr<grpc::ClientAsyncReader<Message>> reader;
  Message message;
  grpc::Status status;
  bool started = false;
  bool finishing = false;
};

}  // namespace rpc_internal

// Sends `request`; `done` comes once, on the loop, within about `timeout`. `method` is one of a
// generated stub: &Service::Stub::PrepareAsyncMethod.
// Errors: the server's; kUnavailable (no connection), kDeadlineExceeded.
// Threads: the loop's. `queue` outlives the call.
template <typename Stub, typename Request, typename Response>
std::unique_ptr<Rpc> StartCall(
    RpcQueue& queue, Loop& loop, Stub& stub,
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (Stub::*method)(
        grpc::ClientContext*, const Request&, grpc::CompletionQueue*),
    const std::type_identity_t<Request>& request, absl::Duration timeout,
    std::type_identity_t<absl::AnyInvocable<void(absl::StatusOr<Response>)>> done) {
  auto call = std::make_shared<rpc_internal::UnaryOperation<Response>>();
  call->gate = std::make_shared<rpc_internal::Gate>(loop);
  call->done = std::move(done);
  call->context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
  queue.Track(call);
  call->reader = (stub.*method)(&call->context, request, queue.queue());
  call->reader->StartCall();
  call->reader->Finish(&call->response, &call->status,
                       static_cast<RpcQueue::Operation*>(call.get()));
  return std::make_unique<rpc_internal::Handle>(call->gate, call);
}

// The same for a stream of messages, read as fast as they come. `end` is the last thing that
// arrives, OK when the server has ended the stream; both may destroy the handle.
template <typename Stub, typename Request, typename Message>
std::unique_ptr<Rpc> StartStream(RpcQueue& queue, Loop& loop, Stub& stub,
                                 std::unique_ptr<grpc::ClientAsyncReader<Message>> (Stub::*method)(
                                     grpc::ClientContext*, const Request&, grpc::CompletionQueue*),
                                 const std::type_identity_t<Request>& request,
                                 std::type_identity_t<absl::AnyInvocable<void(Message)>> message,
                                 absl::AnyInvocable<void(absl::Status)> end) {
  auto stream = std::make_shared<rpc_internal::StreamOperation<Message>>();
  stream->gate = std::make_shared<rpc_internal::Gate>(loop);
  stream->callbacks->message = std::move(message);
  stream->callbacks->end = std::move(end);
  queue.Track(stream);
  stream->reader = (stub.*method)(&stream->context, request, queue.queue());
  stream->reader->StartCall(stream->tag());
  return std::make_unique<rpc_internal::Handle>(stream->gate, stream);
}

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_RPC_CLIENT_H_
