#ifndef REKINDLE_TESTS_CONFORMANCE_KUBECTL_SESSION_H_
#define REKINDLE_TESTS_CONFORMANCE_KUBECTL_SESSION_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rekindle::conformance {

// One command of kubectl/session.txt, whose first lines say what the marks mean.
struct SessionCommand {
  int line = 0;
  bool succeeds = true;
  std::string text;
  std::vector<std::string> may_differ;  // regular expressions of lines
  std::string compared_with;            // this kubectl's output only; empty: any's
};

// kInvalidArgument with the line that is none of the language's.
absl::StatusOr<std::vector<SessionCommand>> ParseSession(absl::string_view text);

// An output without what no two servers share: times, ages, UIDs, resourceVersions, addresses,
// managed fields, the width of columns; and without the lines that may differ.
std::string Comparable(absl::string_view output, const std::vector<std::string>& may_differ);

}  // namespace rekindle::conformance

#endif  // REKINDLE_TESTS_CONFORMANCE_KUBECTL_SESSION_H_
