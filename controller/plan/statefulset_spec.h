#ifndef REKINDLE_CONTROLLER_PLAN_STATEFULSET_SPEC_H_
#define REKINDLE_CONTROLLER_PLAN_STATEFULSET_SPEC_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/api/int_or_percent.h"
#include "common/api/quantity.h"
#include "common/api/selector.h"
#include "controller/plan/cloneset_spec.h"
#include "controller/plan/ordinals.h"

namespace rekindle::plan {

struct ClaimTemplate {
  std::string name;
  api::Quantity storage;
  std::string storage_class;  // empty: the cluster's default
  std::vector<std::string> access_modes;
};

// An Advanced StatefulSet (apps.kruise.io) or a native one (apps/v1), with defaults.
struct StatefulSetSpec {
  bool native = false;
  std::string name;
  std::string name_space;
  std::string uid;
  int64_t generation = 0;
  bool deleting = false;
  int64_t replicas = 1;
  int64_t start = 0;
  ReservedOrdinals reserved;
  std::vector<std::string> bad_reservations;
  api::Selector selector;
  std::shared_ptr<const Json> pod_template;
  std::vector<ClaimTemplate> claims;
  bool parallel = false;
  bool on_delete = false;
  int64_t partition = 0;
  std::optional<api::IntOrPercent> max_unavailable;  // absent: 1
  PodUpdatePolicy policy = PodUpdatePolicy::kReCreate;
  bool paused = false;
  bool unordered = false;
  PriorityStrategy priority;
  int32_t grace_seconds = 0;
  int64_t min_ready_seconds = 0;
  std::optional<api::IntOrPercent> scale_max_unavailable;
  Hooks hooks;
  bool delete_claims_with_set = false;    // whenDeleted: Delete
  bool delete_claims_with_scale = false;  // whenScaled: Delete
  bool resize_claims = false;             // volumeClaimUpdateStrategy OnPodRollingUpdate
  int64_t history_limit = 10;

  std::string current_revision;
  std::string update_revision;
  int32_t collision_count = 0;

  // Rounded down, at least 1 (spec 11.1, 10.4).
  int64_t Budget() const;
  std::optional<int64_t> Throttle() const;
};

struct StatefulSetGates {
  bool start_ordinal = true;            // StatefulSetStartOrdinal
  bool auto_delete_claims = true;       // StatefulSetAutoDeletePVC
  bool resize_claims = false;           // StatefulSetAutoResizePVCGate
  bool native_max_unavailable = false;  // MaxUnavailableStatefulSet
};

// Errors: kInvalidArgument naming the field.
absl::StatusOr<StatefulSetSpec> ParseStatefulSet(const Json& object, const StatefulSetGates& gates);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_STATEFULSET_SPEC_H_
