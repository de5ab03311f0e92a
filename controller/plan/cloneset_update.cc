#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/api/names.h"
#include "controller/plan/cloneset.h"

namespace rekindle::plan {
namespace {

using api::Lifecycle;
using api::PodRecord;

void Sooner(std::optional<absl::Duration>& requeue, absl::Duration wait) {
  requeue = requeue.has_value() ? std::min(*requeue, wait) : wait;
}

}  // namespace

// False when a lifecycle or label patch ends the phase for this pass.
bool CloneSetIndex::RefreshAll(CloneSetPlan& plan, absl::Time now) {
  const Revision& target = plan.update.update < 0 ? revisions_.current : revisions_.update;
  bool patched = false;
  std::vector<std::pair<int32_t, Refresh>> idle;
  for (const int32_t slot : attention_) {
    const PodRecord& pod = *pods_[static_cast<size_t>(slot)];
    Refresh refresh = RefreshPod(pod, now, options_.in_place);
    const bool quiet = !refresh.step && !refresh.error;
    if (!quiet) {
      PodAction action;
      action.pod = slot;
      action.why = refresh.why;
      action.action = refresh.error ? Action::kError : ActionOf(refresh);
      if (refresh.step && refresh.step->WritesPod()) written_.insert(slot);
      if (refresh.step && refresh.step->set_ready) marks_ready_[slot] = plan.actions.size();
      action.step = std::move(refresh.step);
      plan.actions.push_back(std::move(action));
    }
    const bool complete = views_[static_cast<size_t>(slot)].in_place_done;
    const bool on_target = api::SameRevision(pod.revision.view(), target.name);
    const std::optional<LifecycleStep> step =
        RefreshLifecycle(pod, spec_.hooks, complete, on_target, /*needs_node=*/true);
    if (step) {
      PodAction action;
      action.pod = slot;
      action.action = Action::kLifecycle;
      action.why = Because(Code::kLifecycle, api::LifecycleName(step->to));
      action.lifecycle = *step;
      plan.actions.push_back(std::move(action));
      patched = true;
    }
    const bool label = !pod.has_template_hash && !pod.revision.empty();
    if (label) {
      PodAction action;
      action.pod = slot;
      action.action = Action::kLabelHash;
      action.why = Because(Code::kIdentityRepair, "label pod-template-hash");
      plan.actions.push_back(std::move(action));
      patched = true;
    }
    // What is done about a pod that prepares its update depends on the target, too.
    if (quiet && !step && !label && pod.lifecycle != Lifecycle::kPreparingUpdate) {
      idle.emplace_back(slot, std::move(refresh));
    } else if (quiet && refresh.why.code != Code::kUpToDate) {
      refresh_waits_[slot] = refresh.why;
    }
  }
  for (const auto& [slot, refresh] : idle) Park(slot, refresh, now);
  return !patched;
}

// All candidates in the order of an update whose pods are scattered. Costs what there are pods.
std::vector<int32_t> CloneSetIndex::Scattered(const absl::btree_set<UpdateKey> (&sides)[2]) const {
  std::vector<UpdateKey> keys(sides[0].size() + sides[1].size());
  std::merge(sides[0].begin(), sides[0].end(), sides[1].begin(), sides[1].end(), keys.begin());
  std::vector<int32_t> out;
  out.reserve(keys.size());
  for (const UpdateKey& key : keys) out.push_back(key.slot);
  std::vector<const PodRecord*> pods;
  pods.reserve(pods_.size());
  for (size_t i = 0; i < pods_.size(); ++i) {
    pods.push_back(views_[i].claimed ? pods_[i].get() : nullptr);
  }
  out = Scatter(std::move(out), pods, spec_.scatter);
  std::stable_partition(out.begin(), out.end(), [&](int32_t slot) {
    return pods_[static_cast<size_t>(slot)]->lifecycle == Lifecycle::kPreparingUpdate;
  });
  return out;
}

// Walks candidates in order and hands out the slots that fit into the budget. A pod that is down
// already costs nothing, so it may pass an available one that has to wait (P16).
struct CloneSetIndex::Walk {
  const CloneSetIndex& index;
  int64_t left;         // how many may move
  int64_t budget;       // updateMaxUnavailable
  int64_t unavailable;  // of all claimed pods
  int64_t target_unavailable;
  bool available_blocked = false;
  bool target_blocked = false;

  bool Fits(int32_t slot) {
    if (left <= 0) return false;
    if (target_unavailable >= budget) {
      target_blocked = true;
      return false;
    }
    if (!index.views_[static_cast<size_t>(slot)].available) return true;
    if (unavailable >= budget) {
      available_blocked = true;
      return false;
    }
    return true;
  }
  void Take(int32_t slot) {
    --left;
    ++target_unavailable;
    if (index.views_[static_cast<size_t>(slot)].available) ++unavailable;
  }
};

// A pod that is updated now is not marked ready first: its readiness would only flap.
void CloneSetIndex::DropReadyMark(int32_t slot, CloneSetPlan& plan) {
  plan.actions[marks_ready_[slot]].action = Action::kNone;
  marks_ready_.erase(slot);
}

// True when the pod is taken, false when it is passed over without cost.
bool CloneSetIndex::UpdateOne(int32_t slot, const Revision& target, CloneSetPlan& plan,
                              absl::Time now) {
  const PodRecord& pod = *pods_[static_cast<size_t>(slot)];
  if (written_.contains(slot)) {
    // What refresh writes is not in this record yet; a decision on top of it would miss it.
    refresh_waits_[slot] = Because(Code::kExpectations, "");
    return false;
  }
  PodAction action;
  action.pod = slot;
  if (options_.budget_allows && views_[static_cast<size_t>(slot)].available &&
      !options_.budget_allows(pod)) {
    refresh_waits_[slot] = Because(Code::kDisruptionBudget, "");
    Sooner(plan.requeue, absl::Seconds(1));
    return false;
  }
  const bool recreate = spec_.policy == PodUpdatePolicy::kReCreate || !spec_.has_rolling;
  std::optional<Reason> obstacle;
  const Comparison* comparison = nullptr;
  if (!recreate) {
    comparison = &ComparisonOf(pod, target);
    obstacle = comparison->in_place ? Obstacle(pod, *comparison) : comparison->refusal;
  }
  if (obstacle && spec_.policy == PodUpdatePolicy::kInPlaceOnly) {
    // Only this pod cannot go on; those behind it can (P26).
    action.action = Action::kError;
    action.why = InPlaceOnlyImpossible(*obstacle);
    refresh_waits_[slot] = action.why;
    plan.actions.push_back(std::move(action));
    return false;
  }
  if (recreate || obstacle) {
    action.action = Action::kMarkForDeletion;
    action.why = obstacle ? *obstacle : Because(Code::kPolicyReCreate, "");
    plan.actions.push_back(std::move(action));
    return true;
  }
  Passage passage = BeforeUpdate(pod, spec_.hooks);
  if (passage.go) {
    action.action = Action::kUpdateInPlace;
    action.step = StartUpdate(pod, *comparison, target, spec_.grace_seconds, options_.short_hash,
                              now, options_.in_place);
    action.step->lifecycle = Lifecycle::kUpdating;
    action.why = Because(action.step->replaces != 0 ? Code::kInPlaceReplace : Code::kInPlace,
                         comparison->words);
    if (action.step->grace) Sooner(plan.requeue, absl::Seconds(spec_.grace_seconds));
    if (marks_ready_.contains(slot) && action.step->set_unready) DropReadyMark(slot, plan);
    plan.actions.push_back(std::move(action));
  } else if (passage.step) {
    action.action = Action::kLifecycle;
    action.lifecycle = passage.step;
    action.why = passage.why;
    plan.actions.push_back(std::move(action));
  } else {
    refresh_waits_[slot] = passage.why;
  }
  return true;
}

void CloneSetIndex::UpdatePods(CloneSetPlan& plan, absl::Time now) {
  if (spec_.on_delete || spec_.paused) return;
  const int64_t count = plan.update.update;
  const Revision& target = count < 0 ? revisions_.current : revisions_.update;
  const int64_t unavailable = claimed_ - available_;
  const int64_t target_unavailable =
      count < 0 ? unavailable - (updated_ - updated_available_) : updated_ - updated_available_;
  Walk walk{*this, std::abs(count), plan.update.update_max_unavailable, unavailable,
            target_unavailable};
  if (count != 0) {
    const auto visit = [&](int32_t slot) {
      if (!walk.Fits(slot) || !UpdateOne(slot, target, plan, now)) return;
      walk.Take(slot);
      taken_.insert(slot);
    };
    const auto& sides = count > 0 ? candidates_ : back_;
    if (spec_.scatter.empty()) {
      // Both orders side by side; once available pods are blocked only the others are visited.
      auto broken = sides[0].begin();
      auto serving = sides[1].begin();
      while (walk.left > 0 && !walk.target_blocked) {
        const bool more_broken = broken != sides[0].end();
        const bool more_serving = serving != sides[1].end() && !walk.available_blocked;
        if (!more_broken && !more_serving) break;
        if (more_broken && (!more_serving || *broken < *serving)) {
          visit((broken++)->slot);
        } else {
          visit((serving++)->slot);
        }
      }
    } else {
      for (const int32_t slot : Scattered(sides)) {
        if (walk.left <= 0 || walk.target_blocked) break;
        visit(slot);
      }
    }
  }
  if (walk.target_blocked) {
    blocked_ = Because(Code::kTargetUnavailable, Blockers(plan, count > 0 ? Side::kNew : Side::kOld,
                                                          walk.target_unavailable));
    blocked_.figures = {walk.target_unavailable, std::max<int64_t>(walk.budget, 0), 0};
  } else if (walk.available_blocked) {
    blocked_ = Because(Code::kMaxUnavailable, Blockers(plan, Side::kBoth, walk.unavailable));
    blocked_.figures = {walk.unavailable, std::max<int64_t>(walk.budget, 0), 0};
  }
  const int64_t limit = spec_.MaxUnavailable() + claimed_ - spec_.replicas;
  RepairPods(plan, now, limit - walk.unavailable);
}

// Pods on the target revision that an interrupted update left with a container of another one.
void CloneSetIndex::RepairPods(CloneSetPlan& plan, absl::Time now, int64_t budget) {
  if (spec_.policy == PodUpdatePolicy::kReCreate || !spec_.has_rolling) return;
  for (const int32_t slot : ByName(repair_)) {
    const PodRecord& pod = *pods_[static_cast<size_t>(slot)];
    const View& view = views_[static_cast<size_t>(slot)];
    if (view.available && budget <= 0) continue;
    const Passage passage = BeforeUpdate(pod, spec_.hooks);
    if (!passage.go) continue;
    Comparison comparison;
    comparison.in_place = true;
    std::vector<std::string> names;
    for (const auto& [index, image] :
         ContentOf(pod, revisions_.update, revisions_.history).repair) {
      comparison.update.For(pod.shape->containers[index].name).image = image;
      names.push_back(pod.shape->containers[index].name);
    }
    PodAction action;
    action.pod = slot;
    action.action = Action::kUpdateInPlace;
    const std::string list = absl::StrJoin(names, ", ");
    action.why = Because(Code::kRepair, absl::StrCat("image of ", list, "; restarts ", list));
    action.step = StartUpdate(pod, comparison, revisions_.update, spec_.grace_seconds,
                              options_.short_hash, now, options_.in_place);
    action.step->lifecycle = Lifecycle::kUpdating;
    plan.actions.push_back(std::move(action));
    if (view.available) --budget;
  }
}

}  // namespace rekindle::plan
