#ifndef REKINDLE_DAEMON_CRI_CALLS_H_
#define REKINDLE_DAEMON_CRI_CALLS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <grpcpp/client_context.h>
#include <grpcpp/support/async_unary_call.h>
#include <grpcpp/support/status.h>

#include "common/base/loop.h"
#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "daemon/cri/connection.h"

namespace rekindle::cri {

// Told of every finished call: for metrics. Called on the loop's thread.
using CallObserver =
    std::function<void(absl::string_view method, absl::StatusCode code, absl::Duration took)>;

// Unary gRPC calls over one connection whose replies come on a loop.
//
// A read waits for the connection, but only for `connect_wait`: nobody hangs on a runtime that is
// down. Any other call is sent at once or fails, and is never cancelled by us, not even by the
// destructor: the runtime would leave half of its work behind (spec/node-runtime 1.25 rule 2). The
// destructor cancels reads and waits for them; no reply arrives after it.
//
// Threads: the loop's thread, destructor included.
class Calls {
 public:
  using CallId = uint64_t;

  struct Kind {
    absl::string_view method;  // of static storage: for errors and metrics
    absl::Duration deadline;
    bool read = false;
    absl::string_view containerd_namespace = {};  // sent along when it is not empty
  };

  // A method of a generated stub: &Service::Stub::PrepareAsyncMethod.
  template <typename Stub, typename Request, typename Response>
  using Method = std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> (Stub::*)(
      grpc::ClientContext*, const Request&, grpc::CompletionQueue*);

  Calls(Loop& loop, std::shared_ptr<Connection> connection, absl::Duration connect_wait,
        CallObserver observe);
  Calls(const Calls&) = delete;
  Calls& operator=(const Calls&) = delete;
  ~Calls();

  // Sends `request`; `reply` is called exactly once unless this object goes first. Errors carry
  // the method's name in front. kUnavailable also when a read found no connection in time.
  template <typename Stub, typename Request, typename Response>
  CallId Start(const Kind& kind, Stub& stub, Method<Stub, Request, Response> method,
               const std::type_identity_t<Request>& request,
               std::type_identity_t<absl::AnyInvocable<void(absl::StatusOr<Response>)>> reply);

  // Cancels a call of any kind: its reply is kCancelled unless it was quicker. Unknown: ignored.
  void Cancel(CallId id);

  // Calls that are no reads and still under way.
  size_t mutations_in_flight() const { return mutations_; }

 private:
  class Gate;

  struct Call : Connection::Operation {
    // Hands the outcome to the caller, or forgets him. On the loop's thread.
    virtual void Deliver(absl::Status status) = 0;
    virtual void Drop() = 0;
    bool Done(bool ok) override;

    std::shared_ptr<Gate> gate;
    CallId id = 0;
    Kind kind;
    grpc::Status status;
    absl::Duration started;
    Loop::TimerId connect_timer = 0;
    bool gave_up_connecting = false;
  };

  template <typename Response>
  struct TypedCall final : Call {
    void Deliver(absl::Status outcome) override {
      auto run = std::move(reply);
      if (outcome.ok()) {
        run(std::move(response));
      } else {
        run(std::move(outcome));
      }
    }
    void Drop() override { reply = nullptr; }

    Response response;
    std::unique_ptr<grpc::ClientAsyncResponseReader<Response>> reader;
    absl::AnyInvocable<void(absl::StatusOr<Response>)> reply;
  };

  // What the connection's thread touches: outlives this object for as long as calls are under way.
  class Gate : public std::enable_shared_from_this<Gate> {
   public:
    Gate(Loop& loop, Calls* calls) : owner(calls), loop_(&loop) {}

    void AddRead();
    // On the connection's thread: passes the end of a call on to the loop.
    void Finish(const Call& call);
    // Nothing reaches the loop any more; returns when no read is under way.
    void CloseAndAwaitReads();

    Calls* owner;  // null once it is gone; the loop's thread only

   private:
    Mutex mutex_;
    Loop* loop_ ABSL_GUARDED_BY(mutex_);
    int reads_ ABSL_GUARDED_BY(mutex_) = 0;
  };

  void Prepare(const std::shared_ptr<Call>& call);
  void OnConnectTimer(CallId id);
  void OnFinished(CallId id, absl::Status status);

  Loop& loop_;
  const std::shared_ptr<Connection> connection_;
  const absl::Duration connect_wait_;
  const CallObserver observe_;
  const std::shared_ptr<Gate> gate_;
  CallId next_id_ = 1;
  size_t mutations_ = 0;
  absl::flat_hash_map<CallId, std::shared_ptr<Call>> calls_;
};

template <typename Stub, typename Request, typename Response>
Calls::CallId Calls::Start(
    const Kind& kind, Stub& stub, Method<Stub, Request, Response> method,
    const std::type_identity_t<Request>& request,
    std::type_identity_t<absl::AnyInvocable<void(absl::StatusOr<Response>)>> reply) {
  auto call = std::make_shared<TypedCall<Response>>();
  call->id = next_id_++;
  call->kind = kind;
  call->reply = std::move(reply);
  Prepare(call);
  call->reader = (stub.*method)(&call->context, request, connection_->queue());
  call->reader->StartCall();
  call->reader->Finish(&call->response, &call->status, static_cast<Connection::Operation*>(&*call));
  return call->id;
}

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_CALLS_H_
