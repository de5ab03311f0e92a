#ifndef REKINDLE_CONTROLLER_NODES_POD_OBJECT_H_
#define REKINDLE_CONTROLLER_NODES_POD_OBJECT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::nodes {

// Where a pod runs, as its object says.
struct PodPlace {
  std::string node;
  std::string host_ip;  // empty: not known
  // Why nothing is known of the node's pods as they are now; empty: they are known.
  std::string silence = {};
};

// What the API is to say of a pod of the runtime. Parts of an object, since they are written apart.
struct PodObject {
  Json metadata;  // name, namespace, labels, annotations
  Json spec;
  Json status;  // its conditions have no transition times yet: see MergeConditions

  // The whole, for a create.
  Json Whole() const;
  // Names of its containers, in their order: what cannot change in an object that is there.
  std::vector<std::string> ContainerNames() const;
};

// The object of a pod of the runtime:
//
//   labels       those of the sandbox that are labels for the API as well
//   annotations  rekindle.io/runtime-uid (the UID that its creator gave it), rekindle.io/mirrored
//   containers   one for each name, ordered by it; of several attempts the newest that runs, else
//                the newest; the newest that has ended beside it is the last state
//   ready        a container that runs: of probes the runtime knows nothing. Condition Ready of a
//                node that is silent is False (reason NodeNotReady), as Kubernetes's node
//                controller writes it; its containers stay as they were last
//   restarts     the attempt
//   policy       annotation rekindle.io/restart-policy of the sandbox, else Always
//   gates        annotation rekindle.io/readiness-gates of the sandbox; Ready waits for them when
//   it
//                is written: see PlanPod
//   grace        annotation io.kubernetes.pod.terminationGracePeriod of a container, else 30
//   phase        as the kubelet's (spec node-runtime 3.3): a container that has ended under Always
//                leaves the pod Running
//
// Errors: kInvalidArgument naming what the API does not allow (names, an image);
// kFailedPrecondition: there is no container yet, and an object needs one. Pure. Threads: any.
absl::StatusOr<PodObject> PodObjectOf(const node::v1::Pod& pod, const PodPlace& place);

// Which of several sandboxes of one name a pod's object shows: the newest that is ready, else the
// newest. `sandboxes` is not empty. Pure.
const node::v1::Pod& NewestSandbox(const std::vector<const node::v1::Pod*>& sandboxes);

// Condition Ready of a pod whose node is silent. Pure.
Json UnheardCondition(absl::string_view silence);

// `current` (null: none) with those of `ours` put in: a condition whose status is what it was keeps
// its transition time, others get `now`; those of other types stay. Pure.
Json MergeConditions(const Json* current, const Json& ours, absl::Time now);

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_POD_OBJECT_H_
