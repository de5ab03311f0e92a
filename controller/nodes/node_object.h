#ifndef REKINDLE_CONTROLLER_NODES_NODE_OBJECT_H_
#define REKINDLE_CONTROLLER_NODES_NODE_OBJECT_H_

#include <optional>
#include <string>

#include "absl/time/time.h"
#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::nodes {

// What is known of a node at one moment.
struct NodeView {
  std::string name;
  std::string address;                     // where its daemon is reached, when that is an address
  std::optional<node::v1::NodeInfo> info;  // the last one; none: it was never heard
  bool alive = false;                      // heard lately
  bool silent = false;  // not heard for longer than kSilence, or never in that time
  absl::Time heard;     // when last; with `info`
  std::string trouble;  // why it is not heard; empty: nothing is known to be wrong
};

// InternalIP of a node: what its daemon is reached at, else the first that it says itself.
std::string InternalIp(const NodeView& view);

// The object of a node that has none yet: labels and the annotation rekindle.io/mirrored. Needs
// `view.info`. Pure, as the others here.
Json NodeObjectOf(const NodeView& view);

// Merge patches that make `current` what the view says; null: it does already. A heartbeat alone is
// written every five minutes; the lease tells of the time between. Of a node that was never heard
// only the condition is written.
struct NodePatches {
  Json metadata;  // labels
  Json status;
};
NodePatches PatchesOf(const Json& current, const NodeView& view, absl::Time now);

// The node's lease in kube-node-lease (spec kubernetes-api 10.2), renewed by a sign of life: a
// merge patch, and the object for when there is none.
Json LeasePatch(const std::string& node, absl::Time heard);
Json NewNodeLease(const std::string& node, absl::Time heard);

inline constexpr char kLeaseNamespace[] = "kube-node-lease";
// How long a daemon may be silent before its node is called unknown.
inline constexpr absl::Duration kSilence = absl::Seconds(40);

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_NODE_OBJECT_H_
