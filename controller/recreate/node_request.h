#ifndef REKINDLE_CONTROLLER_RECREATE_NODE_REQUEST_H_
#define REKINDLE_CONTROLLER_RECREATE_NODE_REQUEST_H_

#include <cstddef>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "controller/plan/recreate/decide.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::recreate {

// Under which ID the daemon knows the restart of spec.containers[index]: the request's UID, with
// the index behind it when there are several. The same after every start of the controller. Pure.
std::string NodeRequestId(const plan::RecreateRequest& request, size_t index);

// What the daemon is told to restart spec.containers[index] of `pod`, a v1 Pod read just now. Only
// the container that the decision was made for is touched, whose bare ID is `expected_id`: the one
// that the request was made for, with forceRecreate the newest one (8.7, 9.1). The hook is the
// pod's own, not the copy in the request: whoever may write requests could run commands by it
// otherwise (5.3). `deadline`: for how long the daemon may work on it. Errors: as
// plan::PlanPodCall. Pure.
absl::StatusOr<node::v1::RestartContainersRequest> BuildNodeRequest(
    const plan::RecreateRequest& request, size_t index, const Json& pod,
    const std::string& expected_id, absl::Duration deadline);

// For how long the daemon may work on one container: its grace and minStartedSeconds, and what a
// kubelet in crash back-off takes; with a deadline of the request no longer than that. Pure.
absl::Duration NodeDeadline(const plan::RecreateRequest& request, absl::Duration age);

// What a decision needs of an operation. Pure.
plan::HeardOperation Heard(const node::v1::Operation& operation);

// The newest container of each name of the pod with `uid`. Pure.
std::map<std::string, plan::LiveContainer> NewestContainers(const node::v1::ListPodsResponse& pods,
                                                            const std::string& uid);

// For people: "replace".
std::string MethodName(node::v1::Method method);

}  // namespace rekindle::recreate

#endif  // REKINDLE_CONTROLLER_RECREATE_NODE_REQUEST_H_
