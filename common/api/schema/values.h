#ifndef REKINDLE_COMMON_API_SCHEMA_VALUES_H_
#define REKINDLE_COMMON_API_SCHEMA_VALUES_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/api/field_error.h"
#include "common/api/schema/type.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// What a type makes of values. All functions are thread-safe on different values.

// The members that the type does not know, as paths `spec.containers[0].nmae`, in order; at most
// `most`. Free-form parts are not looked into.
std::vector<std::string> UnknownFields(const Json& value, const Type& type, size_t most = 100);

// Removes unknown members where they are not kept, nulls that mean "absent", and sets defaults
// (spec kubernetes-api 13.3: prune, then default). A null becomes the default where there is one,
// stays where the type is nullable, and goes away elsewhere. Defaults of our own that are no part
// of the CRD are set too when `own_defaults`.
void PruneAndDefault(Json& value, const Type& type, bool own_defaults = true);
void Prune(Json& value, const Type& type);
void ApplyDefaults(Json& value, const Type& type, bool own_defaults = true);

// Whose words are used.
enum class Wording {
  kBuiltIn,  // kinds of the platform: "must be greater than or equal to 0"; "" counts as absent
  kCustom,   // custom resources: "spec.x in body should be greater than or equal to 0"
};

// Checks types, required members, enumerations, limits, patterns, list keys and text rules. Limits
// that are not part of the CRD are checked too when `own_checks`. Members below an opaque one are
// left alone. Patterns are RE2's; one that cannot be read refuses
// nothing.
void CheckValue(const Json& value, const Type& type, const FieldPath& at, Wording wording,
                FieldErrors& errors, bool own_checks = true);

// The first value of a wrong JSON type or form, as a decoder of typed objects reports it (400, spec
// 4.4); empty when there is none. `kind` names the whole in the message.
std::string FirstMistyped(const Json& value, const Type& type, absl::string_view kind);

// "object", "array", "string", "integer", "number", "boolean", "null".
absl::string_view JsonTypeName(const Json& value);
// "integer", "string", "integer,string", ... as the schema names it.
std::string SchemaTypeName(const Type& type);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_SCHEMA_VALUES_H_
