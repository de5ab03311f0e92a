#ifndef REKINDLE_CONTROLLER_FLEET_LINK_STATES_H_
#define REKINDLE_CONTROLLER_FLEET_LINK_STATES_H_

#include <cstdint>
#include <optional>

namespace rekindle::fleet {

// Where the connection to one daemon is.
enum class LinkState : uint8_t {
  kIdle,        // not wanted, or not begun
  kInLine,      // waits until fewer others connect
  kConnecting,  // TCP, TLS, HTTP/2
  kUp,
  kPausing,  // could not be made, or broke: tried again after a pause
};

enum class LinkEvent : uint8_t {
  kWanted,  // there is a call for it
  kTurn,    // it may connect
  kConnected,
  kFailed,  // the attempt
  kBroke,
  kPauseOver,
  kClose,  // idle for long, or the endpoint is another one
};

struct LinkTransition {
  LinkState from;
  LinkEvent event;
  LinkState to;
};

// Everything that is not here is impossible; kClose leads to kIdle from everywhere.
inline constexpr LinkTransition kLinkTransitions[] = {
    {LinkState::kIdle, LinkEvent::kWanted, LinkState::kInLine},
    {LinkState::kInLine, LinkEvent::kTurn, LinkState::kConnecting},
    {LinkState::kConnecting, LinkEvent::kConnected, LinkState::kUp},
    {LinkState::kConnecting, LinkEvent::kFailed, LinkState::kPausing},
    {LinkState::kUp, LinkEvent::kBroke, LinkState::kPausing},
    {LinkState::kPausing, LinkEvent::kPauseOver, LinkState::kIdle},
};

constexpr std::optional<LinkState> NextLinkState(LinkState from, LinkEvent event) {
  if (event == LinkEvent::kClose) return LinkState::kIdle;
  for (const LinkTransition& row : kLinkTransitions) {
    if (row.from == from && row.event == event) return row.to;
  }
  return std::nullopt;
}

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_LINK_STATES_H_
