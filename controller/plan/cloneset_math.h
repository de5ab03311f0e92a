#ifndef REKINDLE_CONTROLLER_PLAN_CLONESET_MATH_H_
#define REKINDLE_CONTROLLER_PLAN_CLONESET_MATH_H_

#include <cstdint>

namespace rekindle::plan {

// Pods of one side (old or new) by bucket; a pod is in the first that fits (spec cloneset 13.1).
struct SideCounts {
  int64_t preparing_delete = 0;
  int64_t specified = 0;
  int64_t unavailable = 0;
  int64_t available = 0;
  int64_t Active() const { return specified + unavailable + available; }
  int64_t All() const { return Active() + preparing_delete; }
};

struct DiffInput {
  int64_t replicas = 0;
  int64_t partition = 0;
  int64_t surge = 0;
  bool paused = false;  // no update surge; surge for specified deletions stays (P12)
  int64_t max_unavailable = 0;
  int64_t scale_max_unavailable = 2147483647;
  SideCounts old_side;
  SideCounts new_side;
  bool one_revision = false;        // update revision = current revision
  bool partition_rollback = false;  // gate CloneSetPartitionRollback
  bool exclude_preparing_delete = false;
};

struct DiffNumbers {
  int64_t use_surge = 0;
  int64_t use_surge_old = 0;
  int64_t up = 0;
  int64_t up_old = 0;
  int64_t up_limit = 0;
  int64_t down = 0;
  int64_t down_old = 0;
  int64_t delete_ready_limit = 0;
  int64_t update = 0;  // positive: towards the update revision; negative: back to the current one
  int64_t update_max_unavailable = 0;
  friend bool operator==(const DiffNumbers&, const DiffNumbers&) = default;
};

// The arithmetic of spec cloneset 13.
DiffNumbers ComputeDiff(const DiffInput& input);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_CLONESET_MATH_H_
