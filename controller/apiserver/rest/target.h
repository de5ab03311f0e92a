#ifndef REKINDLE_CONTROLLER_APISERVER_REST_TARGET_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_TARGET_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rekindle::apiserver {

// A request's target, decoded: "/api/v1/pods?limit=5".
struct Target {
  std::string path;                   // decoded, without query
  std::vector<std::string> segments;  // of the path; a slash at its end makes no segment
  std::vector<std::pair<std::string, std::string>> query;

  // The first value of a parameter; "" when it is not there.
  absl::string_view Parameter(absl::string_view name) const;
  // "true" and "1" are true, everything else is false.
  bool Flag(absl::string_view name) const;
};

// Errors: kInvalidArgument for a target that is no absolute path, wrong percent-encoding, text that
// is not UTF-8, control characters, segments that are empty, "." or "..", or that hide a slash.
// Fuzzed by tests/fuzz/rest_target_fuzz.cc. Threads: any.
absl::StatusOr<Target> ParseTarget(absl::string_view text);

// What a path of objects means (spec kubernetes-api 1.1).
struct ResourcePath {
  std::string group;
  std::string version;
  std::string name_space;  // "" when the path has none
  std::string plural;
  std::string name;
  std::string subresource;
  bool watch = false;  // the old form, /api/v1/watch/...
};
// Nullopt: not of that grammar (discovery, for example).
std::optional<ResourcePath> ParseResourcePath(const std::vector<std::string>& segments);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_TARGET_H_
