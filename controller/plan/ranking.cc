#include "controller/plan/ranking.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "absl/container/flat_hash_map.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/deletion_order.h"

namespace rekindle::plan {
namespace {

// Ranks by topology domains; the order is that of the keys (deletion_order.h).
class Ranker {
 public:
  explicit Ranker(const RankingInput& input) : in_(input) {
    for (const int32_t slot : in_.candidates) base_.push_back(KeyOf(slot, /*available=*/true));
  }

  std::vector<int32_t> Run() {
    std::vector<double> ranks = SameNodeRanks();
    if (!in_.topology_keys.empty() && in_.node_label) ranks = SpreadRanks(ranks);
    std::vector<DeletionKey> keys;
    for (size_t i = 0; i < in_.candidates.size(); ++i) {
      const int32_t slot = in_.candidates[i];
      keys.push_back(KeyOf(slot, in_.available[static_cast<size_t>(slot)]));
      keys.back().rank = -ranks[i];
    }
    std::sort(keys.begin(), keys.end());
    std::vector<int32_t> out;
    for (const DeletionKey& key : keys) out.push_back(key.slot);
    return out;
  }

 private:
  // Candidates by index, least valuable first.
  using Group = std::vector<std::pair<DeletionKey, size_t>>;

  const api::PodRecord& Pod(int32_t slot) const { return *in_.pods[static_cast<size_t>(slot)]; }
  DeletionKey KeyOf(int32_t slot, bool available) const {
    return MakeDeletionKey(Pod(slot), slot, available);
  }
  absl::string_view NodeOf(size_t candidate) const {
    return Pod(in_.candidates[candidate]).node.view();
  }
  static void Sort(Group& group) {
    std::sort(group.begin(), group.end(),
              [](const auto& a, const auto& b) { return a.first < b.first; });
  }

  // The most valuable pod of a node keeps rank 0, the least valuable of k gets k - 1.
  std::vector<double> SameNodeRanks() const {
    absl::flat_hash_map<absl::string_view, Group> nodes;
    for (size_t i = 0; i < base_.size(); ++i) {
      if (!NodeOf(i).empty()) nodes[NodeOf(i)].emplace_back(base_[i], i);
    }
    std::vector<double> out(base_.size(), 0.0);
    for (auto& [node, group] : nodes) {
      Sort(group);
      for (size_t i = 0; i < group.size(); ++i) {
        out[group[i].second] = static_cast<double>(group.size() - 1 - i);
      }
    }
    return out;
  }

  // Crowded domains shrink first; only the topology key of a constraint counts.
  std::vector<double> SpreadRanks(const std::vector<double>& node_ranks) const {
    std::vector<double> out(base_.size(), 0.0);
    for (const std::string& key : in_.topology_keys) {
      const bool by_host = key == "kubernetes.io/hostname";
      std::map<std::string, Group> domains;
      for (size_t i = 0; i < base_.size(); ++i) {
        if (NodeOf(i).empty()) continue;
        const absl::string_view value = in_.node_label(NodeOf(i), key);
        if (value.empty()) continue;
        Group& group = domains[std::string(value)];
        group.emplace_back(base_[i], i);
        if (!by_host) group.back().first.rank = -node_ranks[i];
      }
      const double weight = std::log(static_cast<double>(domains.size()) + 2.0);
      for (auto& [domain, group] : domains) {
        Sort(group);
        for (size_t i = 0; i < group.size(); ++i) {
          out[group[i].second] += weight * static_cast<double>(group.size() - i);
        }
      }
    }
    return out;
  }

  const RankingInput& in_;
  std::vector<DeletionKey> base_;
};

}  // namespace

std::vector<int32_t> RankForDeletion(const RankingInput& input) { return Ranker(input).Run(); }

std::vector<std::string> TopologyKeys(const Json& pod_template) {
  std::vector<std::string> out;
  const Json* list = json::Find(pod_template, {"spec", "topologySpreadConstraints"});
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& item : *list) {
    const absl::string_view key = json::String(item, "topologyKey");
    if (!key.empty()) out.emplace_back(key);
  }
  return out;
}

}  // namespace rekindle::plan
