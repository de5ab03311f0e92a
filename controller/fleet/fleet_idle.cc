// Connections of a fleet that nobody uses: which are kept, which are made ahead.
#include <algorithm>
#include <optional>
#include <utility>

#include "controller/fleet/fleet.h"

namespace rekindle::fleet {

void Fleet::SetIdle(const std::string& name, Node& node) {
  if (node.idle_place.has_value()) return;
  node.idle_place = idle_.insert(idle_.end(), name);
  node.idle.Set(loop_, std::min(options_.idle_at_least, options_.idle_after),
                [this, name] { OnIdleAtLeast(name); });
}

void Fleet::OnIdleAtLeast(const std::string& name) {
  if (idle_.size() > options_.most_idle) {
    const std::string oldest = idle_.front();
    CloseIdle(oldest);
    if (oldest == name) return;
  }
  if (ahead_) return;
  nodes_.at(name)->idle.Set(
      loop_, std::max(options_.idle_after - options_.idle_at_least, absl::ZeroDuration()),
      [this, name] { CloseIdle(name); });
}

void Fleet::ClearIdle(Node& node) {
  if (!node.idle_place.has_value()) return;
  node.idle.Cancel();
  idle_.erase(*std::exchange(node.idle_place, std::nullopt));
}

void Fleet::CloseIdle(std::string name) {
  Node& node = *nodes_.at(name);
  ClearIdle(node);
  node.link->Close();
  LinkChanged(name);
}

void Fleet::ConnectAhead() {
  if (std::exchange(ahead_, true)) return;
  for (const auto& [name, node] : nodes_) Touch(name);
}

void Fleet::NoteAhead(const std::string& name, Node& node) {
  if (!ahead_) return;
  const LinkState state = node.link->state();
  const bool connecting = state == LinkState::kInLine || state == LinkState::kConnecting;
  if (node.ahead == Ahead::kConnecting && !connecting) {
    node.ahead = Ahead::kNone;
    --ahead_connecting_;
  }
  if (state != LinkState::kIdle || !node.link->endpoint().has_value()) {
    return node.ahead_again.Cancel();
  }
  if (node.ahead != Ahead::kNone || node.ahead_again.pending()) return;
  if (!node.link->failing()) return LineUpAhead(name, node);
  node.ahead_again.Set(loop_, options_.ahead_again,
                       [this, name] { LineUpAhead(name, *nodes_.at(name)); });
}

void Fleet::LineUpAhead(const std::string& name, Node& node) {
  node.ahead_again.Cancel();
  node.ahead = Ahead::kInLine;
  ahead_line_.push_back(name);
  Schedule();
}

void Fleet::FeedAhead() {
  while (!ahead_line_.empty() && ahead_connecting_ < options_.ahead_at_once &&
         up_ + ahead_connecting_ < options_.most_idle) {
    const absl::Duration wait = ahead_pace_.Take(loop_.Monotonic());
    if (wait > absl::ZeroDuration()) {
      if (!ahead_timer_.pending()) ahead_timer_.Set(loop_, wait, [this] { Schedule(); });
      return;
    }
    const auto found = nodes_.find(ahead_line_.front());
    ahead_line_.pop_front();
    if (found == nodes_.end() || found->second->ahead != Ahead::kInLine) continue;
    Node& node = *found->second;
    const bool wanted = node.link->state() == LinkState::kIdle && node.link->endpoint().has_value();
    node.ahead = wanted ? Ahead::kConnecting : Ahead::kNone;
    if (!wanted) continue;
    ++ahead_connecting_;
    node.link->Want();
  }
}

}  // namespace rekindle::fleet
