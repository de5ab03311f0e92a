#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_STATIC_POD_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_STATIC_POD_H_

#include <string>

#include "common/json/json_fwd.h"

namespace rekindle::plan {

// Whether `pod` stands for a static pod, one that the kubelet runs from a file of its own: the API
// shows a mirror of it (node-runtime 2.1). Pure. Threads: any.
bool IsStaticPod(const Json& pod);

// The UID on the labels of the pod's containers: of a static pod, and of one that stands for a pod
// of a runtime without a kubelet (docs/embedded.md), the one that an annotation carries. Whoever
// sets the annotation gains nothing by it: the daemon compares namespace, name and UID with the
// labels of what it is to touch. Pure. Threads: any.
std::string RuntimeUid(const Json& pod);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_STATIC_POD_H_
