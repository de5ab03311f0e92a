#ifndef REKINDLE_CONTROLLER_PLAN_WIRE_NODE_WIRE_H_
#define REKINDLE_CONTROLLER_PLAN_WIRE_NODE_WIRE_H_

#include "common/api/pod_record.h"
#include "controller/plan/recreate/call.h"
#include "controller/plan/recreate/hook.h"
#include "controller/plan/recreate/request.h"
#include "rekindle/node/v1/node.pb.h"

// What is planned for a restart, in the messages that the node daemon takes: the same for everybody
// who calls it. All pure. Threads: any.
namespace rekindle::plan {

node::v1::RestartPolicy ToWire(api::RestartPolicy policy);
node::v1::Method ToWire(RestartMethod method);
// Into an empty handler.
void WriteHook(const Hook& hook, node::v1::Handler& out);

// What `call` says of the pod itself: policy, whether it is terminating. The rest stays.
void WritePodCall(const PodCall& call, node::v1::KubernetesPod& out);

// What `call` says of one container, into a message whose method and skip_pre_stop are set: policy,
// hooks (no pre-stop hook where it is skipped), health checks, references, variables. A variable
// that the message sets or unsets already stays so; with METHOD_DELEGATE the kubelet computes all,
// so none is written. The rest stays, ID and grace too.
void WriteContainerCall(const ContainerCall& call, node::v1::ContainerRestart& out);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_WIRE_NODE_WIRE_H_
