#ifndef REKINDLE_CONTROLLER_PLAN_STATEFULSET_PASS_H_
#define REKINDLE_CONTROLLER_PLAN_STATEFULSET_PASS_H_

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "controller/plan/statefulset.h"

namespace rekindle::plan {

// The state of one pass; split over files by its phases. Used only by PlanStatefulSet.
class SetPass {
 public:
  SetPass(const StatefulSetSpec& spec, const RevisionSet& revisions,
          const std::vector<PodPtr>& pods, const std::vector<SetClaim>& claims,
          const StatefulSetOptions& options, absl::Time now);

  StatefulSetPlan Run();

 private:
  // What one slot, or one condemned pod, looks like.
  struct Slot {
    int32_t ordinal = 0;
    int32_t pod = -1;      // index into the input; -1: missing
    bool created = false;  // by this pass
    bool updated = false;  // carries the update revision
    bool healthy = false;
    bool available = false;
    bool in_place_done = true;
    bool handled = false;           // this pass acts on it
    bool marks_ready = false;       // refresh sets its condition True
    int64_t available_in = -1;      // seconds until available by time alone
    bool counts_available = false;  // in the status: also while it terminates (spec 9.6)
  };
  enum class Flow { kNext, kStop, kBreak };

  // Setup (statefulset.cc).
  void Sort();
  Slot MakeSlot(int32_t ordinal, int32_t pod) const;
  void Count();
  void Finish();
  void CountClaims();
  Reason NotAvailable(const Slot& slot) const;
  void ExplainRest();

  // Scaling (statefulset_scale.cc).
  void RefreshAll();
  bool Regret(Slot& slot);
  bool ReplicaPass();
  void ExplainLater(size_t from);
  Flow HandleSlot(size_t index, std::optional<int64_t>& throttle);
  Flow HandleMissing(size_t index, std::optional<int64_t>& throttle);
  Flow Charge(std::optional<int64_t>& throttle, Flow otherwise);
  void Create(size_t index);
  bool NewPodIsCurrent(size_t index) const;
  bool RescueBroken(size_t index);
  void OwnClaims(const Slot& slot, bool in_range);
  std::string WhyCondemned(int32_t ordinal) const;
  void CondemnedPass();
  int32_t FirstUnhealthy() const;

  // Updating (statefulset_update.cc).
  void UpdatePhase();
  void NativeUpdate();
  std::vector<size_t> Candidates() const;
  void DeleteSpecified(std::vector<bool>& down, int64_t& used, int64_t budget);
  bool UpdateSlot(Slot& slot, const Reason* recreate_reason);
  const Comparison& ComparisonOf(const api::PodRecord& pod);
  std::string Unavailable(const Slot& slot) const;
  std::string Taken(const Slot& slot) const;
  bool NeedsUpdate(const Slot& slot) const;
  std::optional<std::string> MissingVolume(const api::PodRecord& pod) const;

  // Claims (statefulset_claims.cc).
  const SetClaim* Claim(const std::string& claim_template, int32_t ordinal) const;
  bool ClaimsCompatible(int32_t ordinal) const;
  bool ClaimsReady(int32_t ordinal) const;
  // True when the claims of the ordinal need no further resize before its pod may be updated.
  bool ResizeClaims(Slot& slot);

  // Deletes hook-aware; true when the pod is really deleted.
  bool Delete(Slot& slot, const Reason& why);
  PodAction& Act(Slot& slot, Action action, Reason why);
  void Say(const Slot& slot, Reason why);
  void WakeIn(absl::Duration wait);
  const api::PodRecord& Pod(const Slot& slot) const {
    return *pods_[static_cast<size_t>(slot.pod)];
  }
  std::string NameOf(int32_t ordinal) const;

  const StatefulSetSpec& spec_;
  const RevisionSet& revisions_;
  const std::vector<PodPtr>& pods_;
  const std::vector<SetClaim>& claims_;
  const StatefulSetOptions& options_;
  const absl::Time now_;
  const int64_t now_s_;

  StatefulSetPlan plan_;
  OrdinalRange range_;
  std::vector<Slot> slots_;      // in range, ascending
  std::vector<Slot> condemned_;  // descending
  std::vector<bool> explained_;
  bool stopped_ = false;
  Reason stop_reason_;     // what the pods behind a stop wait for
  int32_t stopper_ = -1;   // ordinal of the pod that they wait for
  Reason blocked_;         // what candidates wait for
  Reason condemned_wait_;  // what condemned pods wait for that are not asked yet
  bool lifecycle_patched_ = false;
  absl::flat_hash_map<std::string, Comparison> comparisons_;
  absl::flat_hash_map<std::string, size_t> claim_index_;
  mutable api::Text last_label_;
  mutable bool last_label_updated_ = false;
};

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_STATEFULSET_PASS_H_
