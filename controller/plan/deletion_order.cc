#include "controller/plan/deletion_order.h"

#include <algorithm>

#include "controller/plan/order.h"

namespace rekindle::plan {
namespace {

constexpr int64_t kRestartCap = (1 << 23) - 1;

DeletionKey Base(const api::PodRecord& pod, int32_t slot) {
  return MakeDeletionKey(pod, slot, /*available=*/true);
}

// The least valuable of k pods has rank k - 1, the most valuable 0; larger ranks go first.
double RankAt(size_t position, size_t count) { return -static_cast<double>(count - 1 - position); }

}  // namespace

DeletionKey MakeDeletionKey(const api::PodRecord& pod, int32_t slot, bool available) {
  DeletionKey key;
  const bool ready = pod.ready == api::Tri::kTrue;
  const auto cost = static_cast<uint64_t>(static_cast<int64_t>(pod.deletion_cost) - INT32_MIN);
  key.state = (pod.node.empty() ? 0 : uint64_t{1} << 36) | (PhaseRank(pod.phase) << 34) |
              (available ? uint64_t{1} << 33 : 0) | (ready ? uint64_t{1} << 32 : 0) | cost;
  key.since = ready ? RecentFirst(pod.ready_since) : 0;
  const auto restarts =
      static_cast<uint64_t>(kRestartCap - std::clamp<int64_t>(pod.max_restarts, 0, kRestartCap));
  key.age = (restarts << kTimeBits) | RecentFirst(pod.created);
  key.name = pod.name;
  key.slot = slot;
  return key;
}

DeletionOrder::DeletionOrder(const std::vector<Item>& items) {
  entries_.reserve(items.size());
  for (const Item& item : items) {
    Entry& entry = entries_[item.slot];
    entry = {MakeDeletionKey(*item.pod, item.slot, item.available), item.pod->node.str(),
             item.side};
    if (!entry.node.empty()) {
      nodes_[item.side][entry.node].push_back(Base(*item.pod, item.slot));
    }
  }
  std::vector<DeletionKey> keys[2];
  for (auto& side : nodes_) {
    for (auto& [name, node] : side) {
      std::sort(node.begin(), node.end());
      for (size_t i = 0; i < node.size(); ++i) {
        entries_[node[i].slot].key.rank = RankAt(i, node.size());
      }
    }
  }
  for (const auto& [slot, entry] : entries_) keys[entry.side].push_back(entry.key);
  for (size_t side = 0; side < 2; ++side) {
    std::sort(keys[side].begin(), keys[side].end());
    order_[side] = absl::btree_set<DeletionKey>(keys[side].begin(), keys[side].end());
  }
}

// Ranks of the first `end` pods of a node, after one came or went behind them.
void DeletionOrder::Rerank(int side, const Node& node, size_t end) {
  for (size_t i = 0; i < end; ++i) {
    DeletionKey& key = entries_[node[i].slot].key;
    order_[side].erase(key);
    key.rank = RankAt(i, node.size());
    order_[side].insert(key);
  }
}

void DeletionOrder::Add(const Item& item) {
  Entry& entry = entries_[item.slot];
  entry = {MakeDeletionKey(*item.pod, item.slot, item.available), item.pod->node.str(), item.side};
  if (entry.node.empty()) {
    order_[item.side].insert(entry.key);
    return;
  }
  Node& node = nodes_[item.side][entry.node];
  const DeletionKey base = Base(*item.pod, item.slot);
  const auto at = node.insert(std::lower_bound(node.begin(), node.end(), base), base);
  Rerank(item.side, node, static_cast<size_t>(at - node.begin()) + 1);
}

void DeletionOrder::Remove(int32_t slot) {
  const auto it = entries_.find(slot);
  if (it == entries_.end()) return;
  const int side = it->second.side;
  order_[side].erase(it->second.key);
  const auto node = nodes_[side].find(it->second.node);
  entries_.erase(it);
  if (node == nodes_[side].end()) return;
  const auto at = std::find_if(node->second.begin(), node->second.end(),
                               [&](const DeletionKey& key) { return key.slot == slot; });
  const auto position = static_cast<size_t>(at - node->second.begin());
  node->second.erase(at);
  if (node->second.empty()) {
    nodes_[side].erase(node);
  } else {
    Rerank(side, node->second, position);
  }
}

std::vector<int32_t> DeletionOrder::First(int side, int64_t count) const {
  std::vector<int32_t> out;
  for (const DeletionKey& key : order_[side]) {
    if (static_cast<int64_t>(out.size()) >= count) break;
    out.push_back(key.slot);
  }
  return out;
}

}  // namespace rekindle::plan
