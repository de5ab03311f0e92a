#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_BUDGET_STATUS_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_BUDGET_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/json/json_fwd.h"

namespace rekindle::apiserver {

// A pod as budgets see it.
struct BudgetPod {
  std::string name;
  bool healthy = false;  // ready
  bool going = false;    // is being deleted
};

// How long an eviction may take to become a deletion before it no longer counts (spec
// kubernetes-api 9.3).
inline constexpr absl::Duration kDisruptionLimit = absl::Minutes(2);

// Whether a budget depends on how many pods its workloads want, not only on those there are.
bool NeedsScale(const Json& budget);

// Works out the status of a PodDisruptionBudget from the pods that it selects. `scale`: pods that
// their workloads want, needed when NeedsScale; nothing when that cannot be found out, with the
// reason in `trouble`: then nothing may be disrupted. Changes budget.status. Returns when to look
// again because a disruption on its list will have expired. Pure.
std::optional<absl::Time> WorkOutBudget(const std::vector<BudgetPod>& pods,
                                        std::optional<int64_t> scale, const std::string& trouble,
                                        absl::Time now, Json& budget);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_BUDGET_STATUS_H_
