#include "common/api/schema/values.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/schema/type.h"

namespace rekindle::api {
namespace {

class UnknownFinder {
 public:
  explicit UnknownFinder(size_t most) : most_(most) {}
  std::vector<std::string> found;

  void Walk(const Json& value, const Type& type, const std::string& path) {
    if (found.size() >= most_) return;
    if (type.shape == Shape::kList && value.is_array()) {
      for (size_t i = 0; i < value.size(); ++i) {
        Walk(value[i], *type.element, absl::StrCat(path, "[", i, "]"));
      }
    } else if (type.shape == Shape::kMap && value.is_object()) {
      for (const auto& [key, member] : value.items()) {
        Walk(member, *type.element, Join(path, key));
      }
    } else if (type.shape == Shape::kObject && value.is_object()) {
      for (const auto& [key, member] : value.items()) {
        const Field* field = type.Find(key);
        if (field == nullptr) {
          if (!type.preserve_unknown && found.size() < most_) found.push_back(Join(path, key));
        } else if (!field->opaque) {
          Walk(member, *field->type, Join(path, key));
        }
      }
    }
  }

 private:
  static std::string Join(const std::string& path, const std::string& key) {
    return path.empty() ? key : absl::StrCat(path, ".", key);
  }
  size_t most_;
};

struct Work {
  bool prune = false;
  bool defaults = false;
  bool own = false;
};

void Walk(Json& value, const Type& type, const Work& work);

void WalkObject(Json& value, const Type& type, const Work& work) {
  for (auto it = value.begin(); it != value.end();) {
    const Field* field = type.Find(it.key());
    if (field == nullptr) {
      it = work.prune && !type.preserve_unknown ? value.erase(it) : std::next(it);
    } else if (it->is_null() && !field->type->nullable && !field->opaque) {
      it = value.erase(it);  // a default comes below
    } else {
      ++it;
    }
  }
  for (const Field& field : type.fields) {
    const auto it = value.find(field.name);
    if (it != value.end()) {
      if (!field.opaque) Walk(*it, *field.type, work);
    } else if (work.defaults && field.fallback != nullptr &&
               (work.own || field.published_default)) {
      Json& added = value[field.name] = *field.fallback;
      if (!field.opaque) Walk(added, *field.type, work);
    }
  }
}

void Walk(Json& value, const Type& type, const Work& work) {
  switch (type.shape) {
    case Shape::kObject:
      if (value.is_object()) WalkObject(value, type, work);
      break;
    case Shape::kMap:
      if (!value.is_object()) break;
      for (auto it = value.begin(); it != value.end();) {
        if (it->is_null() && !type.element->nullable && type.element->shape != Shape::kAny) {
          it = value.erase(it);
        } else {
          Walk(*it, *type.element, work);
          ++it;
        }
      }
      break;
    case Shape::kList:
      if (!value.is_array()) break;
      for (Json& element : value) Walk(element, *type.element, work);
      break;
    default:
      break;
  }
}

}  // namespace

std::vector<std::string> UnknownFields(const Json& value, const Type& type, size_t most) {
  UnknownFinder finder(most);
  finder.Walk(value, type, "");
  return std::move(finder.found);
}

void PruneAndDefault(Json& value, const Type& type, bool own_defaults) {
  Walk(value, type, {.prune = true, .defaults = true, .own = own_defaults});
}
void Prune(Json& value, const Type& type) { Walk(value, type, {.prune = true}); }
void ApplyDefaults(Json& value, const Type& type, bool own_defaults) {
  Walk(value, type, {.defaults = true, .own = own_defaults});
}

absl::string_view JsonTypeName(const Json& value) {
  if (value.is_object()) return "object";
  if (value.is_array()) return "array";
  if (value.is_string()) return "string";
  if (value.is_number_integer()) return "integer";
  if (value.is_number()) return "number";
  if (value.is_boolean()) return "boolean";
  return "null";
}

std::string SchemaTypeName(const Type& type) {
  switch (type.shape) {
    case Shape::kAny:
      return "any";
    case Shape::kObject:
    case Shape::kMap:
      return "object";
    case Shape::kList:
      return "array";
    case Shape::kString:
      return "string";
    case Shape::kInteger:
      return "integer";
    case Shape::kNumber:
      return "number";
    case Shape::kBoolean:
      return "boolean";
    case Shape::kIntOrString:
      return "integer,string";
    case Shape::kQuantity:
      break;
  }
  return "integer,string";
}

}  // namespace rekindle::api
