// Objects of all kinds through defaults, validation and conversion: no crash, and what has its
// defaults keeps them.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "common/api/kinds/admission.h"
#include "common/api/kinds/convert.h"
#include "common/api/kinds/registry.h"
#include "common/api/schema/values.h"
#include "common/api/status.h"
#include "common/json/parse.h"
#include "common/json/tree.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace api = rekindle::api;
  using rekindle::Json;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  auto object = rekindle::json::ParseChecked(text, nullptr);
  if (!object.ok() || !object->is_object()) return 0;
  const api::KindInfo* kind = api::Kinds().Find(rekindle::json::String(*object, "apiVersion"),
                                                rekindle::json::String(*object, "kind"));
  if (kind == nullptr) return 0;
  for (const api::KindInfo& other : api::Kinds().kinds()) {
    if (other.group == kind->group && other.kind == kind->kind) {
      (void)api::Convert(*object, other);
    }
  }
  const Json given = *object;
  api::AdmissionRequest request;
  request.kind = kind;
  request.object = &*object;
  if (absl::Status status = api::MakeDefaults(request); !status.ok()) {
    if (!api::FromStatus(status).has_value()) std::abort();
    return 0;
  }
  const absl::Status status = api::Validate(request);
  if (!status.ok() && !api::FromStatus(status).has_value()) std::abort();
  request.old = &given;
  (void)api::Validate(request);
  return 0;
}
