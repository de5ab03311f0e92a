#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_STATUS_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_STATUS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "controller/plan/recreate/request.h"

namespace rekindle::plan {

// status of a request (container-recreate 3.3).
struct RecreateStatus {
  RecreatePhase phase = RecreatePhase::kNone;
  std::optional<absl::Time> completed;
  std::string message;
  std::vector<RecreateState> states;
  std::vector<SnapshotEntry> snapshot;
  std::optional<absl::Time> drain_since;
};

// The status that the request has.
RecreateStatus StatusOf(const RecreateRequest& request);

// A merge patch of the status subresource that makes `stored`'s status `wanted`. It carries the
// version that it was decided from, so that it is refused (409) when somebody wrote in between.
// Lists that `wanted` does not have stay; conditions that are not ours survive. Pure.
Json RecreateStatusPatch(const RecreateRequest& stored, const RecreateStatus& wanted);

// Messages of completion (6.2).
inline constexpr char kPodHasGone[] = "pod has gone";
inline constexpr char kNoResponse[] = "daemon has not responded for a long time";
// Not the reference's: its daemon takes no calls.
inline constexpr char kDaemonRefuses[] = "daemon refuses the controller";
inline constexpr char kDeadlineExceeded[] = "recreating has exceeded the activeDeadlineSeconds";
inline constexpr char kNotFoundOnNode[] = "not found container on Node";

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_STATUS_H_
