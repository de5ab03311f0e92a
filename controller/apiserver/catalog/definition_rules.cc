// What may be in a CustomResourceDefinition (spec kubernetes-api 13).
#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "common/api/kinds/registry.h"
#include "common/api/schema/openapi.h"
#include "common/api/text_rules.h"
#include "common/json/json_path.h"
#include "common/json/tree.h"
#include "controller/apiserver/catalog/definition.h"

namespace rekindle::apiserver {
namespace {

using json::At;

using api::FieldErrors;
using api::FieldPath;
using api::TextRule;

constexpr int kMostLevels = 64;
constexpr size_t kMostSelectable = 8;
constexpr absl::string_view kImmutable = "field is immutable";

void CheckWord(const Json& value, TextRule rule, const FieldPath& at, FieldErrors& errors) {
  if (!value.is_string()) return;
  for (const std::string& sentence : api::CheckText(rule, value.get_ref<const std::string&>())) {
    errors.Invalid(at, value, sentence);
  }
}

void CheckNames(const Json& names, const FieldPath& at, FieldErrors& errors) {
  for (const char* member : {"plural", "singular"}) {
    if (!json::String(names, member).empty()) {
      CheckWord(At(names, member), TextRule::kLabel1035, at.Child(member), errors);
    }
  }
  for (const char* member : {"kind", "listKind"}) {
    const std::string name(json::String(names, member));
    if (name.empty()) continue;
    for (const std::string& sentence :
         api::CheckText(TextRule::kLabel1035, absl::AsciiStrToLower(name))) {
      errors.Invalid(at.Child(member), name,
                     absl::StrCat("may have mixed case, but should otherwise match: ", sentence));
    }
  }
  for (const char* member : {"shortNames", "categories"}) {
    const Json& list = At(names, member);
    for (size_t i = 0; list.is_array() && i < list.size(); ++i) {
      CheckWord(list[i], TextRule::kLabel1035, at.Child(member).Index(i), errors);
    }
  }
  if (!json::String(names, "kind").empty() &&
      json::String(names, "kind") == json::String(names, "listKind")) {
    errors.Invalid(at.Child("listKind"), At(names, "listKind"),
                   "kind and listKind may not be the same");
  }
}

// Patterns that nobody can read, and rules that nobody evaluates.
class SchemaWalk {
 public:
  SchemaWalk(FieldErrors& errors, bool& rules) : errors_(errors), rules_(rules) {}

  void Visit(const Json& schema, const FieldPath& at, int level) {
    if (!schema.is_object() || level > kMostLevels) return;
    if (const std::string pattern(json::String(schema, "pattern")); !pattern.empty()) {
      re2::RE2::Options quiet;
      quiet.set_log_errors(false);
      const re2::RE2 expression(pattern, quiet);
      if (!expression.ok()) {
        errors_.Invalid(
            at.Child("pattern"), pattern,
            absl::StrCat("must be a valid regular expression, but isn't: ", expression.error()));
      }
    }
    if (!json::IsEmpty(At(schema, "x-kubernetes-validations"))) rules_ = true;
    for (const char* member : {"items", "additionalProperties", "not"}) {
      Visit(At(schema, member), at.Child(member), level + 1);
    }
    for (const char* member : {"allOf", "anyOf", "oneOf"}) {
      const Json& list = At(schema, member);
      for (size_t i = 0; list.is_array() && i < list.size(); ++i) {
        Visit(list[i], at.Child(member).Index(i), level + 1);
      }
    }
    if (const Json& members = At(schema, "properties"); members.is_object()) {
      for (const auto& [name, body] : members.items()) {
        Visit(body, at.Child("properties").Key(name), level + 1);
      }
    }
  }

 private:
  FieldErrors& errors_;
  bool& rules_;
};

void CheckSchema(const Json& schema, const FieldPath& at, FieldErrors& errors, bool& rules) {
  api::TypeStore store;
  (void)api::FromOpenApi(schema, &api::ObjectMetaType(), at, store, errors);
  SchemaWalk(errors, rules).Visit(schema, at, 0);
}

// `.spec.replicas`: names alone, below one of `roots`.
void CheckSimplePath(const Json& value, const std::vector<std::string>& roots, const FieldPath& at,
                     FieldErrors& errors) {
  if (!value.is_string() || value.get_ref<const std::string&>().empty()) return;
  const auto& text = value.get_ref<const std::string&>();
  const auto path = json::JsonPath::Parse(text);
  const auto members = path.ok() ? path->Members() : std::nullopt;
  if (!members.has_value() || members->empty() || text[0] != '.' || absl::StrContains(text, "[")) {
    errors.Invalid(at, value, "must be a simple json path of names, such as .spec.replicas");
    return;
  }
  if (members->size() > 1 && std::find(roots.begin(), roots.end(), (*members)[0]) != roots.end()) {
    return;
  }
  errors.Invalid(at, value,
                 roots.size() == 1 ? absl::StrCat("should be a json path under .", roots[0])
                                   : absl::StrCat("should be a json path under either .", roots[0],
                                                  " or .", roots[1]));
}

void CheckColumns(const Json& columns, const FieldPath& at, FieldErrors& errors) {
  static const std::vector<std::string> types = {"boolean", "date", "integer", "number", "string"};
  for (size_t i = 0; columns.is_array() && i < columns.size(); ++i) {
    const FieldPath path = at.Index(i);
    const Json& type = At(columns[i], "type");
    if (type.is_string() && !type.get_ref<const std::string&>().empty() &&
        std::find(types.begin(), types.end(), type.get<std::string>()) == types.end()) {
      errors.NotSupported(path.Child("type"), type, types);
    }
    const std::string text(json::String(columns[i], "jsonPath"));
    if (text.empty()) continue;
    if (text[0] != '.') {
      errors.Invalid(path.Child("jsonPath"), text, "must start with a dot");
    } else if (const auto parsed = json::JsonPath::Parse(text); !parsed.ok()) {
      errors.Invalid(path.Child("jsonPath"), text, parsed.status().message());
    }
  }
}

void CheckSelectable(const Json& fields, const Json& schema, const FieldPath& at,
                     FieldErrors& errors) {
  if (!fields.is_array()) return;
  if (fields.size() > kMostSelectable) errors.TooMany(at, fields.size(), kMostSelectable);
  std::set<std::string> seen;
  for (size_t i = 0; i < fields.size(); ++i) {
    const FieldPath path = at.Index(i).Child("jsonPath");
    const std::string text(json::String(fields[i], "jsonPath"));
    if (text.empty()) continue;
    if (!seen.insert(text).second) errors.Duplicate(path, text);
    const auto parsed = json::JsonPath::Parse(text);
    const auto members = parsed.ok() ? parsed->Members() : std::nullopt;
    if (!members.has_value() || members->empty() || text[0] != '.') {
      errors.Invalid(path, text, "is an invalid path: must be a path of names");
      continue;
    }
    if ((*members)[0] == "metadata") {
      errors.Invalid(path, text, "must not point to fields in metadata");
      continue;
    }
    const Json* place = &schema;
    for (const std::string& member : *members) {
      place = &At(At(*place, "properties"), member);
    }
    const absl::string_view type = json::String(*place, "type");
    if (place->is_null()) {
      errors.Invalid(path, text, "is an invalid path: does not refer to a valid field");
    } else if (type != "string" && type != "integer" && type != "boolean") {
      errors.Invalid(path, text, "must point to a field of type string, boolean or integer");
    }
  }
}

void CheckParts(const Json& parts, const FieldPath& at, FieldErrors& errors) {
  const Json& scale = At(parts, "scale");
  if (!scale.is_object()) return;
  const FieldPath path = at.Child("scale");
  CheckSimplePath(At(scale, "specReplicasPath"), {"spec"}, path.Child("specReplicasPath"), errors);
  CheckSimplePath(At(scale, "statusReplicasPath"), {"status"}, path.Child("statusReplicasPath"),
                  errors);
  CheckSimplePath(At(scale, "labelSelectorPath"), {"spec", "status"},
                  path.Child("labelSelectorPath"), errors);
}

// One value of all versions is reported where older forms of the API had it.
bool SameInAll(const Json& versions, absl::string_view member) {
  for (const Json& version : versions) {
    if (At(version, member) != At(versions[0], member)) return false;
  }
  return true;
}

void CheckVersions(const Json& versions, const FieldPath& spec, FieldErrors& errors, bool& rules) {
  const FieldPath at = spec.Child("versions");
  std::set<std::string> names;
  int stored = 0;
  bool unique = true;
  for (size_t i = 0; i < versions.size(); ++i) {
    CheckWord(At(versions[i], "name"), TextRule::kLabel1035, at.Index(i).Child("name"), errors);
    unique = names.insert(std::string(json::String(versions[i], "name"))).second && unique;
    if (json::Bool(versions[i], {"storage"})) ++stored;
  }
  if (!unique) errors.Invalid(at, versions, "must contain unique version names");
  if (stored != 1) {
    errors.Invalid(at, versions, "must have exactly one version marked as storage version");
  }
  const bool one_schema = SameInAll(versions, "schema");
  const bool one_list = SameInAll(versions, "additionalPrinterColumns");
  const bool one_part = SameInAll(versions, "subresources");
  for (size_t i = 0; i < versions.size(); ++i) {
    const Json& version = versions[i];
    const FieldPath own = at.Index(i);
    const Json& schema = At(At(version, "schema"), "openAPIV3Schema");
    if (i == 0 || !one_schema) {
      const FieldPath path =
          (one_schema ? spec.Child("validation") : own.Child("schema")).Child("openAPIV3Schema");
      if (schema.is_null()) {
        errors.Required(own.Child("schema").Child("openAPIV3Schema"), "schemas are required");
      } else {
        CheckSchema(schema, path, errors, rules);
      }
    }
    if (i == 0 || !one_list) {
      CheckColumns(At(version, "additionalPrinterColumns"),
                   (one_list ? spec : own).Child("additionalPrinterColumns"), errors);
    }
    if (i == 0 || !one_part) {
      CheckParts(At(version, "subresources"), (one_part ? spec : own).Child("subresources"),
                 errors);
    }
    CheckSelectable(At(version, "selectableFields"), schema, own.Child("selectableFields"), errors);
  }
}

bool WasEstablished(const Json& crd) {
  const Json& conditions = At(At(crd, "status"), "conditions");
  if (!conditions.is_array()) return false;
  for (const Json& one : conditions) {
    if (json::String(one, "type") == "Established") return json::String(one, "status") == "True";
  }
  return false;
}

void CheckUpdate(const Json& crd, const Json& old, FieldErrors& errors) {
  const Json& spec = At(crd, "spec");
  const Json& before = At(old, "spec");
  const FieldPath at("spec");
  const auto fixed = [&](const Json& now, const Json& then, const FieldPath& path) {
    if (now != then) errors.Invalid(path, now, kImmutable);
  };
  if (WasEstablished(old)) {
    fixed(At(spec, "scope"), At(before, "scope"), at.Child("scope"));
    fixed(At(At(spec, "names"), "kind"), At(At(before, "names"), "kind"),
          at.Child("names").Child("kind"));
  }
  fixed(At(spec, "group"), At(before, "group"), at.Child("group"));
  fixed(At(At(spec, "names"), "plural"), At(At(before, "names"), "plural"),
        at.Child("names").Child("plural"));
  // Objects may still be kept in a version of before.
  const Json& stored = At(At(old, "status"), "storedVersions");
  const Json& versions = At(spec, "versions");
  for (size_t i = 0; stored.is_array() && i < stored.size(); ++i) {
    bool found = false;
    for (const Json& version : versions) found = found || At(version, "name") == stored[i];
    if (!found) {
      errors.Invalid(FieldPath("status.storedVersions").Index(i), stored[i],
                     "must appear in spec.versions");
    }
  }
}

}  // namespace

void ValidateDefinition(const Json& crd, const Json* old, FieldErrors& errors,
                        std::vector<std::string>* warnings) {
  const Json& spec = At(crd, "spec");
  if (!spec.is_object()) return;
  const FieldPath at("spec");
  const Json& names = At(spec, "names");
  const std::string group(json::String(spec, "group"));
  const std::string plural(json::String(names, "plural"));
  const std::string name(json::String(crd, {"metadata", "name"}));
  if (name != absl::StrCat(plural, ".", group)) {
    errors.Invalid(FieldPath("metadata.name"), name, "must be spec.names.plural+\".\"+spec.group");
  }
  if (!group.empty()) {
    CheckWord(group, TextRule::kSubdomain, at.Child("group"), errors);
    if (!absl::StrContains(group, ".")) {
      errors.Invalid(at.Child("group"), group, "should be a domain with at least one dot");
    }
    // Requests below these paths are ours alone.
    for (const api::KindInfo& info : api::Kinds().kinds()) {
      if (info.custom || info.group != group) continue;
      errors.Forbidden(at.Child("group"), "is a group of the platform");
      break;
    }
  }
  const std::string scope(json::String(spec, "scope"));
  if (!scope.empty() && scope != "Cluster" && scope != "Namespaced") {
    errors.NotSupported(at.Child("scope"), scope, {"Cluster", "Namespaced"});
  }
  if (json::Bool(spec, {"preserveUnknownFields"})) {
    errors.Invalid(at.Child("preserveUnknownFields"), true,
                   "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in "
                   "spec.versions[*].schema instead");
  }
  CheckNames(names, at.Child("names"), errors);
  bool rules = false;
  const Json& versions = At(spec, "versions");
  if (versions.is_array() && !versions.empty()) {
    CheckVersions(versions, at, errors, rules);
  } else if (versions.is_array()) {
    errors.Invalid(at.Child("versions"), versions,
                   "must have exactly one version marked as storage version");
  }
  const std::string strategy(json::String(spec, {"conversion", "strategy"}));
  if (!strategy.empty() && strategy != "None" && strategy != "Webhook") {
    errors.NotSupported(at.Child("conversion").Child("strategy"), strategy, {"None", "Webhook"});
  } else if (strategy == "Webhook" && versions.is_array() && versions.size() > 1 &&
             !IsBuiltInDefinition(name)) {
    errors.Forbidden(at.Child("conversion").Child("strategy"),
                     "this server calls no conversion webhooks: use None, or one version");
  }
  if (rules && warnings != nullptr) {
    warnings->push_back("x-kubernetes-validations: this server does not evaluate rules");
  }
  if (old != nullptr) CheckUpdate(crd, *old, errors);
}

}  // namespace rekindle::apiserver
