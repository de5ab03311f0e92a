#ifndef REKINDLE_CONTROLLER_ADMISSION_KEEPER_STATES_H_
#define REKINDLE_CONTROLLER_ADMISSION_KEEPER_STATES_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace rekindle::admission {

enum class KeeperState {
  kIdle,
  kReading,     // the Secret
  kWriting,     // the Secret
  kInstalling,  // reads configurations one after the other, and writes those that differ
  kResting,     // until it looks again
  kBackingOff,  // after an error, until it tries again
  kStopped,
};

enum class KeeperEvent {
  kStart,
  kDue,      // the time has come
  kGood,     // the Secret is as it has to be
  kWanting,  // it has to be changed
  kWritten,
  kLost,  // somebody else wrote first
  kInstalled,
  kFailed,
  kStop,
};

struct KeeperTransition {
  KeeperState from;
  KeeperEvent event;
  KeeperState to;
};

// All that there is, but for kStop, which leads from everywhere to kStopped. A test draws it and
// looks that nothing is a dead end.
inline constexpr KeeperTransition kKeeperTransitions[] = {
    {KeeperState::kIdle, KeeperEvent::kStart, KeeperState::kReading},
    {KeeperState::kReading, KeeperEvent::kGood, KeeperState::kInstalling},
    {KeeperState::kReading, KeeperEvent::kWanting, KeeperState::kWriting},
    {KeeperState::kReading, KeeperEvent::kFailed, KeeperState::kBackingOff},
    {KeeperState::kWriting, KeeperEvent::kWritten, KeeperState::kInstalling},
    {KeeperState::kWriting, KeeperEvent::kLost, KeeperState::kReading},
    {KeeperState::kWriting, KeeperEvent::kFailed, KeeperState::kBackingOff},
    {KeeperState::kInstalling, KeeperEvent::kInstalled, KeeperState::kResting},
    {KeeperState::kInstalling, KeeperEvent::kFailed, KeeperState::kBackingOff},
    {KeeperState::kResting, KeeperEvent::kDue, KeeperState::kReading},
    {KeeperState::kBackingOff, KeeperEvent::kDue, KeeperState::kReading},
};

// Where `event` leads; nullopt: it cannot happen there.
constexpr std::optional<KeeperState> NextState(KeeperState from, KeeperEvent event) {
  if (event == KeeperEvent::kStop) return KeeperState::kStopped;
  for (const KeeperTransition& row : kKeeperTransitions) {
    if (row.from == from && row.event == event) return row.to;
  }
  return std::nullopt;
}

}  // namespace rekindle::admission

#endif  // REKINDLE_CONTROLLER_ADMISSION_KEEPER_STATES_H_
