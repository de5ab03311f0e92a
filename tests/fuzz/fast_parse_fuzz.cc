// The fast parser against the plain one: what it accepts is JSON, and the same tree. Parts that are
// set apart with equal texts are equal.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include <nlohmann/json.hpp>

#include "common/json/fast_parse.h"
#include "common/json/tree.h"

namespace {

using rekindle::Json;
using rekindle::json::FastParser;

// "a" and "b" of one document, set apart without their members "x".
void CompareParts(absl::string_view text) {
  static FastParser rest({"a.x", "b.x"});
  static FastParser a({"a.x", "b"}, {"a"});
  static FastParser b({"b.x", "a"}, {"b"});
  absl::StatusOr<Json> tree = rest.Parse(text);
  if (!tree.ok() || !tree->is_object() || !tree->contains("a") || !tree->contains("b")) return;
  std::string of_a;
  std::string of_b;
  const auto without = a.Parse(text, &of_a);
  if (!without.ok() || !b.Parse(text, &of_b).ok()) std::abort();
  // Both begin with a name of the same length.
  constexpr size_t kName = 3;
  if (of_a.substr(kName) == of_b.substr(kName) && (*tree)["a"] != (*tree)["b"]) std::abort();
  tree->erase("a");
  tree->erase("b");
  if (*without != *tree) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static FastParser all;
  static FastParser part({"metadata.managedFields", "a"});
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const auto fast = all.Parse(text);
  if (!fast.ok() && !absl::IsInvalidArgument(fast.status())) std::abort();
  const auto plain = rekindle::json::Parse(text);
  if (fast.ok() && plain.ok() && rekindle::json::Dump(*fast) != rekindle::json::Dump(*plain)) {
    std::abort();
  }
  if (fast.ok() && !plain.ok()) std::abort();
  (void)part.Parse(text);
  // Parts are not checked, so that another one's faults are found in a text that is no JSON.
  if (plain.ok()) CompareParts(text);
  return 0;
}
