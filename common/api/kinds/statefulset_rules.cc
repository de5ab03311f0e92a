// StatefulSet of apps.kruise.io: defaults (spec statefulset 4.1) and validation (4.2, 4.3).
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/kruise_rules.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

using json::At;

constexpr int64_t kMostReadySeconds = 300;

void Fill(Json& tree, const char* name, const Json& value) {
  const Json& now = At(tree, name);
  const bool blank = now.is_string() && now.get_ref<const std::string&>().empty();
  if (now.is_null() || blank) tree[name] = value;
}

// "digits%"
bool IsPercent(absl::string_view text) {
  if (!absl::ConsumeSuffix(&text, "%") || text.empty()) return false;
  for (const char c : text) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return false;
  }
  return true;
}

void CheckMaxUnavailable(const Json& value, bool ordered, const FieldPath& at,
                         FieldErrors& errors) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (!IsPercent(text)) {
      errors.Invalid(at, value, "must be an integer or a percentage such as \"20%\"");
      return;
    }
    if (text.find_first_not_of("0%") == std::string::npos) {
      errors.Invalid(at, value, "must be at least 1");
      return;
    }
  } else if (!value.is_number_integer() || value.get<int64_t>() < 1) {
    errors.Invalid(at, value, "must be at least 1");
    return;
  }
  if (ordered && value != 1) {
    errors.Invalid(at, value, "must be 1 unless podManagementPolicy is Parallel");
  }
}

void CheckReserved(const Json& list, FieldErrors& errors) {
  if (!list.is_array()) return;
  const FieldPath at("spec");
  for (const Json& one : list) {
    if (one.is_number_integer()) {
      if (one.get<int64_t>() < 0) {
        errors.Invalid(at, one, "reserveOrdinals must not hold negative numbers");
      }
      continue;
    }
    const std::string text = one.is_string() ? one.get<std::string>() : "";
    const std::pair<absl::string_view, absl::string_view> range =
        absl::StrSplit(text, absl::MaxSplits('-', 1));
    const auto number = [](absl::string_view digits, int32_t& into) {
      return !digits.empty() && absl::ascii_isdigit(static_cast<unsigned char>(digits[0])) &&
             absl::SimpleAtoi(digits, &into);
    };
    int32_t first = 0;
    int32_t last = 0;
    if (!number(range.first, first) || !number(range.second, last)) {
      errors.Invalid(at, one, "reserveOrdinals holds numbers and ranges such as \"7-11\"");
    } else if (first > last) {
      errors.Invalid(at, one, "a range of reserveOrdinals must not begin after its end");
    }
  }
}

void CheckRolling(const Json& spec, const Json& rolling, const FieldPath& at, FieldErrors& errors) {
  const bool ordered = json::String(spec, "podManagementPolicy") != "Parallel";
  if (const auto partition = json::Int(rolling, "partition");
      partition.has_value() && *partition < 0) {
    errors.Invalid(at.Child("partition"), *partition, "must be greater than or equal to 0");
  }
  if (const auto seconds = json::Int(rolling, "minReadySeconds");
      seconds.has_value() && (*seconds < 0 || *seconds > kMostReadySeconds)) {
    errors.Invalid(at.Child("minReadySeconds"), *seconds, "must be between 0 and 300, inclusive");
  }
  if (const Json& value = At(rolling, "maxUnavailable"); value.is_null()) {
    errors.Required(at.Child("maxUnavailable"));
  } else {
    CheckMaxUnavailable(value, ordered, at.Child("maxUnavailable"), errors);
  }
  const std::string policy(json::String(rolling, "podUpdatePolicy"));
  const bool in_place = policy == "InPlaceIfPossible" || policy == "InPlaceOnly";
  if (policy.empty()) {
    errors.Required(at.Child("podUpdatePolicy"));
  } else if (!in_place && policy != "ReCreate") {
    errors.Invalid(at.Child("podUpdatePolicy"), policy,
                   "must be ReCreate, InPlaceIfPossible or InPlaceOnly");
  }
  if (in_place) {
    bool found = false;
    const Json& gates = At(At(At(spec, "template"), "spec"), "readinessGates");
    for (const Json& gate : gates) {
      found = found || json::String(gate, "conditionType") == "InPlaceUpdateReady";
    }
    if (!found) {
      errors.Invalid(
          FieldPath("spec.template.spec.readinessGates"), gates,
          absl::StrCat("must contain InPlaceUpdateReady when podUpdatePolicy is ", policy));
    }
  }
  const Json& unordered = At(rolling, "unorderedUpdate");
  if (unordered.is_null()) return;
  if (ordered) {
    errors.Required(at.Child("unorderedUpdate"),
                    "unorderedUpdate can only be used with podManagementPolicy Parallel");
  }
  CheckPriorityStrategy(At(unordered, "priorityStrategy"),
                        at.Child("unorderedUpdate").Child("priorityStrategy"), errors);
}

void CheckStrategy(const Json& spec, FieldErrors& errors) {
  const FieldPath at("spec.updateStrategy");
  const Json& strategy = At(spec, "updateStrategy");
  const std::string type(json::String(strategy, "type"));
  const Json& rolling = At(strategy, "rollingUpdate");
  if (type.empty()) {
    errors.Required(at);
  } else if (type == "OnDelete") {
    if (!rolling.is_null()) {
      errors.Invalid(at.Child("rollingUpdate"), rolling,
                     "only allowed for updateStrategy 'RollingUpdate'");
    }
  } else if (type != "RollingUpdate") {
    errors.Invalid(at, strategy, "must be 'RollingUpdate' or 'OnDelete'");
  } else {
    CheckRolling(spec, rolling, at.Child("rollingUpdate"), errors);
  }
}

void CheckRetention(const Json& policy, FieldErrors& errors) {
  if (!policy.is_object()) return;
  const FieldPath at("spec.persistentVolumeClaimRetentionPolicy");
  for (const char* name : {"whenDeleted", "whenScaled"}) {
    const std::string value(json::String(policy, name));
    if (value != "Retain" && value != "Delete") {
      errors.NotSupported(at.Child(name), value, {"Delete", "Retain"});
    }
  }
}

void CheckUpdate(const Json& spec, const Json& before, FieldErrors& errors) {
  for (const char* name : {"selector", "serviceName", "podManagementPolicy"}) {
    const Json& now = At(spec, name);
    const Json& was = At(before, name);
    if (now == was || (json::IsEmpty(now) && json::IsEmpty(was))) continue;
    errors.Forbidden(FieldPath("spec"),
                     "updates to statefulset spec for fields other than 'replicas', 'template', "
                     "'reserveOrdinals', 'lifecycle', 'revisionHistoryLimit', 'scaleStrategy', "
                     "'persistentVolumeClaimRetentionPolicy', 'volumeClaimTemplates', "
                     "'volumeClaimUpdateStrategy', 'ordinals' and 'updateStrategy' are forbidden");
    break;
  }
  const Json& rolling = At(At(spec, "updateStrategy"), "rollingUpdate");
  if (json::String(rolling, "podUpdatePolicy") != "InPlaceOnly") return;
  const std::string offender = NotInPlace(At(before, "template"), At(spec, "template"));
  if (offender.empty()) return;
  errors.Invalid(FieldPath("spec.updateStrategy.rollingUpdate.podUpdatePolicy"), "InPlaceOnly",
                 absl::StrCat("invalid template modified with InPlaceOnly strategy: ", offender,
                              ", currently only image update is allowed for InPlaceOnly"));
}

}  // namespace

void DefaultKruiseStatefulSet(const AdmissionRequest& request) {
  Json& object = *request.object;
  if (request.old == nullptr) object.erase("status");
  if (!object.contains("spec") || !object["spec"].is_object()) return;
  Json& spec = object["spec"];
  Fill(spec, "podManagementPolicy", "OrderedReady");
  Json& strategy = spec["updateStrategy"];
  if (strategy.is_null()) strategy = Json::object();
  if (strategy.is_object()) {
    Fill(strategy, "type", "RollingUpdate");
    if (strategy["type"] == "RollingUpdate") {
      Json& rolling = strategy["rollingUpdate"];
      if (rolling.is_null()) rolling = Json::object();
      if (rolling.is_object()) {
        Fill(rolling, "partition", 0);
        Fill(rolling, "maxUnavailable", 1);
        Fill(rolling, "podUpdatePolicy", "ReCreate");
        Fill(rolling, "minReadySeconds", 0);
      }
    }
  }
  const bool beta = request.kind->version == "v1beta1";
  if (beta && request.gates.auto_delete_claims) {
    Json& policy = spec["persistentVolumeClaimRetentionPolicy"];
    if (policy.is_null()) policy = Json::object();
    if (policy.is_object()) {
      Fill(policy, "whenDeleted", "Retain");
      Fill(policy, "whenScaled", "Retain");
    }
  }
  if (beta && request.gates.auto_resize_claims) {
    Json& claims = spec["volumeClaimUpdateStrategy"];
    if (claims.is_null()) claims = Json::object();
    if (claims.is_object()) Fill(claims, "type", "OnDelete");
  }
  DefaultTemplates(request, /*pull_policy_always=*/false);
}

void CheckKruiseStatefulSet(const AdmissionRequest& request, FieldErrors& errors) {
  const Json* spec = json::Find(*request.object, "spec");
  if (spec == nullptr) {
    errors.Required(FieldPath("spec"));
    return;
  }
  const FieldPath at("spec");
  const std::string management(json::String(*spec, "podManagementPolicy"));
  if (management.empty()) {
    errors.Required(at.Child("podManagementPolicy"));
  } else if (management != "OrderedReady" && management != "Parallel") {
    errors.Invalid(at.Child("podManagementPolicy"), management,
                   "must be 'OrderedReady' or 'Parallel'");
  }
  CheckReserved(At(*spec, "reserveOrdinals"), errors);
  if (const Json& value = At(At(*spec, "scaleStrategy"), "maxUnavailable"); !value.is_null()) {
    CheckMaxUnavailable(value, management != "Parallel", at.Child("scaleStrategy.maxUnavailable"),
                        errors);
  }
  CheckStrategy(*spec, errors);
  CheckRetention(At(*spec, "persistentVolumeClaimRetentionPolicy"), errors);
  // The reference lets any template through and fails when it makes pods. We look at new templates;
  // a set that is stored with a bad one can still be scaled.
  const bool new_template =
      request.old == nullptr || At(At(*request.old, "spec"), "template") != At(*spec, "template");
  CheckSelectorAndTemplate(*spec, new_template, errors);
  if (const auto value = json::Int(*spec, "revisionHistoryLimit");
      value.has_value() && *value < 0) {
    errors.Invalid(at.Child("revisionHistoryLimit"), *value, "must be greater than or equal to 0");
  }
  if (const auto start = json::Int(At(*spec, "ordinals"), "start");
      start.has_value() && *start < 0) {
    errors.Invalid(at.Child("ordinals").Child("start"), *start,
                   "must be greater than or equal to 0");
  }
  if (request.old != nullptr) CheckUpdate(*spec, At(*request.old, "spec"), errors);
}

}  // namespace rekindle::api
