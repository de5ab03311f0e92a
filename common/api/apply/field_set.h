#ifndef REKINDLE_COMMON_API_APPLY_FIELD_SET_H_
#define REKINDLE_COMMON_API_APPLY_FIELD_SET_H_

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/api/schema/type.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// One step into an object: a member, an element by its keys or value, an element by its place.
struct PathElement {
  enum class Kind { kField, kKey, kValue, kIndex };
  Kind kind = Kind::kField;
  std::string text;  // name; compact JSON of the keys' object or of the value; decimal number

  static PathElement Field(absl::string_view name) { return {Kind::kField, std::string(name)}; }
  static PathElement Key(const Json& keys);
  static PathElement Value(const Json& value);
  // "f:name", `k:{"name":"x"}`, `v:"x"`, "i:3". Errors: kInvalidArgument.
  static absl::StatusOr<PathElement> Parse(absl::string_view text);
  std::string Text() const;
  // As messages show it: `.name`, `[name="x"]`, `[="x"]`, `[3]`.
  std::string Shown() const;

  // NOLINTNEXTLINE(modernize-use-nullptr): a false alarm on the 0 inside the defaulted operator
  friend auto operator<=>(const PathElement&, const PathElement&) = default;
};

// A set of fields: the `fieldsV1` of managed fields (spec kubernetes-api 2.6). Thread-compatible.
class FieldSet {
 public:
  // Errors: kInvalidArgument naming the bad step.
  static absl::StatusOr<FieldSet> FromJson(const Json& fields_v1);
  Json ToJson() const;

  bool Empty() const;
  void Insert(const std::vector<PathElement>& path);
  void InsertMember(const PathElement& element) { members_.insert(element); }
  bool Has(const PathElement& element) const { return members_.count(element) > 0; }
  bool Has(const std::vector<PathElement>& path) const;
  const FieldSet* Child(const PathElement& element) const;
  FieldSet& MutableChild(const PathElement& element) { return children_[element]; }

  FieldSet Union(const FieldSet& other) const;
  FieldSet Intersection(const FieldSet& other) const;
  FieldSet Difference(const FieldSet& other) const;
  // Without the fields of `other` and everything below them.
  FieldSet RecursiveDifference(const FieldSet& other) const;
  // With every declared member of an object that has fields below it.
  FieldSet WithNamedParents(const Type* type) const;
  // All paths as messages show them, in order.
  std::vector<std::string> Paths() const;

  friend bool operator==(const FieldSet&, const FieldSet&) = default;

 private:
  void Collect(const std::string& prefix, std::vector<std::string>& out) const;
  void Tidy();  // drops children without fields

  std::set<PathElement> members_;
  std::map<PathElement, FieldSet> children_;
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_APPLY_FIELD_SET_H_
