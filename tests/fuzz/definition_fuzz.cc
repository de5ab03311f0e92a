// CustomResourceDefinitions of users: whatever is accepted can be served, discovered, described and
// shown; whatever is not gets reasons.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include <nlohmann/json.hpp>

#include "common/api/kinds/admission.h"
#include "common/api/kinds/registry.h"
#include "common/json/parse.h"
#include "common/json/tree.h"
#include "controller/apiserver/catalog/catalog.h"
#include "controller/apiserver/catalog/definition.h"
#include "controller/apiserver/surface/discovery.h"
#include "controller/apiserver/surface/openapi_document.h"
#include "controller/apiserver/surface/table.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  namespace api = rekindle::api;
  namespace apiserver = rekindle::apiserver;
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  auto crd = rekindle::json::ParseChecked(text, nullptr, {.max_depth = 64});
  if (!crd.ok()) return 0;
  // As it stands, as a store that somebody has been at may hold it.
  (void)apiserver::Catalog::Make({*crd});
  api::AdmissionRequest request;
  request.kind = api::Kinds().Find("apiextensions.k8s.io/v1", "CustomResourceDefinition");
  request.object = &*crd;
  if (!api::MakeDefaults(request).ok()) return 0;
  apiserver::CompleteDefinition(*crd);
  api::FieldErrors errors;
  std::vector<std::string> warnings;
  api::CollectErrors(request, errors);
  apiserver::ValidateDefinition(*crd, &*crd, errors, &warnings);
  if (errors.size() > api::FieldErrors::kMost) std::abort();
  if (!errors.empty()) return 0;
  const auto catalog = apiserver::Catalog::Make({*crd});
  const rekindle::Json status =
      catalog->StatusOf(rekindle::json::String(*crd, {"metadata", "name"}));
  if (!status.is_object()) std::abort();
  apiserver::MergeStatus(status, absl::UnixEpoch(), *crd);
  for (const apiserver::ServedKind& kind : catalog->kinds()) {
    if (!kind.user_defined) continue;
    (void)apiserver::ResourceList(*catalog, kind.info->group, kind.info->version);
    (void)apiserver::OpenApiV3(*catalog, kind.info->group, kind.info->version);
    const auto table = apiserver::MakeTable(kind, *crd, "v1", apiserver::IncludeObject::kMetadata,
                                            true, absl::UnixEpoch());
    if (!table.ok() ||
        (*table)["rows"][0]["cells"].size() != (*table)["columnDefinitions"].size()) {
      std::abort();
    }
  }
  return 0;
}
