#ifndef REKINDLE_CONTROLLER_RUNTIME_MANAGER_STATE_H_
#define REKINDLE_CONTROLLER_RUNTIME_MANAGER_STATE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

#include "common/client/control_loop.h"
#include "common/client/events/recorder.h"
#include "controller/runtime/cache_state.h"
#include "controller/runtime/manager_phases.h"

namespace rekindle {

// A process's controllers as health and metrics show them: a value.
struct ManagerState {
  struct OneController {
    std::string name;
    bool synced = false;
    absl::Status health;
    std::vector<CacheState> caches;
    // Of all its control loops together.
    client::ControlLoop::Counters counters;
    size_t due = 0;
    size_t waiting = 0;
    size_t working = 0;
  };

  ManagerPhase phase = ManagerPhase::kIdle;
  absl::Status why;  // of kLost
  bool election = false;
  bool leading = false;
  std::string lease;     // "ns/name"
  std::string identity;  // of this process
  std::string leader;    // as far as is known; empty: nobody
  absl::Status election_error;
  std::vector<CacheState> caches;  // shared ones
  std::vector<OneController> controllers;
  client::EventRecorder::Counters events;
  uint64_t events_suppressed = 0;
  size_t events_waiting = 0;
};

struct HealthAnswer {
  bool ok = false;
  std::string text;  // lines, for people
};

// Whether the process is to be left alone: false once its lease is lost, until it ends. That it
// answers at all says that its loop turns. Pure.
HealthAnswer Liveness(const ManagerState& state);

// Whether it can do its work: all caches are filled, it leads or stands by, and no controller lacks
// anything. Says who leads, and of every cache and controller what it does. Pure.
HealthAnswer Readiness(const ManagerState& state);

// Whether it can do the part that each replica has for others, webhooks above all, whether it leads
// or not and also while caches fill: those may wait for a conversion that only a replica can make.
// False from when it stops. Pure.
HealthAnswer Serving(const ManagerState& state);

// One line for `systemctl status` and the log: "leading; 2 controllers". Pure.
std::string Summary(const ManagerState& state);

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_RUNTIME_MANAGER_STATE_H_
