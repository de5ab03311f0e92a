#include "tests/conformance/kubectl_session.h"

#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include <re2/re2.h>

namespace rekindle::conformance {
namespace {

struct Rule {
  const char* pattern;
  const char* instead;
};

constexpr Rule kRules[] = {
    {R"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z)", "TIME"},
    {R"([A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4})", "TIME"},
    {R"([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})", "UID"},
    {R"rx((resourceVersion"?: ?)"?\d+"?)rx", R"rx(\1REVISION)rx"},
    {R"(https?://(127\.0\.0\.1|localhost|\[::1\]):\d+)", "SERVER"},
    // Ages and how long something waited.
    {R"(\b\d+[smh](\d+[sm])?\b)", "AGE"},
    {R"([ \t]+)", " "},
};

size_t IndentOf(absl::string_view line) {
  return std::min(line.find_first_not_of(' '), line.size());
}

// Takes blocks `managedFields:` out of YAML and JSON: how they are cut depends on the server's
// version, and cases/apply.cases looks at what they mean.
std::vector<absl::string_view> WithoutManagedFields(absl::string_view text) {
  std::vector<absl::string_view> out;
  std::optional<size_t> inside;  // the indent of the block
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const size_t indent = IndentOf(line);
    const absl::string_view words = line.substr(indent);
    if (inside.has_value()) {
      if (indent > *inside || (indent == *inside && absl::StartsWith(words, "- "))) continue;
      inside.reset();
      if (absl::StartsWith(words, "]")) continue;
    }
    if (words == "managedFields:" || absl::StartsWith(words, "\"managedFields\": [")) {
      inside = indent;
      continue;
    }
    out.push_back(line);
  }
  return out;
}

}  // namespace

absl::StatusOr<std::vector<SessionCommand>> ParseSession(absl::string_view text) {
  std::vector<SessionCommand> out;
  std::vector<std::string> may_differ;
  std::string compared_with;
  int number = 0;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    if (line.size() < 3 || line[1] != ' ') {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", line));
    }
    const std::string rest(line.substr(2));
    switch (line[0]) {
      case '-':
        if (const RE2 pattern(rest, RE2::Quiet); !pattern.ok()) {
          return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", pattern.error()));
        }
        may_differ.push_back(rest);
        break;
      case '@':
        compared_with = rest;
        break;
      case '$':
      case '!':
        out.push_back({.line = number,
                       .succeeds = line[0] == '$',
                       .text = rest,
                       .may_differ = std::exchange(may_differ, {}),
                       .compared_with = std::exchange(compared_with, "")});
        break;
      default:
        return absl::InvalidArgumentError(absl::StrCat("line ", number, ": ", line));
    }
  }
  return out;
}

std::string Comparable(absl::string_view output, const std::vector<std::string>& may_differ) {
  std::vector<std::string> kept;
  for (const absl::string_view whole : WithoutManagedFields(output)) {
    // What is indented is YAML; tables are padded to the width of their longest value.
    const size_t indent = IndentOf(whole);
    std::string line(absl::StripTrailingAsciiWhitespace(whole.substr(indent)));
    for (const Rule& rule : kRules) RE2::GlobalReplace(&line, rule.pattern, rule.instead);
    line.insert(0, indent, ' ');
    bool drop = false;
    for (const std::string& pattern : may_differ) drop = drop || RE2::PartialMatch(line, pattern);
    if (!drop) kept.push_back(std::move(line));
  }
  return absl::StrJoin(kept, "\n");
}

}  // namespace rekindle::conformance
