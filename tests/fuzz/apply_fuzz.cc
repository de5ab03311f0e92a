// Two lines: a stored Pod with its managed fields and a config to apply. What was applied is there,
// and applying it again changes nothing.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "common/api/apply/managed_fields.h"
#include "common/api/kinds/registry.h"
#include "common/api/schema/values.h"
#include "common/api/status.h"
#include "common/json/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace api = rekindle::api;
  using rekindle::Json;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  if (line == absl::string_view::npos) return 0;
  auto live = rekindle::json::ParseChecked(text.substr(0, line), nullptr, {.max_depth = 64});
  const auto config =
      rekindle::json::ParseChecked(text.substr(line + 1), nullptr, {.max_depth = 64});
  if (!live.ok() || !config.ok() || !live->is_object()) return 0;
  api::WriteContext context;
  context.kind = api::Kinds().Find("v1", "Pod");
  context.manager = "fuzz";
  context.force = true;
  if (!api::FirstMistyped(*live, *context.kind->type, "Pod").empty()) return 0;
  api::Prune(*live, *context.kind->type);
  if (live->contains("metadata") && !(*live)["metadata"].is_object()) return 0;
  const auto applied = api::ServerSideApply(&*live, *config, context);
  if (!applied.ok()) {
    if (!api::FromStatus(applied.status()).has_value()) std::abort();
    return 0;
  }
  const auto again = api::ServerSideApply(&*applied, *config, context);
  if (!again.ok() || *again != *applied) std::abort();
  (void)api::TrackUpdate(&*live, *applied, context);
  return 0;
}
