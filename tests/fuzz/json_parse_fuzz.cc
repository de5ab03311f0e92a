// Bodies of requests: the checked parser agrees with the ordinary one and stays within its limits.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/json/parse.h"
#include "common/json/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<std::string> duplicates;
  const auto checked = rekindle::json::ParseChecked(text, &duplicates, {.max_duplicates = 5});
  if (duplicates.size() > 5) std::abort();
  if (!checked.ok()) {
    if (!absl::IsInvalidArgument(checked.status())) std::abort();
    return 0;
  }
  const auto plain = rekindle::json::Parse(text);
  if (!plain.ok() || *plain != *checked) std::abort();
  return 0;
}
