#ifndef REKINDLE_DAEMON_SERVICE_POD_LISTER_H_
#define REKINDLE_DAEMON_SERVICE_POD_LISTER_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "daemon/cri/runtime.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::service {

// Lists pods and containers as the runtime sees them (spec/node-runtime 1.11): names come from the
// metadata, which every runtime client must give, not from labels; a pod is a kubelet's when its
// sandbox carries the annotation kubernetes.io/config.source (2.1). Lists first, then one status
// call for each sandbox (address) and container (times, exit), kListPodsConcurrency at once. What
// disappears in between is left out.
// Pods are ordered by namespace, name and creation, newest sandbox first; containers by name,
// newest attempt first.
// Errors: those of the runtime's calls.
// Threads: the loop's thread; `reply` is called there, never inline.
void ListPods(cri::Runtime& runtime, const rekindle::node::v1::ListPodsRequest& request,
              absl::AnyInvocable<void(absl::StatusOr<rekindle::node::v1::ListPodsResponse>)> reply);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_POD_LISTER_H_
