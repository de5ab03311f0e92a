#ifndef REKINDLE_DAEMON_SERVICE_METRICS_H_
#define REKINDLE_DAEMON_SERVICE_METRICS_H_

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/sync.h"
#include "daemon/restart/engine.h"

namespace rekindle::service {

// The daemon's Prometheus metrics (docs/metrics.md lists them). An object, not a global: whoever
// measures something is given it, or one of its observer functions.
// Threads: thread-safe.
class Metrics {
 public:
  explicit Metrics(const std::string& version);
  ~Metrics();

  // A change of an operation; for restart::Engine::Watch. Counts each phase and each end once,
  // however often a record is shown.
  void ObserveOperation(const restart::OperationRecord& record);

  // Gauges that the engine knows; called before each scrape.
  void SetEngineStats(const restart::Engine::Stats& stats);
  void SetRuntimeReady(bool ready);
  void SetQuarantinedRecords(size_t count);
  void SetTlsNotAfter(absl::Time not_after);
  // Only where a controller is configured is it ever called.
  void SetRegistered(bool registered);

  // `call`: "append", "update" or "remove".
  void ObserveJournal(absl::string_view call, const absl::Status& status, absl::Duration latency);

  // A call to the runtime, by CRI method name. Fits what cri::GrpcRuntime takes:
  // std::function<void(std::string_view, absl::StatusCode, absl::Duration)>.
  void ObserveRuntimeCall(absl::string_view method, absl::StatusCode code, absl::Duration latency);

  // A call to this daemon that has ended. `listener`: "local" or "tls".
  void ObserveRpc(absl::string_view listener, absl::string_view method, absl::StatusCode code);

  // A connection to the local socket that was refused. `reason`: "peer", "garbage", "silent" or
  // "busy".
  void ObserveRefusedConnection(absl::string_view reason);

  // Everything in the Prometheus text format 0.0.4.
  std::string Text() const;

 private:
  struct Families;

  // What has been counted of an operation that runs.
  struct Seen {
    size_t history = 0;
    restart::Phase phase = restart::Phase::kAccepted;
  };

  void CountPhases(const restart::OperationRecord& record, Seen& seen)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void CountEnd(const restart::OperationRecord& record) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::unique_ptr<Families> families_;
  Mutex mutex_;
  absl::flat_hash_map<std::string, Seen> running_ ABSL_GUARDED_BY(mutex_);
  absl::flat_hash_set<std::string> ended_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::string> ended_order_ ABSL_GUARDED_BY(mutex_);  // oldest first
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_METRICS_H_
