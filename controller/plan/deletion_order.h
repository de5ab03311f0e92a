#ifndef REKINDLE_CONTROLLER_PLAN_DELETION_ORDER_H_
#define REKINDLE_CONTROLLER_PLAN_DELETION_ORDER_H_

#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

#include "common/api/pod_record.h"

namespace rekindle::plan {

// The place of a pod in a scale-in (spec cloneset 16), packed so that it compares fast; smaller is
// deleted first. The name is that of the record, which must outlive the key.
struct DeletionKey {
  uint64_t state = 0;  // rules 1 to 4: assigned, phase, available, ready, deletion cost
  double rank = 0;     // rule 5, negated
  uint64_t since = 0;  // rule 6
  uint64_t age = 0;    // rules 7 and 8: restarts, creation
  absl::string_view name;
  int32_t slot = 0;

  friend bool operator<(const DeletionKey& a, const DeletionKey& b) {
    return std::tie(a.state, a.rank, a.since, a.age, a.name, a.slot) <
           std::tie(b.state, b.rank, b.since, b.age, b.name, b.slot);
  }
};
// With rank 0. `available` false and true where availability does not count.
DeletionKey MakeDeletionKey(const api::PodRecord& pod, int32_t slot, bool available);

// The order of deletion by nodes (spec 16.1, same-node rank), kept while pods come and go: a change
// costs what pods its node has, not what pods there are. Pods of the two sides are ranked apart.
// Threads: thread-compatible.
class DeletionOrder {
 public:
  // Records of added pods must stay as they are until they are removed.
  struct Item {
    int32_t slot = 0;
    const api::PodRecord* pod = nullptr;
    bool available = false;
    int side = 0;  // 0 old, 1 new
  };
  explicit DeletionOrder(const std::vector<Item>& items);
  void Add(const Item& item);
  void Remove(int32_t slot);
  // The first `count` pods of a side.
  std::vector<int32_t> First(int side, int64_t count) const;

 private:
  struct Entry {
    DeletionKey key;  // as it stands in the order
    std::string node;
    int side = 0;
  };
  using Node = std::vector<DeletionKey>;  // without availability and rank, sorted

  void Rerank(int side, const Node& node, size_t end);

  absl::btree_set<DeletionKey> order_[2];
  absl::flat_hash_map<std::string, Node> nodes_[2];
  absl::flat_hash_map<int32_t, Entry> entries_;
};

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_DELETION_ORDER_H_
