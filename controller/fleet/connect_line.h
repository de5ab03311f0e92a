#ifndef REKINDLE_CONTROLLER_FLEET_CONNECT_LINE_H_
#define REKINDLE_CONTROLLER_FLEET_CONNECT_LINE_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace rekindle::fleet {

// Who may connect: bounds how many do at once, so that thousands of handshakes do not time out
// together. A node that failed last time waits in a line of its own, which gets half of the room at
// most: many nodes that are away (each takes as long as a connection attempt may) do not hold up
// those that are there. Pure. Threads: thread-compatible.
class ConnectLine {
 public:
  explicit ConnectLine(size_t most) : most_(most) {}

  // `node` waits; once at a time. `again`: it failed last time.
  void Add(const std::string& node, bool again);
  // It waits no longer, or has connected, or has failed. Unknown: ignored.
  void Remove(const std::string& node);
  // The next one, connecting from now on. Nothing: none waits, or there is no room.
  std::optional<std::string> Next();

  size_t waiting() const { return places_.size() - connecting_; }
  size_t connecting() const { return connecting_; }

 private:
  enum class Place { kFirst, kAgain, kConnectingFirst, kConnectingAgain };

  const size_t most_;
  std::deque<std::string> first_;
  std::deque<std::string> again_;
  absl::flat_hash_map<std::string, Place> places_;
  size_t connecting_ = 0;
  size_t connecting_again_ = 0;
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_CONNECT_LINE_H_
