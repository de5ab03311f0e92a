// Two lines: the schema of a user's CRD and an object of it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "common/api/apply/typed.h"
#include "common/api/kinds/registry.h"
#include "common/api/schema/openapi.h"
#include "common/api/schema/values.h"
#include "common/json/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace api = rekindle::api;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t line = text.find('\n');
  if (line == absl::string_view::npos) return 0;
  const auto schema = rekindle::json::ParseChecked(text.substr(0, line), nullptr);
  auto object = rekindle::json::ParseChecked(text.substr(line + 1), nullptr);
  if (!schema.ok() || !object.ok()) return 0;
  api::TypeStore store;
  api::FieldErrors errors;
  const api::Type* type =
      api::FromOpenApi(*schema, &api::ObjectMetaType(), api::FieldPath("schema"), store, errors);
  if (type == nullptr || !errors.empty()) return 0;
  api::PruneAndDefault(*object, *type);
  const rekindle::Json once = *object;
  api::PruneAndDefault(*object, *type);
  if (*object != once) std::abort();  // once is enough
  if (!api::UnknownFields(*object, *type).empty()) std::abort();
  api::FieldErrors found;
  api::CheckValue(*object, *type, api::FieldPath(), api::Wording::kCustom, found);
  if (found.size() > api::FieldErrors::kMost) std::abort();
  (void)api::FieldsOf(*object, *type).ToJson();
  return 0;
}
