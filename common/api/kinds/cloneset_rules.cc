// CloneSet: defaults (spec cloneset 6) and validation (7).
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/int_or_percent.h"
#include "common/api/kinds/kruise_rules.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

using json::At;

constexpr int64_t kNoDeadline = 2147483647;

bool IsAlpha(const AdmissionRequest& request) { return request.kind->version == "v1alpha1"; }

bool InPlacePolicy(absl::string_view policy) {
  return policy == "InPlaceIfPossible" || policy == "InPlaceOnly";
}

// Where the members of a rolling update are, and what they are called.
struct Rolling {
  const Json* members;
  FieldPath at;
  std::string policy;
};

Rolling RollingOf(const AdmissionRequest& request, const Json& strategy, const FieldPath& at) {
  if (IsAlpha(request)) return {&strategy, at, std::string(json::String(strategy, "type"))};
  const Json& rolling = At(strategy, "rollingUpdate");
  return {&rolling, at.Child("rollingUpdate"),
          std::string(json::String(rolling, "podUpdatePolicy"))};
}

std::optional<IntOrPercent> Share(const Json& value, const FieldPath& at, FieldErrors& errors) {
  const absl::StatusOr<IntOrPercent> out = IntOrPercent::FromJson(value, at.text());
  if (out.ok()) return *out;
  errors.Invalid(at, value, "must be an integer or a percentage such as \"20%\"");
  return std::nullopt;
}

void CheckNumbers(const Rolling& rolling, int64_t replicas, FieldErrors& errors) {
  const Json& members = *rolling.members;
  const Json& partition = At(members, "partition");
  if (partition.is_null()) {
    errors.Invalid(rolling.at.Child("partition"), Json(), "must be given");
  } else if (const auto share = Share(partition, rolling.at.Child("partition"), errors);
             share.has_value() && share->Resolve(replicas, Rounding::kUp) < 0) {
    errors.Invalid(rolling.at.Child("partition"), partition, "must be greater than or equal to 0");
  }
  int64_t surge = 0;
  if (const Json& value = At(members, "maxSurge"); !value.is_null()) {
    const FieldPath at = rolling.at.Child("maxSurge");
    if (const auto share = Share(value, at, errors); share.has_value()) {
      surge = share->Resolve(replicas, Rounding::kUp);
      if (surge > 0 && rolling.policy == "InPlaceOnly") {
        errors.Invalid(at, value, "maxSurge can not be used with InPlaceOnly");
      }
    }
  }
  const FieldPath at = rolling.at.Child("maxUnavailable");
  const Json& value = At(members, "maxUnavailable");
  // Only a partial block of OnDelete is without it.
  const std::optional<IntOrPercent> share =
      value.is_null() ? IntOrPercent::Count(0) : Share(value, at, errors);
  // In both versions: with surge there may be none unavailable (pitfall P1).
  if (share.has_value() && replicas > 0 && share->Resolve(replicas, Rounding::kUp) < 1 &&
      surge < 1) {
    errors.Invalid(at, value, "maxUnavailable and maxSurge must not both be 0");
  }
}

void CheckScatter(const Json& terms, const FieldPath& at, FieldErrors& errors) {
  if (!terms.is_array()) return;
  std::set<std::pair<std::string, std::string>> seen;
  for (const Json& term : terms) {
    const std::string key(json::String(term, "key"));
    if (key.empty()) errors.Required(at, "key can not be empty");
    if (!seen.emplace(key, json::String(term, "value")).second) {
      errors.Required(at, absl::StrCat("duplicated scatter term with key ", key));
    }
  }
}

// The three members for pulling beforehand; only v1beta1 has them as fields.
void CheckPreDownload(const Json& strategy, const FieldPath& at, FieldErrors& errors) {
  if (!strategy.is_object()) return;
  if (const Json& value = At(strategy, "imagePreDownloadParallelism"); !value.is_null()) {
    const FieldPath path = at.Child("imagePreDownloadParallelism");
    int32_t number = -1;
    if (value.is_string() && !absl::SimpleAtoi(value.get_ref<const std::string&>(), &number)) {
      errors.Invalid(path, value, "must be an integer; a percentage is not supported");
    } else if (!value.is_string()
                   ? json::Int(strategy, "imagePreDownloadParallelism").value_or(-1) < 0
                   : number < 0) {
      errors.Invalid(path, value, "must be greater than or equal to 0");
    }
  }
  for (const char* name :
       {"imagePreDownloadTimeoutSeconds", "imagePreDownloadMinUpdatedReadyPods"}) {
    if (const auto value = json::Int(strategy, name); value.has_value() && *value < 0) {
      errors.Invalid(at.Child(name), *value, "must be greater than or equal to 0");
    }
  }
}

void CheckStrategy(const AdmissionRequest& request, const Json& spec, FieldErrors& errors) {
  const FieldPath at("spec.updateStrategy");
  const Json& strategy = At(spec, "updateStrategy");
  const std::string type(json::String(strategy, "type"));
  const Rolling rolling = RollingOf(request, strategy, at);
  const int64_t replicas = json::Int(spec, "replicas").value_or(1);
  const bool known_policy = rolling.policy == "ReCreate" || InPlacePolicy(rolling.policy);
  if (IsAlpha(request)) {
    // OnDelete is read through v1alpha1 but not written (5.3).
    if (!known_policy) {
      errors.Invalid(at.Child("type"), type, "must be ReCreate, InPlaceIfPossible or InPlaceOnly");
    }
  } else {
    if (!type.empty() && type != "RollingUpdate" && type != "OnDelete") {
      errors.Invalid(at.Child("type"), type, "must be RollingUpdate or OnDelete");
    }
    if (!rolling.members->is_object()) return;
    if (!rolling.policy.empty() && !known_policy) {
      errors.Invalid(rolling.at.Child("podUpdatePolicy"), rolling.policy,
                     "must be ReCreate, InPlaceIfPossible or InPlaceOnly");
    }
    CheckPreDownload(At(*rolling.members, "inPlaceUpdateStrategy"),
                     rolling.at.Child("inPlaceUpdateStrategy"), errors);
  }
  CheckNumbers(rolling, replicas, errors);
  CheckPriorityStrategy(At(*rolling.members, "priorityStrategy"),
                        rolling.at.Child("priorityStrategy"), errors);
  CheckScatter(At(*rolling.members, "scatterStrategy"), rolling.at.Child("scatterStrategy"),
               errors);
}

void CheckPodsToDelete(const AdmissionRequest& request, const Json& spec, FieldErrors& errors) {
  const FieldPath at("spec.scaleStrategy.podsToDelete");
  const Json& names = At(At(spec, "scaleStrategy"), "podsToDelete");
  if (!names.is_array()) return;
  std::set<std::string> seen;
  for (const Json& name : names) {
    if (name.is_string() && !seen.insert(name.get<std::string>()).second) {
      errors.Invalid(at, names, "duplicated podsToDelete");
      return;
    }
  }
  if (!IsAlpha(request) || request.reader == nullptr) return;
  const Json* listed = request.old == nullptr
                           ? nullptr
                           : json::Find(*request.old, {"spec", "scaleStrategy", "podsToDelete"});
  const std::string name_space(json::String(*request.object, {"metadata", "namespace"}));
  const std::string uid(json::String(*request.object, {"metadata", "uid"}));
  for (const std::string& name : seen) {
    bool before = false;
    if (listed != nullptr) {
      for (const Json& one : *listed) before = before || one == name;
    }
    if (before) continue;
    const absl::StatusOr<Json> pod = request.reader->Get("v1", "Pod", name_space, name);
    if (!pod.ok()) {
      errors.Invalid(at, name, absl::StrCat("find pod failed: ", pod.status().message()));
      continue;
    }
    if (json::Find(*pod, {"metadata", "deletionTimestamp"}) != nullptr) {
      errors.Invalid(at, name, "pod is being deleted");
      continue;
    }
    std::string owner;
    if (const Json* owners = json::Find(*pod, {"metadata", "ownerReferences"}); owners != nullptr) {
      for (const Json& one : *owners) {
        if (json::Bool(one, {"controller"})) owner = std::string(json::String(one, "uid"));
      }
    }
    if (owner.empty() || owner != uid) {
      errors.Invalid(at, name, "pod is not owned by this CloneSet");
    }
  }
}

void CheckUpdate(const AdmissionRequest& request, const Json& spec, FieldErrors& errors) {
  const Json* before = json::Find(*request.old, "spec");
  if (before == nullptr) return;
  if (!SameApartFrom(spec, *before,
                     {"replicas", "template", "lifecycle", "scaleStrategy", "updateStrategy",
                      "minReadySeconds", "progressDeadlineSeconds", "volumeClaimTemplates",
                      "revisionHistoryLimit"})) {
    errors.Forbidden(FieldPath("spec"),
                     "updates to cloneset spec for fields other than 'replicas', 'template', "
                     "'lifecycle', 'scaleStrategy', 'updateStrategy', 'minReadySeconds', "
                     "'progressDeadlineSeconds', 'volumeClaimTemplates' and "
                     "'revisionHistoryLimit' are forbidden");
  }
  // The reference refuses this through v1alpha1 only; a template that can never be rolled out is as
  // wrong through v1beta1 (pitfall of 7.3).
  if (RollingOf(request, At(spec, "updateStrategy"), FieldPath()).policy != "InPlaceOnly") return;
  const std::string offender = NotInPlace(At(*before, "template"), At(spec, "template"));
  if (offender.empty()) return;
  errors.Forbidden(
      FieldPath("spec"),
      absl::StrCat("only container images may be changed with InPlaceOnly, found ", offender));
}

}  // namespace

void DefaultCloneSet(const AdmissionRequest& request) {
  DefaultTemplates(request, /*pull_policy_always=*/true);
  Json& object = *request.object;
  if (!object.contains("spec") || !object["spec"].is_object()) return;
  Json& strategy = object["spec"]["updateStrategy"];
  if (!strategy.is_object()) return;
  const auto in_place = [](Json& rolling, const char* policy) {
    if (InPlacePolicy(json::String(rolling, policy)) &&
        !rolling.contains("inPlaceUpdateStrategy")) {
      rolling["inPlaceUpdateStrategy"] = Json::object();
    }
  };
  const auto fill = [](Json& tree, const char* name, const Json& value) {
    if (json::IsEmpty(tree.value(name, Json()))) tree[name] = value;
  };
  if (IsAlpha(request)) {
    fill(strategy, "type", "ReCreate");
    in_place(strategy, "type");
    return;
  }
  fill(strategy, "type", "RollingUpdate");
  if (strategy["type"] != "RollingUpdate") return;
  Json& rolling = strategy["rollingUpdate"];
  if (rolling.is_null()) rolling = Json::object();
  if (!rolling.is_object()) return;
  fill(rolling, "podUpdatePolicy", "ReCreate");
  in_place(rolling, "podUpdatePolicy");
  fill(rolling, "partition", 0);
  fill(rolling, "maxUnavailable", "20%");
  fill(rolling, "maxSurge", 0);
}

void CheckCloneSet(const AdmissionRequest& request, FieldErrors& errors) {
  const Json* spec = json::Find(*request.object, "spec");
  if (spec == nullptr) {
    errors.Required(FieldPath("spec"));
    return;
  }
  CheckSelectorAndTemplate(*spec, /*whole_template=*/true, errors);
  CheckPodsToDelete(request, *spec, errors);
  CheckStrategy(request, *spec, errors);
  // Negative limits make the controller misbehave; no user can want them.
  for (const char* name : {"minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"}) {
    if (const auto value = json::Int(*spec, name); value.has_value() && *value < 0) {
      errors.Invalid(FieldPath("spec").Child(name), *value, "must be greater than or equal to 0");
    }
  }
  const auto deadline = json::Int(*spec, "progressDeadlineSeconds");
  if (deadline.has_value() && *deadline >= 0 && *deadline != kNoDeadline &&
      *deadline <= json::Int(*spec, "minReadySeconds").value_or(0)) {
    errors.Invalid(FieldPath("spec.progressDeadlineSeconds"), *deadline,
                   "must be greater than minReadySeconds");
  }
  if (request.old != nullptr) CheckUpdate(request, *spec, errors);
}

}  // namespace rekindle::api
