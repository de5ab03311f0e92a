#ifndef REKINDLE_COMMON_JSON_JSON_PATH_H_
#define REKINDLE_COMMON_JSON_JSON_PATH_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::json {

// A path into objects as printer columns and selectable fields of CRDs write it (spec
// kubernetes-api 13.4): `.spec.replicas`, `.a['b.c']`, `.a\.b`, `.list[0]`, `[-1]`, `[1:3]`, `[*]`,
// `.*`, `..name`, `[0,2]`, `[?(@.type=="Ready")]`. Immutable; thread-safe.
class JsonPath {
 public:
  // Errors: kInvalidArgument with the place of what cannot be read.
  static absl::StatusOr<JsonPath> Parse(absl::string_view text);

  // What the path leads to, in document order; missing members lead nowhere. At most `most`.
  std::vector<const Json*> Find(const Json& root, size_t most = 1000) const;

  // The names along the way when the path is nothing but member names.
  std::optional<std::vector<std::string>> Members() const;

  struct Step;

 private:
  friend class JsonPathReader;
  std::shared_ptr<const std::vector<Step>> steps_;
};

}  // namespace rekindle::json

#endif  // REKINDLE_COMMON_JSON_JSON_PATH_H_
