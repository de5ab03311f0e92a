// The scale subresource (spec kubernetes-api 9.2).
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <nlohmann/json.hpp>

#include "common/api/selector.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

constexpr char kScaleVersion[] = "autoscaling/v1";

std::vector<std::string> Steps(absl::string_view path) {
  return absl::StrSplit(path, '.', absl::SkipEmpty());
}

const Json* FindPath(const Json& object, absl::string_view path) {
  const Json* at = &object;
  for (const std::string& step : Steps(path)) {
    at = json::Find(*at, step);
    if (at == nullptr) return nullptr;
  }
  return at;
}

// Sets the number, or takes it away. Objects on the way are made.
void SetPath(Json& object, absl::string_view path, const std::optional<int64_t>& value) {
  Json* at = &object;
  const std::vector<std::string> steps = Steps(path);
  for (size_t i = 0; i + 1 < steps.size(); ++i) {
    Json& next = (*at)[steps[i]];
    if (!next.is_object()) next = Json::object();
    at = &next;
  }
  if (value.has_value()) {
    (*at)[steps.back()] = *value;
  } else {
    at->erase(steps.back());
  }
}

// Status texts are selectors; only sets of the platform keep theirs in the spec alone.
std::string SelectorText(const Json& object, const ServedKind& kind) {
  const api::KindInfo& info = *kind.info;
  if (!info.custom) {
    const Json* selector = json::Find(object, {"spec", "selector"});
    if (selector == nullptr) return "";
    const absl::StatusOr<api::Selector> parsed =
        api::Selector::FromJson(*selector, "spec.selector");
    return parsed.ok() ? parsed->Text() : "";
  }
  const Json* text =
      info.scale_selector_path.empty() ? nullptr : FindPath(object, info.scale_selector_path);
  return text != nullptr && text->is_string() ? text->get<std::string>() : "";
}

absl::StatusOr<Json> ScaleOf(const Json& object, const ServedKind& kind) {
  const api::KindInfo& info = *kind.info;
  const Json* replicas = FindPath(object, kind.scale_spec_path);
  if (replicas == nullptr || !replicas->is_number_integer()) {
    if (info.custom) {
      return ToStatus(api::InternalError(
          absl::StrCat("the spec replicas field \"", kind.scale_spec_path, "\" does not exist")));
    }
  }
  Json metadata = Json::object();
  for (const char* name : {"name", "namespace", "uid", "resourceVersion", "creationTimestamp"}) {
    if (const Json* value = json::Find(object, {"metadata", name}); value != nullptr) {
      metadata[name] = *value;
    }
  }
  const Json* ready = FindPath(object, kind.scale_status_path);
  const bool counted = ready != nullptr && ready->is_number_integer();
  Json out = {{"kind", "Scale"}, {"apiVersion", kScaleVersion}};
  out["metadata"] = std::move(metadata);
  out["spec"] = Json::object();
  if (replicas != nullptr && replicas->is_number_integer()) out["spec"]["replicas"] = *replicas;
  out["status"] = {{"replicas", counted ? *ready : Json(0)}};
  if (std::string selector = SelectorText(object, kind); !selector.empty()) {
    out["status"]["selector"] = std::move(selector);
  }
  return out;
}

// A 0 is left out of the answer, as by a server whose field is "omitempty"; patches see it.
Json Answer(Json scale) {
  if (json::Int(scale, {"spec", "replicas"}) == 0) scale["spec"].erase("replicas");
  return scale;
}

// What a Scale asks for. Nothing: the field goes.
absl::StatusOr<std::optional<int64_t>> Wanted(const Json& scale, const Call& call) {
  const api::KindInfo& info = *call.kind->info;
  if (const absl::string_view name = MetaText(scale, "name"); !name.empty() && name != call.name) {
    return ToStatus(
        api::BadRequest(absl::StrCat("the name of the object (", name,
                                     ") does not match the name on the URL (", call.name, ")")));
  }
  const absl::string_view kind = json::String(scale, "kind");
  if (!kind.empty() && kind != "Scale") {
    return ToStatus(api::BadRequest(absl::StrCat("expected a Scale, not a ", kind)));
  }
  const Json* spec = json::Find(scale, "spec");
  if (spec != nullptr && !spec->is_object()) {
    return ToStatus(api::BadRequest("Scale.spec must be an object"));
  }
  const Json* replicas = json::Find(scale, {"spec", "replicas"});
  if (replicas == nullptr) {
    return info.custom ? std::optional<int64_t>() : std::optional<int64_t>(0);
  }
  if (!replicas->is_number_integer() || *replicas > INT32_MAX || *replicas < INT32_MIN) {
    return ToStatus(
        api::BadRequest("Scale in version \"v1\" cannot be handled as a Scale: "
                        "spec.replicas must be an integer of 32 bits"));
  }
  const int64_t count = replicas->get<int64_t>();
  if (count >= 0) return std::optional<int64_t>(count);
  api::FieldErrors errors;
  if (info.custom) {
    errors.Invalid(api::FieldPath("spec.replicas"), count, "should be greater than or equal to 0");
    errors.Invalid(api::FieldPath(".spec.replicas"), count, "should be a non-negative integer");
    return ToStatus(api::Invalid(SubjectOf(info, call.name), errors));
  }
  errors.Invalid(api::FieldPath("spec.replicas"), count, "must be greater than or equal to 0");
  return ToStatus(api::Invalid({"autoscaling", "scales", "Scale", call.name}, errors));
}

}  // namespace

absl::StatusOr<Reply> ObjectRegistry::Scale(const Call& call) {
  const ServedKind& kind = *call.kind;
  const api::KindInfo& info = *kind.info;
  if (!info.scale) {
    api::ApiError error = api::NotFound(SubjectOf(info, call.name));
    error.message = "the server could not find the requested resource";
    return ToStatus(error);
  }
  Reply reply;
  if (call.verb == Verb::kGet) {
    RK_ASSIGN_OR_RETURN(const Json object, Read(kind, info, call.name_space, call.name));
    RK_ASSIGN_OR_RETURN(Json scale, ScaleOf(object, kind));
    reply.body = Answer(std::move(scale));
    return reply;
  }
  const bool patch = call.verb == Verb::kPatch;
  if (!patch && call.verb != Verb::kUpdate) return ToStatus(api::MethodNotAllowed());
  RK_RETURN_IF_ERROR(CheckWriteOptions(call, patch ? "PatchOptions" : "UpdateOptions"));
  if (patch && call.patch == PatchType::kApply) {
    return ToStatus(
        api::UnsupportedMediaType({"application/json-patch+json", "application/merge-patch+json"}));
  }
  RK_ASSIGN_OR_RETURN(const Body body, ReadBody(call.body));
  if (!patch && !body.tree.is_object()) {
    return ToStatus(api::BadRequest("the body must be a Scale"));
  }
  Modification how;
  how.part = "scale";
  how.decoded = false;
  how.schema_only = true;
  const auto change = [&](const Json& current) -> absl::StatusOr<Json> {
    Json scale = body.tree;
    if (patch) {
      absl::StatusOr<Json> shown = ScaleOf(current, kind);
      // Writes work where the number is missing.
      if (!shown.ok()) {
        shown =
            Json{{"kind", "Scale"}, {"metadata", current["metadata"]}, {"spec", Json::object()}};
      }
      // The members of a Scale are no lists: strategic and merge patch are the same.
      Call merged = call;
      if (call.patch == PatchType::kStrategic && !info.custom) merged.patch = PatchType::kMerge;
      RK_ASSIGN_OR_RETURN(scale, ApplyPatch(merged, body.tree, *shown, nullptr));
    }
    RK_ASSIGN_OR_RETURN(const std::optional<int64_t> replicas, Wanted(scale, call));
    Json updated = current;
    SetPath(updated, kind.scale_spec_path, replicas);
    // A version in the Scale is a precondition.
    const std::string given(MetaText(scale, "resourceVersion"));
    if (!given.empty()) Metadata(updated)["resourceVersion"] = given;
    return updated;
  };
  RK_ASSIGN_OR_RETURN(Reply done, Modify(call, how, change));
  absl::StatusOr<Json> scale = ScaleOf(done.body, kind);
  if (!scale.ok()) {
    scale = Json{{"kind", "Scale"},
                 {"apiVersion", kScaleVersion},
                 {"metadata", done.body["metadata"]},
                 {"spec", Json::object()},
                 {"status", {{"replicas", 0}}}};
  }
  done.body = Answer(*std::move(scale));
  return done;
}

}  // namespace rekindle::apiserver
