#include <algorithm>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "controller/plan/cloneset.h"

namespace rekindle::plan {
namespace {

using api::Lifecycle;
using api::PodRecord;

constexpr size_t kNamedBlockers = 3;

}  // namespace

// Names a few of the `total` pods that use up a budget, those that this pass takes among them.
std::string CloneSetIndex::Blockers(const CloneSetPlan& plan, Side side, int64_t total) const {
  std::vector<std::string> names;
  const auto name = [&](int32_t slot, absl::string_view state) {
    if (names.size() < kNamedBlockers) {
      names.push_back(absl::StrCat(pods_[static_cast<size_t>(slot)]->name, " (", state, ")"));
    }
  };
  for (const Side one : {Side::kOld, Side::kNew}) {
    if (side != Side::kBoth && side != one) continue;
    for (const int32_t slot : unavailable_[static_cast<size_t>(one)]) {
      if (names.size() == kNamedBlockers) break;
      const Lifecycle lifecycle = pods_[static_cast<size_t>(slot)]->lifecycle;
      absl::string_view state =
          views_[static_cast<size_t>(slot)].ready ? "not yet available" : "not ready";
      if (lifecycle == Lifecycle::kUpdating) state = "updating";
      if (lifecycle == Lifecycle::kPreparingUpdate) state = "preparing its update";
      if (lifecycle == Lifecycle::kPreparingDelete) state = "preparing its deletion";
      name(slot, state);
    }
  }
  for (const PodAction& action : plan.actions) {
    if (names.size() == kNamedBlockers) break;
    if (side == Side::kBoth && !views_[static_cast<size_t>(action.pod)].available) continue;
    if (action.action == Action::kUpdateInPlace) name(action.pod, "updating now");
    if (action.action == Action::kMarkForDeletion) name(action.pod, "recreated now");
    if (action.lifecycle && action.lifecycle->to == Lifecycle::kPreparingUpdate) {
      name(action.pod, "preparing its update");
    }
  }
  std::string out = absl::StrJoin(names, ", ");
  const int64_t more = total - static_cast<int64_t>(names.size());
  if (more > 0 && !names.empty()) absl::StrAppend(&out, " and ", more, " more");
  return out;
}

// What a parked pod waits for; the rest of a grace period is counted anew.
std::optional<Reason> CloneSetIndex::ParkedWait(int32_t slot) const {
  const auto it = parked_.find(slot);
  if (it == parked_.end() || it->second.code == Code::kUpToDate) return std::nullopt;
  Reason out = it->second;
  const View& view = views_[static_cast<size_t>(slot)];
  if (out.code == Code::kGraceRunning) {
    out.figures[0] = absl::ToUnixSeconds(view.grace_until) - now_;
  }
  return out;
}

// What a pod that nothing is planned for waits for, if it is not in service.
std::optional<Reason> CloneSetIndex::WaitOf(const PodRecord& pod, const View& view) const {
  if (std::optional<Reason> reason = LifecycleWait(pod, spec_.hooks)) return reason;
  if (view.available) return std::nullopt;
  if (view.available_at != api::kNoTime) {
    Reason reason = Because(Code::kMinReady, "");
    reason.figures = {view.available_at - now_, spec_.min_ready_seconds, 0};
    return reason;
  }
  return NotReady(pod);
}

Reason ScaleLimit(const CloneSetPlan& plan, const CloneSetSpec& spec) {
  return Figures(Code::kScaleLimited, plan.scale.up_limit, spec.ScaleMaxUnavailable(),
                 plan.status.replicas - plan.status.available);
}

// The pods that the scale-in takes once it may: those of its order that are not on their way yet.
void CloneSetIndex::LookAtScaleIn(const CloneSetPlan& plan) {
  const DiffNumbers& d = plan.scale;
  if (d.down <= 0) return;
  const bool counted = !spec_.exclude_preparing_delete;
  const int64_t leaving_old = counted ? scale_side_[0].preparing_delete : 0;
  const int64_t leaving = leaving_old + (counted ? scale_side_[1].preparing_delete : 0);
  const int64_t down = d.down - leaving;
  const int64_t from_old = std::min(down, std::max<int64_t>(0, d.down_old - leaving_old));
  for (const int side : {0, 1}) {
    int64_t count = side == 0 ? from_old : down - from_old;
    if (count <= 0) continue;
    const int64_t skipped = scale_side_[side].preparing_delete + scale_side_[side].specified;
    for (const int32_t slot : ChooseForDeletion(side, count + skipped)) {
      const View& view = views_[static_cast<size_t>(slot)];
      if (count <= 0 || view.preparing_delete || view.specified) continue;
      outlook_->leaving.insert(slot);
      --count;
    }
  }
}

// Which candidates are updated once they may, and which of the others the surge replaces: the
// candidates are cut to the number that moves (spec 18.1, step 1), what is more than the partition
// keeps goes by scale-in in the end (13.3).
void CloneSetIndex::LookAtUpdate(const CloneSetPlan& plan) {
  const bool back = plan.update.update < 0;
  const auto& sides = back ? back_ : candidates_;
  // Pods that are deleted for the user are replaced at the right revision: part of the move.
  int64_t left = std::abs(plan.update.update) - update_side_[back ? 1 : 0].specified -
                 static_cast<int64_t>(taken_.size());
  std::vector<int32_t> order;
  if (spec_.scatter.empty()) {
    std::vector<UpdateKey> keys(sides[0].size() + sides[1].size());
    std::merge(sides[0].begin(), sides[0].end(), sides[1].begin(), sides[1].end(), keys.begin());
    for (const UpdateKey& key : keys) order.push_back(key.slot);
  } else {
    order = Scattered(sides);
  }
  for (const int32_t slot : order) {
    if (taken_.contains(slot) || outlook_->leaving.contains(slot)) continue;
    if (refresh_waits_.contains(slot)) continue;  // passed over, with a reason of its own
    if (left-- > 0) outlook_->next.insert(slot);
  }
  if (back) return;
  int64_t more = update_side_[0].Active() - plan.update.update - spec_.Partition() -
                 std::count_if(outlook_->leaving.begin(), outlook_->leaving.end(),
                               [&](int32_t slot) { return !IsUpdated(slot); });
  if (more <= 0) return;
  outlook_->surge = more;
  for (const int32_t slot : ChooseForDeletion(0, claimed_)) {
    const View& view = views_[static_cast<size_t>(slot)];
    if (more <= 0) break;
    if (!view.candidate || taken_.contains(slot) || outlook_->next.contains(slot) ||
        outlook_->leaving.contains(slot)) {
      continue;
    }
    outlook_->replaced.insert(slot);
    --more;
  }
}

// Why a pod of the side that moves, which this pass has not taken, stays as it is.
Reason CloneSetIndex::ExplainOutdated(int32_t slot, const CloneSetPlan& plan) const {
  const View& view = views_[static_cast<size_t>(slot)];
  const PodRecord& pod = *pods_[static_cast<size_t>(slot)];
  const bool back = plan.update.update < 0;
  if (spec_.on_delete) return Because(Code::kOnDelete, "");
  if (outlook_->replaced.contains(slot)) return Figures(Code::kReplacedBySurge, outlook_->surge);
  if (outlook_->next.contains(slot)) {
    if (spec_.paused) return Because(Code::kPaused, "");
    return plan.scaled ? Because(Code::kScalingFirst, "") : blocked_;
  }
  const std::optional<Reason> wait = WaitOf(pod, view);
  if (back) return wait.value_or(Because(Code::kUpToDate, ""));
  return Kept(wait);
}

Reason CloneSetIndex::Kept(const std::optional<Reason>& wait) const {
  const bool broken = wait && wait->code == Code::kNotReady;
  Reason out = Figures(broken ? Code::kKeptBroken : Code::kKeptByPartition, spec_.Partition(),
                       spec_.replicas);
  if (broken) out.detail = wait->detail;
  return wait && !broken ? *wait : out;
}

Reason CloneSetIndex::Explain(int32_t slot, const CloneSetPlan& plan) {
  const View& view = views_[static_cast<size_t>(slot)];
  const PodRecord& pod = *pods_[static_cast<size_t>(slot)];
  if (!view.claimed) return Because(Code::kNotActive, "");
  if (spec_.deleting) return Because(Code::kSetDeleting, "");
  if (view.preparing_delete) {
    return Because(Code::kPreDeleteHook, HoldersOf(spec_.hooks.pre_delete, pod));
  }
  const int64_t unavailable = claimed_ - available_;
  Reason budget = Figures(Code::kDeleteBudget, plan.scale.delete_ready_limit,
                          spec_.MaxUnavailable(), unavailable);
  if (view.specified) return budget;
  if (const auto it = refresh_waits_.find(slot); it != refresh_waits_.end()) return it->second;
  if (std::optional<Reason> reason = ParkedWait(slot)) return *reason;
  if (!outlook_) {
    outlook_.emplace();
    LookAtScaleIn(plan);
    LookAtUpdate(plan);
  }
  if (outlook_->leaving.contains(slot)) {
    const auto before = static_cast<int64_t>(specified_.size() + preparing_delete_.size());
    return before > 0 ? Figures(Code::kPlannedDeletions, before) : budget;
  }
  const bool back = plan.update.update < 0;
  if (view.is_new == back) return ExplainOutdated(slot, plan);
  const std::optional<Reason> wait = WaitOf(pod, view);
  return back ? Kept(wait) : wait.value_or(Because(Code::kUpToDate, ""));
}

}  // namespace rekindle::plan
