#ifndef REKINDLE_CONTROLLER_PLAN_CLONESET_SPEC_H_
#define REKINDLE_CONTROLLER_PLAN_CLONESET_SPEC_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/api/int_or_percent.h"
#include "common/api/selector.h"
#include "common/json/json_fwd.h"
#include "controller/plan/lifecycle.h"

namespace rekindle::plan {

enum class PodUpdatePolicy { kReCreate, kInPlaceIfPossible, kInPlaceOnly };
absl::StatusOr<PodUpdatePolicy> ParsePolicy(absl::string_view text, absl::string_view field);

// Which pods go first in an update (spec cloneset 19.1, statefulset 11.4).
struct PriorityTerm {
  int64_t weight = 0;
  api::Selector selector;
};
struct PriorityStrategy {
  std::vector<PriorityTerm> weights;
  std::vector<std::string> ordered_keys;
  bool empty() const { return weights.empty() && ordered_keys.empty(); }
};
absl::StatusOr<PriorityStrategy> ParsePriority(const Json* tree, absl::string_view field);

struct ScatterTerm {
  std::string key;
  std::string value;
};

// A CloneSet of either API version with its defaults (spec cloneset 3, 5, 6).
struct CloneSetSpec {
  std::string name;
  std::string name_space;
  std::string uid;
  int64_t generation = 0;
  bool deleting = false;
  int64_t replicas = 1;
  api::Selector selector;
  std::shared_ptr<const Json> pod_template;
  std::shared_ptr<const Json> claim_templates;  // array, may be empty
  std::vector<std::string> claim_names;
  int64_t history_limit = 10;
  int64_t min_ready_seconds = 0;
  std::optional<int64_t> progress_deadline;
  Hooks hooks;

  std::vector<std::string> pods_to_delete;
  std::optional<api::IntOrPercent> scale_max_unavailable;
  bool reuse_claims = false;
  bool exclude_preparing_delete = false;

  bool on_delete = false;
  bool has_rolling = true;
  PodUpdatePolicy policy = PodUpdatePolicy::kReCreate;
  api::IntOrPercent partition;
  api::IntOrPercent max_unavailable = api::IntOrPercent::Percent(20);
  api::IntOrPercent max_surge;
  bool paused = false;
  PriorityStrategy priority;
  std::vector<ScatterTerm> scatter;
  int32_t grace_seconds = 0;
  int64_t pre_download_parallelism = 1;
  int64_t pre_download_timeout = 300;
  int64_t pre_download_min_ready = 0;

  // From the stored status.
  std::string current_revision;
  std::string update_revision;
  int32_t collision_count = 0;
  int64_t status_updated_ready = 0;
  std::shared_ptr<const Json> status;  // as stored; null when absent

  // Counts of spec section 12.
  int64_t Partition() const;
  int64_t Surge() const;           // for specified deletion: not zeroed by a pause (P12)
  int64_t MaxUnavailable() const;  // rounding depends on the surge
  int64_t ScaleMaxUnavailable() const;
};

// The claim templates of a CloneSet with the default that their stored hash holds (spec 6).
Json ClaimTemplatesOf(const Json& object);

// Errors: kInvalidArgument naming the field.
absl::StatusOr<CloneSetSpec> ParseCloneSet(const Json& object);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_CLONESET_SPEC_H_
