#ifndef REKINDLE_COMMON_JSON_FAST_PARSE_H_
#define REKINDLE_COMMON_JSON_FAST_PARSE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::json {

// Parses many documents of one kind, leaving out the parts that nobody reads: what is left out
// costs next to nothing and takes no memory. Lists of 100,000 pods are read with it.
//
// The trees are those of Parse, with two differences: whole numbers beyond 64 bits are refused, and
// inside a part that is left out nothing is checked beyond its brackets.
// Fuzzed by tests/fuzz/fast_parse_fuzz.cc. Threads: thread-compatible; buffers are kept.
class FastParser {
 public:
  // `leave_out`: members by path, joined with dots, without list indexes, such as
  // "metadata.managedFields" or "spec.containers.livenessProbe".
  explicit FastParser(const std::vector<std::string>& leave_out = {});
  ~FastParser();
  FastParser(FastParser&&) noexcept;

  // Errors: kInvalidArgument for anything but one JSON value, and for more than 256 levels.
  absl::StatusOr<Json> Parse(absl::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_FAST_PARSE_H_
