#ifndef REKINDLE_CONTROLLER_FLEET_REMOTE_H_
#define REKINDLE_CONTROLLER_FLEET_REMOTE_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include "common/base/loop.h"
#include "common/base/sync.h"
#include "common/net/grpc_status.h"
#include "rekindle/node/v1/node.grpc.pb.h"

namespace rekindle::fleet {

// gRPC calls under way whose news come on a loop. gRPC's threads read, decode and post; the loop
// only hears of it.
// Threads: the loop's, destructor included.
class Remote {
 public:
  using Service = node::v1::NodeService;
  using Stub = std::shared_ptr<Service::Stub>;

  // One call. Kept alive by gRPC and by whoever wants to cancel it.
  class Flight {
   public:
    virtual ~Flight() = default;

   protected:
    friend class Remote;
    Flight(Remote& remote, Stub stub) : stub_(std::move(stub)), remote_(&remote) {}

    // Both keep the channel.
    std::unique_ptr<grpc::ClientContext> context_ = std::make_unique<grpc::ClientContext>();
    Stub stub_;
    // The loop's.
    bool silent_ = false;
    Remote* remote_;  // null: it is gone
  };
  using FlightPtr = std::shared_ptr<Flight>;

  explicit Remote(Loop& loop) : loop_(loop) {}
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;
  // Cancels what is under way and waits until gRPC has let go of it. No news afterwards, and no
  // channel is kept.
  ~Remote();

  // One stream of RestartContainers; it fails at once where there is no connection. `ended` comes
  // last and once.
  FlightPtr Restart(Stub stub, const node::v1::RestartContainersRequest& request,
                    std::function<void(node::v1::Operation)> operation,
                    absl::AnyInvocable<void(absl::Status)> ended);

  // A plain call; `method` is one of the stub's callback interface with a reactor.
  template <typename Request, typename Response>
  using Method = void (Service::StubInterface::async_interface::*)(grpc::ClientContext*,
                                                                   const Request*, Response*,
                                                                   grpc::ClientUnaryReactor*);
  template <typename Request, typename Response>
  FlightPtr Call(Stub stub, Method<Request, Response> method, const Request& request,
                 absl::AnyInvocable<void(absl::StatusOr<Response>)> done);

  // No news of it any more.
  void Cancel(const FlightPtr& flight);

 private:
  // Flights that gRPC still knows. Outlives this object in the hands of the last of them.
  class Aloft {
   public:
    void Add() {
      MutexLock lock(&mutex_);
      ++count_;
    }
    void Remove() {
      MutexLock lock(&mutex_);
      --count_;
    }
    void AwaitNone() {
      MutexLock lock(&mutex_);
      mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return count_ == 0; });
    }

   private:
    Mutex mutex_;
    size_t count_ ABSL_GUARDED_BY(mutex_) = 0;
  };

  class RestartFlight;
  template <typename Response>
  class PlainFlight;

  void Begin(const FlightPtr& flight) {
    aloft_->Add();
    flights_.insert(flight);
  }
  // On the loop: the last news of a flight. False when nobody wants to hear it.
  static bool Land(const FlightPtr& flight) {
    if (flight->remote_ == nullptr) return false;
    flight->remote_->flights_.erase(flight);
    return !flight->silent_;
  }

  Loop& loop_;
  const std::shared_ptr<Aloft> aloft_ = std::make_shared<Aloft>();
  absl::flat_hash_set<FlightPtr> flights_;  // whose last news have not come
};

template <typename Response>
class Remote::PlainFlight final : public Flight, public grpc::ClientUnaryReactor {
 public:
  PlainFlight(Remote& remote, Stub stub, absl::AnyInvocable<void(absl::StatusOr<Response>)> done)
      : Flight(remote, std::move(stub)),
        loop_(remote.loop_),
        aloft_(remote.aloft_),
        done_(std::move(done)) {}

  template <typename Request>
  void Start(const std::shared_ptr<PlainFlight>& self, Method<Request, Response> method,
             const Request& request) {
    self_ = self;
    (stub_->async()->*method)(context_.get(), &request, &response_, this);
    StartCall();
  }

 private:
  void OnDone(const grpc::Status& status) override {
    auto self = std::move(self_);
    const auto aloft = aloft_;
    loop_.Post([self = std::move(self), outcome = net::FromGrpc(status)]() mutable {
      if (!Land(self)) return;
      auto done = std::move(self->done_);
      if (outcome.ok()) {
        done(std::move(self->response_));
      } else {
        done(std::move(outcome));
      }
    });
    aloft->Remove();
  }

  Loop& loop_;
  const std::shared_ptr<Aloft> aloft_;
  Response response_;
  absl::AnyInvocable<void(absl::StatusOr<Response>)> done_;
  std::shared_ptr<PlainFlight> self_;
};

template <typename Request, typename Response>
Remote::FlightPtr Remote::Call(Stub stub, Method<Request, Response> method, const Request& request,
                               absl::AnyInvocable<void(absl::StatusOr<Response>)> done) {
  auto flight = std::make_shared<PlainFlight<Response>>(*this, std::move(stub), std::move(done));
  Begin(flight);
  flight->Start(flight, method, request);
  return flight;
}

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_REMOTE_H_
