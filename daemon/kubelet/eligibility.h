#ifndef REKINDLE_DAEMON_KUBELET_ELIGIBILITY_H_
#define REKINDLE_DAEMON_KUBELET_ELIGIBILITY_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace rekindle::kubelet {

// spec.restartPolicy of a pod, or of a container that has its own.
enum class RestartPolicy {
  kUnknown = 0,
  kAlways = 1,
  kOnFailure = 2,
  kNever = 3,
};

// What is asked for, or used.
enum class Way { kAuto, kReplace, kHot, kDelegate };

// Everything that decides how a container of a kubelet is restarted.
struct Situation {
  Way wanted = Way::kAuto;
  // From the caller: only the Kubernetes API knows it.
  bool pod_described = false;                      // the request has a kubernetes_pod
  RestartPolicy policy = RestartPolicy::kUnknown;  // the container's own, else the pod's
  bool terminating = false;
  bool allow_static = false;
  bool env_from_references = false;
  bool keep_env = false;
  bool env_overrides = false;  // the request sets or unsets variables
  // From the runtime.
  bool is_static = false;
  bool made_for_deletion = false;  // WasMadeForDeletion
  absl::Status identity;           // CheckKubeletContainer
  absl::Status replacement;        // of building and guarding the replacement's configuration
};

struct Choice {
  Way way = Way::kReplace;  // never kAuto
  std::string reason;       // one clause, for people
};

// Which way a container is restarted beside a kubelet, decided before anything is touched
// (DESIGN.md section 4). `field` names the container in messages ("containers[0]"). The rows; the
// first that fits counts:
//
//   the container is not one of the kubelet's               refused
//   kubernetes_pod or its restart_policy is missing          refused
//   the pod terminates                                       refused
//   a static pod, and allow_static_pod is not set            refused
//   restart policy Never or OnFailure                        refused: a stop may end the pod (2.16)
//   delegate asked for, with variables to set                refused: the kubelet would not set
//   them delegate asked for                                       delegate env from ConfigMaps or
//   Secrets, and not keep_env         auto, replace: delegate; hot: refused a replacement cannot be
//   built from what the runtime has  auto, replace: delegate; hot: refused else auto: replace; as
//   asked for
//
// A hot restart is refused where it is not safe: a delegate has a gap of seconds or minutes, which
// is what whoever asks for hot does not want.
// Errors: kInvalidArgument (a missing field), kFailedPrecondition; both begin with the field.
// Pure. Threads: any.
absl::StatusOr<Choice> Choose(const std::string& field, const Situation& situation);

}  // namespace rekindle::kubelet

#endif  // REKINDLE_DAEMON_KUBELET_ELIGIBILITY_H_
