#ifndef REKINDLE_CONTROLLER_APISERVER_CATALOG_DEFINITION_H_
#define REKINDLE_CONTROLLER_APISERVER_CATALOG_DEFINITION_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/field_error.h"
#include "common/json/json_fwd.h"

namespace rekindle::apiserver {

// CustomResourceDefinitions (apiextensions.k8s.io/v1, spec kubernetes-api 13). All functions are
// thread-safe on different values.

// Fills in names.singular, names.listKind and conversion.strategy; after the schema's own defaults.
void CompleteDefinition(Json& crd);

// What its schema cannot say: names, versions, structural schemas, defaults, columns, subresources,
// selectable fields, and, with `old` (the stored one), what may not change. For api::Validate's
// errors see there: callers run api::CollectErrors first and this on the same list. `warnings` (may
// be null) gets what users should be told of, such as rules that are not evaluated.
void ValidateDefinition(const Json& crd, const Json* old, api::FieldErrors& errors,
                        std::vector<std::string>* warnings = nullptr);

// The CRDs of our own kinds, complete but for what a store adds. A server keeps them like any other
// CRD, so that `kubectl get crd` and `kubectl wait` see them; what is served does not depend on
// them.
std::vector<Json> BuiltInDefinitions();
// Whether a CRD of this name describes one of our own kinds. Such a CRD must not be deleted.
bool IsBuiltInDefinition(absl::string_view crd_name);

// Puts Catalog::StatusOf into a CRD. A condition that is new or has another status gets `now` as
// its lastTransitionTime, others keep theirs; conditions of others stay.
void MergeStatus(const Json& status, absl::Time now, Json& crd);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_CATALOG_DEFINITION_H_
