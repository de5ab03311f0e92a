#ifndef REKINDLE_DAEMON_SERVICE_CALLS_H_
#define REKINDLE_DAEMON_SERVICE_CALLS_H_

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <grpcpp/server_context.h>
#include <grpcpp/support/async_stream.h>
#include <grpcpp/support/async_unary_call.h>

#include "common/base/sync.h"
#include "common/net/grpc_status.h"
#include "daemon/service/slots.h"

// The server's side of calls, on a completion queue with a thread of its own (call_queue.h). gRPC's
// callback API would be shorter, but on Linux its threads (release 1.51) sleep 100 ms after each
// second without an event: a request that comes then waits that long.
namespace rekindle::service {

// One thing that was started on the queue. `tag` of gRPC is always a Tag*.
class Tag {
 public:
  virtual ~Tag() = default;
  // On the queue's thread.
  virtual void Proceed(bool ok) = 0;
};

// What unary calls and streams have in common: they wait for a client, and live until gRPC has no
// more to say about them. A client that goes away ends the call at once, so the server can always
// shut down; whoever works on the call holds a shared_ptr and answers into the void then.
// Threads: as the derived classes; events arrive on the queue's thread.
class AsyncCall {
 public:
  AsyncCall(const AsyncCall&) = delete;
  AsyncCall& operator=(const AsyncCall&) = delete;
  virtual ~AsyncCall() = default;

  grpc::ServerContext& context() { return context_; }

 protected:
  AsyncCall() { context_.AsyncNotifyWhenDone(&done_); }

  // Keeps `self` until gRPC is done; `slot` tells the queue that there is something to wait for.
  void Hold(std::shared_ptr<AsyncCall> self, Slots::Slot slot) {
    self_ = std::move(self);
    slot_ = std::move(slot);
  }

  virtual void OnArrived() = 0;
  virtual void OnCancelled() = 0;
  virtual void OnWritten(bool) {}
  // Everything is over; called once.
  virtual void OnOver() {}

  Tag* arrived_tag() { return &arrived_; }
  Tag* written_tag() { return &written_; }
  Tag* finished_tag() { return &finished_; }

 private:
  struct Event final : Tag {
    Event(AsyncCall* call_in, void (AsyncCall::*handler_in)(bool))
        : call(call_in), handler(handler_in) {}
    void Proceed(bool ok) override { (call->*handler)(ok); }
    AsyncCall* const call;
    void (AsyncCall::*const handler)(bool);
  };

  void HandleArrived(bool ok) {
    if (ok) return OnArrived();
    // The server shuts down and no client came; gRPC does not report such a call as done.
    Release();
  }
  void HandleDone(bool) {
    done_seen_ = true;
    if (context_.IsCancelled()) OnCancelled();
    ReleaseIfOver();
  }
  void HandleWritten(bool ok) { OnWritten(ok); }
  void HandleFinished(bool) {
    finish_seen_ = true;
    ReleaseIfOver();
  }

  void ReleaseIfOver() {
    if (!done_seen_ || !finish_seen_) return;
    OnOver();
    Release();
  }
  void Release() {
    slot_.reset();
    // The last thing that happens to this object, unless somebody still holds it.
    std::shared_ptr<AsyncCall> last = std::move(self_);
  }

  Event arrived_{this, &AsyncCall::HandleArrived};
  Event done_{this, &AsyncCall::HandleDone};
  Event written_{this, &AsyncCall::HandleWritten};
  Event finished_{this, &AsyncCall::HandleFinished};
  bool done_seen_ = false;    // queue's thread
  bool finish_seen_ = false;  // queue's thread
  Slots::Slot slot_;
  std::shared_ptr<AsyncCall> self_;
  grpc::ServerContext context_;
};

// Called once with the status that a call ended with.
using Ended = absl::AnyInvocable<void(const absl::Status&)>;

// One unary call.
// Threads: thread-safe.
template <typename Request, typename Response>
class UnaryCall final : public AsyncCall {
 public:
  using Writer = grpc::ServerAsyncResponseWriter<Response>;
  using Handler = std::function<void(const std::shared_ptr<UnaryCall>&)>;
  // Asks gRPC for the next client of one method.
  using Await = std::function<void(grpc::ServerContext*, Request*, Writer*, void* tag)>;

  // Waits for a client, then calls `arrived` on the queue's thread.
  static void Start(Slots::Slot slot, const Await& await, Handler arrived) {
    std::shared_ptr<UnaryCall> call(new UnaryCall(std::move(arrived)));
    call->weak_ = call;
    call->Hold(call, std::move(slot));
    await(&call->context(), &call->request_, &call->writer_, call->arrived_tag());
  }

  const Request& request() const { return request_; }

  // Before any Reply.
  void SetEnded(Ended ended) {
    MutexLock lock(&mutex_);
    ended_ = std::move(ended);
  }

  // The first answer counts.
  void Reply(absl::StatusOr<Response> reply) {
    Ended ended;
    {
      MutexLock lock(&mutex_);
      if (answered_) return;
      answered_ = true;
      ended = std::move(ended_);
    }
    if (ended) ended(reply.status());
    if (reply.ok()) {
      writer_.Finish(*reply, grpc::Status::OK, finished_tag());
    } else {
      writer_.FinishWithError(net::ToGrpc(reply.status()), finished_tag());
    }
  }

 private:
  explicit UnaryCall(Handler arrived) : arrived_handler_(std::move(arrived)) {}

  void OnArrived() override { arrived_handler_(weak_.lock()); }
  void OnCancelled() override { Reply(absl::CancelledError("the client went away")); }

  const Handler arrived_handler_;
  std::weak_ptr<UnaryCall> weak_;
  Request request_;
  Writer writer_{&context()};
  Mutex mutex_;
  bool answered_ ABSL_GUARDED_BY(mutex_) = false;
  Ended ended_ ABSL_GUARDED_BY(mutex_);
};

// The sending side of one server stream, whatever its request was. Responses queue while an earlier
// one is on its way; one with the key of a queued one takes its place, so that a slow reader sees
// the latest state of each key and the queue never outgrows the number of keys.
// Threads: thread-safe.
template <typename Response>
class OutStream : public AsyncCall {
 public:
  using Writer = grpc::ServerAsyncWriter<Response>;

  struct Hooks {
    // Called once, on the queue's thread: the client went away, or the stream has ended. Nothing
    // that is pushed afterwards goes anywhere.
    absl::AnyInvocable<void()> gone = [] {};
    Ended ended = [](const absl::Status&) {};
  };

  // On the queue's thread, when the client has arrived.
  void SetHooks(Hooks hooks) {
    MutexLock lock(&mutex_);
    hooks_ = std::move(hooks);
  }

  // Queues `response`. An empty key takes nobody's place. Returns how many wait now.
  size_t Push(const std::string& key, Response response) {
    size_t waiting = 0;
    {
      MutexLock lock(&mutex_);
      if (end_ || finished_) return 0;
      auto queued = key.empty() ? by_key_.end() : by_key_.find(key);
      if (queued != by_key_.end()) {
        queued->second->response = std::move(response);
      } else {
        queue_.push_back({key, std::move(response)});
        if (!key.empty()) by_key_[key] = &queue_.back();
      }
      waiting = queue_.size();
    }
    Pump();
    return waiting;
  }

  // Ends the stream once all that is queued has been sent.
  void End(absl::Status status) { EndWith(std::move(status), false); }

  // Ends it with what is queued dropped. The response that is on its way still goes first: see
  // Cut.
  void Abort(absl::Status status) { EndWith(std::move(status), true); }

  // Resets the stream if it has not ended yet: the last resort against a reader that takes
  // nothing, not even the status of Abort.
  void Cut() { context().TryCancel(); }

 protected:
  OutStream() = default;
  Writer* writer() { return &writer_; }

 private:
  struct Entry {
    std::string key;
    Response response;
  };

  void EndWith(absl::Status status, bool drop) {
    {
      MutexLock lock(&mutex_);
      if (!end_) end_ = std::move(status);
      if (drop) DropQueue();
    }
    Pump();
  }

  void DropQueue() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    queue_.clear();
    by_key_.clear();
  }

  // Starts what can be started. gRPC is called outside the lock: `writing_` and `finished_` keep
  // every other thread out meanwhile.
  void Pump() {
    std::optional<absl::Status> finish;
    Ended ended;
    {
      MutexLock lock(&mutex_);
      if (writing_ || finished_) return;
      if (!queue_.empty()) {
        Entry& front = queue_.front();
        if (!front.key.empty()) by_key_.erase(front.key);
        current_ = std::move(front.response);
        queue_.pop_front();
        writing_ = true;
      } else if (end_) {
        finished_ = true;
        finish = *end_;
        ended = std::move(hooks_.ended);
      } else {
        return;
      }
    }
    if (!finish) {
      writer_.Write(current_, written_tag());
      return;
    }
    ended(*finish);
    writer_.Finish(net::ToGrpc(*finish), finished_tag());
  }

  void OnWritten(bool ok) override {
    {
      MutexLock lock(&mutex_);
      writing_ = false;
      if (!ok) {
        if (!end_) end_ = absl::CancelledError("the client went away");
        DropQueue();
      }
    }
    Pump();
  }

  void OnCancelled() override {
    Abort(absl::CancelledError("the client went away"));
    CallGone();
  }

  void OnOver() override { CallGone(); }

  void CallGone() {
    absl::AnyInvocable<void()> gone;
    {
      MutexLock lock(&mutex_);
      gone = std::exchange(hooks_.gone, [] {});
    }
    gone();
  }

  Writer writer_{&context()};
  Mutex mutex_;
  Hooks hooks_ ABSL_GUARDED_BY(mutex_);
  std::deque<Entry> queue_ ABSL_GUARDED_BY(mutex_);  // pointers to entries survive push and pop
  absl::flat_hash_map<std::string, Entry*> by_key_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  Response current_;  // belongs to the writer while writing_
};

// One server stream with its request.
template <typename Request, typename Response>
class StreamCall final : public OutStream<Response> {
 public:
  using Writer = typename OutStream<Response>::Writer;
  using Handler = std::function<void(const std::shared_ptr<StreamCall>&)>;
  using Await = std::function<void(grpc::ServerContext*, Request*, Writer*, void* tag)>;

  // As UnaryCall::Start.
  static void Start(Slots::Slot slot, const Await& await, Handler arrived) {
    std::shared_ptr<StreamCall> call(new StreamCall(std::move(arrived)));
    call->weak_ = call;
    call->Hold(call, std::move(slot));
    await(&call->context(), &call->request_, call->writer(), call->arrived_tag());
  }

  const Request& request() const { return request_; }

 private:
  explicit StreamCall(Handler arrived) : arrived_handler_(std::move(arrived)) {}

  void OnArrived() override { arrived_handler_(weak_.lock()); }

  const Handler arrived_handler_;
  std::weak_ptr<StreamCall> weak_;
  Request request_;
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_CALLS_H_
