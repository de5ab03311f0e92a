#include "controller/plan/recreate/expand.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace rekindle::plan {

std::optional<std::string> ExpandVariables(
    absl::string_view text,
    absl::FunctionRef<std::optional<std::string>(absl::string_view name)> value, size_t limit) {
  std::string out;
  while (!text.empty() && out.size() <= limit) {
    const size_t dollar = text.find('$');
    absl::StrAppend(&out, text.substr(0, dollar));
    if (dollar == absl::string_view::npos) break;
    text.remove_prefix(dollar + 1);
    if (!text.empty() && text[0] == '$') {
      out += '$';
      text.remove_prefix(1);
      continue;
    }
    const size_t close = !text.empty() && text[0] == '(' ? text.find(')') : absl::string_view::npos;
    if (close == absl::string_view::npos) {
      out += '$';
      continue;
    }
    const absl::string_view name = text.substr(1, close - 1);
    const std::optional<std::string> found = value(name);
    absl::StrAppend(&out, found.has_value() ? *found : absl::StrCat("$(", name, ")"));
    text.remove_prefix(close + 1);
  }
  if (out.size() > limit) return std::nullopt;
  return out;
}

std::vector<std::string> VariablesIn(absl::string_view text) {
  std::vector<std::string> names;
  ExpandVariables(
      text,
      [&](absl::string_view name) -> std::optional<std::string> {
        if (std::find(names.begin(), names.end(), name) == names.end()) names.emplace_back(name);
        return std::nullopt;
      },
      std::string::npos);
  return names;
}

}  // namespace rekindle::plan
