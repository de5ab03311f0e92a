#ifndef REKINDLE_COMMON_JSON_PATCH_H_
#define REKINDLE_COMMON_JSON_PATCH_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::json {

// Merge patch (RFC 7396): objects merge, null removes a member, everything else replaces.
Json ApplyMergePatch(Json tree, const Json& patch);

// The merge patch that turns `before` into `after`.
Json MakeMergePatch(const Json& before, const Json& after);

// How a list behaves under a strategic merge patch (spec kubernetes-api 7.5).
struct ListRule {
  enum class Kind { kReplace, kMergeByKey, kMergePrimitive };
  Kind kind = Kind::kReplace;
  absl::string_view key;  // merge key of kMergeByKey
};

// The rule of a list field of a Pod. `path` has the field names from the Pod's root joined with
// dots, without list indexes: "spec.containers.env".
ListRule PodListRule(absl::string_view path);

// Applies a strategic merge patch to a Pod, or to the part of a Pod that lies under `root` ("" for
// a whole Pod or pod template, "spec" for a PodSpec). Understands $patch (replace, delete),
// $setElementOrder, $deleteFromPrimitiveList and $retainKeys. New list elements go in front unless
// an element order is given. Errors: kInvalidArgument when a list element lacks its merge key or a
// directive is unknown.
absl::StatusOr<Json> ApplyStrategicPatch(const Json& tree, const Json& patch,
                                         absl::string_view root = "");

// The two-way strategic merge patch from `before` to `after`; {} when nothing differs.
Json MakeStrategicPatch(const Json& before, const Json& after, absl::string_view root = "");

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_PATCH_H_
