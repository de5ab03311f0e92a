#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/statefulset_pass.h"

namespace rekindle::plan {
namespace {

bool SameKind(const SetClaim& claim, const ClaimTemplate& want) {
  const bool classes = claim.storage_class.empty() || want.storage_class.empty() ||
                       claim.storage_class == want.storage_class;
  return classes && claim.access_modes == want.access_modes;
}

bool Compatible(const SetClaim& claim, const ClaimTemplate& want) {
  return SameKind(claim, want) && !(claim.requested < want.storage);
}

bool Ready(const SetClaim& claim, const ClaimTemplate& want) {
  return SameKind(claim, want) && !(claim.capacity < claim.requested);
}

}  // namespace

absl::StatusOr<SetClaim> ParseSetClaim(const Json& tree, absl::string_view set_uid) {
  SetClaim out;
  out.name = std::string(json::String(tree, {"metadata", "name"}));
  if (out.name.empty()) return absl::InvalidArgumentError("metadata.name: missing");
  const auto quantity = [&](std::initializer_list<absl::string_view> path) {
    const Json* value = json::Find(tree, path);
    return api::Quantity::FromJson(value ? *value : Json());
  };
  absl::StatusOr<api::Quantity> requested = quantity({"spec", "resources", "requests", "storage"});
  if (!requested.ok()) return requested.status();
  absl::StatusOr<api::Quantity> capacity = quantity({"status", "capacity", "storage"});
  if (!capacity.ok()) return capacity.status();
  out.requested = *requested;
  out.capacity = *capacity;
  out.storage_class = std::string(json::String(tree, {"spec", "storageClassName"}));
  if (const Json* modes = json::Find(tree, {"spec", "accessModes"}); modes && modes->is_array()) {
    for (const Json& mode : *modes) {
      if (mode.is_string()) out.access_modes.push_back(mode.get<std::string>());
    }
  }
  out.terminating = json::Find(tree, {"metadata", "deletionTimestamp"}) != nullptr;
  out.has_class = !out.storage_class.empty();
  if (const Json* list = json::Find(tree, {"status", "conditions"}); list && list->is_array()) {
    for (const Json& condition : *list) {
      out.file_system_resize_pending =
          out.file_system_resize_pending ||
          (json::String(condition, "type") == "FileSystemResizePending" &&
           json::String(condition, "status") == "True");
    }
  }
  if (const Json* owners = json::Find(tree, {"metadata", "ownerReferences"});
      owners && owners->is_array()) {
    for (const Json& owner : *owners) {
      const absl::string_view uid = json::String(owner, "uid");
      if (uid == set_uid) out.owned_by_set = true;
      if (json::String(owner, "kind") == "Pod") out.owner_pod_uid = std::string(uid);
    }
  }
  return out;
}

const SetClaim* SetPass::Claim(const std::string& claim_template, int32_t ordinal) const {
  const auto it = claim_index_.find(absl::StrCat(claim_template, "-", spec_.name, "-", ordinal));
  return it == claim_index_.end() ? nullptr : &claims_[it->second];
}

bool SetPass::ClaimsCompatible(int32_t ordinal) const {
  return std::all_of(spec_.claims.begin(), spec_.claims.end(), [&](const ClaimTemplate& want) {
    const SetClaim* claim = Claim(want.name, ordinal);
    return claim == nullptr || claim->terminating || Compatible(*claim, want);
  });
}

bool SetPass::ClaimsReady(int32_t ordinal) const {
  return std::all_of(spec_.claims.begin(), spec_.claims.end(), [&](const ClaimTemplate& want) {
    const SetClaim* claim = Claim(want.name, ordinal);
    return claim == nullptr || claim->terminating || Ready(*claim, want);
  });
}

bool SetPass::ResizeClaims(Slot& slot) {
  bool complete = true;
  for (const ClaimTemplate& want : spec_.claims) {
    const SetClaim* claim = Claim(want.name, slot.ordinal);
    if (claim == nullptr || claim->terminating) continue;
    if (Compatible(*claim, want)) {
      if (Ready(*claim, want) || claim->file_system_resize_pending) continue;
      Say(slot, Because(Code::kClaimResize, claim->name));
    } else if (!SameKind(*claim, want)) {
      Act(slot, Action::kError,
          Because(Code::kClaimUnfit,
                  absl::StrCat(claim->name, " differs from its template in more than its size")));
    } else if (claim->has_class && !claim->class_allows_expansion) {
      Act(slot, Action::kError,
          Because(Code::kClaimUnfit,
                  absl::StrCat(claim->name, ": its storage class does not allow expansion")));
    } else {
      Act(slot, Action::kResizeClaim,
          Because(Code::kGrowClaim, absl::StrCat(claim->name, " from ", claim->requested.Text(),
                                                 " to ", want.storage.Text())));
      plan_.resizes.emplace_back(claim->name, want.storage);
    }
    complete = false;
  }
  return complete;
}

void SetPass::CountClaims() {
  for (const ClaimTemplate& want : spec_.claims) {
    ClaimCounts counts{want.name, 0, 0};
    for (const Slot& slot : slots_) {
      if (slot.pod < 0) continue;
      const SetClaim* claim = Claim(want.name, slot.ordinal);
      if (claim == nullptr || !Compatible(*claim, want)) continue;
      ++counts.compatible;
      if (Ready(*claim, want)) ++counts.ready;
    }
    plan_.claim_counts.push_back(std::move(counts));
  }
}

}  // namespace rekindle::plan
