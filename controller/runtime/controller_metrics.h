#ifndef REKINDLE_CONTROLLER_RUNTIME_CONTROLLER_METRICS_H_
#define REKINDLE_CONTROLLER_RUNTIME_CONTROLLER_METRICS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"

#include "common/base/sync.h"
#include "common/client/api_client.h"
#include "common/client/control_loop.h"
#include "controller/runtime/manager_state.h"

namespace rekindle {

// Prometheus metrics of a process's controllers (docs/metrics.md). An object, not a global: whoever
// measures something is given it, or one of its observer functions.
// Threads: thread-safe.
class ControllerMetrics {
 public:
  explicit ControllerMetrics(const std::string& version);
  ~ControllerMetrics();

  // A call to the API that is over. A watch has no duration; one that is cancelled is not reported.
  void ObserveCall(const client::CallReport& report);
  // A run of a control loop of `controller`.
  void ObserveRun(absl::string_view controller, const client::ControlLoop::Report& report);
  // Called before each scrape.
  void SetState(const ManagerState& state);

  // A number that is asked for at each scrape, on the scraping thread; `total`: it only grows.
  using Labels = std::map<std::string, std::string>;
  void AddSource(const std::string& name, const std::string& help, bool total, const Labels& labels,
                 std::function<double()> read);

  // Everything in the Prometheus text format 0.0.4.
  std::string Text();

 private:
  struct Families;

  void SetCache(const CacheState& cache, const std::string& controller);

  const std::unique_ptr<Families> families_;
  Mutex mutex_;  // a scrape shows one state, not half of the next
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_RUNTIME_CONTROLLER_METRICS_H_
