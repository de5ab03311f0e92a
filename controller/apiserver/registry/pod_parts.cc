// pods/binding and pods/eviction (spec kubernetes-api 9.3, 9.4).
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/selector.h"
#include "common/api/time.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/eviction.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/registry/objects.h"
#include "controller/apiserver/registry/selection.h"

namespace rekindle::apiserver {
namespace {

constexpr int kDebitTries = 5;

Reply Created() {
  return {.code = 201,
          .body = {{"kind", "Status"},
                   {"apiVersion", "v1"},
                   {"metadata", Json::object()},
                   {"status", "Success"},
                   {"code", 201}}};
}

absl::Status NoSuchPart(const Call& call) {
  api::ApiError error = api::NotFound(SubjectOf(*call.kind->info, call.name));
  error.message = "the server could not find the requested resource";
  return ToStatus(error);
}

void SetScheduled(Json& pod, absl::Time now) {
  const Json condition = {{"type", "PodScheduled"},
                          {"status", "True"},
                          {"lastProbeTime", nullptr},
                          {"lastTransitionTime", api::FormatTime(now)}};
  Json& conditions = pod["status"]["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  for (Json& one : conditions) {
    if (json::String(one, "type") != "PodScheduled") continue;
    if (json::String(one, "status") != "True") one = condition;
    return;
  }
  conditions.push_back(condition);
}

}  // namespace

absl::StatusOr<Reply> ObjectRegistry::Bind(const Call& call) {
  if (call.kind->Resource() != "pods") return NoSuchPart(call);
  if (call.verb != Verb::kCreate) return ToStatus(api::MethodNotAllowed());
  RK_ASSIGN_OR_RETURN(const Body body, ReadBody(call.body));
  if (const absl::string_view name = MetaText(body.tree, "name");
      !name.empty() && name != call.name) {
    return ToStatus(api::BadRequest("name in URL does not match name in Binding object"));
  }
  const std::string node(json::String(body.tree, {"target", "name"}));
  const absl::string_view target = json::String(body.tree, {"target", "kind"});
  api::FieldErrors errors;
  if (!target.empty() && target != "Node") {
    errors.NotSupported(api::FieldPath("target.kind"), std::string(target), {"Node", "<empty>"});
  }
  if (node.empty()) errors.Required(api::FieldPath("target.name"));
  if (!errors.empty())
    return ToStatus(api::Invalid({"", "bindings", "Binding", call.name}, errors));
  const api::Subject subject = SubjectOf(*call.kind->info, call.name);
  const std::string key_name = call.name;
  for (int attempt = 0; attempt < kDebitTries; ++attempt) {
    RK_ASSIGN_OR_RETURN(const Current current, ReadCurrent(call));
    if (BeingDeleted(current.object)) {
      return ToStatus(api::Conflict(
          subject,
          absl::StrCat("pod ", key_name, " is being deleted, cannot be assigned to a host")));
    }
    const absl::string_view assigned = json::String(current.object, {"spec", "nodeName"});
    if (!assigned.empty()) {
      return ToStatus(api::Conflict(
          subject,
          absl::StrCat("pod ", key_name, " is already assigned to node \"", assigned, "\"")));
    }
    const Json* gates = json::Find(current.object, {"spec", "schedulingGates"});
    if (gates != nullptr && !gates->empty()) {
      return ToStatus(api::Conflict(
          subject, absl::StrCat("pod ", key_name, " has non-empty .spec.schedulingGates")));
    }
    Json updated = current.object;
    updated["spec"]["nodeName"] = node;
    if (const Json* annotations = json::Find(body.tree, {"metadata", "annotations"});
        annotations != nullptr && annotations->is_object()) {
      for (const auto& [key, value] : annotations->items()) {
        if (value.is_string()) Metadata(updated)["annotations"][key] = value;
      }
    }
    SetScheduled(updated, Now());
    updated = api::TrackUpdate(&current.object, std::move(updated), ContextOf(call, "binding"));
    if (call.dry_run) return Created();
    const absl::StatusOr<Revision> done =
        Put(current.stored.key, current.stored.revision, updated, /*goes=*/false);
    if (done.ok()) return Created();
    if (!absl::IsAborted(done.status()) && !absl::IsNotFound(done.status())) {
      return StoreError(done.status());
    }
  }
  return ToStatus(api::Conflict(subject));
}

absl::StatusOr<Json> ObjectRegistry::BudgetOf(const Json& pod, const ServedKind& budgets) {
  Json found;
  const api::StringMap labels = LabelsOf(pod);
  ListQuery query;
  query.resource = budgets.Resource();
  query.name_space = std::string(MetaText(pod, "namespace"));
  absl::Status bad;
  const absl::Status read =
      store()
          .ForEach(query,
                   [&](const StoredObject& stored) {
                     absl::StatusOr<Json> budget =
                         ParseStored(stored.key, *stored.text, stored.revision);
                     if (!budget.ok()) {
                       bad = budget.status();
                       return false;
                     }
                     const Json* selector = json::Find(*budget, {"spec", "selector"});
                     const absl::StatusOr<api::Selector> parsed = api::Selector::FromJson(
                         selector == nullptr ? Json() : *selector, "spec.selector");
                     if (!parsed.ok() || !parsed->Matches(labels)) return true;
                     if (!found.is_null()) {
                       bad = ToStatus(
                           api::PlainServerError("This pod has more than one PodDisruptionBudget, "
                                                 "which the eviction subresource does not "
                                                 "support."));
                       return false;
                     }
                     found = *std::move(budget);
                     return true;
                   })
          .status();
  RK_RETURN_IF_ERROR(bad);
  if (!read.ok()) return StoreError(read);
  return found;
}

absl::StatusOr<Reply> ObjectRegistry::Evict(const Call& call) {
  if (call.kind->Resource() != "pods") return NoSuchPart(call);
  if (call.verb != Verb::kCreate) return ToStatus(api::MethodNotAllowed());
  RK_ASSIGN_OR_RETURN(const Body body, ReadBody(call.body));
  if (!body.tree.is_object()) return ToStatus(api::BadRequest("the body must be an Eviction"));
  if (MetaText(body.tree, "name") != call.name) {
    return ToStatus(api::BadRequest("name in URL does not match name in Eviction object"));
  }
  const Json* given = json::Find(body.tree, "deleteOptions");
  RK_ASSIGN_OR_RETURN(const DeleteOptions options,
                      ReadDeleteOptions(call, given == nullptr ? Json() : *given));
  const std::shared_ptr<const Catalog> kinds = catalog();
  const ServedKind* budgets = kinds->Find("policy/v1", "PodDisruptionBudget");
  const Key key{call.kind->Resource(), call.name_space, call.name};
  for (int attempt = 0; attempt < kDebitTries; ++attempt) {
    RK_ASSIGN_OR_RETURN(const Json pod,
                        Read(*call.kind, *call.kind->info, call.name_space, call.name));
    DeleteOptions pinned = options;
    if (budgets != nullptr && !EvictsFreely(pod)) {
      RK_ASSIGN_OR_RETURN(const Json budget, BudgetOf(pod, *budgets));
      if (!budget.is_null()) {
        RK_ASSIGN_OR_RETURN(const std::optional<Json> debited, Debit(pod, budget, Now()));
        if (debited.has_value()) {
          if (!options.dry_run) {
            const absl::StatusOr<Revision> done =
                Put({budgets->Resource(), call.name_space, std::string(MetaText(budget, "name"))},
                    RevisionOf(budget), *debited, /*goes=*/false);
            if (absl::IsAborted(done.status()) || absl::IsNotFound(done.status())) continue;
            if (!done.ok()) return StoreError(done.status());
          }
        } else if (!pinned.resource_version.has_value()) {
          // It may go because it is not ready: only as long as that is so.
          pinned.resource_version = std::string(MetaText(pod, "resourceVersion"));
        }
      }
    }
    const absl::StatusOr<Deletion> done = DeleteOne(*call.kind, key, pinned);
    if (done.ok()) return Created();
    const bool lost = absl::IsAborted(done.status()) && !options.resource_version.has_value() &&
                      pinned.resource_version.has_value();
    if (!lost) return done.status();
  }
  return ToStatus(api::TooManyRequests(
      "the pod or its disruption budget changed again and again; try again", 1));
}

}  // namespace rekindle::apiserver
