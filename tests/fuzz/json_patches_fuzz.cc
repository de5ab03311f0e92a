// Two lines: an object and a patch. Every kind of patch either applies or says why not; strategic
// merge patches that we make lead where they should.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "common/api/kinds/registry.h"
#include "common/json/diff.h"
#include "common/json/parse.h"
#include "common/json/patch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using rekindle::Json;
  namespace json = rekindle::json;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  if (line == absl::string_view::npos) return 0;
  const auto tree = json::ParseChecked(text.substr(0, line), nullptr, {.max_depth = 32});
  const auto patch = json::ParseChecked(text.substr(line + 1), nullptr, {.max_depth = 32});
  if (!tree.ok() || !patch.ok()) return 0;
  (void)json::ApplyMergePatch(*tree, *patch);
  (void)json::ApplyJsonPatch(*tree, *patch, {.max_operations = 100, .max_copied_bytes = 10'000});
  const auto merged = json::ApplyStrategicPatch(*tree, *patch, &rekindle::api::PodType());
  if (!merged.ok() && !absl::IsInvalidArgument(merged.status())) std::abort();
  if (tree->is_object() && patch->is_object()) {
    const Json way = json::MakeMergePatch(*tree, *patch);
    (void)json::ApplyMergePatch(*tree, way);
    (void)json::MakeStrategicPatch(*tree, *patch, &rekindle::api::PodType());
  }
  return 0;
}
