#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_CALL_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_CALL_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/api/pod_record.h"
#include "common/json/json_fwd.h"
#include "controller/plan/recreate/hook.h"

namespace rekindle::plan {

// What somebody wants of a pod. An absent field leaves the matter to the pod.
struct RecreateWish {
  // In the order in which they are to be restarted. Empty: all regular containers with `all`, else
  // the pod's only one.
  std::vector<std::string> containers;
  bool all = false;
  // Budget of pre-stop hook and stop.
  std::optional<absl::Duration> grace;
};

// What the node daemon must be told of one container (DESIGN.md section 4).
struct ContainerCall {
  std::string name;
  // The runtime's ID that the pod's status names, without "containerd://" in front.
  std::string expected_id;
  // Whether the kubelet starts it again: the pod's policy, or its own where it has one (a native
  // sidecar always has: node-runtime 3.8).
  api::RestartPolicy restart_policy = api::RestartPolicy::kAlways;
  std::optional<Hook> pre_stop;
  std::optional<Hook> post_start;
  // It has a liveness or a startup probe, so that the kubelet may kill it.
  bool health_checked = false;
  // Variables to set in the replacement: those whose value may have changed since the container was
  // made, as the kubelet would compute them now. In the order of the specification.
  std::vector<std::pair<std::string, std::string>> env;
  // What of the configuration comes from ConfigMaps and Secrets (or from other things that this
  // module cannot see), and so would be made anew by the kubelet alone: "GREETING (ConfigMap
  // web-settings)". Sorted by place, without the values.
  std::vector<std::string> references;
};

struct PodCall {
  std::string ns;
  std::string name;
  // As on the runtime's labels: of a static pod its own, not the one of the mirror pod that the API
  // shows (node-runtime 2.1).
  std::string uid;
  std::string node;
  api::RestartPolicy restart_policy = api::RestartPolicy::kAlways;
  bool terminating = false;  // has a deletionTimestamp
  bool is_static = false;
  absl::Duration grace;  // the wish's, else the pod's
  std::vector<ContainerCall> containers;
};

// What the node daemon must be told to restart containers of `pod`, a v1 Pod as the API gives it.
//
// Errors, naming field or container:
//   kInvalidArgument     no Pod, no name or UID; a container is asked for twice; several containers
//                        and none named; a hook that cannot be read
//   kNotFound            no container of that name: the message has those that exist
//   kFailedPrecondition  not to be restarted: an init or ephemeral container, one that never ran, a
//                        pod that has no node yet or has ended
// A pod that is terminating is no error here: the daemon knows it at the moment when it counts.
// Pure. Threads: any.
absl::StatusOr<PodCall> PlanPodCall(const Json& pod, const RecreateWish& wish);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_CALL_H_
