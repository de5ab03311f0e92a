#ifndef REKINDLE_DAEMON_SERVICE_HEALTH_H_
#define REKINDLE_DAEMON_SERVICE_HEALTH_H_

#include <functional>
#include <memory>
#include <string>

#include "common/base/loop.h"
#include "daemon/cri/monitor.h"
#include "daemon/restart/engine.h"
#include "daemon/service/metrics.h"

namespace rekindle::service {

// Whether restarts can be asked for, and why not.
struct Readiness {
  bool ready = false;
  std::string reason;  // empty when ready
};

// Pure. For /readyz and for the health service.
Readiness JudgeReadiness(const cri::Monitor::State& runtime, const restart::Engine::Stats& engine);

// Follows runtime and engine and tells `changed` whenever the readiness changes, first right after
// the start. The runtime tells of its changes; the engine is looked at every second, since a
// journal that cannot be written says so only then.
// Threads: the loop's thread.
class HealthWatch {
 public:
  HealthWatch(Loop& loop, cri::Monitor& monitor, restart::Engine& engine, Metrics& metrics,
              std::function<void(const Readiness&)> changed);
  ~HealthWatch();

 private:
  void Look();
  void LookLater();

  Loop& loop_;
  cri::Monitor& monitor_;
  restart::Engine& engine_;
  Metrics& metrics_;
  const std::function<void(const Readiness&)> changed_;
  std::unique_ptr<Readiness> last_;
  cri::Monitor::WatchId watch_;
  ScopedTimer timer_;
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_HEALTH_H_
