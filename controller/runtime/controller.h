#ifndef REKINDLE_CONTROLLER_RUNTIME_CONTROLLER_H_
#define REKINDLE_CONTROLLER_RUNTIME_CONTROLLER_H_

#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/client/control_loop.h"
#include "controller/runtime/cache_state.h"

namespace rekindle {

// One controller of the program, as the program sees it: made at the start, so that its caches are
// filled also while another process leads; started when this one leads; stopped at the end. A
// process that loses its leadership ends.
// Threads: the loop's.
class Controller {
 public:
  virtual ~Controller() = default;

  // For --controllers, log lines and the label of metrics: "recreate".
  virtual absl::string_view name() const = 0;

  // Whether the caches that belong to it alone are filled. True when it has none.
  virtual bool synced() const = 0;
  // Begins to fill them.
  virtual void Watch() = 0;

  // Begins to reconcile. Once; all caches are filled and this process leads.
  virtual void Start() = 0;

  // Takes nothing more and waits for what is under way, `limit` at most; see ControlLoop::Stop.
  virtual void Stop(absl::Duration limit, absl::AnyInvocable<void(absl::Status)> stopped) = 0;

  // Of its control loops, for metrics.
  virtual std::vector<const client::ControlLoop*> loops() const = 0;
  // What else this replica lacks to do its part, leading or not; for readiness.
  virtual absl::Status health() const { return absl::OkStatus(); }
  // The caches that belong to it alone, for health and metrics.
  virtual std::vector<CacheState> caches() const { return {}; }
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_RUNTIME_CONTROLLER_H_
