// The fast parser against the plain one: what it accepts is JSON, and the same tree.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "common/json/fast_parse.h"
#include "common/json/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static rekindle::json::FastParser all;
  static rekindle::json::FastParser part({"metadata.managedFields", "a"});
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto fast = all.Parse(text);
  if (!fast.ok() && !absl::IsInvalidArgument(fast.status())) std::abort();
  const auto plain = rekindle::json::Parse(text);
  if (fast.ok() && plain.ok() && rekindle::json::Dump(*fast) != rekindle::json::Dump(*plain)) {
    std::abort();
  }
  if (fast.ok() && !plain.ok()) std::abort();
  (void)part.Parse(text);
  return 0;
}
