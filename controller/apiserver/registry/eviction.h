#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_EVICTION_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_EVICTION_H_

#include <optional>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"

namespace rekindle::apiserver {

// When pods may be evicted (spec kubernetes-api 9.3). Pure.

bool IsReady(const Json& pod);
// Pods that no budget counts: pending, ended, already going.
bool EvictsFreely(const Json& pod);

// The budget with one disruption less and the pod on its list. Nothing: the pod is not ready and
// may go without being counted. Errors (ApiError): 429 when the budget does not allow it or has not
// been worked out yet, 403 when it cannot be used.
absl::StatusOr<std::optional<Json>> Debit(const Json& pod, const Json& budget, absl::Time now);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_EVICTION_H_
