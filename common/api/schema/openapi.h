#ifndef REKINDLE_COMMON_API_SCHEMA_OPENAPI_H_
#define REKINDLE_COMMON_API_SCHEMA_OPENAPI_H_

#include <string>
#include <vector>

#include "common/api/field_error.h"
#include "common/api/schema/schema.h"
#include "common/api/schema/type.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// The structural schema of a CRD (spec kubernetes-api 13.2): everything inline, opaque members as
// free-form objects, metadata as a plain object. Must not be called for types that contain
// themselves; those of our CRDs do not.
Json ToStructuralSchema(const Type& type);

// OpenAPI v3 `components.schemas` for these kinds and all that they refer to: with $ref, merge
// keys, list types and descriptions. Opaque members are published with the type behind them, so
// that `kubectl explain` can go on.
Json ToComponents(const std::vector<const KindInfo*>& kinds);

// The CustomResourceDefinition of one of our kinds: all its versions in `schema`, newest first.
Json ToCrd(const Schema& schema, absl::string_view group, absl::string_view kind);

// A user's structural schema as a type. `at` prefixes the paths of what is wrong with it. Members
// apiVersion, kind and metadata of the root get the types of `meta` (an ObjectMeta). The type lives
// in `store`. Null only when `schema` is no object; whoever finds `errors` must not use the result.
const Type* FromOpenApi(const Json& schema, const Type* meta, const FieldPath& at, TypeStore& store,
                        FieldErrors& errors);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_SCHEMA_OPENAPI_H_
