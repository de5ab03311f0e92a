#ifndef REKINDLE_COMMON_API_KINDS_CONVERT_H_
#define REKINDLE_COMMON_API_KINDS_CONVERT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "common/api/schema/schema.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// Converts `object` (of a kind of Kinds()) to version `to` (spec cloneset 5, statefulset 1.1,
// container-recreate 4). Members that the target does not know are dropped. The source is never
// changed. `warnings` (may be null) gets what users should be told of. Errors: kInvalidArgument
// when the object is of another kind or of a version that nobody knows.
absl::StatusOr<Json> Convert(const Json& object, const KindInfo& to,
                             std::vector<std::string>* warnings = nullptr);

// What a write through version `written` takes away from the stored object `old` (v1beta1): the
// fields of a v1beta1-only kind that are set there. Texts for warnings (statefulset 1.1).
std::vector<std::string> LostByWrite(const Json& old, const KindInfo& written);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_KINDS_CONVERT_H_
