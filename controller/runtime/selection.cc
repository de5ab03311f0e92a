#include "controller/runtime/selection.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/text.h"

namespace rekindle {
namespace {

absl::Status Unknown(const std::string& name, const std::vector<std::string>& available) {
  std::string text = absl::StrCat("\"", PrintableText(name), "\" is no controller of this mode");
  const std::vector<std::string> near = NearestWords(name, available, 1);
  if (!near.empty()) absl::StrAppend(&text, "; did you mean ", near[0], "?");
  absl::StrAppend(&text,
                  "; there are: ", available.empty() ? "none" : absl::StrJoin(available, ", "));
  return absl::InvalidArgumentError(text);
}

}  // namespace

absl::StatusOr<std::vector<std::string>> SelectControllers(
    const std::vector<std::string>& asked, const std::vector<std::string>& available) {
  bool rest = false;
  bool none = false;
  std::set<std::string> on;
  std::set<std::string> off;
  for (const std::string& entry : asked) {
    std::string name(absl::StripAsciiWhitespace(entry));
    if (name == "*") rest = true;
    if (name == "-*") none = true;
    if (name == "*" || name == "-*") continue;
    const bool without = !name.empty() && name.front() == '-';
    if (without) name.erase(0, 1);
    if (name.empty()) return absl::InvalidArgumentError("an entry is empty");
    if (std::find(available.begin(), available.end(), name) == available.end()) {
      return Unknown(name, available);
    }
    (without ? off : on).insert(name);
  }
  if (rest && none) return absl::InvalidArgumentError("\"*\" and \"-*\" do not go together");
  std::vector<std::string> selected;
  for (const std::string& name : available) {
    if (on.contains(name) && off.contains(name)) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is switched on and off at once"));
    }
    if (on.contains(name) || (rest && !off.contains(name))) selected.push_back(name);
  }
  return selected;
}

}  // namespace rekindle
