#ifndef REKINDLE_CONTROLLER_PLAN_RESTART_H_
#define REKINDLE_CONTROLLER_PLAN_RESTART_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/api/int_or_percent.h"
#include "controller/plan/cloneset.h"
#include "controller/plan/order.h"

namespace rekindle::plan {

// A bulk in-place restart of the pods of a selector or workload, input of a ContainerRecreateJob.
struct RestartSpec {
  enum class Order { kNameDescending, kNameAscending, kOldestFirst, kNotReadyFirst };
  std::vector<std::string> containers;     // empty: all
  std::optional<api::IntOrPercent> batch;  // pods per batch; absent: no batches
  api::IntOrPercent max_unavailable = api::IntOrPercent::Count(1);  // rounded down, at least 1
  std::optional<api::IntOrPercent> partition;     // pods that are not restarted, rounded up
  std::optional<api::IntOrPercent> max_failures;  // tolerated, rounded down; absent: all
  Order order = Order::kNameDescending;
  PriorityStrategy priority;  // before `order`
  std::string topology_key;   // spread: at most `per_domain` at once in a domain
  int64_t per_domain = 1;
  int64_t min_ready_seconds = 0;  // after a restart, before the next pod
  bool paused = false;

  // Counts for `pods` pods of the selector.
  int64_t Kept(int64_t pods) const;
  int64_t BatchSize(int64_t pods) const;
  int64_t Budget(int64_t pods) const;
  int64_t Tolerated(int64_t wanted) const;
};
// Reads a RestartSpec from the `spec` of a job. Errors: kInvalidArgument naming the field.
absl::StatusOr<RestartSpec> ParseRestart(const Json& spec);

// What is observed of the restart of one pod: from its ContainerRecreateRequest of this job.
struct RestartState {
  enum class Phase { kNone, kRunning, kSucceeded, kFailed };
  Phase phase = Phase::kNone;
  std::string detail;
};

struct RestartOptions {
  NodeLabel node_label;
  std::function<bool(const api::PodRecord&)> budget_allows;
};

struct RestartPlan {
  std::vector<int32_t> start;                 // indexes into the input, in order: restart these now
  std::vector<Reason> reasons;                // one per input pod
  std::vector<std::vector<int32_t>> batches;  // the whole order, cut into batches
  int64_t done = 0;
  int64_t running = 0;
  int64_t failed = 0;
  int64_t wanted = 0;
  bool finished = false;  // nothing is left to do
  bool halted = false;    // too many failures
  std::optional<absl::Duration> requeue;
};

// Which pods are restarted now. A pure function of what is observed, so it continues after any
// interruption; pods that are gone or finished are left out, a pod is never restarted twice.
RestartPlan PlanRestart(const RestartSpec& spec, const std::vector<PodPtr>& pods,
                        const std::map<std::string, RestartState>& states,
                        const RestartOptions& options, absl::Time now);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RESTART_H_
