#ifndef REKINDLE_DAEMON_KUBELET_REPLACEMENT_GUARD_H_
#define REKINDLE_DAEMON_KUBELET_REPLACEMENT_GUARD_H_

#include "absl/status/status.h"

#include "cri/v1/api.pb.h"

namespace rekindle::kubelet {

// Checks what must hold of a replacement so that the kubelet takes it for its own
// (spec/node-runtime 2.17 "Invariants for clones", pitfall 10): labels and hash are those of the
// old container, its attempt is a higher one, restart count and log number are that attempt, and
// the sandbox given with it is the pod's. Wrong ones were seen to be killed after a second, or to
// keep the kubelet from ever starting the container again. A log path and the sandbox's log
// directory must be there: a kubelet that removes a container without them deletes what it can of
// its own working directory (seen with 1.20: /bin, a link, was gone). Errors: kFailedPrecondition
// naming what differs. Pure. Threads: any.
absl::Status CheckReplacement(const ::runtime::v1::ContainerStatus& old,
                              const ::runtime::v1::CreateContainerRequest& replacement);

}  // namespace rekindle::kubelet

#endif  // REKINDLE_DAEMON_KUBELET_REPLACEMENT_GUARD_H_
