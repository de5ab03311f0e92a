#include "controller/apiserver/registry/strategy.h"

#include <map>

#include <nlohmann/json.hpp>

#include "common/api/quantity.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

using json::At;

// Copies a member, or its absence.
void Take(const Json& from, absl::string_view member, Json& to) {
  const std::string name(member);
  if (const auto it = from.find(name); it != from.end()) {
    to[name] = *it;
  } else if (to.is_object()) {
    to.erase(name);
  }
}

struct Row {
  absl::string_view group;
  absl::string_view kind;
  Traits traits;
};

const Row* RowOf(const api::KindInfo& info) {
  static const Row rows[] = {
      {"", "Pod", {.returns_deleted = true, .graceful = true}},
      {"", "PodTemplate", {.returns_deleted = true}},
      {"", "PersistentVolumeClaim", {.returns_deleted = true}},
      {"", "ServiceAccount", {.returns_deleted = true}},
      {"", "Node", {.keeps_status_on_create = true}},
      {"", "Event", {.create_on_update = true}},
      {"apps", "StatefulSet", {.generation = true}},
      {"policy", "PodDisruptionBudget", {.generation = true, .unconditional_update = false}},
      {"coordination.k8s.io", "Lease", {.unconditional_update = false, .create_on_update = true}},
      {"apiextensions.k8s.io",
       "CustomResourceDefinition",
       {.generation = true, .unconditional_update = false}},
  };
  for (const Row& row : rows) {
    if (row.group == info.group && row.kind == info.kind) return &row;
  }
  return nullptr;
}

bool CustomLike(const ServedKind& kind) { return kind.user_defined || kind.info->custom; }

// Requests or limits of one container, only what counts: cpu and memory that are not zero.
std::map<std::string, api::Quantity> Amounts(const Json& resources, absl::string_view which) {
  std::map<std::string, api::Quantity> out;
  const Json& list = At(resources, which);
  if (!list.is_object()) return out;
  for (const char* name : {"cpu", "memory"}) {
    const auto it = list.find(name);
    if (it == list.end()) continue;
    const absl::StatusOr<api::Quantity> amount = api::Quantity::FromJson(*it);
    if (amount.ok() && !amount->IsZero()) out.emplace(name, *amount);
  }
  return out;
}

// Members of metadata that only the server changes.
void RestoreMetadata(const Json& old, Json& updated) {
  const Json& before = At(old, "metadata");
  Json& now = Metadata(updated);
  for (const char* name :
       {"creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation"}) {
    Take(before, name, now);
  }
  // Left out or empty means unchanged; another value is refused by validation.
  if (json::IsEmpty(At(now, "uid"))) Take(before, "uid", now);
  now.erase("selfLink");
}

}  // namespace

Traits TraitsOf(const ServedKind& kind) {
  if (CustomLike(kind)) return {.generation = true, .unconditional_update = false};
  const Row* row = RowOf(*kind.info);
  return row == nullptr ? Traits() : row->traits;
}

void PrepareCreate(const ServedKind& kind, Json& object) {
  const api::KindInfo& info = *kind.info;
  Json& metadata = Metadata(object);
  for (const char* name : {"uid", "resourceVersion", "creationTimestamp", "deletionTimestamp",
                           "deletionGracePeriodSeconds", "generation", "selfLink"}) {
    metadata.erase(name);
  }
  const Traits traits = TraitsOf(kind);
  if (info.status && !traits.keeps_status_on_create) object.erase("status");
  if (traits.generation) metadata["generation"] = 1;
  if (info.group == "policy" && info.kind == "PodDisruptionBudget") {
    object["status"] = {{"disruptionsAllowed", 0},
                        {"currentHealthy", 0},
                        {"desiredHealthy", 0},
                        {"expectedPods", 0}};
  }
}

void FinishCreate(const ServedKind& kind, Json& object) {
  if (!kind.info->group.empty() || kind.info->kind != "Pod") return;
  object["status"] = {{"phase", "Pending"}, {"qosClass", QosClass(At(object, "spec"))}};
}

void PrepareUpdate(const ServedKind& kind, absl::string_view subresource, const Json& old,
                   Json& updated) {
  RestoreMetadata(old, updated);
  const api::KindInfo& info = *kind.info;
  if (subresource.empty()) {
    if (info.status) Take(old, "status", updated);
    if (info.kind == "Namespace" && info.group.empty()) {
      // Only through `finalize` (8.6).
      if (At(updated, "spec").is_object() || At(old, "spec").is_object()) {
        Take(At(old, "spec"), "finalizers", updated["spec"]);
      }
    }
    return;
  }
  if (subresource == "finalize") {
    const Json finalizers = At(At(updated, "spec"), "finalizers");
    const Json given = At(updated, "metadata");
    updated = old;
    // Managed fields and the precondition are the client's.
    for (const char* name : {"managedFields", "resourceVersion"}) {
      Take(given, name, updated["metadata"]);
    }
    if (finalizers.is_null()) {
      if (At(updated, "spec").is_object()) updated["spec"].erase("finalizers");
    } else {
      updated["spec"]["finalizers"] = finalizers;
    }
    return;
  }
  // status
  if (CustomLike(kind) || info.kind == "CustomResourceDefinition") {
    const Json given = At(updated, "metadata");
    const Json status = updated.contains("status") ? updated["status"] : Json();
    updated = old;
    for (const char* name : {"managedFields", "resourceVersion"}) {
      Take(given, name, updated["metadata"]);
    }
    if (status.is_null()) {
      updated.erase("status");
    } else {
      updated["status"] = status;
    }
    return;
  }
  for (const auto& [name, value] : old.items()) {
    if (name != "metadata" && name != "status") updated[name] = value;
  }
  for (auto it = updated.begin(); it != updated.end();) {
    const bool own = it.key() == "metadata" || it.key() == "status" || old.contains(it.key());
    it = own ? std::next(it) : updated.erase(it);
  }
  if (info.group.empty() && info.kind == "Pod") {
    Take(At(old, "metadata"), "ownerReferences", updated["metadata"]);
  }
}

bool ChangesDesired(const ServedKind& kind, const Json& old, const Json& updated) {
  if (!CustomLike(kind)) return At(old, "spec") != At(updated, "spec");
  const auto counts = [&](const std::string& name) {
    return name != "metadata" && !(name == "status" && kind.info->status);
  };
  for (const auto& [name, value] : updated.items()) {
    if (counts(name) && (!old.contains(name) || old[name] != value)) return true;
  }
  for (const auto& [name, value] : old.items()) {
    if (counts(name) && !updated.contains(name)) return true;
  }
  return false;
}

bool IsFinished(const ServedKind& kind, const Json& object) {
  if (!BeingDeleted(object) || !Finalizers(object).empty()) return false;
  if (json::Int(object, {"metadata", "deletionGracePeriodSeconds"}).value_or(0) != 0) return false;
  return kind.Resource() != "namespaces" || json::IsEmpty(At(At(object, "spec"), "finalizers"));
}

std::string QosClass(const Json& pod_spec) {
  bool any = false;
  bool guaranteed = true;
  for (const char* list : {"containers", "initContainers"}) {
    const Json& containers = At(pod_spec, list);
    if (!containers.is_array()) continue;
    for (const Json& container : containers) {
      const Json& resources = At(container, "resources");
      const auto requests = Amounts(resources, "requests");
      const auto limits = Amounts(resources, "limits");
      any = any || !requests.empty() || !limits.empty();
      guaranteed = guaranteed && limits.size() == 2 && requests == limits;
    }
  }
  if (!any) return "BestEffort";
  return guaranteed ? "Guaranteed" : "Burstable";
}

}  // namespace rekindle::apiserver
