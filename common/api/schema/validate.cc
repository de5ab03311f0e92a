#include <cmath>
#include <limits>
#include <optional>
#include <set>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>
#include <re2/re2.h>

#include "common/api/quantity.h"
#include "common/api/schema/values.h"
#include "common/api/text_rules.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

bool WholeNumber(const Json& value) {
  if (value.is_number_integer()) return true;
  if (!value.is_number_float()) return false;
  const double number = value.get<double>();
  return std::isfinite(number) && std::floor(number) == number && std::abs(number) < 1e18;
}

bool Fits(const Type& type, const Json& value) {
  switch (type.shape) {
    case Shape::kAny:
      return true;
    case Shape::kObject:
    case Shape::kMap:
      return value.is_object();
    case Shape::kList:
      return value.is_array();
    case Shape::kString:
      return value.is_string();
    case Shape::kInteger:
      return WholeNumber(value);
    case Shape::kNumber:
      return value.is_number();
    case Shape::kBoolean:
      return value.is_boolean();
    case Shape::kIntOrString:
      return value.is_string() || WholeNumber(value);
    case Shape::kQuantity:
      return value.is_string() || value.is_number();
  }
  return false;
}

// What a format is called when a text does not have it; nullopt when it has.
std::optional<absl::string_view> MissedFormat(const Type& type, const Json& value) {
  if (type.shape == Shape::kQuantity) {
    if (!Quantity::FromJson(value).ok()) return "quantity";
    return std::nullopt;
  }
  if (!value.is_string()) return std::nullopt;
  const std::string& text = value.get_ref<const std::string&>();
  std::string bytes;
  switch (type.format) {
    case Format::kTime:
      if (!ParseTime(text).has_value()) return "date-time";
      break;
    case Format::kMicroTime:
      if (!ParseMicroTime(text).has_value()) return "date-time with six fractional digits";
      break;
    case Format::kBytes:
      if (!absl::Base64Unescape(text, &bytes)) return "byte";
      break;
    case Format::kDuration:
      if (!ParseDuration(text).has_value()) return "duration";
      break;
    default:
      break;
  }
  return std::nullopt;
}

bool InRange(const Type& type, const Json& value) {
  if (type.format != Format::kInt32 || !value.is_number()) return true;
  const double number = value.get<double>();
  return number >= std::numeric_limits<int32_t>::min() &&
         number <= std::numeric_limits<int32_t>::max();
}

std::string NumberText(double number) {
  return std::floor(number) == number && std::abs(number) < 1e15
             ? absl::StrCat(static_cast<int64_t>(number))
             : absl::StrCat(number);
}

// RE2 takes time in proportion to the text, whoever wrote the pattern.
bool MatchesPattern(const std::string& pattern, const std::string& text) {
  RE2::Options options;
  options.set_log_errors(false);
  const RE2 compiled(pattern, options);
  return !compiled.ok() || RE2::PartialMatch(text, compiled);
}

class Checker {
 public:
  Checker(Wording wording, bool own, FieldErrors& errors)
      : custom_(wording == Wording::kCustom), own_(own), errors_(errors) {}

  void Walk(const Json& value, const Type& type, const FieldPath& at, bool checks = true) {
    if (value.is_null() && (type.nullable || !custom_)) return;
    if (!Fits(type, value) && type.shape != Shape::kAny) {
      errors_.TypeInvalid(at, Json(JsonTypeName(value)),
                          InBody(at, absl::StrCat("must be of type ", SchemaTypeName(type), ": \"",
                                                  JsonTypeName(value), "\"")));
      return;
    }
    if (const auto missed = MissedFormat(type, value); missed.has_value()) {
      errors_.Invalid(at, value, InBody(at, absl::StrCat("must be of type ", *missed)));
      return;
    }
    if (!InRange(type, value)) {
      errors_.Invalid(at, value, InBody(at, "must fit in 32 bits"));
      return;
    }
    if (checks || own_) Limits(value, type, at);
    switch (type.shape) {
      case Shape::kObject:
        Object(value, type, at);
        break;
      case Shape::kMap:
        for (const auto& [key, member] : value.items()) {
          Walk(member, *type.element, custom_ ? at.Child(key) : at.Key(key));
        }
        break;
      case Shape::kList:
        for (size_t i = 0; i < value.size(); ++i) Walk(value[i], *type.element, at.Index(i));
        if (custom_) Keys(value, type, at);
        break;
      case Shape::kAny:
        // A condition says nothing about the type but may ask for members.
        if (value.is_object()) Object(value, type, at);
        break;
      default:
        break;
    }
    if (custom_) Conditions(value, type, at);
  }

 private:
  std::string InBody(const FieldPath& at, absl::string_view what) const {
    return custom_ ? absl::StrCat(at.text(), " in body ", what) : std::string(what);
  }

  // A text of no characters counts as absent in kinds of the platform, and so does an empty list
  // that must be given.
  bool Absent(const Json& object, const Field& field) const {
    const auto it = object.find(field.name);
    if (it == object.end()) return true;
    if (custom_ || (field.may_be_empty && it->is_string())) return false;
    return it->is_null() || json::IsEmpty(*it);
  }

  void Object(const Json& value, const Type& type, const FieldPath& at) {
    for (const Field& field : type.fields) {
      const FieldPath path = at.Child(field.name);
      const auto it = value.find(field.name);
      if (field.required && Absent(value, field)) {
        // An object that must be given may be empty.
        const bool empty_object = it != value.end() && it->is_object();
        if (!empty_object) {
          errors_.Required(path);
          continue;
        }
      }
      if (it == value.end() || field.opaque) continue;
      Walk(*it, *field.type, path, field.published_checks);
    }
    for (const std::string& name : type.required_only) {
      if (!value.contains(name)) errors_.Required(at.Child(name));
    }
  }

  void Limits(const Json& value, const Type& type, const FieldPath& at) {
    if (value.is_string() && value.get_ref<const std::string&>().empty() && !custom_) return;
    if (type.allowed != nullptr) {
      bool found = false;
      std::vector<std::string> supported;
      for (const Json& one : *type.allowed) {
        found = found || one == value;
        supported.push_back(one.is_string() ? one.get<std::string>() : one.dump());
      }
      if (!found) errors_.NotSupported(at, value, supported);
    }
    if (value.is_number()) Numbers(value, type, at);
    if (value.is_string()) Texts(value, type, at);
    if (value.is_array() || (value.is_object() && type.shape != Shape::kList)) {
      const int64_t size = static_cast<int64_t>(value.size());
      if (type.min_items.has_value() && size < *type.min_items) {
        errors_.Invalid(at, Json(size),
                        InBody(at, absl::StrCat("should have at least ", *type.min_items,
                                                value.is_array() ? " items" : " properties")));
      }
      if (type.max_items.has_value() && size > *type.max_items) {
        errors_.TooMany(at, value.size(), static_cast<size_t>(*type.max_items));
      }
    }
    if (type.unique_items && value.is_array() &&
        std::set<Json>(value.begin(), value.end()).size() != value.size()) {
      errors_.Invalid(at, value, InBody(at, "shouldn't contain duplicates"));
    }
  }

  void Numbers(const Json& value, const Type& type, const FieldPath& at) {
    const double number = value.get<double>();
    const bool low = type.minimum.has_value() &&
                     (type.exclusive_minimum ? number <= *type.minimum : number < *type.minimum);
    const bool high = type.maximum.has_value() &&
                      (type.exclusive_maximum ? number >= *type.maximum : number > *type.maximum);
    if ((low || high) && !custom_) {
      errors_.Invalid(at, value, BuiltInRange(type));
    } else if (low) {
      errors_.Invalid(at, value,
                      InBody(at, absl::StrCat("should be greater than ",
                                              type.exclusive_minimum ? "" : "or equal to ",
                                              NumberText(*type.minimum))));
    } else if (high) {
      errors_.Invalid(at, value,
                      InBody(at, absl::StrCat("should be less than ",
                                              type.exclusive_maximum ? "" : "or equal to ",
                                              NumberText(*type.maximum))));
    }
    if (type.multiple_of.has_value() && *type.multiple_of > 0 &&
        std::abs(std::remainder(number, *type.multiple_of)) > 1e-9) {
      errors_.Invalid(
          at, value,
          InBody(at, absl::StrCat("should be a multiple of ", NumberText(*type.multiple_of))));
    }
  }

  static std::string BuiltInRange(const Type& type) {
    if (type.minimum.has_value() && type.maximum.has_value()) {
      return absl::StrCat("must be between ", NumberText(*type.minimum), " and ",
                          NumberText(*type.maximum), ", inclusive");
    }
    if (type.maximum.has_value()) {
      return absl::StrCat("must be less than or equal to ", NumberText(*type.maximum));
    }
    if (*type.minimum == 1) return "must be greater than 0";
    return absl::StrCat("must be greater than or equal to ", NumberText(*type.minimum));
  }

  void Texts(const Json& value, const Type& type, const FieldPath& at) {
    const std::string& text = value.get_ref<const std::string&>();
    const int64_t length = static_cast<int64_t>(text.size());
    if (type.min_length.has_value() && length < *type.min_length) {
      errors_.Invalid(
          at, value,
          InBody(at, absl::StrCat("should be at least ", *type.min_length, " chars long")));
    }
    if (type.max_length.has_value() && length > *type.max_length) {
      errors_.TooLong(at, static_cast<size_t>(*type.max_length));
    }
    if (!type.pattern.empty() && !MatchesPattern(type.pattern, text)) {
      errors_.Invalid(at, value, InBody(at, absl::StrCat("should match '", type.pattern, "'")));
    }
    for (const std::string& sentence : CheckText(type.rule, text)) {
      errors_.Invalid(at, value, sentence);
    }
  }

  void Keys(const Json& value, const Type& type, const FieldPath& at) {
    if (type.list == ListKind::kAtomic) return;
    std::set<Json> seen;
    for (size_t i = 0; i < value.size(); ++i) {
      Json key = value[i];
      if (type.list == ListKind::kMap) {
        if (!value[i].is_object()) continue;
        key = Json::object();
        for (const std::string& name : type.keys) {
          if (value[i].contains(name)) key[name] = value[i][name];
        }
      }
      if (!seen.insert(key).second) errors_.Duplicate(at.Index(i), key);
    }
  }

  bool Holds(const Json& value, const Type& type, const FieldPath& at) {
    FieldErrors errors;
    Checker(Wording::kCustom, own_, errors).Walk(value, type, at);
    return errors.empty();
  }

  void Conditions(const Json& value, const Type& type, const FieldPath& at) {
    for (const Type* one : type.all_of) Walk(value, *one, at);
    size_t any = 0;
    for (const Type* one : type.any_of) any += Holds(value, *one, at) ? 1 : 0;
    if (!type.any_of.empty() && any == 0) {
      errors_.Invalid(
          at, value, absl::StrCat("\"", at.text(), "\" must validate at least one schema (anyOf)"));
    }
    size_t one_of = 0;
    for (const Type* one : type.one_of) one_of += Holds(value, *one, at) ? 1 : 0;
    if (!type.one_of.empty() && one_of != 1) {
      errors_.Invalid(
          at, value,
          absl::StrCat("\"", at.text(), "\" must validate one and only one schema (oneOf). Found ",
                       one_of == 0 ? "none" : absl::StrCat(one_of), " valid"));
    }
    if (type.none_of != nullptr && Holds(value, *type.none_of, at)) {
      errors_.Invalid(at, value,
                      absl::StrCat("\"", at.text(), "\" must not validate the schema (not)"));
    }
  }

  const bool custom_;
  const bool own_;
  FieldErrors& errors_;
};

// Looks for the first value that a decoder of typed objects would stop at.
std::string Mistyped(const Json& value, const Type& type, const std::string& path,
                     absl::string_view owner) {
  if (value.is_null()) return {};
  const bool whole = type.shape != Shape::kInteger || value.is_number_integer();
  if (!Fits(type, value) || !whole || !InRange(type, value)) {
    return absl::StrCat("json: cannot unmarshal ",
                        value.is_number() ? absl::StrCat("number ", value.dump())
                                          : std::string(JsonTypeName(value)),
                        " into field ", owner, ".", path, " of type ",
                        type.format == Format::kInt32 ? "int32" : SchemaTypeName(type));
  }
  if (const auto missed = MissedFormat(type, value); missed.has_value()) {
    return absl::StrCat("field ", owner, ".", path, ": ", ShownValue(value), " is no ", *missed);
  }
  const auto join = [&](const std::string& name) {
    return path.empty() ? name : path + "." + name;
  };
  if (type.shape == Shape::kObject) {
    for (const auto& [key, member] : value.items()) {
      const Field* field = type.Find(key);
      if (field == nullptr || field->opaque) continue;
      if (std::string out = Mistyped(member, *field->type, join(key), owner); !out.empty()) {
        return out;
      }
    }
  } else if (type.shape == Shape::kMap || type.shape == Shape::kList) {
    for (const Json& member : value) {
      if (std::string out = Mistyped(member, *type.element, path, owner); !out.empty()) return out;
    }
  }
  return {};
}

}  // namespace

void CheckValue(const Json& value, const Type& type, const FieldPath& at, Wording wording,
                FieldErrors& errors, bool own_checks) {
  Checker(wording, own_checks, errors).Walk(value, type, at);
}

std::string FirstMistyped(const Json& value, const Type& type, absl::string_view kind) {
  return Mistyped(value, type, "", kind);
}

}  // namespace rekindle::api
