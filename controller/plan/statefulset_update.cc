#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/api/names.h"
#include "controller/plan/order.h"
#include "controller/plan/statefulset_pass.h"

namespace rekindle::plan {
namespace {

using api::Lifecycle;
using api::PodRecord;

constexpr size_t kNamedBlockers = 3;
constexpr char kClaimNotReady[] = "its claim is not ready";

}  // namespace

const Comparison& SetPass::ComparisonOf(const PodRecord& pod) {
  const auto [it, fresh] = comparisons_.try_emplace(pod.revision.view());
  if (!fresh) return it->second;
  const Revision* own = FindRevision(revisions_.history, pod.revision.view());
  if (own == nullptr) {
    it->second.refusal =
        Because(Code::kOldRevisionUnknown, pod.revision.empty() ? "(none)" : pod.revision.view());
  } else {
    it->second = Compare(*own, revisions_.update, options_.in_place, /*ignore_claims=*/true);
  }
  return it->second;
}

std::optional<std::string> SetPass::MissingVolume(const PodRecord& pod) const {
  for (const ClaimTemplate& claim : spec_.claims) {
    const auto& have = pod.shape->claim_volumes;
    if (std::find(have.begin(), have.end(), claim.name) == have.end()) return claim.name;
  }
  return std::nullopt;
}

bool SetPass::NeedsUpdate(const Slot& slot) const {
  if (slot.pod < 0) return false;
  if (!slot.updated) return true;
  if (spec_.resize_claims && !ClaimsCompatible(slot.ordinal)) return true;
  // An added claim template: the pod has to be recreated to get its volume (P-13).
  return !spec_.native && MissingVolume(Pod(slot)).has_value();
}

// Moves one pod to the update revision. True when something is done that makes it unavailable.
bool SetPass::UpdateSlot(Slot& slot, const Reason* recreate_reason) {
  const PodRecord& pod = Pod(slot);
  if (slot.handled || pod.terminating) return false;
  if (std::optional<std::string> volume = spec_.native ? std::nullopt : MissingVolume(pod)) {
    return Delete(slot, Because(Code::kVolumesMissing, *volume)) || slot.handled;
  }
  if (options_.budget_allows && slot.available && !options_.budget_allows(pod)) {
    Say(slot, Because(Code::kDisruptionBudget));
    WakeIn(absl::Seconds(1));
    return false;
  }
  if (spec_.policy == PodUpdatePolicy::kReCreate) {
    return Delete(slot, recreate_reason ? *recreate_reason : Because(Code::kPolicyReCreate)) ||
           slot.handled;
  }
  const Comparison& comparison = ComparisonOf(pod);
  std::optional<Reason> obstacle =
      comparison.in_place ? Obstacle(pod, comparison) : std::optional<Reason>(comparison.refusal);
  if (obstacle && spec_.policy == PodUpdatePolicy::kInPlaceOnly) {
    Act(slot, Action::kError, InPlaceOnlyImpossible(*obstacle));
    return false;
  }
  if (obstacle) return Delete(slot, *obstacle) || slot.handled;
  if (pod.book && pod.book->grace) {
    // One rule for all workloads: a running grace period is finished first (pitfall 29).
    Say(slot, CompletionOf(pod, options_.in_place).why);
    return false;
  }
  Passage passage = BeforeUpdate(pod, spec_.hooks);
  if (passage.go) {
    InPlaceStep step = StartUpdate(pod, comparison, revisions_.update, spec_.grace_seconds,
                                   /*short_label=*/false, now_, options_.in_place);
    // An unlabelled pod stays unlabelled; one that was not admitted yet still is (P-44).
    if (pod.lifecycle != Lifecycle::kEmpty && pod.lifecycle != Lifecycle::kPreparingNormal) {
      step.lifecycle = Lifecycle::kUpdating;
    }
    if (step.grace) WakeIn(absl::Seconds(spec_.grace_seconds));
    const Code code = step.replaces != 0 ? Code::kInPlaceReplace : Code::kInPlace;
    if (slot.marks_ready && step.set_unready) {  // its readiness would only flap
      std::erase_if(plan_.actions, [&](const PodAction& a) {
        return a.pod == slot.pod && a.step && a.step->set_ready;
      });
    }
    Act(slot, Action::kUpdateInPlace, Because(code, comparison.words)).step = std::move(step);
    return true;
  }
  if (passage.step) {
    Act(slot, Action::kLifecycle, passage.why).lifecycle = passage.step;
    return true;
  }
  Say(slot, passage.why);
  return true;
}

// Slots in the order of the update, cut to what the partition lets go (spec 11.4).
std::vector<size_t> SetPass::Candidates() const {
  const int64_t limit = plan_.status.expected_updated;
  std::vector<size_t> out;
  if (limit <= 0) return out;
  if (!spec_.unordered) {
    for (size_t i = slots_.size(); i-- > 0 && static_cast<int64_t>(out.size()) < limit;) {
      out.push_back(i);
    }
    return out;
  }
  std::vector<size_t> waiting;
  for (size_t i = slots_.size(); i-- > 0;) {
    const Slot& slot = slots_[i];
    const bool preparing = options_.preparing_update_as_update && slot.pod >= 0 &&
                           Pod(slot).lifecycle == Lifecycle::kPreparingUpdate;
    const bool done =
        slot.updated || preparing || (slot.pod >= 0 && Pod(slot).terminating) || slot.pod < 0;
    (done ? out : waiting).push_back(i);
  }
  // Missing and old terminating pods occupy a place only in so far as they come back updated.
  std::stable_sort(waiting.begin(), waiting.end(), [&](size_t a, size_t b) {
    return PriorityOf(Pod(slots_[a]), spec_.priority) < PriorityOf(Pod(slots_[b]), spec_.priority);
  });
  out.insert(out.end(), waiting.begin(), waiting.end());
  if (static_cast<int64_t>(out.size()) > limit) out.resize(static_cast<size_t>(limit));
  return out;
}

// A pod that uses the budget, in words.
std::string SetPass::Unavailable(const Slot& slot) const {
  const char* state = slot.pod < 0            ? "missing"
                      : Pod(slot).terminating ? "terminating"
                      : slot.available        ? kClaimNotReady
                      : !slot.in_place_done   ? "updating"
                      : slot.available_in > 0 ? "not yet available"
                                              : "not ready";
  return absl::StrCat(NameOf(slot.ordinal), " (", state, ")");
}

// The same for a pod that this pass has just acted on.
std::string SetPass::Taken(const Slot& slot) const {
  const Action action = plan_.actions.back().action;
  const char* state = action == Action::kDelete      ? "recreated now"
                      : action == Action::kLifecycle ? "preparing its update"
                                                     : "updating now";
  return absl::StrCat(NameOf(slot.ordinal), " (", state, ")");
}

void SetPass::DeleteSpecified(std::vector<bool>& down, int64_t& used, int64_t budget) {
  for (size_t i = slots_.size(); i-- > 0;) {
    Slot& slot = slots_[i];
    if (slot.pod < 0 || !Pod(slot).specified_delete || Pod(slot).terminating) continue;
    if (used >= budget && !down[i]) {
      Reason why = Because(Code::kDeleteBudget);
      why.figures = {0, budget, used};
      Say(slot, why);
      continue;
    }
    const bool deleted = Delete(slot, Because(Code::kSpecifiedDelete));
    if (!down[i]) ++used;
    down[i] = true;
    if (!deleted) continue;
    if (api::SameRevision(Pod(slot).revision.view(), revisions_.current.name)) {
      --plan_.current_replicas;
    } else if (slot.updated) {
      --plan_.status.updated;
    }
  }
}

void SetPass::UpdatePhase() {
  if (lifecycle_patched_) {
    blocked_ = Because(Code::kExpectations);
    return;
  }
  if (spec_.native) return NativeUpdate();
  if (spec_.paused) return;
  const int64_t budget = spec_.Budget();
  std::vector<bool> down(slots_.size(), false);
  int64_t used = 0;
  std::vector<std::string> names;
  for (size_t i = 0; i < slots_.size(); ++i) {
    Slot& slot = slots_[i];
    if (slot.available && (!spec_.resize_claims || ClaimsReady(slot.ordinal))) continue;
    if (slot.available_in > 0) WakeIn(absl::Seconds(slot.available_in));
    down[i] = true;
    ++used;
    if (names.size() < kNamedBlockers) names.push_back(Unavailable(slot));
  }
  DeleteSpecified(down, used, budget);
  bool blocked = false;
  for (const size_t i : Candidates()) {
    Slot& slot = slots_[i];
    if (!NeedsUpdate(slot)) continue;
    // A healthy pod waits for the budget, and so does every healthy one after it. A pod that is
    // down already costs nothing and is never held up (P-9).
    if (!down[i] && (blocked || used >= budget)) {
      blocked = true;
      continue;
    }
    if (spec_.resize_claims && !ResizeClaims(slot)) {
      if (down[i]) continue;
      ++used;
      down[i] = true;
      if (names.size() < kNamedBlockers) {
        names.push_back(absl::StrCat(NameOf(slot.ordinal), " (", kClaimNotReady, ")"));
      }
      continue;
    }
    if (slot.handled || !NeedsUpdate(slot)) continue;
    const bool was_current =
        api::SameRevision(Pod(slot).revision.view(), revisions_.current.name) && !slot.updated;
    if (!UpdateSlot(slot, nullptr)) continue;
    if (was_current) --plan_.current_replicas;
    if (down[i]) continue;
    ++used;
    down[i] = true;
    if (names.size() < kNamedBlockers) names.push_back(Taken(slot));
  }
  if (!blocked) return;
  blocked_ = Because(Code::kMaxUnavailable, absl::StrJoin(names, ", "));
  blocked_.figures = {used, budget, 0};
}

// Spec 20.3 and 20.4.
void SetPass::NativeUpdate() {
  const auto first = static_cast<size_t>(std::min<int64_t>(spec_.partition, spec_.replicas));
  if (!spec_.max_unavailable.has_value()) {
    for (size_t i = slots_.size(); i-- > first;) {
      Slot& slot = slots_[i];
      if (slot.pod >= 0 && !slot.updated && !Pod(slot).terminating) {
        Delete(slot, Because(Code::kNativeReplaces));
        blocked_ = Because(Code::kOrderedPredecessor, NameOf(slot.ordinal));
        return;
      }
      if (slot.available) continue;
      if (slot.available_in > 0) WakeIn(absl::Seconds(slot.available_in));
      blocked_ = Because(Code::kOrderedPredecessor, NameOf(slot.ordinal));
      return;
    }
    return;
  }
  const int64_t budget = spec_.Budget();
  int64_t used = 0;
  std::vector<std::string> names;
  for (const Slot& slot : slots_) {
    if (slot.available) continue;
    ++used;
    if (names.size() < kNamedBlockers) names.push_back(Unavailable(slot));
  }
  for (size_t i = slots_.size(); i-- > first;) {
    Slot& slot = slots_[i];
    if (slot.pod < 0 || slot.updated || Pod(slot).terminating) continue;
    const bool costs = slot.available;
    if ((costs || !options_.replace_broken) && used >= budget) {
      blocked_ = Because(Code::kMaxUnavailable, absl::StrJoin(names, ", "));
      blocked_.figures = {used, budget, 0};
      continue;
    }
    if (!Delete(slot, Because(costs ? Code::kNativeReplaces : Code::kBroken)) || !costs) continue;
    ++used;
    if (names.size() < kNamedBlockers) names.push_back(Taken(slot));
  }
}

}  // namespace rekindle::plan
