#ifndef REKINDLE_CONTROLLER_PLAN_RANKING_H_
#define REKINDLE_CONTROLLER_PLAN_RANKING_H_

#include <functional>
#include <string>
#include <vector>

#include "common/api/pod_record.h"

namespace rekindle::plan {

// Value of a topology key of a node; "" when the node lacks it or is not known.
using NodeLabel =
    std::function<absl::string_view(absl::string_view node, absl::string_view topology_key)>;

struct RankingInput {
  std::vector<int32_t> candidates;          // slots
  std::vector<const api::PodRecord*> pods;  // by slot
  std::vector<bool> available;              // by slot
  std::vector<std::string> topology_keys;   // of the template's spread constraints
  NodeLabel node_label;                     // used only with topology keys
};

// The candidates in the order in which they are deleted (spec cloneset 16): unassigned, Pending,
// Unknown, Running; not available; not ready; lower deletion cost; higher rank (same node, or
// crowded topology domains); more recently ready; more restarts; younger; then by name.
std::vector<int32_t> RankForDeletion(const RankingInput& input);

// The topology keys of a pod template's topologySpreadConstraints.
std::vector<std::string> TopologyKeys(const Json& pod_template);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RANKING_H_
