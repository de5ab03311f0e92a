#include "controller/apiserver/rest/call_builder.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/field_error.h"
#include "common/api/status.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "common/json/utf8.h"
#include "controller/apiserver/rest/media.h"
#include "controller/apiserver/rest/yaml_body.h"

namespace rekindle::apiserver {
namespace {

absl::Status BadRequest(absl::string_view message) {
  return api::ToStatus(api::BadRequest(message));
}

absl::Status Unsupported(bool patch, bool custom) {
  static const auto* bodies = new std::vector<std::string>{"application/json", "application/yaml",
                                                           "application/vnd.kubernetes.protobuf"};
  static const auto* patches = new std::vector<std::string>{
      "application/json-patch+json", "application/merge-patch+json",
      "application/strategic-merge-patch+json", "application/apply-patch+yaml"};
  static const auto* custom_patches =
      new std::vector<std::string>{"application/json-patch+json", "application/merge-patch+json",
                                   "application/apply-patch+yaml"};
  return api::ToStatus(api::UnsupportedMediaType(!patch   ? *bodies
                                                 : custom ? *custom_patches
                                                          : *patches));
}

absl::StatusOr<std::optional<int64_t>> Number(const Target& target, absl::string_view name) {
  const absl::string_view text = target.Parameter(name);
  if (text.empty()) return std::optional<int64_t>();
  int64_t value = 0;
  if (!absl::SimpleAtoi(text, &value)) {
    return BadRequest(absl::StrCat(name, ": \"", text, "\" is not a whole number"));
  }
  return std::optional<int64_t>(value);
}

absl::Status InvalidOption(absl::string_view kind, const api::FieldErrors& errors) {
  return api::ToStatus(api::Invalid({"meta.k8s.io", "", std::string(kind), ""}, errors));
}

absl::string_view OptionsKind(Verb verb) {
  switch (verb) {
    case Verb::kCreate:
      return "CreateOptions";
    case Verb::kUpdate:
      return "UpdateOptions";
    case Verb::kPatch:
      return "PatchOptions";
    default:
      return "DeleteOptions";
  }
}

absl::Status ReadDryRun(const Target& target, Verb verb, Call& call) {
  std::string shown;
  bool bad = false;
  for (const auto& [key, value] : target.query) {
    if (key != "dryRun") continue;
    absl::StrAppend(&shown, shown.empty() ? "" : ", ", "\"", value, "\"");
    bad = bad || value != "All";
    call.dry_run = true;
  }
  if (!bad) return absl::OkStatus();
  api::FieldErrors errors;
  errors.Add({api::FieldErrorKind::kNotSupported, "dryRun",
              absl::StrCat("Unsupported value: []string{", shown, "}: supported values: \"All\"")});
  return InvalidOption(OptionsKind(verb), errors);
}

absl::Status ReadFieldValidation(const Target& target, Verb verb, Call& call) {
  const absl::string_view text = target.Parameter("fieldValidation");
  if (text.empty() || text == "Warn") return absl::OkStatus();
  if (text == "Strict") {
    call.field_validation = FieldValidation::kStrict;
    return absl::OkStatus();
  }
  if (text == "Ignore") {
    call.field_validation = FieldValidation::kIgnore;
    return absl::OkStatus();
  }
  api::FieldErrors errors;
  errors.Add({api::FieldErrorKind::kNotSupported, "fieldValidation",
              absl::StrCat("Unsupported value: \"", text,
                           "\": supported values: \"\", \"Ignore\", \"Warn\", \"Strict\"")});
  return InvalidOption(OptionsKind(verb), errors);
}

absl::Status ReadReadQuery(const Target& target, Call& call) {
  call.label_selector = std::string(target.Parameter("labelSelector"));
  call.field_selector = std::string(target.Parameter("fieldSelector"));
  call.resource_version = std::string(target.Parameter("resourceVersion"));
  call.resource_version_match = std::string(target.Parameter("resourceVersionMatch"));
  call.continue_token = std::string(target.Parameter("continue"));
  call.bookmarks = target.Flag("allowWatchBookmarks");
  call.send_initial_events = target.Flag("sendInitialEvents");
  RK_ASSIGN_OR_RETURN(const std::optional<int64_t> limit, Number(target, "limit"));
  call.limit = static_cast<size_t>(std::max<int64_t>(limit.value_or(0), 0));
  return TimeoutSeconds(target).status();
}

absl::Status ReadWriteQuery(const Target& target, Verb verb, Call& call) {
  RK_RETURN_IF_ERROR(ReadDryRun(target, verb, call));
  if (verb == Verb::kDelete || verb == Verb::kDeleteCollection) {
    call.propagation_policy = std::string(target.Parameter("propagationPolicy"));
    RK_ASSIGN_OR_RETURN(call.grace_period_seconds, Number(target, "gracePeriodSeconds"));
    return absl::OkStatus();
  }
  RK_RETURN_IF_ERROR(ReadFieldValidation(target, verb, call));
  call.field_manager = std::string(target.Parameter("fieldManager"));
  call.force = target.Flag("force");
  return absl::OkStatus();
}

std::optional<PatchType> PatchOf(BodyType type) {
  switch (type) {
    case BodyType::kJsonPatch:
      return PatchType::kJson;
    case BodyType::kMergePatch:
      return PatchType::kMerge;
    case BodyType::kStrategicPatch:
      return PatchType::kStrategic;
    case BodyType::kApply:
      return PatchType::kApply;
    default:
      return std::nullopt;
  }
}

}  // namespace

std::optional<Verb> VerbOf(absl::string_view method, const ResourcePath& path, bool watch) {
  const bool collection = path.name.empty();
  if (method == "GET") {
    if (!path.subresource.empty()) return Verb::kGet;
    if (path.watch || (collection && watch)) return Verb::kWatch;
    return collection ? Verb::kList : Verb::kGet;
  }
  if (path.watch) return std::nullopt;
  if (method == "POST") {
    return collection || !path.subresource.empty() ? std::optional(Verb::kCreate) : std::nullopt;
  }
  if (method == "DELETE") return collection ? Verb::kDeleteCollection : Verb::kDelete;
  if (collection) return std::nullopt;
  if (method == "PUT") return Verb::kUpdate;
  if (method == "PATCH") return Verb::kPatch;
  return std::nullopt;
}

absl::string_view VerbName(Verb verb) {
  switch (verb) {
    case Verb::kGet:
      return "get";
    case Verb::kList:
      return "list";
    case Verb::kWatch:
      return "watch";
    case Verb::kCreate:
      return "create";
    case Verb::kUpdate:
      return "update";
    case Verb::kPatch:
      return "patch";
    case Verb::kDelete:
      return "delete";
    case Verb::kDeleteCollection:
      return "deletecollection";
  }
  return "";
}

absl::Status ReadQuery(const Target& target, Verb verb, Call& call) {
  switch (verb) {
    case Verb::kGet:
    case Verb::kList:
    case Verb::kWatch:
      return ReadReadQuery(target, call);
    case Verb::kDeleteCollection:
      RK_RETURN_IF_ERROR(ReadReadQuery(target, call));
      return ReadWriteQuery(target, verb, call);
    default:
      return ReadWriteQuery(target, verb, call);
  }
}

absl::Status ReadBody(const HttpRequest& request, Verb verb, bool custom, const Surface& surface,
                      Call& call) {
  if (verb == Verb::kGet || verb == Verb::kList || verb == Verb::kWatch) return absl::OkStatus();
  const bool patch = verb == Verb::kPatch;
  if (request.body.empty() && !patch) return absl::OkStatus();
  const std::optional<BodyType> type = BodyTypeOf(request.Header("content-type"));
  if (!type.has_value()) return Unsupported(patch, custom);
  const std::optional<PatchType> patch_type = PatchOf(*type);
  if (patch_type.has_value() != patch) return Unsupported(patch, custom);
  if (custom && patch_type == PatchType::kStrategic) return Unsupported(patch, custom);
  call.patch = patch_type.value_or(PatchType::kNone);
  if (*type == BodyType::kProtobuf) {
    absl::StatusOr<Json> decoded = surface.DecodeProtobuf(request.body);
    if (absl::IsUnimplemented(decoded.status())) return Unsupported(patch, custom);
    if (!decoded.ok()) return BadRequest(decoded.status().message());
    call.body = json::Dump(*decoded);
    return absl::OkStatus();
  }
  if (!json::IsUtf8(request.body)) return BadRequest("the body of the request is not UTF-8");
  if (*type != BodyType::kYaml && *type != BodyType::kApply) {
    call.body = request.body;
    return absl::OkStatus();
  }
  absl::StatusOr<std::string> text = YamlToJson(request.body);
  if (!text.ok()) return BadRequest(text.status().message());
  call.body = *std::move(text);
  return absl::OkStatus();
}

absl::StatusOr<IncludeObject> IncludeOf(const Target& target) {
  const absl::string_view text = target.Parameter("includeObject");
  if (text.empty() || text == "Metadata") return IncludeObject::kMetadata;
  if (text == "None") return IncludeObject::kNone;
  if (text == "Object") return IncludeObject::kObject;
  return BadRequest(absl::StrCat("unrecognized includeObject value: \"", text, "\""));
}

absl::StatusOr<int64_t> TimeoutSeconds(const Target& target) {
  RK_ASSIGN_OR_RETURN(const std::optional<int64_t> seconds, Number(target, "timeoutSeconds"));
  return std::max<int64_t>(seconds.value_or(0), 0);
}

}  // namespace rekindle::apiserver
