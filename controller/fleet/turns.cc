#include "controller/fleet/turns.h"

namespace rekindle::fleet {

void Turns::Add(const std::string& node, Id id) {
  if (nodes_[node].line.insert(id).second) ++waiting_;
  Update(node);
}

bool Turns::Remove(const std::string& node, Id id) {
  const auto it = nodes_.find(node);
  if (it == nodes_.end() || it->second.line.erase(id) == 0) return false;
  --waiting_;
  Update(node);
  return true;
}

void Turns::SetOpen(const std::string& node, bool open) {
  nodes_[node].open = open;
  Update(node);
}

std::optional<Turns::Turn> Turns::Next() {
  if (!HasRoom() || ring_.empty()) return std::nullopt;
  Turn turn;
  turn.node = ring_.front();
  Node& node = nodes_.at(turn.node);
  ring_.pop_front();
  node.place.reset();  // Update puts it at the end of the ring
  turn.id = *node.line.begin();
  node.line.erase(node.line.begin());
  --waiting_;
  ++node.under_way;
  ++under_way_;
  Update(turn.node);
  return turn;
}

void Turns::Ended(const std::string& node) {
  --nodes_.at(node).under_way;
  --under_way_;
  Update(node);
}

std::vector<Turns::Id> Turns::Waiting(const std::string& node) const {
  const auto it = nodes_.find(node);
  if (it == nodes_.end()) return {};
  return {it->second.line.begin(), it->second.line.end()};
}

bool Turns::IsWaiting(const std::string& node) const {
  const auto it = nodes_.find(node);
  return it != nodes_.end() && !it->second.line.empty();
}

size_t Turns::UnderWay(const std::string& node) const {
  const auto it = nodes_.find(node);
  return it == nodes_.end() ? 0 : it->second.under_way;
}

void Turns::Update(const std::string& name) {
  const auto it = nodes_.find(name);
  Node& node = it->second;
  const bool ready = node.open && !node.line.empty() && node.under_way < limits_.per_node;
  if (ready && !node.place.has_value()) {
    node.place = ring_.insert(ring_.end(), name);
  } else if (!ready && node.place.has_value()) {
    ring_.erase(*node.place);
    node.place.reset();
  }
  if (!node.open && node.line.empty() && node.under_way == 0) nodes_.erase(it);
}

}  // namespace rekindle::fleet
