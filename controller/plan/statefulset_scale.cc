#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/api/names.h"
#include "controller/plan/statefulset_pass.h"

namespace rekindle::plan {
namespace {

using api::Lifecycle;
using api::Phase;
using api::PodRecord;

}  // namespace

// All pods are refreshed before anything else, so that one stuck pod does not keep the others from
// finishing (in-place-update pitfall 36).
void SetPass::RefreshAll() {
  const auto refresh = [&](Slot& slot) {
    if (slot.pod < 0 || Pod(slot).terminating) return;
    const PodRecord& pod = Pod(slot);
    const bool gate =
        pod.shape->gate_in_place && (pod.in_place_ready != api::Tri::kTrue || pod.in_place_noise);
    if (pod.book != nullptr || gate) {
      Refresh result = RefreshPod(pod, now_, options_.in_place);
      if (result.wait) WakeIn(*result.wait);
      if (result.error) {
        Act(slot, Action::kError, result.why);
      } else if (result.step) {
        const bool marks_ready = result.step->set_ready;
        const Action action = ActionOf(result);
        Act(slot, action, result.why).step = std::move(result.step);
        // Marking ready does not keep the slot from what else is due, a pod write does.
        slot.handled = !marks_ready;
        slot.marks_ready = marks_ready;
      } else if (result.why.code != Code::kUpToDate && !slot.in_place_done) {
        Say(slot, result.why);
      }
    }
    if (std::optional<LifecycleStep> step = RefreshLifecycle(pod, spec_.hooks, slot.in_place_done,
                                                             slot.updated, /*needs_node=*/false)) {
      Act(slot, Action::kLifecycle, Because(Code::kLifecycle, api::LifecycleName(step->to)))
          .lifecycle = *step;
      lifecycle_patched_ = true;
    }
  };
  for (Slot& slot : slots_) refresh(slot);
  for (Slot& slot : condemned_) refresh(slot);
}

// A pod that was to be deleted and is wanted again goes back into service (P-12).
bool SetPass::Regret(Slot& slot) {
  const PodRecord& pod = Pod(slot);
  if (pod.lifecycle != Lifecycle::kPreparingDelete || pod.specified_delete || slot.handled) {
    return false;
  }
  if (!slot.updated && !spec_.on_delete &&
      (spec_.policy == PodUpdatePolicy::kReCreate || !ComparisonOf(pod).in_place)) {
    return false;  // it is on its way to be recreated
  }
  LifecycleStep step{.to = Lifecycle::kNormal, .unmark_pre_delete = pod.marked_pre_delete};
  Reason why = Because(Code::kRegret);
  why.figures = {1, 0, 0};
  Act(slot, Action::kLifecycle, std::move(why)).lifecycle = step;
  lifecycle_patched_ = true;
  return true;
}

SetPass::Flow SetPass::Charge(std::optional<int64_t>& throttle, Flow otherwise) {
  if (throttle.has_value() && --*throttle <= 0) return Flow::kBreak;
  return otherwise;
}

bool SetPass::NewPodIsCurrent(size_t index) const {
  if (spec_.on_delete) return false;
  if (!spec_.unordered) return static_cast<int64_t>(index) < spec_.partition;
  int64_t old = 0;
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Slot& slot = slots_[i];
    if (i == index || (slot.pod < 0 && !slot.created)) continue;
    const bool preparing = options_.preparing_update_as_update && slot.pod >= 0 &&
                           Pod(slot).lifecycle == Lifecycle::kPreparingUpdate;
    if (!slot.updated && !preparing) ++old;
  }
  return old < spec_.partition;
}

void SetPass::Create(size_t index) {
  Slot& slot = slots_[index];
  Creation creation;
  creation.ordinal = slot.ordinal;
  creation.name = NameOf(slot.ordinal);
  creation.current_revision = NewPodIsCurrent(index);
  creation.lifecycle = Lifecycle::kNormal;
  const Template& made =
      creation.current_revision ? revisions_.current.pod_template : revisions_.update.pod_template;
  if (spec_.hooks.pre_normal.has_value()) {
    PodRecord probe;
    probe.shape = made.shape;
    probe.labels = std::make_shared<api::StringMap>(made.labels);
    probe.finalizers = std::make_shared<std::vector<std::string>>(made.finalizers);
    if (!CompleteOn(spec_.hooks.pre_normal, probe))
      creation.lifecycle = Lifecycle::kPreparingNormal;
  }
  for (const ClaimTemplate& claim : spec_.claims) {
    creation.volumes.push_back(claim.name);
    if (Claim(claim.name, slot.ordinal) == nullptr) {
      creation.claims.push_back(absl::StrCat(claim.name, "-", creation.name));
    }
  }
  creation.why = Because(Code::kReplaceMissing);
  creation.why.figures = {slot.ordinal, 0, 0};
  creation.after_actions = plan_.actions.size();
  slot.created = true;
  slot.updated = !creation.current_revision;
  plan_.creations.push_back(std::move(creation));
}

SetPass::Flow SetPass::HandleMissing(size_t index, std::optional<int64_t>& throttle) {
  Slot& slot = slots_[index];
  stopper_ = slot.ordinal;  // no pod yet: every pod behind it waits for its ordinal
  for (const ClaimTemplate& claim : spec_.claims) {
    const SetClaim* found = Claim(claim.name, slot.ordinal);
    if (found == nullptr) continue;
    const bool stale = options_.auto_delete_claims && spec_.delete_claims_with_scale &&
                       !found->owner_pod_uid.empty();
    if (!stale && !found->terminating) continue;
    plan_.missing.emplace_back(
        slot.ordinal, Because(stale ? Code::kClaimStale : Code::kClaimTerminating, found->name));
    WakeIn(absl::Seconds(1));  // nobody announces the end of a claim (P-17)
    stop_reason_ = Because(Code::kOrderedPredecessor, NameOf(slot.ordinal));
    return Flow::kStop;
  }
  Create(index);
  stop_reason_ = Because(Code::kOrderedPredecessor, NameOf(slot.ordinal));
  return spec_.parallel ? Charge(throttle, Flow::kNext) : Flow::kStop;
}

// OrderedReady: the first unavailable pod is outdated and not kept, so a newer revision may repair
// it. Nothing else is disturbed by replacing it (P-10).
bool SetPass::RescueBroken(size_t index) {
  Slot& slot = slots_[index];
  if (!options_.replace_broken || spec_.on_delete || spec_.paused || slot.updated || slot.handled ||
      Pod(slot).terminating || lifecycle_patched_ ||
      static_cast<int64_t>(index) < spec_.partition) {
    return false;
  }
  if (slot.available_in > 0) return false;  // becomes available by waiting
  const Reason broken = Because(Code::kBroken);
  return UpdateSlot(slot, spec_.policy == PodUpdatePolicy::kReCreate ? &broken : nullptr);
}

SetPass::Flow SetPass::HandleSlot(size_t index, std::optional<int64_t>& throttle) {
  Slot& slot = slots_[index];
  if (slot.pod < 0) return HandleMissing(index, throttle);
  const PodRecord& pod = Pod(slot);
  stop_reason_ = Because(Code::kOrderedPredecessor, pod.name);
  stopper_ = slot.ordinal;
  if (pod.phase == Phase::kFailed || pod.phase == Phase::kSucceeded) {
    // Deleted before it is charged, so a small throttle never keeps a finished pod (P-7).
    Delete(slot, Because(Code::kFinishedPod, pod.phase == Phase::kFailed ? "failed" : "succeeded"));
    return Charge(throttle, Flow::kStop);
  }
  if (pod.phase == Phase::kPending) {
    for (const ClaimTemplate& claim : spec_.claims) {
      if (Claim(claim.name, slot.ordinal) == nullptr) {
        plan_.claims_to_create.push_back(absl::StrCat(claim.name, "-", pod.name));
      }
    }
  }
  if (pod.terminating) return Charge(throttle, Flow::kStop);
  OwnClaims(slot, /*in_range=*/true);
  if (!pod.name_label_ok && !slot.handled) {
    Act(slot, Action::kRepairIdentity,
        Because(Code::kIdentityRepair, "label statefulset.kubernetes.io/pod-name"));
  }
  // A pod on its way out is finished once its hook lets go: it is down already, and in order nobody
  // else would come to it.
  if (!Regret(slot) && pod.lifecycle == Lifecycle::kPreparingDelete && !slot.handled) {
    Delete(slot, Because(Code::kHookReleased));
  }
  if (spec_.parallel && !throttle.has_value()) return Flow::kNext;
  if (slot.available) return Flow::kNext;
  if (slot.available_in > 0) WakeIn(absl::Seconds(slot.available_in));
  if (spec_.parallel) return Charge(throttle, Flow::kNext);
  RescueBroken(index);
  return Flow::kStop;
}

// True when the pass goes on to the condemned pods and the update.
bool SetPass::ReplicaPass() {
  std::optional<int64_t> throttle = spec_.Throttle();
  for (size_t i = 0; i < slots_.size(); ++i) {
    const Flow flow = HandleSlot(i, throttle);
    if (flow == Flow::kBreak) {
      const auto created = static_cast<int64_t>(plan_.creations.size());
      const int64_t limit = *spec_.Throttle();
      plan_.later_why = Because(Code::kScaleLimited);
      plan_.later_why.figures = {created, limit, limit - created};
      ExplainLater(i + 1);
      return true;
    }
    if (flow == Flow::kStop && !spec_.parallel) {
      stopped_ = true;
      plan_.later_why = stop_reason_;
      ExplainLater(i + 1);
      return false;
    }
  }
  return true;
}

// Ordinals that have no pod and that the pass does not come to.
void SetPass::ExplainLater(size_t from) {
  for (size_t i = from; i < slots_.size(); ++i) {
    if (slots_[i].pod < 0) plan_.later.push_back(slots_[i].ordinal);
  }
}

void SetPass::OwnClaims(const Slot& slot, bool in_range) {
  if (!options_.auto_delete_claims || slot.pod < 0) return;
  const PodRecord& pod = Pod(slot);
  const bool by_pod = spec_.delete_claims_with_scale && !in_range;
  const bool by_set = spec_.delete_claims_with_set && !by_pod;
  for (const ClaimTemplate& claim : spec_.claims) {
    const SetClaim* found = Claim(claim.name, slot.ordinal);
    if (found == nullptr) continue;
    const std::string want = by_pod ? pod.uid : "";
    if (found->owned_by_set == by_set && found->owner_pod_uid == want) continue;
    plan_.owners.push_back({found->name, by_set, want});
  }
}

int32_t SetPass::FirstUnhealthy() const {
  int32_t lowest = -1;
  const auto look = [&](const Slot& slot) {
    if (!slot.healthy && (lowest < 0 || slot.ordinal < lowest)) lowest = slot.ordinal;
  };
  for (const Slot& slot : slots_) look(slot);
  for (const Slot& slot : condemned_) look(slot);
  return lowest;
}

std::string SetPass::WhyCondemned(int32_t ordinal) const {
  if (range_.ordinals.empty()) return "not wanted: replicas is 0";
  const int32_t first = range_.ordinals.front();
  const int32_t last = range_.ordinals.back();
  if (ordinal > first && ordinal < last) return "reserved";
  return absl::StrCat("outside the range ", first, "..", last);
}

void SetPass::CondemnedPass() {
  for (const Slot& slot : condemned_) OwnClaims(slot, /*in_range=*/false);
  const int32_t first_unhealthy = condemned_.empty() ? -1 : FirstUnhealthy();
  for (Slot& slot : condemned_) {
    const PodRecord& pod = Pod(slot);
    const auto stop = [&](Reason why) {
      stopped_ = true;
      stop_reason_ = std::move(why);
    };
    if (pod.terminating) {
      if (spec_.parallel) continue;
      return stop(Because(Code::kPredecessorEnd, pod.name));
    }
    // A held pod that waits for its hook is not "unhealthy": its release must be honoured in any
    // order (P-11).
    const bool leaving = pod.lifecycle == Lifecycle::kPreparingDelete;
    if (!spec_.parallel && !slot.available && !leaving && slot.ordinal != first_unhealthy) {
      Reason why = Because(Code::kOrderedPredecessor, NameOf(first_unhealthy));
      if (slot.available_in > 0) {
        WakeIn(absl::Seconds(slot.available_in));  // P-21
        why = Because(Code::kMinReady);
        why.figures = {slot.available_in, spec_.min_ready_seconds, 0};
      }
      Say(slot, why);
      return stop(std::move(why));
    }
    const size_t before = plan_.actions.size();
    Delete(slot, Because(Code::kCondemned, WhyCondemned(slot.ordinal)));
    if (spec_.parallel) continue;
    // In order the next one is not even asked before this one is gone: a hook takes its pod out of
    // service, and two that are held would wait for each other (P-11).
    condemned_wait_ = Because(Code::kPredecessorEnd, pod.name);
    if (plan_.actions.size() != before) stop(condemned_wait_);
    return;
  }
}

}  // namespace rekindle::plan
