#include "controller/plan/statefulset_spec.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

absl::Status Invalid(absl::string_view field, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", what));
}

absl::Status ReadCount(const Json& tree, absl::string_view key, absl::string_view field,
                       std::optional<api::IntOrPercent>& out) {
  const Json* value = json::Find(tree, key);
  if (value == nullptr) return absl::OkStatus();
  absl::StatusOr<api::IntOrPercent> parsed = api::IntOrPercent::FromJson(*value, field);
  if (!parsed.ok()) return parsed.status();
  if (parsed->Resolve(1, api::Rounding::kUp) < 1) return Invalid(field, "must be at least 1");
  out = *parsed;
  return absl::OkStatus();
}

absl::Status ReadRolling(const Json& rolling, const StatefulSetGates& gates, StatefulSetSpec& out) {
  const std::string field = "spec.updateStrategy.rollingUpdate";
  out.partition = json::Int(rolling, "partition").value_or(0);
  if (out.partition < 0) return Invalid(field + ".partition", "must not be negative");
  if (!out.native || gates.native_max_unavailable) {
    absl::Status status =
        ReadCount(rolling, "maxUnavailable", field + ".maxUnavailable", out.max_unavailable);
    if (!status.ok()) return status;
  }
  if (out.native) return absl::OkStatus();
  absl::StatusOr<PodUpdatePolicy> policy =
      ParsePolicy(json::String(rolling, "podUpdatePolicy"), field + ".podUpdatePolicy");
  if (!policy.ok()) return policy.status();
  out.policy = *policy;
  out.paused = json::Bool(rolling, {"paused"});
  out.min_ready_seconds = json::Int(rolling, "minReadySeconds").value_or(0);
  out.grace_seconds = static_cast<int32_t>(
      json::Int(rolling, {"inPlaceUpdateStrategy", "gracePeriodSeconds"}).value_or(0));
  if (const Json* unordered = json::Find(rolling, "unorderedUpdate")) {
    if (!out.parallel)
      return Invalid(field + ".unorderedUpdate", "needs podManagementPolicy Parallel");
    out.unordered = true;
    absl::StatusOr<PriorityStrategy> priority =
        ParsePriority(json::Find(*unordered, "priorityStrategy"), field + ".unorderedUpdate");
    if (!priority.ok()) return priority.status();
    out.priority = *std::move(priority);
  }
  return absl::OkStatus();
}

absl::Status ReadClaims(const Json& spec, StatefulSetSpec& out) {
  const Json* list = json::Find(spec, "volumeClaimTemplates");
  if (list == nullptr || !list->is_array()) return absl::OkStatus();
  for (const Json& tree : *list) {
    ClaimTemplate claim;
    claim.name = std::string(json::String(tree, {"metadata", "name"}));
    if (claim.name.empty()) return Invalid("spec.volumeClaimTemplates", "metadata.name missing");
    claim.storage_class = std::string(json::String(tree, {"spec", "storageClassName"}));
    const Json* size = json::Find(tree, {"spec", "resources", "requests", "storage"});
    absl::StatusOr<api::Quantity> storage = api::Quantity::FromJson(size ? *size : Json());
    if (!storage.ok())
      return Invalid("spec.volumeClaimTemplates." + claim.name, storage.status().message());
    claim.storage = *storage;
    if (const Json* modes = json::Find(tree, {"spec", "accessModes"}); modes && modes->is_array()) {
      for (const Json& mode : *modes) {
        if (mode.is_string()) claim.access_modes.push_back(mode.get<std::string>());
      }
    }
    out.claims.push_back(std::move(claim));
  }
  return absl::OkStatus();
}

}  // namespace

int64_t StatefulSetSpec::Budget() const {
  if (!max_unavailable.has_value()) return 1;
  return std::max<int64_t>(1, max_unavailable->Resolve(replicas, api::Rounding::kDown));
}

std::optional<int64_t> StatefulSetSpec::Throttle() const {
  if (!scale_max_unavailable.has_value()) return std::nullopt;
  return std::max<int64_t>(1, scale_max_unavailable->Resolve(replicas, api::Rounding::kDown));
}

absl::StatusOr<StatefulSetSpec> ParseStatefulSet(const Json& object,
                                                 const StatefulSetGates& gates) {
  StatefulSetSpec out;
  out.native = json::String(object, "apiVersion") == "apps/v1";
  out.name = std::string(json::String(object, {"metadata", "name"}));
  if (out.name.empty()) return Invalid("metadata.name", "missing");
  out.name_space = std::string(json::String(object, {"metadata", "namespace"}));
  out.uid = std::string(json::String(object, {"metadata", "uid"}));
  out.generation = json::Int(object, {"metadata", "generation"}).value_or(0);
  out.deleting = json::Find(object, {"metadata", "deletionTimestamp"}) != nullptr;
  const Json* spec = json::Find(object, "spec");
  if (spec == nullptr) return Invalid("spec", "missing");
  out.replicas = json::Int(*spec, "replicas").value_or(1);
  if (out.replicas < 0) return Invalid("spec.replicas", "must not be negative");
  out.history_limit = json::Int(*spec, "revisionHistoryLimit").value_or(10);
  if (gates.start_ordinal || out.native) {
    out.start = json::Int(*spec, {"ordinals", "start"}).value_or(0);
    if (out.start < 0) return Invalid("spec.ordinals.start", "must not be negative");
  }
  const Json* selector = json::Find(*spec, "selector");
  absl::StatusOr<api::Selector> parsed =
      api::Selector::FromJson(selector ? *selector : Json(), "spec.selector");
  if (!parsed.ok()) return parsed.status();
  out.selector = *std::move(parsed);
  const Json* pod_template = json::Find(*spec, "template");
  if (pod_template == nullptr) return Invalid("spec.template", "missing");
  out.pod_template = std::make_shared<const Json>(*pod_template);
  out.parallel = json::String(*spec, "podManagementPolicy") == "Parallel";
  if (absl::Status s = ReadClaims(*spec, out); !s.ok()) return s;
  out.on_delete = json::String(*spec, {"updateStrategy", "type"}) == "OnDelete";
  if (const Json* rolling = json::Find(*spec, {"updateStrategy", "rollingUpdate"});
      rolling != nullptr && !out.on_delete) {
    if (absl::Status s = ReadRolling(*rolling, gates, out); !s.ok()) return s;
  }
  if (out.native) {
    out.min_ready_seconds = json::Int(*spec, "minReadySeconds").value_or(0);
  } else {
    if (const Json* reserved = json::Find(*spec, "reserveOrdinals")) {
      out.reserved = ReservedOrdinals::Parse(*reserved, &out.bad_reservations);
    }
    out.hooks = ParseHooks(json::Find(*spec, "lifecycle"));
    if (const Json* scale = json::Find(*spec, "scaleStrategy")) {
      absl::Status s = ReadCount(*scale, "maxUnavailable", "spec.scaleStrategy.maxUnavailable",
                                 out.scale_max_unavailable);
      if (!s.ok()) return s;
    }
    out.resize_claims =
        gates.resize_claims &&
        json::String(*spec, {"volumeClaimUpdateStrategy", "type"}) == "OnPodRollingUpdate";
  }
  if (gates.auto_delete_claims) {
    const auto deletes = [&](absl::string_view when) {
      return json::String(*spec, {"persistentVolumeClaimRetentionPolicy", when}) == "Delete";
    };
    out.delete_claims_with_set = deletes("whenDeleted");
    out.delete_claims_with_scale = deletes("whenScaled");
  }
  out.current_revision = std::string(json::String(object, {"status", "currentRevision"}));
  out.update_revision = std::string(json::String(object, {"status", "updateRevision"}));
  out.collision_count =
      static_cast<int32_t>(json::Int(object, {"status", "collisionCount"}).value_or(0));
  return out;
}

}  // namespace rekindle::plan
