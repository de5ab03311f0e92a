#ifndef REKINDLE_CONTROLLER_FLEET_CONNECT_LINE_H_
#define REKINDLE_CONTROLLER_FLEET_CONNECT_LINE_H_

#include <cstddef>
#include <deque>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"

namespace rekindle::fleet {

// Who may connect: bounds how many do at once, since a handshake is work on both sides, and
// thousands at a time would only time out together. A node that failed last time waits in a line of
// its own, which gets half of the room at most. An attempt that is slow is not work but silence (a
// node that is off), so it gives its room to others; of these there are bounded numbers too. Many
// nodes that are away thus do not hold up those that are there.
// Pure. Threads: thread-compatible.
class ConnectLine {
 public:
  explicit ConnectLine(size_t most) : most_(most) {}

  // `node` waits; once at a time. `again`: it failed last time.
  void Add(const std::string& node, bool again);
  // It connects, and is slow.
  void Slow(const std::string& node);
  // It waits no longer, or has connected, or has failed. Unknown: ignored.
  void Remove(const std::string& node);
  // The next one, connecting from now on. Nothing: none waits, or there is no room.
  std::optional<std::string> Next();

  size_t waiting() const { return first_.size() + again_.size(); }
  size_t connecting() const { return connecting_ + slow_; }

 private:
  enum class Place { kFirst, kAgain, kConnectingFirst, kConnectingAgain, kSlow };
  static constexpr size_t kSlowFactor = 4;  // so many times the room for those that are slow

  const size_t most_;
  std::deque<std::string> first_;
  std::deque<std::string> again_;
  absl::flat_hash_map<std::string, Place> places_;
  size_t connecting_ = 0;  // that are not slow
  size_t connecting_again_ = 0;
  size_t slow_ = 0;
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_CONNECT_LINE_H_
