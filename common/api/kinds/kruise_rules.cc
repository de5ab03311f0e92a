#include "common/api/kinds/kruise_rules.h"

#include <algorithm>
#include <set>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/meta_rules.h"
#include "common/api/kinds/pod_rules.h"
#include "common/api/selector.h"
#include "common/api/string_map.h"
#include "common/json/diff.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

// "/containers/3/image"
bool IsImagePath(absl::string_view path) {
  if (!absl::ConsumePrefix(&path, "/containers/") || !absl::ConsumeSuffix(&path, "/image")) {
    return false;
  }
  return !path.empty() && std::all_of(path.begin(), path.end(), [](char c) {
    return absl::ascii_isdigit(static_cast<unsigned char>(c));
  });
}

}  // namespace

void DefaultTemplates(const AdmissionRequest& request, bool pull_policy_always) {
  if (request.gates.template_no_defaults) return;
  Json& object = *request.object;
  if (!object.contains("spec") || !object["spec"].is_object()) return;
  Json& spec = object["spec"];
  if (!spec.contains("template")) return;
  const PodDefaultOptions options{.pull_policy_always = pull_policy_always, .host_ports = false};
  if (request.old != nullptr) {
    const Json* before = json::Find(*request.old, {"spec", "template"});
    if (before != nullptr && *before == spec["template"]) return;
  }
  DefaultPodTemplate(spec["template"], options);
  const auto claims = spec.find("volumeClaimTemplates");
  if (claims == spec.end() || !claims->is_array()) return;
  for (Json& claim : *claims) DefaultClaim(claim);
}

void CheckSelectorAndTemplate(const Json& spec, bool whole_template, FieldErrors& errors) {
  const FieldPath at("spec");
  const Json* selector = json::Find(spec, "selector");
  const Json* pod_template = json::Find(spec, "template");
  if (selector == nullptr) {
    errors.Required(at.Child("selector"));
  } else {
    CheckLabelSelector(*selector, at.Child("selector"), errors);
    const auto without = [&](const char* member) {
      const Json* part = json::Find(*selector, member);
      return part == nullptr || json::IsEmpty(*part);
    };
    const bool empty = without("matchLabels") && without("matchExpressions");
    if (empty) {
      errors.Invalid(at.Child("selector"), *selector, "empty selector is not valid for a set");
    }
  }
  if (pod_template == nullptr) return;  // the schema demands it
  if (selector != nullptr) {
    const absl::StatusOr<Selector> parsed = Selector::FromJson(*selector, "spec.selector");
    StringMap labels;
    const Json* given = json::Find(*pod_template, {"metadata", "labels"});
    if (given != nullptr && given->is_object()) {
      for (const auto& [key, value] : given->items()) {
        if (value.is_string()) labels.Set(key, value.get_ref<const std::string&>());
      }
    }
    if (parsed.ok() && !parsed->MatchesEverything() && !parsed->Matches(labels)) {
      errors.Invalid(at.Child("template").Child("metadata").Child("labels"),
                     given == nullptr ? Json() : *given,
                     "`selector` does not match template "
                     "`labels`");
    }
  }
  const FieldPath path = at.Child("template");
  if (whole_template) {
    PodCheckOptions options;
    if (const Json* claims = json::Find(spec, "volumeClaimTemplates"); claims != nullptr) {
      size_t i = 0;
      for (const Json& claim : *claims) {
        const std::string name(json::String(claim, {"metadata", "name"}));
        if (!options.extra_volumes.insert(name).second) {
          errors.Duplicate(
              at.Child("volumeClaimTemplates").Index(i).Child("metadata").Child("name"), name);
        }
        ++i;
      }
    }
    CheckPodTemplate(*pod_template, path, options, errors);
    return;
  }
  if (const Json* labels = json::Find(*pod_template, {"metadata", "labels"}); labels != nullptr) {
    CheckLabels(*labels, path.Child("labels"), errors);
  }
  if (const Json* annotations = json::Find(*pod_template, {"metadata", "annotations"});
      annotations != nullptr) {
    CheckAnnotations(*annotations, path.Child("annotations"), errors);
  }
  const absl::string_view policy = json::String(*pod_template, {"spec", "restartPolicy"});
  if (!policy.empty() && policy != "Always") {
    errors.NotSupported(path.Child("spec").Child("restartPolicy"), std::string(policy), {"Always"});
  }
  if (json::Find(*pod_template, {"spec", "activeDeadlineSeconds"}) != nullptr) {
    errors.Forbidden(path.Child("spec").Child("activeDeadlineSeconds"),
                     "activeDeadlineSeconds in pod template is not supported");
  }
}

void CheckPriorityStrategy(const Json& strategy, const FieldPath& at, FieldErrors& errors) {
  if (!strategy.is_object()) return;
  const Json* weights = json::Find(strategy, "weightPriority");
  const Json* orders = json::Find(strategy, "orderPriority");
  if (weights != nullptr && !weights->empty() && orders != nullptr && !orders->empty()) {
    errors.Required(at, "only one of weightPriority and orderPriority may be used");
  }
  if (weights != nullptr && weights->is_array()) {
    for (const Json& term : *weights) {
      const int64_t weight = json::Int(term, "weight").value_or(0);
      if (weight < 0 || weight > 100) {
        errors.Required(at.Child("weightPriority"),
                        "weight must be valid number in the range 1-100");
      }
      const Json* selector = json::Find(term, "matchSelector");
      if (selector == nullptr || selector->empty()) {
        errors.Required(at.Child("weightPriority"), "selector can not be empty");
      } else if (const auto parsed = Selector::FromJson(*selector, "matchSelector"); !parsed.ok()) {
        errors.Required(at.Child("weightPriority"),
                        absl::StrCat("invalid selector: ", parsed.status().message()));
      }
    }
  }
  if (orders != nullptr && orders->is_array()) {
    for (const Json& term : *orders) {
      if (json::String(term, "orderedKey").empty()) {
        errors.Required(at.Child("orderPriority"), "order key can not be empty");
      }
    }
  }
}

std::string NotInPlace(const Json& old_template, const Json& new_template) {
  static const Json empty = Json::object();
  const Json* before = json::Find(old_template, "spec");
  const Json* after = json::Find(new_template, "spec");
  for (const json::DiffOp& op :
       json::Diff(before == nullptr ? empty : *before, after == nullptr ? empty : *after)) {
    if (op.kind != json::DiffKind::kReplace || !IsImagePath(op.path)) {
      return absl::StrCat(json::DiffKindName(op.kind), " ", op.path);
    }
  }
  return {};
}

bool SameApartFrom(const Json& now, const Json& before,
                   std::initializer_list<absl::string_view> may_change) {
  const auto rest = [&](const Json& tree) {
    Json out = Json::object();
    for (const auto& [key, value] : tree.items()) {
      const bool free = std::find(may_change.begin(), may_change.end(), key) != may_change.end();
      // What is absent and what is empty mean the same.
      if (!free && !json::IsEmpty(value)) out[key] = value;
    }
    return out;
  };
  return rest(now) == rest(before);
}

}  // namespace rekindle::api
