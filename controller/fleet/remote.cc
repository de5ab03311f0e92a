#include "controller/fleet/remote.h"

namespace rekindle::fleet {

class Remote::RestartFlight final
    : public Flight,
      public grpc::ClientReadReactor<node::v1::RestartContainersResponse> {
 public:
  RestartFlight(Remote& remote, Stub stub, std::function<void(node::v1::Operation)> operation,
                absl::AnyInvocable<void(absl::Status)> ended)
      : Flight(remote, std::move(stub)),
        loop_(remote.loop_),
        aloft_(remote.aloft_),
        operation_(std::move(operation)),
        ended_(std::move(ended)) {}

  void Start(const std::shared_ptr<RestartFlight>& self,
             const node::v1::RestartContainersRequest& request) {
    self_ = self;
    stub_->async()->RestartContainers(context_.get(), &request, this);
    StartRead(&response_);
    StartCall();
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) return;
    loop_.Post([self = self_, operation = std::move(*response_.mutable_operation())]() mutable {
      if (!self->silent_) self->operation_(std::move(operation));
    });
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    auto self = std::move(self_);
    const auto aloft = aloft_;
    loop_.Post([self = std::move(self), outcome = net::FromGrpc(status)] {
      if (!Land(self)) return;
      auto ended = std::move(self->ended_);
      ended(outcome);
    });
    aloft->Remove();
  }

  Loop& loop_;
  const std::shared_ptr<Aloft> aloft_;
  node::v1::RestartContainersResponse response_;
  const std::function<void(node::v1::Operation)> operation_;
  absl::AnyInvocable<void(absl::Status)> ended_;
  std::shared_ptr<RestartFlight> self_;
};

Remote::~Remote() {
  const absl::flat_hash_set<FlightPtr> flights = std::exchange(flights_, {});
  for (const FlightPtr& flight : flights) {
    flight->silent_ = true;
    flight->remote_ = nullptr;
    flight->context_->TryCancel();
  }
  aloft_->AwaitNone();
  // News that are still on their way to the loop keep the flights. Not on gRPC's thread: the last
  // channel waits for it.
  for (const FlightPtr& flight : flights) {
    flight->context_.reset();
    flight->stub_.reset();
  }
}

Remote::FlightPtr Remote::Restart(Stub stub, const node::v1::RestartContainersRequest& request,
                                  std::function<void(node::v1::Operation)> operation,
                                  absl::AnyInvocable<void(absl::Status)> ended) {
  auto flight = std::make_shared<RestartFlight>(*this, std::move(stub), std::move(operation),
                                                std::move(ended));
  Begin(flight);
  flight->Start(flight, request);
  return flight;
}

void Remote::Cancel(const FlightPtr& flight) {
  if (flight == nullptr) return;
  flight->silent_ = true;
  flight->context_->TryCancel();
}

}  // namespace rekindle::fleet
