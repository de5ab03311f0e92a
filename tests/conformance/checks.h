#ifndef REKINDLE_TESTS_CONFORMANCE_CHECKS_H_
#define REKINDLE_TESTS_CONFORMANCE_CHECKS_H_

#include <map>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include <nlohmann/json.hpp>

namespace rekindle::conformance {

// An answer, or an event (then only `tree`).
struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // names in lower case; several joined by commas
  std::string body;
  nlohmann::json tree;  // null when the body is no JSON
};

// What is at a path such as `.items[*].metadata.labels["a.b/c"]` or `.list[-1]`; nothing when there
// is nothing. After `[*]` a list, with null where an element has nothing.
std::optional<nlohmann::json> At(const nlohmann::json& tree, absl::string_view path);

// What is wrong with an answer by a check (README.md); empty when it holds.
std::string Check(absl::string_view check, const Answer& answer);

}  // namespace rekindle::conformance

#endif  // REKINDLE_TESTS_CONFORMANCE_CHECKS_H_
