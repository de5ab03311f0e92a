#ifndef REKINDLE_TESTS_CONFORMANCE_SCRIPT_H_
#define REKINDLE_TESTS_CONFORMANCE_SCRIPT_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rekindle::conformance {

// One line of a case, without its mark.
struct Line {
  int number = 0;
  char mark = 0;  // '|' body, '>' header, '=' status, '?' check, '!' variable, '*' bytes, '+' patch
  std::string text;
};

// A request, a watch or an event with the lines that belong to it.
struct Step {
  int number = 0;
  std::string command;  // as written: "POST /api/v1/...", "UNTIL GET ...", "EVENT w ADDED"
  std::vector<Line> lines;
};

struct Case {
  std::string name;                           // "create.twice", "selectors.labels.3"
  std::map<std::string, std::string> limits;  // since, before, needs
  std::map<std::string, std::string> values;  // of its row
  std::vector<Step> steps;
};

// Reads a file of cases; the language is described in README.md. `prefix` comes in front of the
// names. Errors: kInvalidArgument with file and line.
absl::StatusOr<std::vector<Case>> ParseCases(absl::string_view file, absl::string_view prefix,
                                             absl::string_view text);

// All *.cases of a directory, in order of their names.
absl::StatusOr<std::vector<Case>> ReadCases(const std::string& directory);

// `$NAME` becomes the value of NAME, the longest name that fits; `%(TEXT)` at the end becomes TEXT
// in the form that a URL's query needs.
std::string Substitute(absl::string_view text, const std::map<std::string, std::string>& values);

}  // namespace rekindle::conformance

#endif  // REKINDLE_TESTS_CONFORMANCE_SCRIPT_H_
