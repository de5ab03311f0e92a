#ifndef REKINDLE_CONTROLLER_NODES_POD_PLAN_H_
#define REKINDLE_CONTROLLER_NODES_POD_PLAN_H_

#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"
#include "controller/nodes/pod_object.h"

namespace rekindle::nodes {

// What has to be written so that the API says of a pod what its runtime says.
struct PodPlan {
  enum class Action {
    kNothing,
    kForeign,  // there is a pod of that name which is not ours
    kCreate,
    kPatch,  // see `patch` and `status`
    kDelete,
    kReplace,  // delete, then create: what cannot be changed differs, or it is being deleted
  };
  Action action = Action::kNothing;
  // Merge patches with the version of the object as precondition; null: that part is right.
  Json patch;   // labels, annotations, images
  Json status;  // of the status subresource
  // `status` makes the pod not ready because its node is silent.
  bool silenced = false;
};

// Whether `pod` was made by us, for whatever node.
bool IsMirrored(const Json& pod);

// `current`: the object, null: there is none. `desired`: of the runtime, null: it has no such pod.
// `left_its_node`: the node of `current` is another one that is known to have it no more. An object
// without our annotation is left alone, and so is one that stands for a pod of another node.
// Labels and annotations that somebody else has put on our object stay. Pure. Threads: any.
PodPlan PlanPod(const Json* current, const PodObject* desired, bool left_its_node, absl::Time now);

// The same for a pod of a node that has not told of its pods since this process started and is
// silent: Ready becomes False, all else stays as it was last. `current`, `silence`: as above and in
// PodPlace. Pure. Threads: any.
PodPlan PlanUnheard(const Json* current, const std::string& silence, absl::Time now);

// The status to write right after a create; `made`: what the API has made of the object, which may
// have more gates. Pure.
Json InitialStatus(const PodObject& desired, const Json& made, absl::Time now);

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_POD_PLAN_H_
