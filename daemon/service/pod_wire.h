#ifndef REKINDLE_DAEMON_SERVICE_POD_WIRE_H_
#define REKINDLE_DAEMON_SERVICE_POD_WIRE_H_

#include "cri/v1/api.pb.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::service {

// What callers are shown of the runtime's sandboxes and containers (spec/node-runtime 1.11): names
// come from the metadata, which every runtime client must give, not from labels; a pod is a
// kubelet's when its sandbox carries the annotation kubernetes.io/config.source (2.1). Neither
// annotations nor, of a sandbox, its address and containers, which its list does not have.
// Pure. Threads: any.
rekindle::node::v1::Container ToWire(const ::runtime::v1::ContainerStatus& status);
rekindle::node::v1::Pod ToWire(const ::runtime::v1::PodSandbox& sandbox);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_POD_WIRE_H_
