#include "common/api/schema/openapi.h"

#include <algorithm>
#include <set>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

constexpr absl::string_view kRef = "#/components/schemas/";

absl::string_view FormatName(Format format) {
  switch (format) {
    case Format::kInt32:
      return "int32";
    case Format::kInt64:
      return "int64";
    case Format::kDouble:
      return "double";
    case Format::kBytes:
      return "byte";
    case Format::kTime:
    case Format::kMicroTime:
      return "date-time";
    case Format::kDuration:
      return "duration";
    case Format::kNone:
      break;
  }
  return "";
}

class Writer {
 public:
  // `structural`: for a CRD. Else for OpenAPI: named types become references.
  explicit Writer(bool structural) : structural_(structural) {}

  Json Body(const Type& type, bool checks = true) {
    Json out = Json::object();
    if (!type.doc.empty()) out["description"] = type.doc;
    switch (type.shape) {
      case Shape::kAny:
        // CRDs need the marker; OpenAPI says "anything" by saying nothing.
        if (structural_) out["x-kubernetes-preserve-unknown-fields"] = true;
        break;
      case Shape::kObject:
        Object(type, out);
        break;
      case Shape::kMap:
        out["type"] = "object";
        out["additionalProperties"] = Reference(*type.element);
        if (type.atomic) out["x-kubernetes-map-type"] = "atomic";
        break;
      case Shape::kList:
        List(type, out);
        break;
      case Shape::kIntOrString:
        IntOrString(out, "int-or-string");
        break;
      case Shape::kQuantity:
        IntOrString(out, "quantity");
        break;
      case Shape::kString:
        out["type"] = "string";
        break;
      case Shape::kInteger:
        out["type"] = "integer";
        break;
      case Shape::kNumber:
        out["type"] = "number";
        break;
      case Shape::kBoolean:
        out["type"] = "boolean";
        break;
    }
    if (const absl::string_view format = FormatName(type.format); !format.empty()) {
      out["format"] = format;
    }
    if (type.nullable) out["nullable"] = true;
    if (checks) Limits(type, out);
    return out;
  }

  // A member's, element's or value's schema.
  Json Reference(const Type& type) {
    if (structural_ || type.name.empty()) return Body(type);
    if (seen_.insert(&type).second) pending_.push_back(&type);
    return {{"$ref", absl::StrCat(kRef, type.name)}};
  }

  const Type* NextPending() {
    if (pending_.empty()) return nullptr;
    const Type* out = pending_.back();
    pending_.pop_back();
    return out;
  }

 private:
  void IntOrString(Json& out, absl::string_view format) {
    if (structural_) {
      out["x-kubernetes-int-or-string"] = true;
    } else {
      out["type"] = "string";
      if (format == "int-or-string") out["format"] = format;
    }
  }

  void Object(const Type& type, Json& out) {
    out["type"] = "object";
    if (type.preserve_unknown) out["x-kubernetes-preserve-unknown-fields"] = true;
    if (type.embedded) out["x-kubernetes-embedded-resource"] = true;
    if (type.atomic) out["x-kubernetes-map-type"] = "atomic";
    for (const Field& field : type.fields) {
      out["properties"][field.name] = Member(field);
      if (field.required) out["required"].push_back(field.name);
    }
  }

  Json Member(const Field& field) {
    Json out;
    if (structural_ && field.opaque) {
      out = {{"x-kubernetes-preserve-unknown-fields", true}};
      if (field.type->shape == Shape::kList) {
        out["type"] = "array";
        out["items"] = {{"type", "object"}, {"x-kubernetes-preserve-unknown-fields", true}};
        out.erase("x-kubernetes-preserve-unknown-fields");
      } else {
        out["type"] = "object";
      }
    } else if (structural_) {
      out = Body(*field.type, field.published_checks);
    } else if (!field.type->name.empty()) {
      out = {{"allOf", Json::array({Reference(*field.type)})}};
    } else {
      out = Reference(*field.type);
    }
    // kubectl explain prints both descriptions of a reference: the field's, and the type's.
    if (!field.doc.empty() && (structural_ || field.doc != field.type->doc)) {
      out["description"] = field.doc;
    }
    if (field.atomic && field.type->Structured()) out["x-kubernetes-map-type"] = "atomic";
    if (field.fallback != nullptr && (field.published_default || !structural_)) {
      out["default"] = *field.fallback;
    }
    if (!structural_ && field.type->retain_keys) {
      out["x-kubernetes-patch-strategy"] = "retainKeys";
    }
    return out;
  }

  void List(const Type& type, Json& out) {
    out["type"] = "array";
    out["items"] = Reference(*type.element);
    if (type.list == ListKind::kMap) {
      out["x-kubernetes-list-type"] = "map";
      out["x-kubernetes-list-map-keys"] = type.keys;
    } else if (type.list == ListKind::kSet) {
      out["x-kubernetes-list-type"] = "set";
    } else {
      out["x-kubernetes-list-type"] = "atomic";
    }
    if (structural_ || type.merge == json::ListRule::Kind::kReplace) return;
    out["x-kubernetes-patch-strategy"] = type.element->retain_keys ? "merge,retainKeys" : "merge";
    if (!type.merge_key.empty()) out["x-kubernetes-patch-merge-key"] = type.merge_key;
  }

  static void Limits(const Type& type, Json& out) {
    const auto number = [](double value) {
      const auto whole = static_cast<int64_t>(value);
      return static_cast<double>(whole) == value ? Json(whole) : Json(value);
    };
    if (type.allowed != nullptr) out["enum"] = *type.allowed;
    if (type.minimum.has_value()) out["minimum"] = number(*type.minimum);
    if (type.maximum.has_value()) out["maximum"] = number(*type.maximum);
    if (type.exclusive_minimum) out["exclusiveMinimum"] = true;
    if (type.exclusive_maximum) out["exclusiveMaximum"] = true;
    if (type.multiple_of.has_value()) out["multipleOf"] = number(*type.multiple_of);
    if (type.min_length.has_value()) out["minLength"] = *type.min_length;
    if (type.max_length.has_value()) out["maxLength"] = *type.max_length;
    if (!type.pattern.empty()) out["pattern"] = type.pattern;
    const bool list = type.shape == Shape::kList;
    if (type.min_items.has_value()) out[list ? "minItems" : "minProperties"] = *type.min_items;
    if (type.max_items.has_value()) out[list ? "maxItems" : "maxProperties"] = *type.max_items;
  }

  bool structural_;
  std::set<const Type*> seen_;
  std::vector<const Type*> pending_;
};

}  // namespace

Json ToStructuralSchema(const Type& type) { return Writer(/*structural=*/true).Body(type); }

Json ToComponents(const std::vector<const KindInfo*>& kinds) {
  Writer writer(/*structural=*/false);
  Json out = Json::object();
  for (const KindInfo* info : kinds) (void)writer.Reference(*info->type);
  while (const Type* type = writer.NextPending()) out[type->name] = writer.Body(*type);
  for (const KindInfo* info : kinds) {
    Json& body = out[info->type->name];
    body["description"] = info->doc;
    body["x-kubernetes-group-version-kind"].push_back(
        {{"group", info->group}, {"version", info->version}, {"kind", info->kind}});
  }
  return out;
}

Json ToCrd(const Schema& schema, absl::string_view group, absl::string_view kind) {
  std::vector<const KindInfo*> versions;
  for (const KindInfo& info : schema.kinds()) {
    if (info.custom && info.group == group && info.kind == kind) versions.push_back(&info);
  }
  if (versions.empty()) return nullptr;
  // v1beta1 before v1alpha1: alphabetical, from the back.
  std::sort(versions.begin(), versions.end(),
            [](const KindInfo* a, const KindInfo* b) { return a->version > b->version; });
  const KindInfo& first = *versions[0];
  Json names = {{"kind", first.kind},
                {"listKind", first.list_kind},
                {"plural", first.plural},
                {"singular", first.singular}};
  if (!first.short_names.empty()) names["shortNames"] = first.short_names;
  if (!first.categories.empty()) names["categories"] = first.categories;
  Json spec = {{"group", first.group},
               {"names", names},
               {"scope", first.namespaced ? "Namespaced" : "Cluster"}};
  for (const KindInfo* info : versions) {
    Json body = ToStructuralSchema(*info->type);
    body["description"] = info->doc;
    body["properties"]["metadata"] = {{"type", "object"}};
    Json version = {{"name", info->version},
                    {"served", true},
                    {"storage", info->storage},
                    {"schema", {{"openAPIV3Schema", std::move(body)}}}};
    for (const PrinterColumn& column : info->columns) {
      Json one = {{"name", column.name}, {"type", column.type}, {"jsonPath", column.path}};
      if (!column.doc.empty()) one["description"] = column.doc;
      if (column.priority != 0) one["priority"] = column.priority;
      version["additionalPrinterColumns"].push_back(std::move(one));
    }
    if (info->status) version["subresources"]["status"] = Json::object();
    if (info->scale) {
      version["subresources"]["scale"] = {{"specReplicasPath", ".spec.replicas"},
                                          {"statusReplicasPath", ".status.replicas"},
                                          {"labelSelectorPath", info->scale_selector_path}};
    }
    spec["versions"].push_back(std::move(version));
  }
  if (first.convert) {
    // The controller puts its CA beside this when it starts.
    spec["conversion"] = {{"strategy", "Webhook"},
                          {"webhook",
                           {{"conversionReviewVersions", {"v1", "v1beta1"}},
                            {"clientConfig",
                             {{"service",
                               {{"name", "rekindle-controller"},
                                {"namespace", "rekindle-system"},
                                {"path", "/convert"}}}}}}}};
  } else {
    spec["conversion"] = {{"strategy", "None"}};
  }
  return {{"apiVersion", "apiextensions.k8s.io/v1"},
          {"kind", "CustomResourceDefinition"},
          {"metadata", {{"name", absl::StrCat(first.plural, ".", first.group)}}},
          {"spec", std::move(spec)}};
}

}  // namespace rekindle::api
