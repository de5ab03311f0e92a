#ifndef REKINDLE_CONTROLLER_PLAN_ORDER_H_
#define REKINDLE_CONTROLLER_PLAN_ORDER_H_

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "common/api/pod_record.h"
#include "controller/plan/cloneset_spec.h"

namespace rekindle::plan {

// Parts of packed keys; smaller goes first. Pending and the like 0, Unknown 1, Running 2.
uint64_t PhaseRank(api::Phase phase);
// Later times first, unknown ones before all; fits into kTimeBits.
inline constexpr uint64_t kTimeBits = 40;
uint64_t RecentFirst(int64_t time);

// The place of a pod in an update, packed so that 100,000 of them sort in milliseconds. Smaller
// goes first: a pod that already prepares its update; the priority strategy; then unassigned,
// Pending, Unknown, Running; not ready; most recently ready; more restarts; younger (spec cloneset
// 18, 19.1). The last bytes of the name and then `slot` break ties, so that order never depends on
// chance.
struct UpdateKey {
  uint64_t priority = 0;
  uint64_t state = 0;
  uint64_t age = 0;
  uint64_t name = 0;
  int32_t slot = 0;
  // NOLINTNEXTLINE(modernize-use-nullptr): a false alarm on the 0 inside the defaulted operator
  auto operator<=>(const UpdateKey&) const = default;
};
UpdateKey MakeUpdateKey(const api::PodRecord& pod, int32_t slot, const PriorityStrategy& priority);

// The priority part alone: smaller first. Pods without any ordered key come first, as users of the
// reference expect (cloneset P18).
uint64_t PriorityOf(const api::PodRecord& pod, const PriorityStrategy& priority);

// The number at the end of a text: "web-12" -> 12; none or too large -> 0.
int64_t TrailingNumber(absl::string_view text);

// Spreads the pods that match a term evenly (spec cloneset 19.2). `candidates` in order; `matches`
// tells for a candidate whether a term matches; `all_matched` and `all` count over the whole set.
struct ScatterCounts {
  int64_t matched = 0;
  int64_t all = 0;
};
std::vector<int32_t> ScatterOne(const std::vector<int32_t>& candidates,
                                const std::vector<bool>& matches, const ScatterCounts& counts);
std::vector<int32_t> Scatter(std::vector<int32_t> candidates,
                             const std::vector<const api::PodRecord*>& pods_by_slot,
                             const std::vector<ScatterTerm>& terms);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_ORDER_H_
