#ifndef REKINDLE_CONTROLLER_FLEET_TURNS_H_
#define REKINDLE_CONTROLLER_FLEET_TURNS_H_

#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/container/node_hash_map.h"

namespace rekindle::fleet {

// Whose turn it is: bounds what is under way, per node and in all. Within a node the lowest ID goes
// first, so that what comes back keeps its place; nodes take turns with each other, so that one
// with a thousand calls does not hold up one with a single call. Pure; all costs are logarithmic at
// most. Threads: thread-compatible.
class Turns {
 public:
  using Id = uint64_t;

  struct Limits {
    size_t per_node = 64;
    size_t in_all = 5000;
  };
  struct Turn {
    std::string node;
    Id id = 0;
  };

  explicit Turns(const Limits& limits) : limits_(limits) {}

  // `id` waits for its turn at `node`.
  void Add(const std::string& node, Id id);
  // It waits no longer. False: it did not.
  bool Remove(const std::string& node, Id id);

  // Whether calls of `node` can begin at all; at first they cannot.
  void SetOpen(const std::string& node, bool open);

  // The next one, under way from now on. Nothing: none waits that could begin.
  std::optional<Turn> Next();
  // One of `node` is no longer under way.
  void Ended(const std::string& node);

  // Those of `node` that wait, in their order.
  std::vector<Id> Waiting(const std::string& node) const;
  bool IsWaiting(const std::string& node) const;
  size_t UnderWay(const std::string& node) const;
  // One more could begin there, as far as the bounds are concerned.
  bool NodeHasRoom(const std::string& node) const { return UnderWay(node) < limits_.per_node; }
  bool HasRoom() const { return under_way_ < limits_.in_all; }

  size_t waiting() const { return waiting_; }
  size_t under_way() const { return under_way_; }
  const Limits& limits() const { return limits_; }

 private:
  struct Node {
    std::set<Id> line;
    size_t under_way = 0;
    bool open = false;
    std::optional<std::list<std::string>::iterator> place;  // in ring_
  };

  // Puts the node into the ring or takes it out, and forgets it when there is nothing to know.
  void Update(const std::string& name);

  const Limits limits_;
  absl::node_hash_map<std::string, Node> nodes_;
  std::list<std::string> ring_;  // nodes with a call that could begin
  size_t waiting_ = 0;
  size_t under_way_ = 0;
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_TURNS_H_
