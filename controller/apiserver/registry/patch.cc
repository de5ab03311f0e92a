// PATCH in its four forms (spec kubernetes-api 7.4 to 7.6).
#include "common/json/patch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/json/diff.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/registry/objects.h"
#include "controller/apiserver/registry/strategy.h"

namespace rekindle::apiserver {
namespace {

const std::vector<std::string> kCustomPatches = {
    "application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml"};

absl::StatusOr<Json> ApplyJson(const Json& patch, const Json& current) {
  if (!patch.is_array()) {
    return ToStatus(api::BadRequest("a JSON patch must be a list of operations"));
  }
  absl::StatusOr<Json> out = json::ApplyJsonPatch(current, patch);
  if (out.ok()) return out;
  if (absl::IsResourceExhausted(out.status())) {
    api::ApiError error = api::BadRequest(out.status().message());
    error.code = 413;
    error.reason = "RequestEntityTooLarge";
    return ToStatus(error);
  }
  return ToStatus(api::UnprocessablePatch());
}

}  // namespace

absl::StatusOr<Json> ObjectRegistry::ApplyPatch(const Call& call, const Json& patch,
                                                const Json& current, const api::Type* type) const {
  absl::StatusOr<Json> out;
  switch (call.patch) {
    case PatchType::kJson:
      out = ApplyJson(patch, current);
      break;
    case PatchType::kMerge:
      if (!patch.is_object()) return ToStatus(api::UnprocessablePatch());
      out = json::ApplyMergePatch(current, patch);
      break;
    case PatchType::kStrategic:
      if (type == nullptr) return ToStatus(api::UnsupportedMediaType(kCustomPatches));
      if (!patch.is_object()) {
        return ToStatus(api::BadRequest("a strategic merge patch must be an object"));
      }
      out = json::ApplyStrategicPatch(current, patch, type);
      if (!out.ok()) return ToStatus(api::PlainServerError(out.status().message()));
      break;
    default:
      return ToStatus(api::UnsupportedMediaType(kCustomPatches));
  }
  if (out.ok() && !out->is_object()) return ToStatus(api::UnprocessablePatch());
  return out;
}

absl::StatusOr<Reply> ObjectRegistry::Patch(const Call& call) {
  RK_RETURN_IF_ERROR(CheckWriteOptions(call, "PatchOptions"));
  const ServedKind& kind = *call.kind;
  const bool custom = kind.user_defined || kind.info->custom;
  if (call.patch == PatchType::kStrategic && custom) {
    return ToStatus(api::UnsupportedMediaType(kCustomPatches));
  }
  RK_ASSIGN_OR_RETURN(Body body, ReadBody(call.body));
  if (call.patch == PatchType::kApply) return ApplyServerSide(call, std::move(body));
  Modification how;
  how.part = call.subresource;
  how.schema_only = call.subresource == "status";
  how.duplicates = std::move(body.duplicates);
  return Modify(call, how, [&](const Json& current) {
    return ApplyPatch(call, body.tree, current, custom ? nullptr : kind.info->type);
  });
}

absl::StatusOr<Reply> ObjectRegistry::ApplyServerSide(const Call& call, Body body) {
  const ServedKind& kind = *call.kind;
  const api::KindInfo& info = *kind.info;
  const api::WriteContext context = ContextOf(call, call.subresource);
  // In the order in which an API server looks: who applies, the version, then the rest.
  if (!call.field_manager.empty() && body.tree.is_object() &&
      json::String(body.tree, "apiVersion") == info.ApiVersion()) {
    RK_RETURN_IF_ERROR(CheckType(kind, body.tree));
    RK_RETURN_IF_ERROR(CheckNamespace(kind, call.name_space, body.tree));
    if (MetaText(body.tree, "name").empty()) Metadata(body.tree)["name"] = call.name;
    RK_RETURN_IF_ERROR(CheckName(call.name, body.tree));
  }
  Modification how;
  how.part = call.subresource;
  how.tracked = true;
  how.schema_only = call.subresource == "status";
  how.duplicates = body.duplicates;
  absl::StatusOr<Reply> reply = Modify(call, how, [&](const Json& current) -> absl::StatusOr<Json> {
    RK_ASSIGN_OR_RETURN(Json applied, api::ServerSideApply(&current, body.tree, context));
    // A version in the config is a precondition, checked with the result.
    if (MetaText(body.tree, "resourceVersion").empty()) {
      Metadata(applied)["resourceVersion"] = MetaText(current, "resourceVersion");
    }
    return applied;
  });
  const auto error = api::FromStatus(reply.status());
  if (reply.ok() || !error.has_value() || !error->Is("NotFound") || error->name != call.name ||
      !call.subresource.empty()) {
    return reply;
  }
  if (const std::string uid(MetaText(body.tree, "uid")); !uid.empty()) {
    return ToStatus(api::Conflict(SubjectOf(info, call.name),
                                  absl::StrCat("uid mismatch: the provided object specified uid ",
                                               uid, ", and no existing object was found")));
  }
  if (!MetaText(body.tree, "resourceVersion").empty()) {
    return ToStatus(api::Conflict(SubjectOf(info, call.name)));
  }
  RK_ASSIGN_OR_RETURN(Json object, api::ServerSideApply(nullptr, body.tree, context));
  std::vector<std::string> warnings;
  RK_RETURN_IF_ERROR(CheckFields(call, object, body.duplicates, warnings));
  return CreateObject(call, std::move(object), /*tracked=*/true, std::move(warnings));
}

}  // namespace rekindle::apiserver
