#include "controller/plan/cloneset_spec.h"

#include <algorithm>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

constexpr int64_t kUnlimited = 2147483647;

absl::Status NotNegative(int64_t value, absl::string_view field) {
  if (value >= 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(field, ": must not be negative, is ", value));
}

absl::Status ReadIntOrPercent(const Json& tree, absl::string_view key, absl::string_view field,
                              api::IntOrPercent& out) {
  const Json* value = json::Find(tree, key);
  if (value == nullptr) return absl::OkStatus();
  absl::StatusOr<api::IntOrPercent> parsed =
      api::IntOrPercent::FromJson(*value, absl::StrCat(field, ".", key));
  if (!parsed.ok()) return parsed.status();
  out = *parsed;
  return NotNegative(out.Resolve(100, api::Rounding::kDown), absl::StrCat(field, ".", key));
}

absl::Status ReadScatter(const Json& tree, absl::string_view field, CloneSetSpec& out) {
  const Json* list = json::Find(tree, "scatterStrategy");
  if (list == nullptr || !list->is_array()) return absl::OkStatus();
  std::set<std::pair<std::string, std::string>> seen;
  for (const Json& item : *list) {
    ScatterTerm term{std::string(json::String(item, "key")),
                     std::string(json::String(item, "value"))};
    if (term.key.empty() || !seen.emplace(term.key, term.value).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".scatterStrategy: empty or repeated key"));
    }
    out.scatter.push_back(std::move(term));
  }
  return absl::OkStatus();
}

// The rolling parameters, which v1beta1 nests and v1alpha1 keeps flat.
absl::Status ReadRolling(const Json& tree, absl::string_view field, CloneSetSpec& out) {
  absl::Status status = ReadIntOrPercent(tree, "partition", field, out.partition);
  if (status.ok()) status = ReadIntOrPercent(tree, "maxUnavailable", field, out.max_unavailable);
  if (status.ok()) status = ReadIntOrPercent(tree, "maxSurge", field, out.max_surge);
  if (status.ok()) status = ReadScatter(tree, field, out);
  if (!status.ok()) return status;
  out.paused = json::Bool(tree, {"paused"});
  absl::StatusOr<PriorityStrategy> priority =
      ParsePriority(json::Find(tree, "priorityStrategy"), absl::StrCat(field, ".priorityStrategy"));
  if (!priority.ok()) return priority.status();
  out.priority = *std::move(priority);
  if (const Json* in_place = json::Find(tree, "inPlaceUpdateStrategy")) {
    out.grace_seconds =
        static_cast<int32_t>(json::Int(*in_place, "gracePeriodSeconds").value_or(0));
    out.pre_download_timeout =
        json::Int(*in_place, "imagePreDownloadTimeoutSeconds").value_or(out.pre_download_timeout);
    out.pre_download_min_ready =
        json::Int(*in_place, "imagePreDownloadMinUpdatedReadyPods").value_or(0);
    if (const Json* parallelism = json::Find(*in_place, "imagePreDownloadParallelism")) {
      int64_t value = 1;
      if (parallelism->is_number_integer()) value = parallelism->get<int64_t>();
      if (parallelism->is_string() &&
          !absl::SimpleAtoi(parallelism->get_ref<const std::string&>(), &value)) {
        return absl::InvalidArgumentError(
            absl::StrCat(field, ".inPlaceUpdateStrategy.imagePreDownloadParallelism: ",
                         parallelism->get<std::string>(), " is not an integer"));
      }
      out.pre_download_parallelism = value;
    }
  }
  return absl::OkStatus();
}

absl::Status ReadUpdateStrategy(const Json& spec, bool alpha, CloneSetSpec& out) {
  const Json* strategy = json::Find(spec, "updateStrategy");
  if (strategy == nullptr) return absl::OkStatus();
  const absl::string_view type = json::String(*strategy, "type");
  out.on_delete = type == "OnDelete";
  if (alpha) {
    // Pitfall P3: OnDelete is a valid type of v1alpha1 as well; it has no rolling block.
    out.has_rolling = !out.on_delete;
    if (out.on_delete) return absl::OkStatus();
    absl::StatusOr<PodUpdatePolicy> policy = ParsePolicy(type, "spec.updateStrategy.type");
    if (!policy.ok()) return policy.status();
    out.policy = *policy;
    return ReadRolling(*strategy, "spec.updateStrategy", out);
  }
  if (!type.empty() && type != "RollingUpdate" && type != "OnDelete") {
    return absl::InvalidArgumentError(
        absl::StrCat("spec.updateStrategy.type: \"", type, "\" is unknown"));
  }
  const Json* rolling = json::Find(*strategy, "rollingUpdate");
  out.has_rolling = rolling != nullptr || !out.on_delete;
  if (rolling == nullptr) return absl::OkStatus();
  absl::StatusOr<PodUpdatePolicy> policy =
      ParsePolicy(json::String(*rolling, "podUpdatePolicy"),
                  "spec.updateStrategy.rollingUpdate.podUpdatePolicy");
  if (!policy.ok()) return policy.status();
  out.policy = *policy;
  return ReadRolling(*rolling, "spec.updateStrategy.rollingUpdate", out);
}

absl::Status ReadScaleStrategy(const Json& object, const Json& spec, bool alpha,
                               CloneSetSpec& out) {
  out.reuse_claims = alpha;
  out.exclude_preparing_delete =
      json::String(object, {"metadata", "labels", api::kLabelExcludePreparingDelete}) == "true";
  const Json* scale = json::Find(spec, "scaleStrategy");
  if (scale == nullptr) return absl::OkStatus();
  if (const Json* names = json::Find(*scale, "podsToDelete"); names && names->is_array()) {
    for (const Json& name : *names) {
      if (name.is_string()) out.pods_to_delete.push_back(name.get<std::string>());
    }
  }
  if (json::Find(*scale, "maxUnavailable") != nullptr) {
    api::IntOrPercent value;
    absl::Status status = ReadIntOrPercent(*scale, "maxUnavailable", "spec.scaleStrategy", value);
    if (!status.ok()) return status;
    out.scale_max_unavailable = value;
  }
  out.reuse_claims =
      alpha ? !json::Bool(*scale, {"disablePVCReuse"}) : json::Bool(*scale, {"enablePVCReuse"});
  out.exclude_preparing_delete =
      out.exclude_preparing_delete || json::Bool(*scale, {"excludePreparingDelete"});
  return absl::OkStatus();
}

void ReadAnnotations(const Json& object, CloneSetSpec& out) {
  const auto number = [&](absl::string_view key, int64_t& value) {
    int64_t parsed = 0;
    if (absl::SimpleAtoi(json::String(object, {"metadata", "annotations", key}), &parsed)) {
      value = parsed;
    }
  };
  number(api::kAnnotationPreDownloadParallelism, out.pre_download_parallelism);
  number(api::kAnnotationPreDownloadTimeout, out.pre_download_timeout);
  const absl::string_view min_ready =
      json::String(object, {"metadata", "annotations", api::kAnnotationPreDownloadMinReady});
  // Pitfall P6: a percentage counts as well.
  if (absl::StatusOr<api::IntOrPercent> share = api::IntOrPercent::Parse(min_ready, "annotation");
      share.ok()) {
    out.pre_download_min_ready = share->Resolve(out.replicas, api::Rounding::kUp);
  } else {
    number(api::kAnnotationPreDownloadMinReady, out.pre_download_min_ready);
  }
}

}  // namespace

absl::StatusOr<PodUpdatePolicy> ParsePolicy(absl::string_view text, absl::string_view field) {
  if (text.empty() || text == "ReCreate") return PodUpdatePolicy::kReCreate;
  if (text == "InPlaceIfPossible") return PodUpdatePolicy::kInPlaceIfPossible;
  if (text == "InPlaceOnly") return PodUpdatePolicy::kInPlaceOnly;
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": \"", text, "\" is none of ReCreate, InPlaceIfPossible, InPlaceOnly"));
}

absl::StatusOr<PriorityStrategy> ParsePriority(const Json* tree, absl::string_view field) {
  PriorityStrategy out;
  if (tree == nullptr) return out;
  if (const Json* list = json::Find(*tree, "weightPriority"); list && list->is_array()) {
    for (const Json& item : *list) {
      const int64_t weight = json::Int(item, "weight").value_or(0);
      if (weight < 0 || weight > 100) {
        return absl::InvalidArgumentError(
            absl::StrCat(field, ".weightPriority: weight ", weight, " is not in 0..100"));
      }
      const Json* selector = json::Find(item, "matchSelector");
      absl::StatusOr<api::Selector> parsed = api::Selector::FromJson(
          selector == nullptr ? Json() : *selector, absl::StrCat(field, ".weightPriority"));
      if (!parsed.ok()) return parsed.status();
      out.weights.push_back({weight, *std::move(parsed)});
    }
  }
  if (const Json* list = json::Find(*tree, "orderPriority"); list && list->is_array()) {
    for (const Json& item : *list) {
      const absl::string_view key = json::String(item, "orderedKey");
      if (key.empty()) {
        return absl::InvalidArgumentError(
            absl::StrCat(field, ".orderPriority: orderedKey must not be empty"));
      }
      out.ordered_keys.emplace_back(key);
    }
  }
  if (!out.weights.empty() && !out.ordered_keys.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": weightPriority and orderPriority exclude each other"));
  }
  return out;
}

int64_t CloneSetSpec::Partition() const {
  int64_t value = partition.Resolve(replicas, api::Rounding::kUp);
  // At least one pod is upgraded unless the whole is kept on purpose (#954; P9: by value).
  if (partition.is_percent() && !partition.IsWhole() && value == replicas && replicas > 1) {
    value = replicas - 1;
  }
  return std::clamp<int64_t>(value, 0, replicas);
}

int64_t CloneSetSpec::Surge() const {
  if (!has_rolling) return 0;
  return std::max<int64_t>(0, max_surge.Resolve(replicas, api::Rounding::kUp));
}

int64_t CloneSetSpec::MaxUnavailable() const {
  // Pitfall P11: OnDelete without rolling block still replaces specified pods, so round up.
  const bool down = has_rolling && Surge() > 0 && !paused;
  return std::max<int64_t>(
      0, max_unavailable.Resolve(replicas, down ? api::Rounding::kDown : api::Rounding::kUp));
}

int64_t CloneSetSpec::ScaleMaxUnavailable() const {
  if (!scale_max_unavailable.has_value()) return kUnlimited;
  return scale_max_unavailable->Resolve(replicas, api::Rounding::kUp);
}

Json ClaimTemplatesOf(const Json& object) {
  Json out = Json::array();
  if (const Json* list = json::Find(object, {"spec", "volumeClaimTemplates"});
      list != nullptr && list->is_array()) {
    out = *list;
  }
  for (Json& claim : out) {
    if (claim.is_object() && json::Find(claim, {"spec", "volumeMode"}) == nullptr) {
      claim["spec"]["volumeMode"] = "Filesystem";
    }
  }
  return out;
}

absl::StatusOr<CloneSetSpec> ParseCloneSet(const Json& object) {
  CloneSetSpec out;
  const bool alpha = json::String(object, "apiVersion") == "apps.kruise.io/v1alpha1";
  out.name = std::string(json::String(object, {"metadata", "name"}));
  if (out.name.empty()) return absl::InvalidArgumentError("metadata.name: missing");
  out.name_space = std::string(json::String(object, {"metadata", "namespace"}));
  out.uid = std::string(json::String(object, {"metadata", "uid"}));
  out.generation = json::Int(object, {"metadata", "generation"}).value_or(0);
  out.deleting = json::Find(object, {"metadata", "deletionTimestamp"}) != nullptr;
  const Json* spec = json::Find(object, "spec");
  if (spec == nullptr) return absl::InvalidArgumentError("spec: missing");
  out.replicas = json::Int(*spec, "replicas").value_or(1);
  out.history_limit = json::Int(*spec, "revisionHistoryLimit").value_or(10);
  out.min_ready_seconds = json::Int(*spec, "minReadySeconds").value_or(0);
  if (absl::Status s = NotNegative(out.replicas, "spec.replicas"); !s.ok()) return s;
  const Json* selector = json::Find(*spec, "selector");
  if (selector == nullptr) return absl::InvalidArgumentError("spec.selector: missing");
  absl::StatusOr<api::Selector> parsed = api::Selector::FromJson(*selector, "spec.selector");
  if (!parsed.ok()) return parsed.status();
  out.selector = *std::move(parsed);
  const Json* pod_template = json::Find(*spec, "template");
  if (pod_template == nullptr) return absl::InvalidArgumentError("spec.template: missing");
  out.pod_template = std::make_shared<const Json>(*pod_template);
  Json claims = ClaimTemplatesOf(object);
  for (const Json& claim : claims) {
    out.claim_names.emplace_back(json::String(claim, {"metadata", "name"}));
  }
  out.claim_templates = std::make_shared<const Json>(std::move(claims));
  out.progress_deadline = json::Int(*spec, "progressDeadlineSeconds");
  if (out.progress_deadline == kUnlimited) out.progress_deadline = std::nullopt;
  out.hooks = ParseHooks(json::Find(*spec, "lifecycle"));
  if (absl::Status s = ReadScaleStrategy(object, *spec, alpha, out); !s.ok()) return s;
  if (absl::Status s = ReadUpdateStrategy(*spec, alpha, out); !s.ok()) return s;
  if (alpha) ReadAnnotations(object, out);
  if (const Json* status = json::Find(object, "status")) {
    out.status = std::make_shared<const Json>(*status);
    out.current_revision = std::string(json::String(*status, "currentRevision"));
    out.update_revision = std::string(json::String(*status, "updateRevision"));
    out.collision_count = static_cast<int32_t>(json::Int(*status, "collisionCount").value_or(0));
    out.status_updated_ready = json::Int(*status, "updatedReadyReplicas").value_or(0);
  }
  return out;
}

}  // namespace rekindle::plan
