#ifndef REKINDLE_COMMON_API_SCHEMA_TYPE_H_
#define REKINDLE_COMMON_API_SCHEMA_TYPE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

#include "common/api/text_rules.h"
#include "common/json/json_fwd.h"
#include "common/json/patch.h"

namespace rekindle::api {

enum class Shape {
  kAny,  // any JSON value
  kObject,
  kMap,
  kList,
  kString,
  kInteger,
  kNumber,
  kBoolean,
  kIntOrString,
  kQuantity,
};

enum class Format { kNone, kInt32, kInt64, kDouble, kBytes, kTime, kMicroTime, kDuration };

// Who owns what in a list under server-side apply.
enum class ListKind { kAtomic, kSet, kMap };

class Type;

// One member of an object.
struct Field {
  std::string name;
  const Type* type = nullptr;
  std::string doc;
  bool required = false;
  bool may_be_empty = false;  // required, and a text of no characters will do
  bool atomic = false;        // this member is owned as a whole by server-side apply
  // Published as a free-form object and passed on as it is; `type` serves explanations and checks
  // of our own only (pod templates in custom resources).
  bool opaque = false;
  std::shared_ptr<const Json> fallback;  // default; null: none
  bool published_default = true;         // the default is part of the CRD
  bool published_checks = true;          // so are its limits and enumerations
};

// The type of a value: what it may hold and how it merges. One description serves validation,
// defaulting, pruning, strategic merge patch, server-side apply, OpenAPI and the CRDs. Immutable
// once its Schema is built; all methods are thread-safe.
class Type : public json::MergeSchema {
 public:
  Shape shape = Shape::kAny;
  std::string name;  // component name, "io.k8s.api.core.v1.Container"; empty for anonymous types
  std::string doc;

  // kObject
  std::vector<Field> fields;
  bool preserve_unknown = false;
  bool embedded = false;     // a whole object with apiVersion, kind, metadata
  bool retain_keys = false;  // strategic merge patch: a union
  // kMap, kList
  const Type* element = nullptr;
  // kMap, kObject: owned as a whole
  bool atomic = false;
  // kList
  ListKind list = ListKind::kAtomic;
  std::vector<std::string> keys;  // of ListKind::kMap
  json::ListRule::Kind merge = json::ListRule::Kind::kReplace;
  std::string merge_key;

  bool nullable = false;
  Format format = Format::kNone;
  TextRule rule = TextRule::kNone;
  std::shared_ptr<const Json> allowed;  // enumeration: a list; null: none
  std::optional<double> minimum;
  std::optional<double> maximum;
  bool exclusive_minimum = false;
  bool exclusive_maximum = false;
  std::optional<double> multiple_of;
  std::optional<int64_t> min_length;
  std::optional<int64_t> max_length;
  std::optional<int64_t> min_items;  // of maps: members
  std::optional<int64_t> max_items;
  bool unique_items = false;
  std::string pattern;
  // Conditions of custom resources' schemas.
  std::vector<const Type*> all_of;
  std::vector<const Type*> any_of;
  std::vector<const Type*> one_of;
  const Type* none_of = nullptr;
  std::vector<std::string> required_only;  // `required` of such a condition

  const Field* Find(absl::string_view field) const;
  // Must be called once after `fields` is complete.
  void Index();
  bool Structured() const {
    return shape == Shape::kObject || shape == Shape::kMap || shape == Shape::kList;
  }

  // json::MergeSchema
  const json::MergeSchema* MemberSchema(absl::string_view field) const override;
  json::ListRule MergeRule() const override;
  bool RetainsKeys() const override { return retain_keys; }

 private:
  absl::flat_hash_map<std::string, size_t> index_;
};

// The type below `type` for a member, element or map value; null when nothing is known of it. Looks
// through nothing: an opaque member has no known type here.
const Type* MemberType(const Type* type, absl::string_view member);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_SCHEMA_TYPE_H_
