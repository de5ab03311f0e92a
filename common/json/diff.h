#ifndef REKINDLE_COMMON_JSON_DIFF_H_
#define REKINDLE_COMMON_JSON_DIFF_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::json {

enum class DiffKind { kAdd, kRemove, kReplace };

absl::string_view DiffKindName(DiffKind kind);  // "add", "remove", "replace"

// One difference. `path` is a JSON pointer; `old_value` and `new_value` point into the compared
// trees and are null where that side has nothing.
struct DiffOp {
  DiffKind kind = DiffKind::kReplace;
  std::string path;
  const Json* old_value = nullptr;
  const Json* new_value = nullptr;
};

// What turns `before` into `after`; empty when they are equal. In-place decisions depend on these
// rules (spec in-place-update 5.3): objects per key; another type or value is a replace; a null
// that gets a value is an add; arrays holding objects or arrays are compared index by index; arrays
// of scalars are aligned, so that an insertion is one add. The pointers live as long as the trees.
std::vector<DiffOp> Diff(const Json& before, const Json& after);

// The same as a JSON patch document (RFC 6902), applicable in order.
Json ToJsonPatch(const std::vector<DiffOp>& ops);

// Bounds of what a patch from a user may do.
struct JsonPatchLimits {
  size_t max_operations = 10'000;
  size_t max_copied_bytes = 3u << 20;  // by `copy`, which can double a document again and again
};

// Applies a JSON patch. A `test` for null also holds where nothing is. Errors: kInvalidArgument for
// a malformed patch, kFailedPrecondition when a path is missing or a test fails (the message names
// the operation), kResourceExhausted beyond the limits.
absl::StatusOr<Json> ApplyJsonPatch(const Json& tree, const Json& patch,
                                    const JsonPatchLimits& limits = {});

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_DIFF_H_
