#ifndef REKINDLE_COMMON_JSON_POINTER_H_
#define REKINDLE_COMMON_JSON_POINTER_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::json {

// JSON pointers (RFC 6901). Inside a segment `~` is written `~0` and `/` is written `~1`.

std::string EscapeSegment(absl::string_view segment);
std::string UnescapeSegment(absl::string_view segment);

// The unescaped segments of `pointer`; "" has none.
// Errors: kInvalidArgument when a non-empty pointer does not start with `/`.
absl::StatusOr<std::vector<std::string>> SplitPointer(absl::string_view pointer);

// The value at `pointer`. Errors: kInvalidArgument for a malformed pointer, kNotFound when nothing
// is there.
absl::StatusOr<const Json*> AtPointer(const Json& tree, absl::string_view pointer);

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_POINTER_H_
