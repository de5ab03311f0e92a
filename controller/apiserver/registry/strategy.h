#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_STRATEGY_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_STRATEGY_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "controller/apiserver/catalog/catalog.h"

namespace rekindle::apiserver {

// What kinds differ in when they are written (spec kubernetes-api 2.4, 2.5, 7.3, 8.2, 9.1).
struct Traits {
  bool generation = false;           // metadata.generation counts changes
  bool unconditional_update = true;  // PUT without resourceVersion
  bool create_on_update = false;     // PUT of what is not there
  bool returns_deleted = false;      // a delete that is done answers with the object
  bool graceful = false;             // deletion waits for the node
  bool keeps_status_on_create = false;
};
Traits TraitsOf(const ServedKind& kind);

// What the server sets and drops in a new object, before defaults: status, and for some kinds the
// first status that they have.
void PrepareCreate(const ServedKind& kind, Json& object);
// The parts of a first status that defaults decide, after them: the class of a pod.
void FinishCreate(const ServedKind& kind, Json& object);

// Gives back to `updated` what a write through `subresource` ("": the object itself) cannot change
// (9.1): the other half of the object, and metadata that the server owns.
void PrepareUpdate(const ServedKind& kind, absl::string_view subresource, const Json& old,
                   Json& updated);

// True when the change from `old` to `updated` is one that generation counts (2.5).
bool ChangesDesired(const ServedKind& kind, const Json& old, const Json& updated);

// True when an object that is being deleted has nothing left to wait for (8.3).
bool IsFinished(const ServedKind& kind, const Json& object);

// Guaranteed, Burstable or BestEffort.
std::string QosClass(const Json& pod_spec);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_STRATEGY_H_
