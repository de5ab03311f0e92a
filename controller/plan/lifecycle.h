#ifndef REKINDLE_CONTROLLER_PLAN_LIFECYCLE_H_
#define REKINDLE_CONTROLLER_PLAN_LIFECYCLE_H_

#include <optional>
#include <string>
#include <vector>

#include "common/api/pod_record.h"
#include "common/json/json_fwd.h"
#include "controller/plan/reason.h"

namespace rekindle::plan {

// One lifecycle hook (spec in-place-update 18.1).
struct Hook {
  api::StringMap labels;
  std::vector<std::string> finalizers;
  bool mark_not_ready = false;
};

struct Hooks {
  bool configured = false;  // spec.lifecycle is there at all
  std::optional<Hook> pre_normal;
  std::optional<Hook> pre_delete;
  std::optional<Hook> in_place;
};
Hooks ParseHooks(const Json* lifecycle);

// Any handler is on the pod: the hook holds it.
bool Holds(const std::optional<Hook>& hook, const api::PodRecord& pod);
// All handlers are on the pod. An empty hook is complete, a missing one never is.
bool CompleteOn(const std::optional<Hook>& hook, const api::PodRecord& pod);
// The handlers of a hook that are on the pod, for explanations.
std::string HoldersOf(const std::optional<Hook>& hook, const api::PodRecord& pod);
// The handlers that are missing.
std::string MissingOf(const std::optional<Hook>& hook, const api::PodRecord& pod);

// One patch of the lifecycle state: label, timestamp, and entries of KruisePodReady.
struct LifecycleStep {
  api::Lifecycle to = api::Lifecycle::kNormal;
  bool mark_pre_delete = false;
  bool mark_pre_update = false;
  bool unmark_pre_delete = false;
  bool unmark_pre_update = false;
  bool rearm = false;  // put the handlers of inPlaceUpdate back in the same patch
};
api::PodRecord ApplyLifecycle(const api::PodRecord& pod, const LifecycleStep& step,
                              const Hooks& hooks);
// The pod patch, which follows what RenderReadiness says.
Json RenderLifecycle(const LifecycleStep& step, const Hooks& hooks, absl::Time now);
// {"KruisePodReady": {"add": [...], "remove": [...]}}: entries that come into and go out of the
// message of that condition (spec 18.4); whoever writes it keeps the entries of others. Null when
// nothing changes or the pod lacks the gate.
Json RenderReadiness(const api::PodRecord& pod, const LifecycleStep& step);

// Transitions that need no decision of the rollout (spec in-place-update 18.2, cloneset 21.3,
// statefulset 12.2). `on_target`: the pod carries the revision the rollout wants for it.
// `needs_node`: PreparingNormal without hook waits for a node (CloneSet).
std::optional<LifecycleStep> RefreshLifecycle(const api::PodRecord& pod, const Hooks& hooks,
                                              bool update_complete, bool on_target,
                                              bool needs_node);

// What stands before an in-place update (spec 18.3).
struct Passage {
  bool go = false;
  std::optional<LifecycleStep> step;
  Reason why;
};
Passage BeforeUpdate(const api::PodRecord& pod, const Hooks& hooks);
// What stands before a deletion.
Passage BeforeDelete(const api::PodRecord& pod, const Hooks& hooks);

// Why a pod that is on its revision is not in service because of its lifecycle; nullopt when it is.
std::optional<Reason> LifecycleWait(const api::PodRecord& pod, const Hooks& hooks);

// Why a pod is not ready as far as its scheduling and its containers say.
Reason NotReady(const api::PodRecord& pod);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_LIFECYCLE_H_
