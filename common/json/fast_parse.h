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
// A part that repeats from document to document need not become a tree each time: it is set apart
// as a text, by which the caller finds what it has made of the same part before.
//
// The trees are those of Parse, with two differences: whole numbers beyond 64 bits are refused, and
// inside a part that is left out or set apart nothing is checked beyond its brackets.
// Fuzzed by tests/fuzz/fast_parse_fuzz.cc. Threads: thread-compatible; buffers are kept.
class FastParser {
 public:
  // `leave_out` and `set_apart`: members by path, joined with dots, without list indexes, such as
  // "metadata.managedFields" or "spec.containers.livenessProbe". What is set apart may have members
  // that are left out.
  explicit FastParser(const std::vector<std::string>& leave_out = {},
                      const std::vector<std::string>& set_apart = {});
  ~FastParser();
  FastParser(FastParser&&) noexcept;

  // Errors: kInvalidArgument for anything but one JSON value, and for more than 256 levels.
  // `apart`, when given, becomes a text of what was set apart: no JSON, but two documents with the
  // same text have the same values there, if they are JSON there at all.
  absl::StatusOr<Json> Parse(absl::string_view text, std::string* apart = nullptr);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_FAST_PARSE_H_
