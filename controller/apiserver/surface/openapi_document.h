#ifndef REKINDLE_CONTROLLER_APISERVER_SURFACE_OPENAPI_DOCUMENT_H_
#define REKINDLE_CONTROLLER_APISERVER_SURFACE_OPENAPI_DOCUMENT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"
#include "controller/apiserver/catalog/catalog.h"

namespace rekindle::apiserver {

// OpenAPI of what a catalog offers (spec kubernetes-api 17). Pure.

// "api/v1" or "apis/G/V": the path of a group version without its first slash.
std::string GroupVersionPath(absl::string_view group, absl::string_view version);

// Group and version of all kinds, in the order of the catalog.
std::vector<std::pair<std::string, std::string>> GroupVersionsOf(const Catalog& catalog);

// The OpenAPI v3 document of one group version: the paths of its kinds and subresources with their
// parameters (fieldValidation and dryRun among them), and all schemas that they refer to.
Json OpenApiV3(const Catalog& catalog, absl::string_view group, absl::string_view version);

// The same of all group versions as one OpenAPI v2 document, for clients before 1.24: schemas
// without what their parser does not know, paths with what they look for (patch operations).
Json OpenApiV2(const Catalog& catalog);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_SURFACE_OPENAPI_DOCUMENT_H_
