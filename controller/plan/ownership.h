#ifndef REKINDLE_CONTROLLER_PLAN_OWNERSHIP_H_
#define REKINDLE_CONTROLLER_PLAN_OWNERSHIP_H_

#include <string>

#include "absl/strings/string_view.h"

#include "common/api/selector.h"
#include "common/json/json_fwd.h"

namespace rekindle::plan {

// What a workload does about a pod that it owns or may own.
enum class Claim {
  kKeep,     // it is a member
  kAdopt,    // write the controller reference; the caller verifies by an uncached read that the
             // workload still exists with this uid and is not being deleted
  kRelease,  // take the owner reference away
  kIgnore,   // somebody else's, or nobody's
};

struct Ownership {
  std::string controller_uid;  // of the controller reference; empty: none
  bool owned = false;          // some owner reference names the workload
};
Ownership OwnershipOf(const Json& pod, absl::string_view workload_uid);

struct OwnerQuestion {
  absl::string_view workload_uid;
  bool workload_deleting = false;
  const api::Selector* selector = nullptr;
  const api::StringMap* labels = nullptr;
  bool terminating = false;
};

// CloneSet (spec cloneset 10): only pods with a reference to it are candidates, so an orphan is
// never adopted; one whose reference is not that of a controller is.
Claim ClaimForCloneSet(const Ownership& owner, const OwnerQuestion& question);

// StatefulSet (spec statefulset 5.3): pods whose name carries the set's, orphans included. A
// terminating pod is neither adopted nor released. `named`: the parent of the name is the set's.
Claim ClaimForStatefulSet(const Ownership& owner, const OwnerQuestion& question, bool named);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_OWNERSHIP_H_
