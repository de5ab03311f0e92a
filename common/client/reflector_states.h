#ifndef REKINDLE_COMMON_CLIENT_REFLECTOR_STATES_H_
#define REKINDLE_COMMON_CLIENT_REFLECTOR_STATES_H_

#include <optional>

#include "absl/strings/string_view.h"

namespace rekindle::client {

// Where the following of one collection is (spec kubernetes-api 6.8).
enum class ReflectorState { kIdle, kListing, kListPause, kWatching, kWatchPause, kStopped };

enum class ReflectorEvent {
  kStart,
  kListed,      // all pages are there
  kListAnew,    // list at once: pages expired, or the watch's start is too old
  kListLater,   // list after a pause
  kWatchAgain,  // the watch ended as watches do: resume at once
  kWatchLater,  // it failed: resume after a pause
  kPauseOver,
  kStop,
};

struct ReflectorTransition {
  ReflectorState from;
  ReflectorEvent event;
  ReflectorState to;
};

// Everything that is not here is impossible; kStop leads to kStopped from everywhere.
inline constexpr ReflectorTransition kReflectorTransitions[] = {
    {ReflectorState::kIdle, ReflectorEvent::kStart, ReflectorState::kListing},
    {ReflectorState::kListing, ReflectorEvent::kListed, ReflectorState::kWatching},
    {ReflectorState::kListing, ReflectorEvent::kListAnew, ReflectorState::kListing},
    {ReflectorState::kListing, ReflectorEvent::kListLater, ReflectorState::kListPause},
    {ReflectorState::kListPause, ReflectorEvent::kPauseOver, ReflectorState::kListing},
    {ReflectorState::kWatching, ReflectorEvent::kWatchAgain, ReflectorState::kWatching},
    {ReflectorState::kWatching, ReflectorEvent::kWatchLater, ReflectorState::kWatchPause},
    {ReflectorState::kWatching, ReflectorEvent::kListAnew, ReflectorState::kListing},
    {ReflectorState::kWatching, ReflectorEvent::kListLater, ReflectorState::kListPause},
    {ReflectorState::kWatchPause, ReflectorEvent::kPauseOver, ReflectorState::kWatching},
};

constexpr std::optional<ReflectorState> NextReflectorState(ReflectorState from,
                                                           ReflectorEvent event) {
  if (event == ReflectorEvent::kStop) return ReflectorState::kStopped;
  for (const ReflectorTransition& row : kReflectorTransitions) {
    if (row.from == from && row.event == event) return row.to;
  }
  return std::nullopt;
}

constexpr absl::string_view ReflectorStateName(ReflectorState state) {
  switch (state) {
    case ReflectorState::kIdle:
      return "idle";
    case ReflectorState::kListing:
      return "listing";
    case ReflectorState::kListPause:
      return "pausing before a list";
    case ReflectorState::kWatching:
      return "watching";
    case ReflectorState::kWatchPause:
      return "pausing before a watch";
    case ReflectorState::kStopped:
      return "stopped";
  }
  return "";
}

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_REFLECTOR_STATES_H_
