#ifndef REKINDLE_COMMON_JSON_PARSE_H_
#define REKINDLE_COMMON_JSON_PARSE_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::json {

struct ParseLimits {
  // Objects and lists inside one another. Walks over trees are recursive; this bounds their stack.
  size_t max_depth = 256;
  // How many repeated members are reported.
  size_t max_duplicates = 100;
};

// Parses exactly one JSON value in UTF-8 and reports members that an object has twice (the last one
// counts), as paths such as `spec.containers[0].name`. Errors: kInvalidArgument with the byte
// offset for text that is not JSON, with the limit for text that is nested too deeply. Thread-safe.
absl::StatusOr<Json> ParseChecked(absl::string_view text, std::vector<std::string>* duplicates,
                                  const ParseLimits& limits = {});

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_PARSE_H_
