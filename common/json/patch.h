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

// What a strategic merge patch has to know of the patched type. Implementations are immutable.
class MergeSchema {
 public:
  virtual ~MergeSchema() = default;
  // The schema of member `name` of this object or map; of an element when this is a list. Null when
  // nothing is known: lists below are then replaced.
  virtual const MergeSchema* MemberSchema(absl::string_view name) const = 0;
  virtual ListRule MergeRule() const = 0;  // of this list
  // Objects of which only the members that the patch names may stay (unions such as Volume).
  virtual bool RetainsKeys() const = 0;
};

// Applies a strategic merge patch. `schema` may be null. Understands $patch (replace, delete,
// merge), $setElementOrder, $deleteFromPrimitiveList and $retainKeys; directives never reach the
// result. Elements of the patch keep their order among themselves; elements that only the live list
// has stay in front of the elements that they preceded, all others come after the patch's. Errors:
// kInvalidArgument when a list element lacks its merge key or a directive is unknown.
absl::StatusOr<Json> ApplyStrategicPatch(const Json& tree, const Json& patch,
                                         const MergeSchema* schema);

// The two-way strategic merge patch from `before` to `after`; {} when nothing differs.
Json MakeStrategicPatch(const Json& before, const Json& after, const MergeSchema* schema);

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_PATCH_H_
