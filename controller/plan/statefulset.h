#ifndef REKINDLE_CONTROLLER_PLAN_STATEFULSET_H_
#define REKINDLE_CONTROLLER_PLAN_STATEFULSET_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "controller/plan/cloneset.h"
#include "controller/plan/statefulset_spec.h"

namespace rekindle::plan {

// A claim as plans see it.
struct SetClaim {
  std::string name;
  api::Quantity requested;
  api::Quantity capacity;
  std::string storage_class;
  std::vector<std::string> access_modes;
  bool terminating = false;
  bool file_system_resize_pending = false;
  bool class_allows_expansion = false;  // of its storage class; absent counts as no
  bool has_class = true;
  bool owned_by_set = false;
  std::string owner_pod_uid;  // owner reference of kind Pod; empty: none
};
absl::StatusOr<SetClaim> ParseSetClaim(const Json& claim, absl::string_view set_uid);

// What the owner references of a claim become (spec 13.5).
struct ClaimOwners {
  std::string claim;
  bool set = false;
  std::string pod_uid;
};

struct StatefulSetOptions {
  InPlaceOptions in_place;
  bool preparing_update_as_update = false;
  bool auto_delete_claims = true;
  // An unavailable, outdated pod that the partition does not keep is replaced although others wait
  // for it, so a fixed template gets over a broken one (spec 17.4). Off: the native behaviour.
  bool replace_broken = true;
  std::function<bool(const api::PodRecord&)> budget_allows;
};

struct ClaimCounts {
  std::string claim_template;
  int64_t compatible = 0;
  int64_t ready = 0;
};

struct StatefulSetPlan {
  std::vector<PodAction> actions;  // `pod` is the index into the input
  std::vector<Creation> creations;
  std::vector<ClaimOwners> owners;
  std::vector<std::string> claims_to_create;  // of Pending pods whose claim vanished
  std::vector<std::pair<std::string, api::Quantity>> resizes;
  std::vector<Reason> reasons;                      // one per input pod
  std::vector<std::pair<int32_t, Reason>> missing;  // ordinals whose claims have to go first
  std::vector<int32_t> later;  // wanted ordinals that this pass does not come to, ascending
  Reason later_why;
  StatusCounters status;
  int64_t current_replicas = 0;
  std::vector<ClaimCounts> claim_counts;
  std::optional<absl::Duration> requeue;
};

// One pass over a StatefulSet, advanced or native, as a pure function (spec statefulset 8 to 13,
// 20). Scaling and updating never exceed maxUnavailable beyond what is broken already; a pod that
// is down and outdated never holds the others up. Cost is linear in the number of pods.
StatefulSetPlan PlanStatefulSet(const StatefulSetSpec& spec, const RevisionSet& revisions,
                                const std::vector<PodPtr>& pods,
                                const std::vector<SetClaim>& claims,
                                const StatefulSetOptions& options, absl::Time now);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_STATEFULSET_H_
