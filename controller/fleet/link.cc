#include "controller/fleet/link.h"

#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "controller/fleet/verdict.h"

namespace rekindle::fleet {

namespace {

constexpr absl::Duration kLongestWatch = absl::Hours(24 * 30);  // what gRPC's timers can count

}  // namespace

Link::Link(const Shared& shared, Counters& counters, const Options& options, std::string node)
    : shared_(shared),
      counters_(counters),
      options_(options),
      node_(std::move(node)),
      backoff_(options.pauses) {}

void Link::Step(LinkEvent event) {
  slow_.Cancel();
  const std::optional<LinkState> next = NextLinkState(state_, event);
  if (!next.has_value()) std::abort();  // a fault of this file
  state_ = *next;
}

void Link::SetEndpoint(std::optional<Endpoint> endpoint) {
  Close();
  endpoint_ = std::move(endpoint);
  reason_ = absl::OkStatus();
  backoff_.Reset();
}

void Link::Want() {
  if (state_ != LinkState::kIdle || !endpoint_.has_value()) return;
  Step(LinkEvent::kWanted);
  shared_.host.AskTurn(node_, failing());
}

void Link::Connect() {
  Step(LinkEvent::kTurn);
  ++generation_;
  heard_ = false;
  timer_.Set(shared_.loop, options_.connect_timeout, [this] {
    Fail(absl::StrCat("no connection within ", absl::FormatDuration(options_.connect_timeout)));
  });
  slow_.Set(shared_.loop, options_.slow_after, [this] { shared_.host.TurnIsSlow(node_); });
  auto made = std::make_shared<Made>();
  shared_.pool.Run(
      [made, endpoint = *endpoint_, tls = shared_.tls]() -> absl::Status {
        RK_ASSIGN_OR_RETURN(made->channel, MakeChannel(endpoint, tls.get()));
        made->stub = node::v1::NodeService::NewStub(made->channel);
        made->channel->GetState(/*try_to_connect=*/true);
        return absl::OkStatus();
      },
      [this, made, generation = generation_,
       alive = std::weak_ptr<bool>(alive_)](const absl::Status& status) {
        if (alive.lock()) OnMade(generation, status, *made);
      });
}

void Link::OnMade(uint64_t generation, const absl::Status& status, Made& made) {
  if (generation != generation_ || state_ != LinkState::kConnecting) return;
  if (!status.ok()) return Fail(status.message());
  channel_ = std::move(made.channel);
  stub_ = std::move(made.stub);
  Look();
}

void Link::Look() {
  const grpc_connectivity_state now = channel_->GetState(/*try_to_connect=*/true);
  switch (now) {
    case GRPC_CHANNEL_READY:
      return OnConnected();
    case GRPC_CHANNEL_TRANSIENT_FAILURE:
    case GRPC_CHANNEL_SHUTDOWN:
      return AskWhy();
    case GRPC_CHANNEL_IDLE:
    case GRPC_CHANNEL_CONNECTING:
      break;
  }
  shared_.watch.Watch(*channel_, now, 2 * options_.connect_timeout,
                      [this, generation = generation_, alive = std::weak_ptr<bool>(alive_)] {
                        if (!alive.lock() || generation != generation_) return;
                        if (state_ == LinkState::kConnecting) Look();
                      });
}

// A channel does not say why it has failed; a call on it does, at once.
void Link::AskWhy() {
  question_ = shared_.remote.Call<node::v1::GetNodeInfoRequest, node::v1::NodeInfo>(
      stub_, &node::v1::NodeService::StubInterface::async_interface::GetNodeInfo,
      node::v1::GetNodeInfoRequest(), [this](const absl::StatusOr<node::v1::NodeInfo>& answer) {
        question_ = nullptr;
        // Whatever else it says, it has been reached.
        if (!absl::IsUnavailable(answer.status())) return OnConnected();
        Fail(ConnectReason(answer.status().message()));
      });
}

void Link::OnConnected() {
  timer_.Cancel();
  ++counters_.connected;
  Step(LinkEvent::kConnected);
  up_since_ = shared_.loop.Monotonic();
  shared_.host.GiveTurn(node_);
  shared_.host.LinkChanged(node_);
  WatchEnd();
}

void Link::WatchEnd() {
  shared_.watch.Watch(*channel_, GRPC_CHANNEL_READY, kLongestWatch,
                      [this, generation = generation_, alive = std::weak_ptr<bool>(alive_)] {
                        if (!alive.lock() || generation != generation_) return;
                        if (state_ != LinkState::kUp) return;
                        if (Connected()) return WatchEnd();
                        shared_.host.LinkEnded(node_);
                      });
}

void Link::Fail(absl::string_view why) {
  ++counters_.failed;
  shared_.host.GiveTurn(node_);
  Pause(absl::StrCat("cannot be reached: ", why), LinkEvent::kFailed);
}

bool Link::Connected() const {
  return channel_ != nullptr && channel_->GetState(false) == GRPC_CHANNEL_READY;
}

bool Link::Usable() {
  if (state_ != LinkState::kUp) return false;
  if (Connected()) return true;
  if (heard_ || shared_.loop.Monotonic() - up_since_ >= options_.pauses.max) {
    Close();
  } else {
    // It is no use to come back at once: who accepts connections and closes them gains nothing.
    Broke(generation_, absl::UnavailableError("it was closed before the daemon had answered"));
  }
  return false;
}

void Link::Heard(uint64_t generation) {
  if (generation != generation_ || heard_) return;
  heard_ = true;
  reason_ = absl::OkStatus();
  backoff_.Reset();
}

void Link::Broke(uint64_t generation, const absl::Status& why) {
  if (state_ != LinkState::kUp || generation != generation_) return;
  ++counters_.broken;
  Pause(absl::StrCat("the connection broke: ", why.message()), LinkEvent::kBroke);
}

void Link::Pause(absl::string_view why, LinkEvent event) {
  DropChannel();
  reason_ =
      absl::UnavailableError(absl::StrCat("the daemon of node ", node_, " at ", endpoint_->target,
                                          " ", PrintableText(std::string(why))));
  Step(event);
  timer_.Set(shared_.loop, client::Jittered(backoff_.Next(), options_.jitter, shared_.random),
             [this] {
               Step(LinkEvent::kPauseOver);
               shared_.host.LinkChanged(node_);
             });
  shared_.host.LinkChanged(node_);
}

void Link::Retry() {
  backoff_.Reset();
  if (state_ != LinkState::kPausing) return;
  timer_.Cancel();
  Step(LinkEvent::kPauseOver);
  shared_.host.LinkChanged(node_);
}

void Link::Close() {
  if (state_ == LinkState::kInLine || state_ == LinkState::kConnecting) {
    shared_.host.GiveTurn(node_);
  }
  timer_.Cancel();
  DropChannel();
  Step(LinkEvent::kClose);
}

void Link::DropChannel() {
  shared_.remote.Cancel(std::exchange(question_, nullptr));
  if (channel_ == nullptr) return;
  shared_.pool.Run(
      [made = Made{std::exchange(channel_, nullptr), std::exchange(stub_, nullptr)}]() mutable {
        made = {};
        return absl::OkStatus();
      },
      [](const absl::Status&) {});
}

}  // namespace rekindle::fleet
