// Nodes of a fleet: where they are, whether they are connected, whose turn it is.
#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "controller/fleet/fleet.h"

namespace rekindle::fleet {

absl::Status Fleet::SetEndpoint(const std::string& node, const Endpoint& endpoint) {
  RK_RETURN_IF_ERROR(CheckEndpoint(endpoint));
  if (!endpoint.local() && shared_.tls == nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "target: ", endpoint.target, " takes mutual TLS, and no certificates are configured"));
  }
  Node& known = NodeOf(node);
  if (known.link->endpoint() == endpoint) {
    known.link->Retry();
    const bool idle = known.link->state() == LinkState::kIdle;
    if (ahead_ && idle && known.ahead == Ahead::kNone) LineUpAhead(node, known);
    return absl::OkStatus();
  }
  const bool moved = known.link->endpoint().has_value();
  known.link->SetEndpoint(endpoint);
  // Answers of one attempt may still come from where it went.
  const std::vector<CallId> flying(known.under_way.begin(), known.under_way.end());
  for (const CallId id : flying) {
    Call& call = *calls_.at(id);
    if (!moved || call.kind != CallKind::kRestart) continue;
    remote_.Cancel(call.flight);
    Land(call);
    ++stats_.repeated;
    call.cut = absl::UnavailableError(absl::StrCat("the daemon of node ", node, " is now at ",
                                                   endpoint.target, " and is being called there"));
    turns_.Add(node, id);
  }
  LinkChanged(node);
  return absl::OkStatus();
}

void Fleet::RemoveEndpoint(const std::string& node) {
  const auto it = nodes_.find(node);
  if (it == nodes_.end()) return;
  it->second->link->SetEndpoint(std::nullopt);
  LinkChanged(node);
}

FleetStats Fleet::Stats() const {
  FleetStats out = stats_;
  out.connected = counters_.connected;
  out.connect_failures = counters_.failed;
  out.connections_broken = counters_.broken;
  out.under_way = turns_.under_way();
  out.waiting = calls_.size() - turns_.under_way();
  for (const auto& [name, node] : nodes_) {
    const Link& link = *node->link;
    out.nodes += link.endpoint().has_value() ? 1 : 0;
    out.connections += link.up() ? 1 : 0;
    out.connecting += link.state() == LinkState::kConnecting ? 1 : 0;
    out.unreachable += !link.up() && link.failing() ? 1 : 0;
  }
  return out;
}

void Fleet::AskTurn(const std::string& node, bool again) {
  connecting_.Add(node, again);
  Schedule();
}

void Fleet::TurnIsSlow(const std::string& node) {
  connecting_.Slow(node);
  Schedule();
}

void Fleet::GiveTurn(const std::string& node) {
  connecting_.Remove(node);
  Schedule();
}

void Fleet::LinkChanged(const std::string& node) {
  relinked_.insert(node);
  Touch(node);
}

// The daemon has ended a connection. Its calls hear of it by themselves.
void Fleet::LinkEnded(const std::string& node) {
  Node& known = *nodes_.at(node);
  if (!known.under_way.empty() || known.link->Usable()) return;
  ClearIdle(known);
  LinkChanged(node);
}

void Fleet::Touch(const std::string& node) {
  touched_.insert(node);
  Schedule();
}

Fleet::Node& Fleet::NodeOf(const std::string& name) {
  std::unique_ptr<Node>& node = nodes_[name];
  if (node == nullptr) {
    node = std::make_unique<Node>();
    node->link = std::make_unique<Link>(shared_, counters_, options_.link, name);
  }
  return *node;
}

void Fleet::Schedule() {
  if (std::exchange(scheduled_, true)) return;
  loop_.Post([this, alive = std::weak_ptr<bool>(alive_)] {
    if (alive.lock()) Pump();
  });
}

// Brings everything to where it should be: all that is decided elsewhere waits for this, so that
// callbacks never run inside a call of the fleet's.
void Fleet::Pump() {
  scheduled_ = false;
  const absl::flat_hash_set<std::string> touched = std::exchange(touched_, {});
  const absl::flat_hash_set<std::string> relinked = std::exchange(relinked_, {});
  std::vector<CallId> waiting = std::exchange(queued_, {});
  for (const std::string& name : touched) {
    const auto it = nodes_.find(name);
    if (it == nodes_.end()) continue;
    Node& node = *it->second;
    const bool up = node.link->up();
    CountUp(node, up);
    turns_.SetOpen(name, up);
    if (turns_.IsWaiting(name)) node.link->Want();
    NoteAhead(name, node);
  }
  FeedAhead();
  while (const std::optional<std::string> node = connecting_.Next()) {
    nodes_.at(*node)->link->Connect();
  }
  while (const std::optional<Turns::Turn> turn = turns_.Next()) Send(*turn);
  for (const std::string& name : relinked) {
    const std::vector<CallId> all = turns_.Waiting(name);
    waiting.insert(waiting.end(), all.begin(), all.end());
  }
  for (const CallId id : waiting) Explain(id);
  for (const std::string& name : touched) Tidy(name);
}

void Fleet::Send(const Turns::Turn& turn) {
  Node& node = *nodes_.at(turn.node);
  Call& call = *calls_.at(turn.id);
  if (!node.link->Usable()) {
    // It ended in peace while nobody used it.
    turns_.Ended(turn.node);
    turns_.Add(turn.node, turn.id);
    turns_.SetOpen(turn.node, false);
    return LinkChanged(turn.node);
  }
  ClearIdle(node);
  node.under_way.insert(turn.id);
  call.generation = node.link->generation();
  call.flight = call.send(node.link->stub());
}

void Fleet::Tidy(const std::string& name) {
  const auto it = nodes_.find(name);
  if (it == nodes_.end()) return;
  Node& node = *it->second;
  if (!node.under_way.empty() || turns_.IsWaiting(name)) return ClearIdle(node);
  if (node.link->endpoint().has_value()) {
    if (!node.link->up()) return;
    if (node.link->Usable()) return SetIdle(name, node);
    // It ended while it was used.
    ClearIdle(node);
    return LinkChanged(name);
  }
  ClearIdle(node);
  if (node.calls > 0) return;
  CountUp(node, false);
  if (node.ahead == Ahead::kConnecting) --ahead_connecting_;
  nodes_.erase(it);
}

void Fleet::CountUp(Node& node, bool up) {
  if (std::exchange(node.up, up) == up) return;
  if (up) {
    ++up_;
  } else {
    --up_;
  }
}

}  // namespace rekindle::fleet
