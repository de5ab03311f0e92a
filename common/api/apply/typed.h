#ifndef REKINDLE_COMMON_API_APPLY_TYPED_H_
#define REKINDLE_COMMON_API_APPLY_TYPED_H_

#include "absl/status/status.h"

#include "common/api/apply/field_set.h"
#include "common/api/schema/type.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// What server-side apply does with values of a type (spec kubernetes-api 7.6). Maps and objects are
// owned member by member, lists with keys and sets element by element, everything else as a whole.
// Below a free-form part maps are owned member by member and lists as a whole. Thread-safe.

// Errors: kInvalidArgument, naming the path, for members that the type does not declare, elements
// without their keys and elements that a list has twice.
absl::Status CheckTyped(const Json& value, const Type& type);

// The fields that a value has: its leaves, empty maps and lists, and keyed elements.
FieldSet FieldsOf(const Json& value, const Type& type);

struct Comparison {
  FieldSet added;
  FieldSet modified;
  FieldSet removed;
  bool Same() const { return added.Empty() && modified.Empty() && removed.Empty(); }
};
Comparison CompareTyped(const Json& before, const Json& after, const Type& type);

// `live` with everything that `config` says. Elements keep the order of `config`, those that only
// `live` has stay in front of the elements that they preceded.
Json MergeTyped(const Json& live, const Json& config, const Type& type);

// Without these fields. A map or list that gets empty goes as well.
Json RemoveFields(const Json& value, const FieldSet& fields, const Type& type);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_APPLY_TYPED_H_
