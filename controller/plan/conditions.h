#ifndef REKINDLE_CONTROLLER_PLAN_CONDITIONS_H_
#define REKINDLE_CONTROLLER_PLAN_CONDITIONS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "controller/plan/cloneset.h"

namespace rekindle::plan {

// A condition of a workload's status. Times are Unix seconds, kNoTime when unknown.
struct Condition {
  std::string type;
  bool status = false;  // True or False; anything else is read as False
  std::string reason;
  std::string message;
  int64_t last_update = api::kNoTime;
  int64_t last_transition = api::kNoTime;
};

// Reads and writes `status.conditions`; what is no condition is left out.
std::vector<Condition> ParseConditions(const Json* list);
Json RenderConditions(const std::vector<Condition>& conditions);

// Sets one condition (spec cloneset 8.4): same status and reason keep their times; another reason
// renews lastUpdateTime, another status both, and what changed moves to the end. Unlike the
// reference the message is always refreshed (P22).
void SetCondition(std::vector<Condition>& conditions, absl::string_view type, bool status,
                  absl::string_view reason, absl::string_view message, int64_t now);
const Condition* FindCondition(const std::vector<Condition>& conditions, absl::string_view type);

// What went wrong in a pass, in words; empty: nothing did.
struct PassFailures {
  std::string scale;   // CloneSet FailedScale, StatefulSet FailedCreatePod
  std::string update;  // CloneSet FailedUpdate, StatefulSet FailedUpdatePod
};

struct ConditionPlan {
  std::vector<Condition> conditions;
  std::optional<absl::Duration> requeue;  // when the progress deadline has to be looked at again
};

// The conditions of a CloneSet after a pass with counters `status`: Progressing (spec cloneset 23)
// and the two failures, which a pass without failure turns False (P22). A new update revision
// starts the deadline anew, also when it was exceeded (P23). `stored_update_revision` is that of
// the stored status. Plan errors (`Action::kError`) count as update failures; the first of them is
// named.
ConditionPlan PlanCloneSetConditions(const CloneSetSpec& spec, const StatusCounters& status,
                                     const std::vector<Condition>& stored,
                                     absl::string_view stored_update_revision,
                                     const PassFailures& failures, absl::Time now);

// The conditions of a StatefulSet: the two failures, kept over passes and turned False by a pass
// without failure (P-26).
std::vector<Condition> PlanStatefulSetConditions(const std::vector<Condition>& stored,
                                                 const PassFailures& failures, absl::Time now);

// The failure text of the errors in a plan: the first one and how many more. `names` by
// PodAction::pod.
std::string ErrorsOf(const std::vector<PodAction>& actions,
                     const std::function<std::string(int32_t)>& name_of);

// Whether the stored status says something else than a pass found out: every field counts, and
// conditions by type, status, reason and message (P-19, P-20). observedGeneration only grows.
bool StatusDiffers(const Json& stored, const Json& computed);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_CONDITIONS_H_
