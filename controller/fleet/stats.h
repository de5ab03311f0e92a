#ifndef REKINDLE_CONTROLLER_FLEET_STATS_H_
#define REKINDLE_CONTROLLER_FLEET_STATS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace rekindle::fleet {

enum class CallKind : uint8_t { kRestart, kListPods, kCancelOperation };
inline constexpr size_t kCallKinds = 3;
inline constexpr std::array<absl::string_view, kCallKinds> kCallKindNames = {"restart", "list_pods",
                                                                             "cancel_operation"};

// What a fleet has done since it was made, and what it does now: for metrics.
struct FleetStats {
  // Of one kind of call.
  struct Calls {
    std::map<absl::StatusCode, uint64_t> ended;  // by outcome; what the controller was told
    uint64_t dropped = 0;
  };
  std::array<Calls, kCallKinds> calls;
  uint64_t repeated = 0;  // streams of restarts made anew

  uint64_t connected = 0;           // connections made
  uint64_t connect_failures = 0;    // attempts that failed
  uint64_t connections_broken = 0;  // that somebody used

  // Now.
  size_t under_way = 0;  // calls that a daemon has
  size_t waiting = 0;    // calls that wait for their node or their turn
  size_t nodes = 0;      // with an endpoint
  size_t connections = 0;
  size_t connecting = 0;
  size_t unreachable = 0;  // nodes whose last attempt failed and that are tried again
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_STATS_H_
