#include "controller/plan/recreate/env.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/recreate/expand.h"
#include "controller/plan/recreate/field.h"

namespace rekindle::plan {
namespace {

// What is known of one variable.
struct Variable {
  std::optional<std::string> value;  // none: not known here
  bool may_change = false;           // since the container was made
};

// The sources that are objects of their own: of all variables of one, of a single variable.
struct Source {
  absl::string_view all;
  absl::string_view one;
  absl::string_view kind;
};
constexpr Source kSources[] = {{"configMapRef", "configMapKeyRef", "ConfigMap"},
                               {"secretRef", "secretKeyRef", "Secret"}};

// The kernel gives a program no longer one (MAX_ARG_STRLEN).
constexpr size_t kLongestVariable = 128 * 1024;

// Whether the kubelet may have set `name` for a service of the namespace (WEB_SERVICE_HOST,
// WEB_PORT, WEB_PORT_80_TCP_ADDR and so on).
bool MayBeOfService(absl::string_view name) {
  return absl::EndsWith(name, "_SERVICE_HOST") || absl::StrContains(name, "_SERVICE_PORT") ||
         absl::EndsWith(name, "_PORT") || absl::StrContains(name, "_PORT_");
}

class Evaluation {
 public:
  Evaluation(const Json& pod, const Json& container) : pod_(pod), container_(container) {}

  EnvPlan Run() {
    ForEach("envFrom", [this](const Json& entry) { TakeAll(entry); });
    ForEach("env", [this](const Json& entry) { Take(entry); });
    // Fixed in the configuration: nothing is set anew there.
    ForEach("command", [this](const Json& word) { Refer("command", word); });
    ForEach("args", [this](const Json& word) { Refer("args", word); });
    ForEach("volumeMounts", [this](const Json& mount) {
      if (const Json* path = json::Find(mount, "subPathExpr")) Refer("subPathExpr", *path);
    });
    EnvPlan plan;
    for (const std::string& name : order_) {
      const Variable& variable = variables_.at(name);
      if (variable.may_change && variable.value.has_value()) {
        plan.changed.emplace_back(name, *variable.value);
      }
    }
    plan.unknown = std::move(unknown_);
    return plan;
  }

 private:
  template <typename Visit>
  void ForEach(absl::string_view list, Visit visit) {
    const Json* entries = json::Find(container_, list);
    if (entries == nullptr || !entries->is_array()) return;
    for (const Json& entry : *entries) visit(entry);
  }

  void Say(std::string what) {
    if (std::find(unknown_.begin(), unknown_.end(), what) == unknown_.end()) {
      unknown_.push_back(std::move(what));
    }
  }

  // An entry of envFrom: which variables it makes is not known, only whose they are.
  void TakeAll(const Json& entry) {
    for (const Source& source : kSources) {
      if (json::Find(entry, source.all) == nullptr) continue;
      any_name_ = true;
      Say(absl::StrCat("all of ", source.kind, " ", json::String(entry, {source.all, "name"})));
    }
  }

  void Take(const Json& entry) {
    const std::string name(json::String(entry, "name"));
    if (name.empty()) return;
    const Json* from = json::Find(entry, "valueFrom");
    const absl::string_view text = json::String(entry, "value");
    // A value, be it given beside a source by mistake, comes first.
    if (!text.empty() || from == nullptr) return Set(name, Expand(name, text));
    for (const Source& source : kSources) {
      if (json::Find(*from, source.one) == nullptr) continue;
      Say(absl::StrCat(name, " (", source.kind, " ", json::String(*from, {source.one, "name"}),
                       ")"));
      return Set(name, {.value = std::nullopt, .may_change = true});
    }
    FieldValue value;
    if (json::Find(*from, "fieldRef") != nullptr) {
      value = ReadField(pod_, json::String(*from, {"fieldRef", "fieldPath"}));
    } else if (const Json* ref = json::Find(*from, "resourceFieldRef")) {
      value = ReadResource(pod_, container_, *ref);
      if (value.may_change && !value.value.has_value()) {
        Say(absl::StrCat(name, " (", json::String(*ref, "resource"), ", being resized)"));
      }
    } else {
      // A source of later Kubernetes, such as a file of a volume.
      Say(absl::StrCat(name, " (", from->empty() ? "valueFrom" : from->begin().key(), ")"));
      value.may_change = true;
    }
    Set(name, {.value = std::move(value.value), .may_change = value.may_change});
  }

  void Set(const std::string& name, Variable variable) {
    if (variables_.insert_or_assign(name, std::move(variable)).second) order_.push_back(name);
  }

  Variable Expand(const std::string& of, absl::string_view text) {
    Variable out;
    std::string missing;
    const auto known = [&](absl::string_view name) -> std::optional<std::string> {
      const auto it = variables_.find(name);
      if (it != variables_.end()) {
        out.may_change = out.may_change || it->second.may_change;
        if (!it->second.value.has_value()) missing = std::string(name);
        return it->second.value;
      }
      if (any_name_ || MayBeOfService(name)) missing = std::string(name);
      return std::nullopt;
    };
    out.value = ExpandVariables(text, known, kLongestVariable);
    if (!out.value.has_value()) {
      // Cut off, perhaps before a reference to something that changes.
      out.may_change = true;
      Say(absl::StrCat(of, " (longer than a program can be given)"));
    }
    if (missing.empty()) return out;
    out.value.reset();
    // Of all that is unknown only what may have changed as well matters.
    if (any_name_ && variables_.find(missing) == variables_.end()) out.may_change = true;
    if (out.may_change) Say(absl::StrCat(of, " (made from ", missing, ")"));
    return out;
  }

  void Refer(absl::string_view place, const Json& text) {
    if (!text.is_string()) return;
    for (const std::string& name : VariablesIn(text.get_ref<const std::string&>())) {
      const auto it = variables_.find(name);
      const bool may_change = it != variables_.end() ? it->second.may_change : any_name_;
      if (may_change) Say(absl::StrCat(place, ": $(", name, ")"));
    }
  }

  const Json& pod_;
  const Json& container_;
  std::map<std::string, Variable, std::less<>> variables_;
  std::vector<std::string> order_;
  std::vector<std::string> unknown_;
  bool any_name_ = false;  // envFrom may have set any name
};

}  // namespace

EnvPlan PlanEnv(const Json& pod, const Json& container) { return Evaluation(pod, container).Run(); }

}  // namespace rekindle::plan
