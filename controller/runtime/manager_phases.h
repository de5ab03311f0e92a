#ifndef REKINDLE_CONTROLLER_RUNTIME_MANAGER_PHASES_H_
#define REKINDLE_CONTROLLER_RUNTIME_MANAGER_PHASES_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace rekindle {

enum class ManagerPhase {
  kIdle,
  kSyncing,   // caches fill
  kStandby,   // they are full; another process leads, or nobody yet
  kRunning,   // this one leads, controllers reconcile
  kStopping,  // asked to
  kStopped,
  kLost,  // the lease went: everything is dropped
};

enum class ManagerEvent { kStart, kSynced, kElected, kStop, kStopped, kLeaseLost };

struct ManagerTransition {
  ManagerPhase from;
  ManagerEvent event;
  ManagerPhase to;
};

// Everything that is not here is impossible, or comes too late to matter. A lease can be lost while
// the work of a leader ends, too; what is left of the orderly stop is dropped then. And it can be
// lost before the news of having got it has arrived.
inline constexpr ManagerTransition kManagerTransitions[] = {
    {ManagerPhase::kIdle, ManagerEvent::kStart, ManagerPhase::kSyncing},
    {ManagerPhase::kIdle, ManagerEvent::kStop, ManagerPhase::kStopping},
    {ManagerPhase::kSyncing, ManagerEvent::kSynced, ManagerPhase::kStandby},
    {ManagerPhase::kSyncing, ManagerEvent::kStop, ManagerPhase::kStopping},
    {ManagerPhase::kStandby, ManagerEvent::kElected, ManagerPhase::kRunning},
    {ManagerPhase::kStandby, ManagerEvent::kLeaseLost, ManagerPhase::kLost},
    {ManagerPhase::kStandby, ManagerEvent::kStop, ManagerPhase::kStopping},
    {ManagerPhase::kRunning, ManagerEvent::kLeaseLost, ManagerPhase::kLost},
    {ManagerPhase::kRunning, ManagerEvent::kStop, ManagerPhase::kStopping},
    {ManagerPhase::kStopping, ManagerEvent::kLeaseLost, ManagerPhase::kLost},
    {ManagerPhase::kStopping, ManagerEvent::kStopped, ManagerPhase::kStopped},
};

constexpr std::optional<ManagerPhase> NextManagerPhase(ManagerPhase from, ManagerEvent event) {
  for (const ManagerTransition& row : kManagerTransitions) {
    if (row.from == from && row.event == event) return row.to;
  }
  return std::nullopt;
}

constexpr absl::string_view ManagerPhaseName(ManagerPhase phase) {
  switch (phase) {
    case ManagerPhase::kIdle:
      return "not started";
    case ManagerPhase::kSyncing:
      return "caches fill";
    case ManagerPhase::kStandby:
      return "standby";
    case ManagerPhase::kRunning:
      return "leading";
    case ManagerPhase::kStopping:
      return "stopping";
    case ManagerPhase::kStopped:
      return "stopped";
    case ManagerPhase::kLost:
      return "the lease is lost";
  }
  return "";
}

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_RUNTIME_MANAGER_PHASES_H_
