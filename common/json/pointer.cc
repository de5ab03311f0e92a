#include "common/json/pointer.h"

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include <nlohmann/json.hpp>

namespace rekindle::json {

std::string EscapeSegment(absl::string_view segment) {
  return absl::StrReplaceAll(segment, {{"~", "~0"}, {"/", "~1"}});
}

std::string UnescapeSegment(absl::string_view segment) {
  // One pass in this order: "~01" means "~1", not "/".
  return absl::StrReplaceAll(absl::StrReplaceAll(segment, {{"~1", "/"}}), {{"~0", "~"}});
}

absl::StatusOr<std::vector<std::string>> SplitPointer(absl::string_view pointer) {
  std::vector<std::string> out;
  if (pointer.empty()) return out;
  if (pointer.front() != '/') {
    return absl::InvalidArgumentError(
        absl::StrCat("JSON pointer \"", pointer, "\" does not start with /"));
  }
  for (const absl::string_view part : absl::StrSplit(pointer.substr(1), '/')) {
    out.push_back(UnescapeSegment(part));
  }
  return out;
}

absl::StatusOr<const Json*> AtPointer(const Json& tree, absl::string_view pointer) {
  absl::StatusOr<std::vector<std::string>> segments = SplitPointer(pointer);
  if (!segments.ok()) return segments.status();
  const Json* at = &tree;
  for (const std::string& segment : *segments) {
    const Json* next = nullptr;
    if (at->is_object()) {
      const auto it = at->find(segment);
      if (it != at->end()) next = &*it;
    } else if (at->is_array()) {
      uint64_t index = 0;
      const bool plain = segment == "0" || (!segment.empty() && segment.front() != '0');
      if (plain && absl::SimpleAtoi(segment, &index) && index < at->size()) next = &(*at)[index];
    }
    if (next == nullptr) {
      return absl::NotFoundError(absl::StrCat("nothing at ", pointer, " (step \"", segment, "\")"));
    }
    at = next;
  }
  return at;
}

}  // namespace rekindle::json
