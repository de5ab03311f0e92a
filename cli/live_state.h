#ifndef REKINDLE_CLI_LIVE_STATE_H_
#define REKINDLE_CLI_LIVE_STATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "cli/io.h"

#include "common/json/json_fwd.h"

namespace rekindle::cli {

// How the cluster is reached: by the user's own kubectl, with all its ways to log in.
struct Kubectl {
  std::string program = "kubectl";
  std::string kubeconfig;  // empty: kubectl's default
  std::string context;     // empty: the current one
};

// What a cluster holds that the plan of `workload` (a CloneSet, StatefulSet or
// ContainerRecreateJob) looks at: the object itself if it is there, and of its namespace (without
// one: kubectl's) the Pods, ControllerRevisions and claims; for a job also the Nodes and the
// ContainerRecreateRequests. Reads only. Errors: kInvalidArgument (no name), kNotFound (no
// kubectl), kFailedPrecondition (the cluster has no such type), kUnavailable (kubectl's own words),
// kDeadlineExceeded, kCancelled.
absl::StatusOr<std::vector<Json>> ReadLive(const Kubectl& kubectl, const Json& workload, Io& io);

// One Pod as the cluster's API gives it, read within `limit`. Errors: kNotFound (no kubectl, or the
// cluster has no such pod), kUnavailable (kubectl's own words), kDeadlineExceeded, kCancelled.
absl::StatusOr<Json> ReadPod(const Kubectl& kubectl, const std::string& ns, const std::string& name,
                             absl::Duration limit, Io& io);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_LIVE_STATE_H_
