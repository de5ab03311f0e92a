#ifndef REKINDLE_CLI_LIVE_STATE_H_
#define REKINDLE_CLI_LIVE_STATE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
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
// kubectl), kUnavailable (kubectl's own words), kDeadlineExceeded, kCancelled.
absl::StatusOr<std::vector<Json>> ReadLive(const Kubectl& kubectl, const Json& workload, Io& io);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_LIVE_STATE_H_
