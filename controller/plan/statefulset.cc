#include "controller/plan/statefulset.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/api/names.h"
#include "common/json/tree.h"
#include "controller/plan/statefulset_pass.h"

namespace rekindle::plan {
namespace {

using api::Lifecycle;
using api::PodRecord;

bool InService(Lifecycle state) {
  return state == Lifecycle::kEmpty || state == Lifecycle::kNormal;
}

bool RunningAndReady(const PodRecord& pod) {
  return pod.phase == api::Phase::kRunning && pod.ready == api::Tri::kTrue;
}

}  // namespace

SetPass::SetPass(const StatefulSetSpec& spec, const RevisionSet& revisions,
                 const std::vector<PodPtr>& pods, const std::vector<SetClaim>& claims,
                 const StatefulSetOptions& options, absl::Time now)
    : spec_(spec),
      revisions_(revisions),
      pods_(pods),
      claims_(claims),
      options_(options),
      now_(now),
      now_s_(absl::ToUnixSeconds(now)) {}

std::string SetPass::NameOf(int32_t ordinal) const {
  return absl::StrCat(spec_.name, "-", ordinal);
}

SetPass::Slot SetPass::MakeSlot(int32_t ordinal, int32_t pod_index) const {
  Slot slot;
  slot.ordinal = ordinal;
  slot.pod = pod_index;
  if (pod_index < 0) return slot;
  const PodRecord& pod = *pods_[static_cast<size_t>(pod_index)];
  if (!(pod.revision == last_label_)) {
    last_label_ = pod.revision;
    last_label_updated_ = api::SameRevision(pod.revision.view(), revisions_.update.name);
  }
  slot.updated = last_label_updated_;
  slot.healthy = RunningAndReady(pod) && !pod.terminating && InService(pod.lifecycle);
  slot.in_place_done = pod.book == nullptr || CompletionOf(pod, options_.in_place).done;
  if (!RunningAndReady(pod) || !InService(pod.lifecycle)) return slot;
  int64_t left = 0;
  if (spec_.min_ready_seconds > 0) {
    const int64_t since = pod.ready_since == api::kNoTime ? now_s_ : pod.ready_since;
    left = since + spec_.min_ready_seconds - now_s_;
  }
  slot.counts_available = left <= 0;
  const bool gate = pod.in_place_ready != api::Tri::kFalse;
  if (!slot.healthy || !gate || !slot.in_place_done) return slot;
  slot.available = left <= 0;
  if (left > 0) slot.available_in = left;
  return slot;
}

void SetPass::Sort() {
  range_ = WantedOrdinals(spec_.start, spec_.replicas, spec_.reserved);
  std::vector<std::pair<int32_t, int32_t>> members;  // ordinal, pod
  members.reserve(pods_.size());
  for (size_t i = 0; i < pods_.size(); ++i) {
    const PodRecord& pod = *pods_[i];
    const int32_t ordinal = OrdinalOf(pod.name, spec_.name);
    if (ordinal < 0 || !(pod.owner_uid == spec_.uid)) continue;
    members.emplace_back(ordinal, static_cast<int32_t>(i));
  }
  std::sort(members.begin(), members.end());
  slots_.reserve(range_.ordinals.size());
  auto member = members.begin();
  for (const int32_t ordinal : range_.ordinals) {
    for (; member != members.end() && member->first < ordinal; ++member) {
      condemned_.push_back(MakeSlot(member->first, member->second));
    }
    if (member != members.end() && member->first == ordinal) {
      slots_.push_back(MakeSlot(ordinal, member->second));
      ++member;
    } else {
      slots_.push_back(MakeSlot(ordinal, -1));
    }
  }
  for (; member != members.end(); ++member) {
    condemned_.push_back(MakeSlot(member->first, member->second));
  }
  std::reverse(condemned_.begin(), condemned_.end());
  if (!spec_.claims.empty()) {
    claim_index_.reserve(claims_.size());
    for (size_t i = 0; i < claims_.size(); ++i) claim_index_.emplace(claims_[i].name, i);
  }
}

void SetPass::Count() {
  StatusCounters& s = plan_.status;
  const auto count = [&](const Slot& slot) {
    if (slot.pod < 0) return;
    const PodRecord& pod = Pod(slot);
    if (pod.phase == api::Phase::kNone) return;
    const bool ready = RunningAndReady(pod);
    const bool available = slot.counts_available;
    ++s.replicas;
    if (ready) ++s.ready;
    if (available) ++s.available;
    if (slot.updated && ready) ++s.updated_ready;
    if (slot.updated && available) ++s.updated_available;
    if (pod.terminating) return;
    if (slot.updated) ++s.updated;
    if (api::SameRevision(pod.revision.view(), revisions_.current.name)) ++plan_.current_replicas;
  };
  for (const Slot& slot : slots_) count(slot);
  for (const Slot& slot : condemned_) count(slot);
  s.observed_generation = spec_.generation;
  s.update_revision = revisions_.update.name;
  s.current_revision = revisions_.current.name;
  s.collision_count = spec_.collision_count;
  s.label_selector = spec_.selector.Text();
  s.expected_updated =
      std::max<int64_t>(0, spec_.replicas - std::min(spec_.partition, spec_.replicas));
}

// The native rule: all three counters against spec.replicas (P-18); OnDelete completes as well
// (P-22).
void SetPass::Finish() {
  StatusCounters& s = plan_.status;
  if (s.updated == spec_.replicas && s.ready == spec_.replicas && s.replicas == spec_.replicas) {
    s.current_revision = s.update_revision;
    plan_.current_replicas = s.updated;
  }
}

PodAction& SetPass::Act(Slot& slot, Action action, Reason why) {
  slot.handled = true;
  PodAction& out = plan_.actions.emplace_back();
  out.pod = slot.pod;
  out.action = action;
  out.why = why;
  Say(slot, std::move(why));
  return out;
}

void SetPass::Say(const Slot& slot, Reason why) {
  if (slot.pod < 0) return;
  const auto index = static_cast<size_t>(slot.pod);
  plan_.reasons[index] = std::move(why);
  explained_[index] = true;
}

void SetPass::WakeIn(absl::Duration wait) {
  plan_.requeue = plan_.requeue.has_value() ? std::min(*plan_.requeue, wait) : wait;
}

bool SetPass::Delete(Slot& slot, const Reason& why) {
  if (slot.handled || Pod(slot).terminating) return false;
  const Passage passage = BeforeDelete(Pod(slot), spec_.hooks);
  if (passage.go) {
    Act(slot, Action::kDelete, why);
    return true;
  }
  if (passage.step) {
    Act(slot, Action::kLifecycle, passage.why).lifecycle = passage.step;
    lifecycle_patched_ = true;
  } else {
    Say(slot, passage.why);
  }
  return false;
}

// Why a pod that nothing is done about is not in service.
Reason SetPass::NotAvailable(const Slot& slot) const {
  const PodRecord& pod = Pod(slot);
  if (slot.available_in > 0) {
    Reason why = Because(Code::kMinReady);
    why.figures = {slot.available_in, spec_.min_ready_seconds, 0};
    return why;
  }
  return NotReady(pod);
}

// Every pod without an entry gets the reason why nothing happens to it.
void SetPass::ExplainRest() {
  const size_t kept =
      slots_.size() - static_cast<size_t>(std::max<int64_t>(0, plan_.status.expected_updated));
  std::vector<bool> due(slots_.size(), true);  // what the partition lets go
  if (spec_.unordered) {
    due.assign(slots_.size(), false);
    for (const size_t i : Candidates()) due[i] = true;
  } else {
    std::fill_n(due.begin(), kept, false);
  }
  const auto explain = [&](const Slot& slot, size_t position, bool in_range) {
    if (slot.pod < 0 || explained_[static_cast<size_t>(slot.pod)]) return;
    const PodRecord& pod = Pod(slot);
    if (pod.terminating) return Say(slot, Because(Code::kTerminating));
    if (!in_range) return Say(slot, stopped_ ? stop_reason_ : condemned_wait_);
    if (std::optional<Reason> wait = LifecycleWait(pod, spec_.hooks)) return Say(slot, *wait);
    if (!slot.in_place_done) return Say(slot, CompletionOf(pod, options_.in_place).why);
    const bool stops = stopped_ && slot.ordinal == stopper_;
    if (slot.available && !NeedsUpdate(slot)) return Say(slot, Because(Code::kUpToDate));
    if ((slot.updated && !slot.available) || stops) return Say(slot, NotAvailable(slot));
    if (spec_.on_delete) return Say(slot, Because(Code::kOnDelete));
    if (!due[position]) {
      Reason why = Because(slot.available ? Code::kKeptByPartition : Code::kKeptBroken,
                           slot.available ? "" : NotReady(pod).detail.view());
      why.figures = {spec_.partition, spec_.replicas, 0};
      return Say(slot, std::move(why));
    }
    if (spec_.paused) return Say(slot, Because(Code::kPaused));
    if (stopped_) return Say(slot, stop_reason_);
    Say(slot, blocked_.code != Code::kUpToDate ? blocked_ : Because(Code::kScalingFirst));
  };
  for (size_t i = 0; i < slots_.size(); ++i) explain(slots_[i], i, true);
  for (const Slot& slot : condemned_) explain(slot, 0, false);
  for (size_t i = 0; i < explained_.size(); ++i) {
    if (!explained_[i]) plan_.reasons[i] = Because(Code::kNotActive);
  }
}

StatefulSetPlan SetPass::Run() {
  plan_.reasons.resize(pods_.size());
  explained_.assign(pods_.size(), false);
  Sort();
  Count();
  CountClaims();
  if (spec_.deleting) {
    for (Reason& reason : plan_.reasons) reason.code = Code::kSetDeleting;
    return std::move(plan_);
  }
  RefreshAll();
  if (ReplicaPass()) {
    CondemnedPass();
    if (!stopped_ && !spec_.on_delete) UpdatePhase();
  }
  Finish();
  ExplainRest();
  return std::move(plan_);
}

StatefulSetPlan PlanStatefulSet(const StatefulSetSpec& spec, const RevisionSet& revisions,
                                const std::vector<PodPtr>& pods,
                                const std::vector<SetClaim>& claims,
                                const StatefulSetOptions& options, absl::Time now) {
  return SetPass(spec, revisions, pods, claims, options, now).Run();
}

}  // namespace rekindle::plan
