#ifndef REKINDLE_DAEMON_CRI_MONITOR_H_
#define REKINDLE_DAEMON_CRI_MONITOR_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "cri/v1/api.pb.h"

namespace rekindle::cri {

// What is known of the runtime and of exits, kept up to date by its events with a relist as the
// safety net (spec/node-runtime 1.17, 1.24, 1.25).
// Threads: the loop's thread; callbacks arrive there, never inline.
class Monitor {
 public:
  using WatchId = uint64_t;

  struct State {
    bool ready = false;
    std::string reason;    // why not ready; empty when it is
    std::string endpoint;  // "unix:///run/containerd/containerd.sock"
    std::string runtime_name;
    std::string runtime_version;
    std::string event_source;  // "cri", "containerd" or "relist"
  };

  virtual ~Monitor() = default;

  virtual const State& state() const = 0;

  // Calls `changed` whenever ready or reason changes, until Unwatch.
  virtual WatchId WatchState(std::function<void(const State&)> changed) = 0;

  // Calls `exited` once: with the container's status when the runtime itself reports it EXITED
  // (not on the mere event: 1.17), or kNotFound when it is gone. An exit that has already happened
  // is reported as well.
  virtual WatchId WatchExit(
      const std::string& container_id,
      absl::AnyInvocable<void(absl::StatusOr<::runtime::v1::ContainerStatus>)> exited) = 0;

  // Calls `exited` once, as early as it can be known that the container's main process is dead: on
  // the runtime's event, some 35 to 100 ms before the runtime itself reports EXITED (1.17; pitfall
  // 18: it may still be tidying up). With a source of events that has no such thing it comes
  // together with WatchExit, as it does for an exit that has already happened.
  virtual WatchId WatchTaskExit(const std::string& container_id,
                                absl::AnyInvocable<void()> exited) = 0;

  // Calls `changed`, until Unwatch, when a container of the sandbox has been started: read it anew
  // then (the runtime itself may still call it created for some milliseconds). With a runtime
  // without events, and as the safety net beside them, also when a list shows any other change.
  virtual WatchId WatchSandbox(const std::string& sandbox_id, std::function<void()> changed) = 0;

  // Calls `changed`, until Unwatch, when the runtime announces that a container or a sandbox has
  // been started, has ended or has been removed, and when the stream of announcements has been
  // opened anew: what happened before that is not known. The runtime's own lists may show it some
  // 100 ms later (1.17), and some changes are not announced (a container that was created): list
  // now and then all the same. Never called with a runtime without events.
  virtual WatchId WatchEvents(std::function<void()> changed) = 0;

  // Drops a watch of any kind; unknown ones are ignored.
  virtual void Unwatch(WatchId watch) = 0;
};

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_MONITOR_H_
