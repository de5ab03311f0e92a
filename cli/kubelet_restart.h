#ifndef REKINDLE_CLI_KUBELET_RESTART_H_
#define REKINDLE_CLI_KUBELET_RESTART_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/live_state.h"
#include "cli/restart_request.h"

#include "common/json/json_fwd.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::cli {

// The flags of `rekindle node restart` for a pod that a kubelet owns, as given.
struct KubeletOptions {
  Kubectl kubectl;
  std::optional<bool> api;     // --api, --no-api; absent: asked where a kubelet owns the pod
  std::string restart_policy;  // told by hand: "Always", "OnFailure", "Never"
  bool keep_env = false;
  bool allow_static = false;
};

// Whether a kubelet owns what the daemon lists for the pod. Pure.
bool OwnedByKubelet(const node::v1::ListPodsResponse& pods);

// Says in `request`, made by BuildRestart of `options`, what the API's object `pod` tells the
// daemon (controller/plan/recreate/call.h); without -c its containers are the pod's regular ones.
// What the flags say goes before what the pod says. `notes` gets lines for the user: what the
// replacement keeps from before. Errors: as PlanPodCall and ChooseContainers; kFailedPrecondition
// (a static pod without --static). Pure.
absl::Status ApplyPod(const Json& pod, const RestartOptions& options, const KubeletOptions& kubelet,
                      node::v1::RestartContainersRequest& request, std::vector<std::string>& notes);

// The same with nothing known but what the flags say: --restart-policy. Whether ConfigMaps or
// Secrets are in the environment is not known then, so that the kubelet makes the new container
// unless --keep-env says that the old values are fine. `request` names its containers. Pure.
void ApplyByHand(const KubeletOptions& kubelet, node::v1::RestartContainersRequest& request,
                 std::vector<std::string>& notes);

// What a user should read who has no way to the API: `why` is the error of ReadPod. Pure.
absl::Status NoApi(const absl::Status& why, const std::string& pod);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_KUBELET_RESTART_H_
