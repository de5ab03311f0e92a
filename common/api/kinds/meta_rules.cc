#include "common/api/kinds/meta_rules.h"

#include <set>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

using json::At;

constexpr size_t kMostAnnotationBytes = 262'144;
constexpr absl::string_view kImmutable = "field is immutable";

std::string TextOf(const Json& value) { return value.is_string() ? value.get<std::string>() : ""; }

void CheckName(const Json& metadata, const KindInfo& kind, const FieldPath& at,
               FieldErrors& errors) {
  const std::string name = TextOf(At(metadata, "name"));
  const std::string base = TextOf(At(metadata, "generateName"));
  const TextRule rule = NameRule(kind);
  if (!base.empty()) {
    // The server appends letters, so a dash at the end is fine.
    std::string sample = base;
    while (absl::EndsWith(sample, "-") || absl::EndsWith(sample, ".")) sample.back() = 'a';
    for (const std::string& sentence : CheckText(rule, sample)) {
      if (!absl::StrContains(sentence, "no more than")) {
        errors.Invalid(at.Child("generateName"), base, sentence);
      }
    }
  }
  if (name.empty()) {
    errors.Required(at.Child("name"), "name or generateName is required");
    return;
  }
  for (const std::string& sentence : CheckText(rule, name)) {
    errors.Invalid(at.Child("name"), name, sentence);
  }
}

void CheckNamespace(const Json& metadata, const KindInfo& kind, const FieldPath& at,
                    FieldErrors& errors) {
  const std::string name_space = TextOf(At(metadata, "namespace"));
  if (!kind.namespaced) {
    if (!name_space.empty()) {
      errors.Forbidden(at.Child("namespace"), "not allowed on this type");
    }
  } else if (name_space.empty()) {
    errors.Required(at.Child("namespace"));
  } else {
    for (const std::string& sentence : CheckText(TextRule::kLabel, name_space)) {
      errors.Invalid(at.Child("namespace"), name_space, sentence);
    }
  }
}

void CheckOwners(const Json& owners, const FieldPath& at, FieldErrors& errors) {
  if (!owners.is_array()) return;
  std::string controller;
  for (size_t i = 0; i < owners.size(); ++i) {
    // Without the index, as Kubernetes has it.
    const FieldPath& path = at;
    const auto needed = [&](const char* member, absl::string_view what) {
      const std::string text = TextOf(At(owners[i], member));
      if (text.empty()) errors.Invalid(path.Child(member), text, what);
      return text;
    };
    needed("apiVersion", "version must not be empty");
    needed("kind", "must not be empty");
    const std::string name = needed("name", "must not be empty");
    needed("uid", "must not be empty");
    if (!json::Bool(owners[i], {"controller"})) continue;
    const std::string shown = absl::StrCat(TextOf(At(owners[i], "kind")), "/", name);
    if (!controller.empty()) {
      errors.Invalid(at, owners,
                     absl::StrCat("Only one reference can have Controller set to true. Found "
                                  "\"true\" in references for ",
                                  controller, " and ", shown));
      return;
    }
    controller = shown;
  }
}

void CheckFinalizers(const Json& finalizers, const KindInfo& kind, const FieldPath& at,
                     FieldErrors& errors) {
  if (!finalizers.is_array()) return;
  bool orphan = false;
  bool foreground = false;
  for (size_t i = 0; i < finalizers.size(); ++i) {
    const std::string name = TextOf(finalizers[i]);
    orphan = orphan || name == "orphan";
    foreground = foreground || name == "foregroundDeletion";
    // Custom resources may use any name (pitfall 21).
    if (kind.custom) continue;
    for (const std::string& sentence : CheckText(TextRule::kQualifiedName, name)) {
      errors.Invalid(at, name, sentence);
    }
    if (!absl::StrContains(name, "/") && name != "orphan" && name != "foregroundDeletion" &&
        name != "kubernetes" && name != "customresourcecleanup.apiextensions.k8s.io") {
      errors.Invalid(at.Index(i), name,
                     "name is neither a standard finalizer name nor is it fully qualified");
    }
  }
  if (orphan && foreground) {
    errors.Invalid(at, finalizers, "finalizer orphan and foregroundDeletion cannot be both set");
  }
}

}  // namespace

TextRule NameRule(const KindInfo& kind) {
  if (kind.group.empty() && kind.kind == "Namespace") return TextRule::kLabel;
  if (kind.group == kKruiseGroup && kind.kind == "StatefulSet") return TextRule::kLabel;
  return kind.group.empty() && kind.kind == "Service" ? TextRule::kLabel1035 : TextRule::kSubdomain;
}

void CheckLabels(const Json& labels, const FieldPath& at, FieldErrors& errors) {
  if (!labels.is_object()) return;
  for (const auto& [key, value] : labels.items()) {
    for (const std::string& sentence : CheckText(TextRule::kQualifiedName, key)) {
      errors.Invalid(at, key, sentence);
    }
    for (const std::string& sentence : CheckText(TextRule::kLabelValue, TextOf(value))) {
      errors.Invalid(at, value, sentence);
    }
  }
}

void CheckAnnotations(const Json& annotations, const FieldPath& at, FieldErrors& errors) {
  if (!annotations.is_object()) return;
  size_t bytes = 0;
  for (const auto& [key, value] : annotations.items()) {
    for (const std::string& sentence :
         CheckText(TextRule::kQualifiedName, absl::AsciiStrToLower(key))) {
      errors.Invalid(at, key, sentence);
    }
    bytes += key.size() + TextOf(value).size();
  }
  if (bytes > kMostAnnotationBytes) errors.TooLong(at, kMostAnnotationBytes);
}

void CheckLabelSelector(const Json& selector, const FieldPath& at, FieldErrors& errors) {
  if (!selector.is_object()) return;
  CheckLabels(At(selector, "matchLabels"), at.Child("matchLabels"), errors);
  const Json& expressions = At(selector, "matchExpressions");
  if (!expressions.is_array()) return;
  for (size_t i = 0; i < expressions.size(); ++i) {
    const FieldPath path = at.Child("matchExpressions").Index(i);
    const Json& one = expressions[i];
    const std::string op = TextOf(At(one, "operator"));
    const Json& values = At(one, "values");
    const bool empty = !values.is_array() || values.empty();
    if (op == "In" || op == "NotIn") {
      if (empty) {
        errors.Required(path.Child("values"),
                        "must be specified when `operator` is 'In' or 'NotIn'");
      }
    } else if (op == "Exists" || op == "DoesNotExist") {
      if (!empty) {
        errors.Forbidden(path.Child("values"),
                         "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
      }
    } else {
      errors.Invalid(path.Child("operator"), op, "not a valid selector operator");
    }
    const std::string key = TextOf(At(one, "key"));
    for (const std::string& sentence : CheckText(TextRule::kQualifiedName, key)) {
      errors.Invalid(path.Child("key"), key, sentence);
    }
    if (empty) continue;
    for (size_t v = 0; v < values.size(); ++v) {
      for (const std::string& sentence : CheckText(TextRule::kLabelValue, TextOf(values[v]))) {
        errors.Invalid(path.Child("values").Index(v), values[v], sentence);
      }
    }
  }
}

void CheckObjectMeta(const Json& metadata, const KindInfo& kind, const FieldPath& at,
                     FieldErrors& errors) {
  CheckName(metadata, kind, at, errors);
  CheckNamespace(metadata, kind, at, errors);
  if (const auto generation = json::Int(metadata, "generation");
      generation.has_value() && *generation < 0) {
    errors.Invalid(at.Child("generation"), *generation, "must be greater than or equal to 0");
  }
  CheckLabels(At(metadata, "labels"), at.Child("labels"), errors);
  CheckAnnotations(At(metadata, "annotations"), at.Child("annotations"), errors);
  CheckOwners(At(metadata, "ownerReferences"), at.Child("ownerReferences"), errors);
  CheckFinalizers(At(metadata, "finalizers"), kind, at.Child("finalizers"), errors);
}

void CheckObjectMetaUpdate(const Json& metadata, const Json& old, const KindInfo& kind,
                           const FieldPath& at, FieldErrors& errors) {
  for (const char* member : {"name", "namespace", "uid", "creationTimestamp"}) {
    const Json& now = At(metadata, member);
    if (!json::IsEmpty(At(old, member)) && now != At(old, member)) {
      errors.Invalid(at.Child(member), now, kImmutable);
    }
  }
  if (kind.custom && TextOf(At(metadata, "resourceVersion")).empty()) {
    errors.Add({FieldErrorKind::kInvalid, at.Child("resourceVersion").text(),
                "Invalid value: 0x0: must be specified for an update"});
  }
  if (TextOf(At(old, "deletionTimestamp")).empty()) return;
  std::set<std::string> before;
  for (const Json& one : At(old, "finalizers")) before.insert(TextOf(one));
  std::vector<std::string> added;
  for (const Json& one : At(metadata, "finalizers")) {
    if (before.count(TextOf(one)) == 0) added.push_back(Json(TextOf(one)).dump());
  }
  if (!added.empty()) {
    errors.Forbidden(at.Child("finalizers"),
                     absl::StrCat("no new finalizers can be added if the object is being deleted, "
                                  "found new finalizers []string{",
                                  absl::StrJoin(added, ", "), "}"));
  }
}

}  // namespace rekindle::api
