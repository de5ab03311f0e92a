#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/api/names.h"
#include "controller/plan/cloneset.h"

namespace rekindle::plan {
namespace {

using api::Lifecycle;
using api::PodRecord;
using api::Tri;

constexpr size_t kMaxShapes = 10'000;  // more kinds of pods than any one workload has at a time

bool InService(Lifecycle state) {
  return state == Lifecycle::kEmpty || state == Lifecycle::kNormal;
}

}  // namespace

absl::string_view ActionName(Action action) {
  switch (action) {
    case Action::kNone:
      return "None";
    case Action::kCreate:
      return "Create";
    case Action::kDelete:
      return "Delete";
    case Action::kMarkForDeletion:
      return "Recreate";
    case Action::kUpdateInPlace:
      return "UpdateInPlace";
    case Action::kContinueInPlace:
      return "ContinueInPlace";
    case Action::kFinishInPlace:
      return "FinishInPlace";
    case Action::kOpenGate:
      return "OpenGate";
    case Action::kLifecycle:
      return "Lifecycle";
    case Action::kLabelHash:
      return "LabelHash";
    case Action::kRepairIdentity:
      return "RepairIdentity";
    case Action::kResizeClaim:
      return "ResizeClaim";
    case Action::kError:
      break;
  }
  return "Error";
}

Action ActionOf(const Refresh& refresh) {
  if (!refresh.step->set_ready) return Action::kContinueInPlace;
  return refresh.why.code == Code::kOpenGate ? Action::kOpenGate : Action::kFinishInPlace;
}

CloneSetIndex::CloneSetIndex(CloneSetSpec spec, RevisionSet revisions, CloneSetOptions options)
    : spec_(std::move(spec)), revisions_(std::move(revisions)), options_(std::move(options)) {}

void CloneSetIndex::Configure(CloneSetSpec spec, RevisionSet revisions) {
  spec_ = std::move(spec);
  revisions_ = std::move(revisions);
  comparisons_.clear();
  repair_by_shape_.clear();
  std::vector<PodPtr> pods;
  for (PodPtr& pod : pods_) {
    if (pod != nullptr) pods.push_back(std::move(pod));
  }
  Load(std::move(pods));
}

void CloneSetIndex::Load(std::vector<PodPtr> pods) {
  deletion_ = nullptr;
  pods_ = std::move(pods);
  free_slots_.clear();
  by_name_.clear();
  by_name_.reserve(pods_.size());
  for (SideCounts* side : {&update_side_[0], &update_side_[1], &scale_side_[0], &scale_side_[1]}) {
    *side = SideCounts();
  }
  claimed_ = ready_ = available_ = updated_ = updated_ready_ = updated_available_ = 0;
  for (auto* set : {&attention_, &specified_, &preparing_delete_, &unavailable_[0],
                    &unavailable_[1], &repair_}) {
    set->clear();
  }
  available_later_.clear();
  parked_.clear();
  grace_due_.clear();
  for (auto& side : back_) side.clear();
  views_.assign(pods_.size(), View());
  std::vector<UpdateKey> keys[2];
  for (size_t i = 0; i < pods_.size(); ++i) {
    const auto slot = static_cast<int32_t>(i);
    by_name_.emplace(pods_[i]->name, slot);
    const View view = Classify(slot);
    Enter(slot, view, /*bulk=*/true);
    if (view.candidate) keys[view.available ? 1 : 0].push_back(view.key);
  }
  for (size_t side = 0; side < 2; ++side) {
    std::sort(keys[side].begin(), keys[side].end());
    candidates_[side] = absl::btree_set<UpdateKey>(keys[side].begin(), keys[side].end());
  }
}

int32_t CloneSetIndex::SlotOf(const std::string& name) const {
  const auto it = by_name_.find(name);
  return it == by_name_.end() ? -1 : it->second;
}

int32_t CloneSetIndex::Upsert(PodPtr pod) {
  const auto [it, fresh] = by_name_.try_emplace(pod->name, -1);
  if (fresh) {
    if (free_slots_.empty()) {
      it->second = static_cast<int32_t>(pods_.size());
      pods_.emplace_back();
      views_.emplace_back();
    } else {
      it->second = free_slots_.back();
      free_slots_.pop_back();
    }
  } else {
    Leave(it->second);
  }
  const int32_t slot = it->second;
  pods_[static_cast<size_t>(slot)] = std::move(pod);
  Enter(slot, Classify(slot), /*bulk=*/false);
  return slot;
}

bool CloneSetIndex::Erase(const std::string& name) {
  const auto it = by_name_.find(name);
  if (it == by_name_.end()) return false;
  const int32_t slot = it->second;
  Leave(slot);
  pods_[static_cast<size_t>(slot)] = nullptr;
  views_[static_cast<size_t>(slot)] = View();
  free_slots_.push_back(slot);
  by_name_.erase(it);
  return true;
}

void CloneSetIndex::SetClaims(std::vector<ClaimRecord> claims) { claims_ = std::move(claims); }

bool CloneSetIndex::IsNew(const PodRecord& pod) const {
  return api::SameRevision(pod.revision.view(), revisions_.update.name);
}

bool CloneSetIndex::NeedsRepair(const PodRecord& pod) const {
  if (pod.shape == revisions_.update.pod_template.shape) return false;
  if (repair_by_shape_.size() > kMaxShapes) repair_by_shape_.clear();
  const auto [it, fresh] = repair_by_shape_.try_emplace(pod.shape, false);
  if (fresh) it->second = !ContentOf(pod, revisions_.update, revisions_.history).repair.empty();
  return it->second;
}

std::vector<int32_t> CloneSetIndex::ByName(const absl::btree_set<int32_t>& slots) const {
  std::vector<int32_t> out(slots.begin(), slots.end());
  std::sort(out.begin(), out.end(), [&](int32_t a, int32_t b) {
    return pods_[static_cast<size_t>(a)]->name < pods_[static_cast<size_t>(b)]->name;
  });
  return out;
}

CloneSetIndex::View CloneSetIndex::Classify(int32_t slot) const {
  const PodRecord& pod = *pods_[static_cast<size_t>(slot)];
  View view;
  if (!pod.Active() || !(pod.owner_uid == spec_.uid)) return view;
  view.claimed = true;
  view.is_new = IsNew(pod);
  view.new_when_scaling = view.is_new || (options_.preparing_update_as_update &&
                                          pod.lifecycle == Lifecycle::kPreparingUpdate);
  view.preparing_delete = pod.lifecycle == Lifecycle::kPreparingDelete;
  view.specified = pod.specified_delete ||
                   std::find(spec_.pods_to_delete.begin(), spec_.pods_to_delete.end(), pod.name) !=
                       spec_.pods_to_delete.end();
  view.ready = pod.phase == api::Phase::kRunning && pod.ready == Tri::kTrue &&
               pod.in_place_ready != Tri::kFalse;
  view.in_place_done = pod.book == nullptr || CompletionOf(pod, options_.in_place).done;
  if (view.ready && InService(pod.lifecycle)) {
    if (spec_.min_ready_seconds <= 0) {
      view.available = true;
    } else if (pod.ready_since != api::kNoTime) {
      const int64_t at = pod.ready_since + spec_.min_ready_seconds;
      view.available = at <= now_;
      if (!view.available) view.available_at = at;
    }
  }
  const bool gate_open =
      !pod.shape->gate_in_place || (pod.in_place_ready == Tri::kTrue && !pod.in_place_noise);
  const bool settled = InService(pod.lifecycle) || view.preparing_delete;
  view.attention = !gate_open || !view.in_place_done || !settled || !pod.has_template_hash;
  const bool grace = pod.book != nullptr && pod.book->grace != nullptr;
  view.candidate = !view.is_new && !view.preparing_delete && !view.specified &&
                   (!grace || pod.lifecycle == Lifecycle::kUpdated);
  view.repair = view.is_new && view.in_place_done && !view.preparing_delete && !view.specified &&
                NeedsRepair(pod);
  if (view.candidate) view.key = MakeUpdateKey(pod, slot, spec_.priority);
  view.back = options_.partition_rollback && view.is_new && !view.preparing_delete &&
              !view.specified && (!grace || pod.lifecycle == Lifecycle::kUpdated);
  if (view.back) view.back_key = MakeUpdateKey(pod, slot, spec_.priority);
  return view;
}

void CloneSetIndex::Count(const View& view, int64_t sign) {
  const auto bucket = [&](SideCounts& side) {
    int64_t& count = view.preparing_delete ? side.preparing_delete
                     : view.specified      ? side.specified
                     : view.available      ? side.available
                                           : side.unavailable;
    count += sign;
  };
  bucket(update_side_[view.is_new ? 1 : 0]);
  bucket(scale_side_[view.new_when_scaling ? 1 : 0]);
  claimed_ += sign;
  if (view.ready) ready_ += sign;
  if (view.available) available_ += sign;
  if (!view.is_new) return;
  updated_ += sign;
  if (view.ready) updated_ready_ += sign;
  if (view.available) updated_available_ += sign;
}

void CloneSetIndex::Enter(int32_t slot, const View& view, bool bulk) {
  views_[static_cast<size_t>(slot)] = view;
  if (!view.claimed) return;
  Count(view, 1);
  if (deletion_) {
    deletion_->Add({slot, pods_[static_cast<size_t>(slot)].get(), view.available,
                    view.new_when_scaling ? 1 : 0});
  }
  if (view.attention) attention_.insert(slot);
  if (view.specified) specified_.insert(slot);
  if (view.preparing_delete) preparing_delete_.insert(slot);
  if (!view.available) unavailable_[view.is_new ? 1 : 0].insert(slot);
  if (view.repair) repair_.insert(slot);
  if (view.available_at != api::kNoTime) available_later_.emplace(view.available_at, slot);
  if (view.candidate && !bulk) candidates_[view.available ? 1 : 0].insert(view.key);
  if (view.back) back_[view.available ? 1 : 0].insert(view.back_key);
}

void CloneSetIndex::Leave(int32_t slot) {
  const View& view = views_[static_cast<size_t>(slot)];
  refresh_waits_.erase(slot);
  if (!view.claimed) return;
  Count(view, -1);
  if (deletion_) deletion_->Remove(slot);
  attention_.erase(slot);
  parked_.erase(slot);
  grace_due_.erase({view.grace_until, slot});
  if (view.back) back_[view.available ? 1 : 0].erase(view.back_key);
  specified_.erase(slot);
  preparing_delete_.erase(slot);
  unavailable_[view.is_new ? 1 : 0].erase(slot);
  repair_.erase(slot);
  if (view.available_at != api::kNoTime) available_later_.erase({view.available_at, slot});
  if (view.candidate) candidates_[view.available ? 1 : 0].erase(view.key);
}

// Refresh does nothing for this pod until it changes or its grace period is over.
void CloneSetIndex::Park(int32_t slot, const Refresh& refresh, absl::Time now) {
  if (refresh.wait) {
    View& view = views_[static_cast<size_t>(slot)];
    view.grace_until = now + *refresh.wait;
    grace_due_.emplace(view.grace_until, slot);
  }
  parked_[slot] = refresh.why;
  attention_.erase(slot);
}

// Pods become available by the passing of time alone, and grace periods end by it.
void CloneSetIndex::Advance(absl::Time now) {
  while (!grace_due_.empty() && grace_due_.begin()->first <= now) {
    const int32_t slot = grace_due_.begin()->second;
    grace_due_.erase(grace_due_.begin());
    views_[static_cast<size_t>(slot)].grace_until = absl::InfinitePast();
    parked_.erase(slot);
    attention_.insert(slot);
  }
  now_ = absl::ToUnixSeconds(now);
  while (!available_later_.empty() && available_later_.begin()->first <= now_) {
    const int32_t slot = available_later_.begin()->second;
    Leave(slot);
    Enter(slot, Classify(slot), /*bulk=*/false);
  }
}

DiffNumbers CloneSetIndex::Diff(bool scaling) const {
  const SideCounts* sides = scaling ? scale_side_ : update_side_;
  DiffInput in;
  in.replicas = spec_.replicas;
  in.partition = spec_.has_rolling ? spec_.Partition() : 0;
  // OnDelete has no update that would use the surge up (P11).
  in.surge = spec_.Surge();
  in.paused = spec_.paused || spec_.on_delete;
  in.max_unavailable = spec_.MaxUnavailable();
  in.scale_max_unavailable = spec_.ScaleMaxUnavailable();
  in.old_side = sides[0];
  in.new_side = sides[1];
  in.one_revision = revisions_.update.name == revisions_.current.name;
  in.partition_rollback = options_.partition_rollback;
  in.exclude_preparing_delete = spec_.exclude_preparing_delete;
  return ComputeDiff(in);
}

const Comparison& CloneSetIndex::ComparisonOf(const PodRecord& pod, const Revision& target) {
  auto& entry = comparisons_[absl::StrCat(pod.revision.view(), "|", target.name)];
  if (entry == nullptr) {
    const Revision* own = FindRevision(revisions_.history, pod.revision.view());
    auto made = std::make_shared<Comparison>();
    if (own == nullptr) {
      made->refusal.code = Code::kOldRevisionUnknown;
      made->refusal.detail = pod.revision.empty() ? api::Text("(none)") : pod.revision;
    } else {
      *made =
          Compare(*own, target, options_.in_place, spec_.policy == PodUpdatePolicy::kInPlaceOnly);
    }
    entry = std::move(made);
  }
  return *entry;
}

void CloneSetIndex::FillStatus(CloneSetPlan& plan) const {
  StatusCounters& s = plan.status;
  s.observed_generation = spec_.generation;
  s.replicas = claimed_;
  s.ready = ready_;
  s.available = available_;
  s.updated = updated_;
  s.updated_ready = updated_ready_;
  s.updated_available = updated_available_;
  s.expected_updated = spec_.has_rolling ? spec_.replicas - spec_.Partition() : spec_.replicas;
  s.update_revision = revisions_.update.name;
  s.current_revision = updated_ == claimed_ && claimed_ == spec_.replicas ? revisions_.update.name
                                                                          : revisions_.current.name;
  s.collision_count = spec_.collision_count;
  s.label_selector = spec_.selector.Text();
}

CloneSetPlan CloneSetIndex::Plan(absl::Time now, uint64_t seed) {
  CloneSetPlan plan;
  Advance(now);
  refresh_waits_.clear();
  written_.clear();
  marks_ready_.clear();
  taken_.clear();
  outlook_.reset();
  blocked_ = Reason();
  FillStatus(plan);
  plan.scale = Diff(/*scaling=*/true);
  plan.update = Diff(/*scaling=*/false);
  for (const std::string& name : spec_.pods_to_delete) {
    const int32_t slot = SlotOf(name);
    if (slot >= 0 && views_[static_cast<size_t>(slot)].claimed) plan.pods_to_delete.push_back(name);
  }
  if (spec_.deleting) return plan;
  PlanClaims(plan);
  Scale(plan, seed);
  if (!plan.scaled) {
    if (RefreshAll(plan, now)) {
      UpdatePods(plan, now);
      std::erase_if(plan.actions, [](const PodAction& a) { return a.action == Action::kNone; });
    } else {
      blocked_.code = Code::kExpectations;
    }
  }
  const auto look_at = [&](absl::Time time) {
    plan.requeue = std::min(plan.requeue.value_or(absl::InfiniteDuration()), time - now);
  };
  if (!grace_due_.empty()) look_at(grace_due_.begin()->first);
  if (!available_later_.empty()) look_at(absl::FromUnixSeconds(available_later_.begin()->first));
  return plan;
}

CloneSetPlan PlanCloneSet(const CloneSetSpec& spec, const RevisionSet& revisions,
                          const std::vector<PodPtr>& pods, const std::vector<ClaimRecord>& claims,
                          const CloneSetOptions& options, absl::Time now, uint64_t seed) {
  CloneSetIndex index(spec, revisions, options);
  index.SetClaims(claims);
  index.Load(pods);
  return index.Plan(now, seed);
}

}  // namespace rekindle::plan
