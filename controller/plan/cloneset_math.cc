#include "controller/plan/cloneset_math.h"

#include <algorithm>
#include <cstdlib>

namespace rekindle::plan {
namespace {

struct Surge {
  int64_t all = 0;
  int64_t old = 0;
};

// How many specified deletions do not fit into the budget.
Surge ScaleSurge(const DiffInput& in, int64_t unavailable) {
  const int64_t specified = in.old_side.specified + in.new_side.specified;
  Surge out;
  if (specified == 0) return out;
  out.all = std::min(std::max<int64_t>(unavailable + specified - in.max_unavailable, 0), specified);
  out.old = std::max<int64_t>(out.all - in.new_side.specified, 0);
  return out;
}

Surge UpdateSurge(const DiffInput& in, int64_t old_surplus, int64_t new_surplus) {
  Surge out;
  const bool opposite =
      (old_surplus > 0 && new_surplus < 0) || (old_surplus < 0 && new_surplus > 0);
  if (in.paused || !opposite) return out;
  if (std::abs(old_surplus) <= std::abs(new_surplus)) {
    out.all = std::abs(old_surplus);
    out.old = old_surplus < 0 ? out.all : 0;
  } else {
    out.all = std::abs(new_surplus);
    out.old = new_surplus > 0 ? out.all : 0;
  }
  return out;
}

}  // namespace

DiffNumbers ComputeDiff(const DiffInput& in) {
  DiffNumbers out;
  const int64_t total = in.old_side.All() + in.new_side.All();
  const int64_t preparing = in.old_side.preparing_delete + in.new_side.preparing_delete;
  const int64_t specified = in.old_side.specified + in.new_side.specified;
  const int64_t unavailable = preparing + in.old_side.unavailable + in.new_side.unavailable;
  int64_t old_surplus = in.old_side.Active() - in.partition;
  int64_t new_surplus = in.new_side.Active() - (in.replicas - in.partition);
  if (in.one_revision || !in.partition_rollback) {
    old_surplus = std::max<int64_t>(old_surplus, 0);
    new_surplus = std::min<int64_t>(new_surplus, 0);
  }

  if (in.surge > 0) {
    const Surge scale = ScaleSurge(in, unavailable);
    const Surge update = UpdateSurge(in, old_surplus, new_surplus);
    const Surge& winner = scale.all >= update.all ? scale : update;
    out.use_surge = std::min(in.surge, winner.all);
    out.use_surge_old = std::min(out.use_surge, winner.old);
  }

  int64_t current = total;
  int64_t current_old = in.old_side.All();
  if (in.exclude_preparing_delete) {
    current -= preparing;
    current_old -= in.old_side.preparing_delete;
  }
  const int64_t want = in.replicas + out.use_surge;
  const int64_t want_old = in.partition + out.use_surge_old;
  if (want > current) {
    out.up = want - current;
    out.up_old = std::max<int64_t>(want_old - current_old, 0);
    out.up_limit = std::min(out.up, std::max<int64_t>(in.scale_max_unavailable - unavailable, 0));
  }
  if (current - specified > want) {
    out.down = current - specified - want;
    out.down_old = std::max<int64_t>(current_old - in.old_side.specified - want_old, 0);
  }
  if (specified > 0 || out.down > 0) {
    out.delete_ready_limit =
        std::max<int64_t>(in.max_unavailable + (total - in.replicas) - unavailable, 0);
  }

  out.update = std::abs(old_surplus) <= std::abs(new_surplus) ? old_surplus : -new_surplus;
  if (out.update != 0) out.update_max_unavailable = in.max_unavailable + total - in.replicas;
  return out;
}

}  // namespace rekindle::plan
