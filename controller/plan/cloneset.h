#ifndef REKINDLE_CONTROLLER_PLAN_CLONESET_H_
#define REKINDLE_CONTROLLER_PLAN_CLONESET_H_

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"

#include "common/api/pod_record.h"
#include "controller/plan/cloneset_math.h"
#include "controller/plan/cloneset_spec.h"
#include "controller/plan/deletion_order.h"
#include "controller/plan/inplace.h"
#include "controller/plan/order.h"
#include "controller/plan/ranking.h"
#include "controller/plan/reason.h"
#include "controller/plan/revision.h"

namespace rekindle::plan {

using PodPtr = std::shared_ptr<const api::PodRecord>;

enum class Action : uint8_t {
  kNone,
  kCreate,
  kDelete,
  kMarkForDeletion,  // write the specified-delete label
  kUpdateInPlace,    // first step of an in-place update
  kContinueInPlace,  // grace is over, next batch, dropped grace document
  kFinishInPlace,    // condition InPlaceUpdateReady True after an update
  kOpenGate,         // the same where no update is under way: on a new pod
  kLifecycle,        // one lifecycle patch
  kLabelHash,        // back-fill pod-template-hash
  kRepairIdentity,   // labels, claim owners
  kResizeClaim,
  kError,  // nothing can be done; the reason says why
};
absl::string_view ActionName(Action action);
// What a step of refresh does.
Action ActionOf(const Refresh& refresh);

struct PodAction {
  int32_t pod = -1;  // slot of the index, or index into the input
  Action action = Action::kNone;
  Reason why;
  Boxed<InPlaceStep> step;
  std::optional<LifecycleStep> lifecycle;
};

struct Creation {
  std::string name;
  std::string instance_id;
  int32_t ordinal = -1;  // StatefulSet
  bool current_revision = false;
  api::Lifecycle lifecycle = api::Lifecycle::kPreparingNormal;
  std::vector<std::string> claims;   // to be created first
  std::vector<std::string> volumes;  // of claim templates
  bool adds_gate = false;            // InPlaceUpdateReady, whatever the template says
  size_t after_actions = 0;          // this many actions of the plan come before it
  Reason why;
};

struct ClaimRecord {
  std::string name;
  std::string instance_id;
  bool terminating = false;
};

struct ClaimAction {
  enum class Kind { kDelete, kGiveToPod };
  Kind kind = Kind::kDelete;
  std::string claim;
  std::string pod;
};

struct StatusCounters {
  int64_t observed_generation = 0;
  int64_t replicas = 0;
  int64_t ready = 0;
  int64_t available = 0;
  int64_t updated = 0;
  int64_t updated_ready = 0;
  int64_t updated_available = 0;
  int64_t expected_updated = 0;
  std::string update_revision;
  std::string current_revision;
  int32_t collision_count = 0;
  std::string label_selector;
};

struct CloneSetOptions {
  InPlaceOptions in_place;
  bool short_hash = false;                  // gate CloneSetShortHash
  bool partition_rollback = false;          // gate CloneSetPartitionRollback
  bool preparing_update_as_update = false;  // gate PreparingUpdateAsUpdate
  NodeLabel node_label;
  // Asked before a pod is disrupted by an update; false: its disruption budget is used up.
  std::function<bool(const api::PodRecord&)> budget_allows;
};

struct RevisionSet {
  Revision update;
  Revision current;
  std::vector<Revision> history;  // includes both
};

struct CloneSetPlan {
  std::vector<PodAction> actions;
  std::vector<Creation> creations;
  std::vector<ClaimAction> claims;
  DiffNumbers scale;
  DiffNumbers update;
  StatusCounters status;
  bool scaled = false;         // the update phase waits for the next pass
  bool scale_limited = false;  // event ScaleUpLimited: more pods are wanted than may be created
  std::optional<absl::Duration> requeue;
  std::vector<std::string> pods_to_delete;  // podsToDelete without names that are gone
};

// What becomes of the pods that a plan leaves alone, by their slots in the index.
struct CloneSetOutlook {
  absl::flat_hash_set<int32_t> next;      // updated once they may
  absl::flat_hash_set<int32_t> leaving;   // deleted by the scale-in once they may
  absl::flat_hash_set<int32_t> replaced;  // deleted when the surge pods have taken their place
  int64_t surge = 0;
};

// The planner of one CloneSet over the pods of its cache. Keeps counts and orders up to date as
// pods change, so that a plan costs what changed and what it decides, not how many pods there are.
// `Plan` decides one pass: what a reconciler would write before it looks again.
// Threads: thread-compatible.
class CloneSetIndex {
 public:
  CloneSetIndex(CloneSetSpec spec, RevisionSet revisions, CloneSetOptions options);

  // A new spec or other revisions: everything is classified again.
  void Configure(CloneSetSpec spec, RevisionSet revisions);
  // Replaces all pods; cheaper than single upserts.
  void Load(std::vector<PodPtr> pods);
  int32_t Upsert(PodPtr pod);  // by name; returns the slot
  bool Erase(const std::string& name);
  void SetClaims(std::vector<ClaimRecord> claims);

  // `seed` feeds the new instance ids: the same seed gives the same plan.
  CloneSetPlan Plan(absl::Time now, uint64_t seed = 0);

  // Why the pod in `slot`, for which the last plan has no action, is left alone. The first call
  // after a plan costs what there are pods.
  Reason Explain(int32_t slot, const CloneSetPlan& plan);

  const CloneSetSpec& spec() const { return spec_; }
  const RevisionSet& revisions() const { return revisions_; }
  // By slot; null where a pod was erased.
  const std::vector<PodPtr>& pods() const { return pods_; }
  int32_t SlotOf(const std::string& name) const;
  bool IsUpdated(int32_t slot) const { return views_[static_cast<size_t>(slot)].is_new; }
  bool IsAvailable(int32_t slot) const { return views_[static_cast<size_t>(slot)].available; }
  const Comparison& ComparisonOf(const api::PodRecord& pod, const Revision& target);

 private:
  struct View {
    UpdateKey key;
    int64_t available_at = api::kNoTime;  // Unix seconds; only while ready and not yet available
    bool claimed = false;                 // active and ours
    bool is_new = false;
    bool new_when_scaling = false;
    bool ready = false;
    bool available = false;
    bool specified = false;
    bool preparing_delete = false;
    bool in_place_done = true;
    bool attention = false;
    bool candidate = false;
    bool repair = false;
    bool back = false;   // may move to the present revision (gate CloneSetPartitionRollback)
    UpdateKey back_key;  // its place then
    absl::Time grace_until = absl::InfinitePast();  // parked until then
  };
  struct Walk;
  enum class Side : uint8_t { kOld, kNew, kBoth };

  View Classify(int32_t slot) const;
  void Enter(int32_t slot, const View& view, bool bulk);
  void Leave(int32_t slot);
  void Count(const View& view, int64_t sign);
  void Advance(absl::Time now);
  void Park(int32_t slot, const Refresh& refresh, absl::Time now);
  DiffNumbers Diff(bool scaling) const;
  bool IsNew(const api::PodRecord& pod) const;
  bool NeedsRepair(const api::PodRecord& pod) const;
  // In the order of names, where a limit decides who comes first; slots depend on history.
  std::vector<int32_t> ByName(const absl::btree_set<int32_t>& slots) const;

  // Scale phase (cloneset_scale.cc).
  void PlanClaims(CloneSetPlan& plan) const;
  bool Regret(CloneSetPlan& plan) const;
  bool DeleteList(const std::vector<int32_t>& slots, const Reason& why, CloneSetPlan& plan) const;
  bool DeletePrepared(CloneSetPlan& plan) const;
  bool Grow(CloneSetPlan& plan, uint64_t seed) const;
  bool DeleteSpecified(CloneSetPlan& plan) const;
  std::vector<int32_t> ChooseForDeletion(int side, int64_t count);
  bool Shrink(CloneSetPlan& plan);
  void Scale(CloneSetPlan& plan, uint64_t seed);

  // Update phase (cloneset_update.cc).
  bool RefreshAll(CloneSetPlan& plan, absl::Time now);
  void UpdatePods(CloneSetPlan& plan, absl::Time now);
  std::vector<int32_t> Scattered(const absl::btree_set<UpdateKey> (&sides)[2]) const;
  void DropReadyMark(int32_t slot, CloneSetPlan& plan);
  bool UpdateOne(int32_t slot, const Revision& target, CloneSetPlan& plan, absl::Time now);
  void RepairPods(CloneSetPlan& plan, absl::Time now, int64_t budget);

  // Reasons (cloneset_explain.cc).
  std::string Blockers(const CloneSetPlan& plan, Side side, int64_t total) const;
  std::optional<Reason> ParkedWait(int32_t slot) const;
  std::optional<Reason> WaitOf(const api::PodRecord& pod, const View& view) const;
  void LookAtScaleIn(const CloneSetPlan& plan);
  void LookAtUpdate(const CloneSetPlan& plan);
  Reason ExplainOutdated(int32_t slot, const CloneSetPlan& plan) const;
  Reason Kept(const std::optional<Reason>& wait) const;

  void FillStatus(CloneSetPlan& plan) const;

  CloneSetSpec spec_;
  RevisionSet revisions_;
  CloneSetOptions options_;
  std::vector<ClaimRecord> claims_;
  std::vector<PodPtr> pods_;
  std::vector<View> views_;
  std::vector<int32_t> free_slots_;
  absl::flat_hash_map<std::string, int32_t> by_name_;
  int64_t now_ = 0;

  SideCounts update_side_[2];  // 0 old, 1 new
  SideCounts scale_side_[2];
  int64_t claimed_ = 0;
  int64_t ready_ = 0;
  int64_t available_ = 0;
  int64_t updated_ = 0;
  int64_t updated_ready_ = 0;
  int64_t updated_available_ = 0;
  absl::btree_set<UpdateKey> candidates_[2];  // 0 not available, 1 available
  absl::btree_set<UpdateKey> back_[2];        // the same for moves to the present revision
  // Pods that refresh has to look at. Those it has nothing to do for until they change are parked,
  // with what they wait for; those in a grace period until a time.
  absl::btree_set<int32_t> attention_;
  absl::flat_hash_map<int32_t, Reason> parked_;
  absl::btree_set<std::pair<absl::Time, int32_t>> grace_due_;
  absl::btree_set<int32_t> specified_;
  absl::btree_set<int32_t> preparing_delete_;
  absl::btree_set<int32_t> unavailable_[2];  // 0 old, 1 new
  absl::btree_set<int32_t> repair_;
  absl::btree_set<std::pair<int64_t, int32_t>> available_later_;
  // The order of a scale-in by nodes: made when one begins, kept until it is over.
  std::unique_ptr<DeletionOrder> deletion_;
  // By content of the shape; holds it, so that its address stays its own.
  mutable absl::flat_hash_map<std::shared_ptr<const api::PodShape>, bool> repair_by_shape_;
  absl::flat_hash_map<std::string, std::shared_ptr<const Comparison>> comparisons_;
  absl::flat_hash_map<int32_t, Reason> refresh_waits_;
  absl::flat_hash_map<int32_t, size_t> marks_ready_;  // actions of this pass that set it ready
  absl::btree_set<int32_t> written_;                  // pods that refresh writes in this pass
  absl::flat_hash_set<int32_t> taken_;                // candidates that this pass has moved
  Reason blocked_;                          // why candidates beyond the last taken one wait
  std::optional<CloneSetOutlook> outlook_;  // of the last plan; made when somebody asks
};

// Why a plan that is `scale_limited` creates no more pods.
Reason ScaleLimit(const CloneSetPlan& plan, const CloneSetSpec& spec);

// One pass over `pods` as a pure function.
CloneSetPlan PlanCloneSet(const CloneSetSpec& spec, const RevisionSet& revisions,
                          const std::vector<PodPtr>& pods, const std::vector<ClaimRecord>& claims,
                          const CloneSetOptions& options, absl::Time now, uint64_t seed = 0);

// Random-looking ids of five characters from the safe alphabet, never one of `taken`.
std::vector<std::string> MakeInstanceIds(size_t count, uint64_t seed,
                                         const std::function<bool(const std::string&)>& taken);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_CLONESET_H_
