// Users' structural schemas (spec kubernetes-api 13.2).
#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/schema/openapi.h"
#include "common/api/schema/values.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr int kMostLevels = 64;

class Reader {
 public:
  Reader(const Type* meta, TypeStore& store, FieldErrors& errors)
      : meta_(meta), store_(store), errors_(errors) {}

  const Type* Root(const Json& schema, const FieldPath& at) {
    if (!schema.is_object()) {
      errors_.Required(at);
      return nullptr;
    }
    const std::string type(json::String(schema, "type"));
    if (type.empty()) {
      errors_.Required(at.Child("type"), "must not be empty at the root");
    } else if (type != "object") {
      errors_.Invalid(at.Child("type"), type, "must be object at the root");
    }
    Type* out = Read(schema, at, Place::kRoot, 0);
    const Type* text = Text();
    for (const char* name : {"apiVersion", "kind"}) Implied(*out, name, text);
    CheckMetadata(schema, at);
    Implied(*out, "metadata", meta_);
    out->Index();
    return out;
  }

 private:
  enum class Place { kRoot, kProperty, kItem, kCondition };

  const Type* Text() {
    Type* out = store_.New();
    out->shape = Shape::kString;
    return out;
  }

  static void Implied(Type& object, const std::string& name, const Type* type) {
    for (Field& field : object.fields) {
      if (field.name != name) continue;
      field.type = type;
      return;
    }
    Field field;
    field.name = name;
    field.type = type;
    object.fields.push_back(std::move(field));
  }

  void CheckMetadata(const Json& schema, const FieldPath& at) {
    const Json* metadata = json::Find(schema, {"properties", "metadata"});
    if (metadata == nullptr) return;
    bool plain = metadata->is_object();
    for (const auto& [key, value] : metadata->items()) {
      if (key == "type" || key == "description") continue;
      if (key != "properties" || !value.is_object()) plain = false;
      for (const auto& [name, ignored] : value.items()) {
        plain = plain && (name == "name" || name == "generateName");
      }
    }
    if (!plain) {
      errors_.Forbidden(at.Child("properties").Key("metadata"),
                        "must not specify anything other than name and generateName, but metadata "
                        "is implicitly specified");
    }
  }

  // x-kubernetes-int-or-string written out as the pattern that is allowed for it.
  static bool IntOrStringPattern(const Json& any_of) {
    if (!any_of.is_array() || any_of.size() != 2) return false;
    std::set<absl::string_view> types;
    for (const Json& one : any_of) {
      if (!one.is_object() || one.size() != 1) return false;
      types.insert(json::String(one, "type"));
    }
    return types == std::set<absl::string_view>{"integer", "string"};
  }

  Shape ShapeOf(const Json& schema, const FieldPath& at, Place place, bool preserve) {
    if (json::Bool(schema, {"x-kubernetes-int-or-string"})) return Shape::kIntOrString;
    const absl::string_view type = json::String(schema, "type");
    if (type == "object") return Shape::kObject;
    if (type == "array") return Shape::kList;
    if (type == "string") return Shape::kString;
    if (type == "integer") return Shape::kInteger;
    if (type == "number") return Shape::kNumber;
    if (type == "boolean") return Shape::kBoolean;
    if (!type.empty()) {
      errors_.NotSupported(at.Child("type"), Json(std::string(type)),
                           {"array", "boolean", "integer", "number", "object", "string"});
    } else if (!preserve && place == Place::kProperty) {
      errors_.Required(at.Child("type"), "must not be empty for specified object fields");
    } else if (!preserve && place == Place::kItem) {
      errors_.Required(at.Child("type"), "must not be empty for specified array items");
    }
    return Shape::kAny;
  }

  void ForbidInCondition(const Json& schema, const FieldPath& at) {
    for (const auto& [key, value] : schema.items()) {
      const bool forbidden = key == "type" || key == "default" || key == "additionalProperties" ||
                             key == "nullable" || absl::StartsWith(key, "x-kubernetes-") ||
                             key == "description" || key == "title";
      if (forbidden) errors_.Forbidden(at.Child(key), "must be empty to be structural");
    }
  }

  Type* Read(const Json& schema, const FieldPath& at, Place place, int level) {
    Type* out = store_.New();
    if (!schema.is_object() || level > kMostLevels) {
      errors_.Invalid(at, schema.is_object() ? Json("...") : schema,
                      "must be an object of at most 64 levels");
      return out;
    }
    out->preserve_unknown = json::Bool(schema, {"x-kubernetes-preserve-unknown-fields"});
    if (place == Place::kCondition) ForbidInCondition(schema, at);
    for (const char* name : {"$ref", "definitions", "dependencies", "patternProperties", "id"}) {
      if (schema.contains(name)) errors_.Forbidden(at.Child(name), "is not supported");
    }
    if (json::Bool(schema, {"uniqueItems"})) {
      errors_.Forbidden(at.Child("uniqueItems"),
                        "uniqueItems cannot be set to true since the runtime complexity becomes "
                        "quadratic");
    }
    out->shape = ShapeOf(schema, at, place, out->preserve_unknown);
    out->doc = std::string(json::String(schema, "description"));
    out->nullable = json::Bool(schema, {"nullable"});
    out->embedded = json::Bool(schema, {"x-kubernetes-embedded-resource"});
    out->atomic = json::String(schema, "x-kubernetes-map-type") == "atomic";
    Limits(schema, *out);
    Properties(schema, at, place, level, *out);
    Items(schema, at, place, level, *out);
    Conditions(schema, at, level, *out);
    if (out->embedded && out->fields.empty() && !out->preserve_unknown) {
      errors_.Required(at.Child("properties"),
                       "must not be empty if x-kubernetes-embedded-resource is true without "
                       "x-kubernetes-preserve-unknown-fields");
    }
    if (out->embedded) {
      for (const char* name : {"apiVersion", "kind"}) {
        Implied(*out, name, Text());
        for (Field& field : out->fields) field.required = field.required || field.name == name;
      }
      Implied(*out, "metadata", meta_);
    }
    out->Index();
    return out;
  }

  void Properties(const Json& schema, const FieldPath& at, Place place, int level, Type& out) {
    std::set<std::string> required;
    if (const Json* list = json::Find(schema, "required"); list != nullptr && list->is_array()) {
      for (const Json& name : *list) {
        if (name.is_string()) required.insert(name.get<std::string>());
      }
    }
    const Json* properties = json::Find(schema, "properties");
    const Json* additional = json::Find(schema, "additionalProperties");
    if (properties != nullptr && additional != nullptr) {
      errors_.Forbidden(at.Child("additionalProperties"),
                        "additionalProperties and properties are mutual exclusive");
    } else if (additional != nullptr && additional->is_object()) {
      out.shape = Shape::kMap;
      out.element =
          Read(*additional, at.Child("additionalProperties"), Place::kProperty, level + 1);
    } else if (additional != nullptr && *additional == false) {
      errors_.Forbidden(at.Child("additionalProperties"),
                        "additionalProperties cannot be set to false");
    } else if (additional != nullptr) {
      out.preserve_unknown = true;
    }
    if (properties != nullptr && properties->is_object()) {
      for (const auto& [name, body] : properties->items()) {
        Field field;
        field.name = name;
        const FieldPath path = at.Child("properties").Key(name);
        field.type =
            Read(body, path, place == Place::kCondition ? place : Place::kProperty, level + 1);
        field.doc = field.type->doc;
        field.required = required.erase(name) > 0;
        if (body.is_object() && body.contains("default")) Default(body["default"], path, field);
        out.fields.push_back(std::move(field));
      }
    }
    // What is required but not described: of conditions mostly.
    out.required_only.assign(required.begin(), required.end());
  }

  void Default(const Json& value, const FieldPath& at, Field& field) {
    FieldErrors errors;
    CheckValue(value, *field.type, FieldPath(), Wording::kCustom, errors);
    for (const FieldError& error : errors.errors()) {
      errors_.Add({error.kind,
                   at.Child("default").text() + (error.field.empty() ? "" : ".") + error.field,
                   error.message});
    }
    field.fallback = std::make_shared<const Json>(value);
  }

  void Items(const Json& schema, const FieldPath& at, Place place, int level, Type& out) {
    const Json* items = json::Find(schema, "items");
    if (out.shape != Shape::kList) return;
    if (items == nullptr) {
      if (place != Place::kCondition) {
        errors_.Required(at.Child("items"), "must be specified");
      }
      out.shape = Shape::kAny;
      return;
    }
    out.element = Read(*items, at.Child("items"), place == Place::kCondition ? place : Place::kItem,
                       level + 1);
    const absl::string_view kind = json::String(schema, "x-kubernetes-list-type");
    if (kind == "set") {
      out.list = ListKind::kSet;
    } else if (kind == "map") {
      out.list = ListKind::kMap;
      Keys(schema, at, out);
    } else if (!kind.empty() && kind != "atomic") {
      errors_.NotSupported(at.Child("x-kubernetes-list-type"), Json(std::string(kind)),
                           {"atomic", "map", "set"});
    }
  }

  void Keys(const Json& schema, const FieldPath& at, Type& out) {
    const Json* keys = json::Find(schema, "x-kubernetes-list-map-keys");
    if (keys == nullptr || !keys->is_array() || keys->empty()) {
      errors_.Required(at.Child("x-kubernetes-list-map-keys"),
                       "must not be empty if x-kubernetes-list-type is map");
      out.list = ListKind::kAtomic;
      return;
    }
    for (const Json& key : *keys) {
      if (!key.is_string()) continue;
      out.keys.push_back(key.get<std::string>());
      const Field* field = out.element->Find(out.keys.back());
      const FieldPath path = at.Child("items").Child("properties").Key(out.keys.back());
      if (field == nullptr) {
        errors_.Invalid(at.Child("x-kubernetes-list-map-keys"), *keys,
                        "entries must all be names of item properties");
      } else if (!field->required && field->fallback == nullptr) {
        errors_.Required(path.Child("default"),
                         "this property is in x-kubernetes-list-map-keys, so it must have a "
                         "default or be a required property");
      }
    }
  }

  static void Limits(const Json& schema, Type& out) {
    const auto number = [&](const char* name, std::optional<double>& into) {
      const Json* value = json::Find(schema, name);
      if (value != nullptr && value->is_number()) into = value->get<double>();
    };
    const auto whole = [&](const char* name, std::optional<int64_t>& into) {
      if (const auto value = json::Int(schema, name); value.has_value()) into = value;
    };
    number("minimum", out.minimum);
    number("maximum", out.maximum);
    number("multipleOf", out.multiple_of);
    out.exclusive_minimum = json::Bool(schema, {"exclusiveMinimum"});
    out.exclusive_maximum = json::Bool(schema, {"exclusiveMaximum"});
    whole("minLength", out.min_length);
    whole("maxLength", out.max_length);
    whole("minItems", out.min_items);
    whole("maxItems", out.max_items);
    whole("minProperties", out.min_items);
    whole("maxProperties", out.max_items);
    out.pattern = std::string(json::String(schema, "pattern"));
    if (const Json* allowed = json::Find(schema, "enum"); allowed && allowed->is_array()) {
      out.allowed = std::make_shared<const Json>(*allowed);
    }
    const absl::string_view format = json::String(schema, "format");
    if (format == "int32") out.format = Format::kInt32;
    if (format == "int64") out.format = Format::kInt64;
    if (format == "byte") out.format = Format::kBytes;
    if (format == "date-time") out.format = Format::kTime;
    if (format == "duration") out.format = Format::kDuration;
  }

  void Conditions(const Json& schema, const FieldPath& at, int level, Type& out) {
    const auto all = [&](const char* name, std::vector<const Type*>& into) {
      const Json* list = json::Find(schema, name);
      if (list == nullptr || !list->is_array()) return;
      if (out.shape == Shape::kIntOrString && IntOrStringPattern(*list)) return;
      for (size_t i = 0; i < list->size(); ++i) {
        into.push_back(Read((*list)[i], at.Child(name).Index(i), Place::kCondition, level + 1));
      }
    };
    all("allOf", out.all_of);
    all("anyOf", out.any_of);
    all("oneOf", out.one_of);
    if (const Json* none = json::Find(schema, "not"); none != nullptr) {
      out.none_of = Read(*none, at.Child("not"), Place::kCondition, level + 1);
    }
  }

  const Type* meta_;
  TypeStore& store_;
  FieldErrors& errors_;
};

}  // namespace

const Type* FromOpenApi(const Json& schema, const Type* meta, const FieldPath& at, TypeStore& store,
                        FieldErrors& errors) {
  return Reader(meta, store, errors).Root(schema, at);
}

}  // namespace rekindle::api
