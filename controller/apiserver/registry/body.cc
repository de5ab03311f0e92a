#include "controller/apiserver/registry/body.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/schema/values.h"
#include "common/api/status.h"
#include "common/json/parse.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

constexpr size_t kMostManagerBytes = 128;

absl::Status Refuse(absl::string_view message) { return ToStatus(api::BadRequest(message)); }

absl::Status InvalidOptions(absl::string_view options, const api::FieldErrors& errors) {
  return ToStatus(api::Invalid({"meta.k8s.io", "", std::string(options), ""}, errors));
}

absl::StatusOr<DeleteOptions::Policy> ReadPolicy(absl::string_view text) {
  if (text.empty()) return DeleteOptions::Policy::kDefault;
  if (text == "Orphan") return DeleteOptions::Policy::kOrphan;
  if (text == "Background") return DeleteOptions::Policy::kBackground;
  if (text == "Foreground") return DeleteOptions::Policy::kForeground;
  api::FieldErrors errors;
  errors.NotSupported(api::FieldPath("propagationPolicy"), std::string(text),
                      {"Foreground", "Background", "Orphan", "nil"});
  return InvalidOptions("DeleteOptions", errors);
}

absl::Status ReadPreconditions(const Json& tree, DeleteOptions& out) {
  const Json* wanted = json::Find(tree, "preconditions");
  if (wanted == nullptr) return absl::OkStatus();
  if (!wanted->is_object()) return Refuse("DeleteOptions: preconditions must be an object");
  for (const auto& [name, value] : wanted->items()) {
    if (value.is_null()) continue;
    if (!value.is_string()) {
      return Refuse(absl::StrCat("DeleteOptions: preconditions.", name, " must be a string"));
    }
    if (name == "uid") out.uid = value.get<std::string>();
    if (name == "resourceVersion") out.resource_version = value.get<std::string>();
  }
  return absl::OkStatus();
}

absl::Status ReadDryRun(const Json& tree, DeleteOptions& out) {
  const Json* list = json::Find(tree, "dryRun");
  if (list == nullptr || (list->is_array() && list->empty())) return absl::OkStatus();
  for (const Json& one : *list) {
    if (one == "All") continue;
    api::FieldErrors errors;
    errors.NotSupported(api::FieldPath("dryRun"), *list, {"All"});
    return InvalidOptions("DeleteOptions", errors);
  }
  out.dry_run = true;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Body> ReadBody(const std::string& text) {
  Body out;
  if (absl::StripAsciiWhitespace(text).empty()) return Refuse("the request has no body");
  absl::StatusOr<Json> tree = json::ParseChecked(text, &out.duplicates);
  if (!tree.ok()) {
    return Refuse(
        absl::StrCat("the object provided is unrecognized (", tree.status().message(), ")"));
  }
  out.tree = *std::move(tree);
  return out;
}

absl::Status CheckWriteOptions(const Call& call, absl::string_view options) {
  api::FieldErrors errors;
  if (call.force && call.patch != PatchType::kApply) {
    errors.Forbidden(api::FieldPath("force"), "may not be specified for non-apply patch");
  }
  if (call.field_manager.size() > kMostManagerBytes) {
    errors.TooLong(api::FieldPath("fieldManager"), kMostManagerBytes);
  }
  for (const char c : call.field_manager) {
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) continue;
    errors.Invalid(api::FieldPath("fieldManager"), call.field_manager,
                   "should only contain printable characters");
    break;
  }
  return errors.empty() ? absl::OkStatus() : InvalidOptions(options, errors);
}

absl::Status CheckType(const ServedKind& kind, Json& object) {
  const api::KindInfo& info = *kind.info;
  if (!object.is_object()) {
    return Refuse(absl::StrCat("the object provided is no ", info.kind, " but JSON of type ",
                               api::JsonTypeName(object)));
  }
  const std::string version(json::String(object, "apiVersion"));
  const std::string named(json::String(object, "kind"));
  if (info.custom && named.empty()) {
    return Refuse("Object 'Kind' is missing in the body of the request");
  }
  if (info.custom && version.empty()) {
    return Refuse("Object 'apiVersion' is missing in the body of the request");
  }
  if (!version.empty() && version != info.ApiVersion()) {
    return Refuse(absl::StrCat("the API version in the data (", version,
                               ") does not match the expected API version (", info.ApiVersion(),
                               ")"));
  }
  if (!named.empty() && named != info.kind) {
    if (!info.custom) {
      return Refuse(absl::StrCat(named, " in version \"", info.version,
                                 "\" cannot be handled as a ", info.kind));
    }
    api::FieldErrors errors;
    errors.Invalid(api::FieldPath("kind"), named, absl::StrCat("must be ", info.kind));
    return ToStatus(api::Invalid(SubjectOf(info, MetaText(object, "name")), errors));
  }
  object["apiVersion"] = info.ApiVersion();
  object["kind"] = info.kind;
  if (const auto it = object.find("metadata");
      it != object.end() && !it->is_object() && !it->is_null()) {
    return Refuse(absl::StrCat(info.kind, ".metadata must be an object"));
  }
  Metadata(object);
  return absl::OkStatus();
}

absl::Status CheckNamespace(const ServedKind& kind, const std::string& name_space, Json& object) {
  Json& metadata = Metadata(object);
  if (!kind.info->namespaced) {
    metadata.erase("namespace");
    return absl::OkStatus();
  }
  const absl::string_view given = MetaText(object, "namespace");
  if (!given.empty() && given != name_space) {
    return Refuse(
        "the namespace of the provided object does not match the namespace sent on the request");
  }
  metadata["namespace"] = name_space;
  return absl::OkStatus();
}

absl::Status CheckName(const std::string& name, const Json& object) {
  const absl::string_view given = MetaText(object, "name");
  if (given == name) return absl::OkStatus();
  if (given.empty()) {
    return Refuse(absl::StrCat("the name of the object (", name,
                               " based on URL) was undeterminable: name must be provided"));
  }
  return Refuse(absl::StrCat("the name of the object (", given,
                             ") does not match the name on the URL (", name, ")"));
}

absl::Status CheckFields(const Call& call, const Json& object,
                         const std::vector<std::string>& duplicates,
                         std::vector<std::string>& warnings) {
  if (call.field_validation == FieldValidation::kIgnore) return absl::OkStatus();
  const api::KindInfo& info = *call.kind->info;
  std::vector<std::string> complaints =
      api::DecodingComplaints(api::UnknownFields(object, *info.type), duplicates);
  if (complaints.empty()) return absl::OkStatus();
  if (call.field_validation == FieldValidation::kStrict) {
    return ToStatus(api::StrictDecodingError(info.version, info.kind, complaints));
  }
  for (std::string& complaint : complaints) warnings.push_back(std::move(complaint));
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Revision>> ParseRevision(absl::string_view text) {
  if (text.empty() || text == "0") return std::nullopt;
  uint64_t number = 0;
  const bool digits = std::all_of(text.begin(), text.end(), absl::ascii_isdigit);
  if (!digits || !absl::SimpleAtoi(text, &number) || number > INT64_MAX) {
    return ToStatus(api::PlainServerError(
        absl::StrCat("strconv.ParseUint: parsing ", Json(std::string(text)).dump(),
                     digits ? ": value out of range" : ": invalid syntax")));
  }
  return static_cast<Revision>(number);
}

absl::StatusOr<DeleteOptions> ReadDeleteOptions(const Call& call, const Json& tree) {
  DeleteOptions out;
  out.dry_run = call.dry_run;
  out.grace_seconds = call.grace_period_seconds;
  std::string policy = call.propagation_policy;
  if (!tree.is_null()) {
    if (!tree.is_object()) return Refuse("DeleteOptions must be an object");
    if (const absl::string_view kind = json::String(tree, "kind");
        !kind.empty() && kind != "DeleteOptions") {
      return Refuse(absl::StrCat("the body of a delete must be a DeleteOptions, not a ", kind));
    }
    if (const Json* grace = json::Find(tree, "gracePeriodSeconds"); grace != nullptr) {
      if (!grace->is_number_integer()) {
        return Refuse("DeleteOptions: gracePeriodSeconds must be an integer");
      }
      out.grace_seconds = grace->get<int64_t>();
    }
    if (const Json* given = json::Find(tree, "propagationPolicy"); given != nullptr) {
      if (!given->is_string()) return Refuse("DeleteOptions: propagationPolicy must be a string");
      policy = given->get<std::string>();
    }
    if (absl::Status status = ReadPreconditions(tree, out); !status.ok()) return status;
    if (absl::Status status = ReadDryRun(tree, out); !status.ok()) return status;
  }
  absl::StatusOr<DeleteOptions::Policy> parsed = ReadPolicy(policy);
  if (!parsed.ok()) return parsed.status();
  out.policy = *parsed;
  if (const Json* orphan = json::Find(tree, "orphanDependents"); orphan != nullptr) {
    if (out.policy != DeleteOptions::Policy::kDefault) {
      api::FieldErrors errors;
      errors.Invalid(api::FieldPath("propagationPolicy"), policy,
                     "orphanDependents and deletionPropagation cannot be both set");
      return InvalidOptions("DeleteOptions", errors);
    }
    out.policy =
        *orphan == true ? DeleteOptions::Policy::kOrphan : DeleteOptions::Policy::kBackground;
  }
  // Less than nothing means at once, but politely (8.1).
  if (out.grace_seconds.has_value() && *out.grace_seconds < 0) out.grace_seconds = 1;
  return out;
}

}  // namespace rekindle::apiserver
