#include "controller/plan/ownership.h"

#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::plan {

Ownership OwnershipOf(const Json& pod, absl::string_view workload_uid) {
  Ownership out;
  const Json* owners = json::Find(pod, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) return out;
  for (const Json& owner : *owners) {
    const absl::string_view uid = json::String(owner, "uid");
    if (json::Bool(owner, {"controller"})) out.controller_uid = std::string(uid);
    out.owned = out.owned || uid == workload_uid;
  }
  return out;
}

Claim ClaimForCloneSet(const Ownership& owner, const OwnerQuestion& q) {
  if (!owner.owned) return Claim::kIgnore;
  if (!owner.controller_uid.empty() && owner.controller_uid != q.workload_uid) {
    return Claim::kIgnore;
  }
  const bool matches = q.selector->Matches(*q.labels);
  if (owner.controller_uid.empty()) {
    return matches && !q.workload_deleting && !q.terminating ? Claim::kAdopt : Claim::kIgnore;
  }
  if (matches || q.workload_deleting) return Claim::kKeep;
  return Claim::kRelease;
}

Claim ClaimForStatefulSet(const Ownership& owner, const OwnerQuestion& q, bool named) {
  if (!named) return Claim::kIgnore;
  if (!owner.controller_uid.empty() && owner.controller_uid != q.workload_uid) {
    return Claim::kIgnore;
  }
  const bool matches = q.selector->Matches(*q.labels);
  if (owner.controller_uid.empty()) {
    return matches && !q.workload_deleting && !q.terminating ? Claim::kAdopt : Claim::kIgnore;
  }
  if (matches || q.terminating || q.workload_deleting) return Claim::kKeep;
  return Claim::kRelease;
}

}  // namespace rekindle::plan
