#ifndef REKINDLE_CONTROLLER_PLAN_ORDINALS_H_
#define REKINDLE_CONTROLLER_PLAN_ORDINALS_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::plan {

// Reserved ordinals as sorted, disjoint closed intervals, so that a range of two thousand million
// costs nothing (spec statefulset 2 and 6; pitfall P-4).
class ReservedOrdinals {
 public:
  // Integers and "a-b" texts. Entries that cannot be read are skipped and named in `bad`; the
  // others keep their meaning (pitfall P-5).
  static ReservedOrdinals Parse(const Json& list, std::vector<std::string>* bad);
  bool Has(int64_t ordinal) const;
  // The first ordinal >= `ordinal` that is not reserved.
  int64_t NextFree(int64_t ordinal) const;

 private:
  std::vector<std::pair<int64_t, int64_t>> intervals_;
};

// The ordinals of the wanted pods, ascending, and one past the last of them (spec 6.1).
struct OrdinalRange {
  std::vector<int32_t> ordinals;
  int64_t end = 0;
  bool Has(int32_t ordinal) const;
};
OrdinalRange WantedOrdinals(int64_t start, int64_t replicas, const ReservedOrdinals& reserved);

// The ordinal of a pod of the set, or -1. No allocation.
int32_t OrdinalOf(absl::string_view pod_name, absl::string_view set_name);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_ORDINALS_H_
