// PUT, and what every change of a stored object has in common (spec kubernetes-api 7.3, 2.4, 2.5).
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/convert.h"
#include "common/api/schema/values.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/registry/objects.h"
#include "controller/apiserver/registry/strategy.h"

namespace rekindle::apiserver {
namespace {

// How often a change is made anew on what somebody else has written meanwhile (7.4).
constexpr int kTries = 6;

absl::Status UidConflict(const api::Subject& subject, absl::string_view given,
                         absl::string_view present) {
  return ToStatus(api::Conflict(subject, absl::StrCat("Precondition failed: UID in precondition: ",
                                                      given, ", UID in object meta: ", present)));
}

// The version that a client says it has read, against the stored one.
absl::Status CheckRevision(const ServedKind& kind, bool whole, const Json& old, Json& updated) {
  const api::KindInfo& info = *kind.info;
  const absl::string_view name = MetaText(old, "name");
  RK_ASSIGN_OR_RETURN(const std::optional<Revision> given,
                      ParseRevision(MetaText(updated, "resourceVersion")));
  const std::string present(MetaText(old, "resourceVersion"));
  if (!given.has_value()) {
    if (whole && !TraitsOf(kind).unconditional_update) {
      // In this one error the Kind is the plural (2.4.5).
      api::FieldErrors errors;
      errors.Add({api::FieldErrorKind::kInvalid, "metadata.resourceVersion",
                  "Invalid value: 0x0: must be specified for an update"});
      return ToStatus(
          api::Invalid({info.group, info.plural, info.plural, std::string(name)}, errors));
    }
  } else if (std::to_string(*given) != present) {
    return ToStatus(api::Conflict(SubjectOf(info, name)));
  }
  Metadata(updated)["resourceVersion"] = present;
  return absl::OkStatus();
}

}  // namespace

api::WriteContext ObjectRegistry::ContextOf(const Call& call, absl::string_view part) const {
  api::WriteContext out;
  out.kind = call.kind->info;
  out.manager =
      call.field_manager.empty() ? api::DefaultManager(call.user_agent) : call.field_manager;
  if (call.patch == PatchType::kApply) out.manager = call.field_manager;
  out.subresource = std::string(part);
  out.now = Now();
  out.force = call.force;
  const std::shared_ptr<const Catalog> kinds = catalog();
  const std::string name = call.kind->info->kind;
  const std::string group = call.kind->info->group;
  out.find = [kinds, name, group](absl::string_view api_version) -> const api::KindInfo* {
    const ServedKind* found = kinds->Find(api_version, name);
    return found == nullptr || found->info->group != group ? nullptr : found->info;
  };
  const ServedKind* kind = call.kind;
  out.convert = [kind](const Json& object, const api::KindInfo& to) {
    return ToVersion(object, *kind, to);
  };
  return out;
}

absl::StatusOr<ObjectRegistry::Current> ObjectRegistry::ReadCurrent(const Call& call) {
  const absl::StatusOr<StoredObject> stored =
      store().Get({call.kind->Resource(), call.name_space, call.name});
  if (absl::IsNotFound(stored.status())) {
    return ToStatus(api::NotFound(SubjectOf(*call.kind->info, call.name)));
  }
  if (!stored.ok()) return StoreError(stored.status());
  RK_ASSIGN_OR_RETURN(Json object, Decode(*stored, *call.kind, *call.kind->info));
  return Current{*stored, std::move(object)};
}

absl::StatusOr<Json> ObjectRegistry::Finish(const Call& call, const Modification& how,
                                            const Json& old, Json updated,
                                            std::vector<std::string>& warnings) {
  const ServedKind& kind = *call.kind;
  const api::KindInfo& info = *kind.info;
  const api::Subject subject = SubjectOf(info, call.name);
  RK_RETURN_IF_ERROR(CheckType(kind, updated));
  RK_RETURN_IF_ERROR(CheckNamespace(kind, call.name_space, updated));
  RK_RETURN_IF_ERROR(CheckName(call.name, updated));
  if (how.decoded) RK_RETURN_IF_ERROR(CheckFields(call, updated, how.duplicates, warnings));
  RK_RETURN_IF_ERROR(CheckTypes(kind, updated, !how.whole));
  // A patch that changes the UID is a fault of the object (7.4), a PUT of another one a lost race.
  const absl::string_view uid = MetaText(updated, "uid");
  if (how.whole && !uid.empty() && uid != MetaText(old, "uid")) {
    return UidConflict(subject, uid, MetaText(old, "uid"));
  }
  RK_RETURN_IF_ERROR(CheckRevision(kind, how.whole, old, updated));
  const std::string part = how.part == "scale" || how.part == "binding" ? "" : how.part;
  PrepareUpdate(kind, part, old, updated);
  RK_RETURN_IF_ERROR(Default(kind, &old, how.schema_only, updated));
  RK_RETURN_IF_ERROR(Settle(kind, updated));
  if (!how.tracked) {
    updated = api::TrackUpdate(&old, std::move(updated), ContextOf(call, how.part));
  }
  if (TraitsOf(kind).generation && ChangesDesired(kind, old, updated)) {
    Metadata(updated)["generation"] = json::Int(old, {"metadata", "generation"}).value_or(0) + 1;
  }
  if (updated == old) return updated;  // also where stored objects break today's rules
  RK_RETURN_IF_ERROR(Validate(kind, &old, how.schema_only, updated, &warnings));
  return updated;
}

absl::StatusOr<Reply> ObjectRegistry::Modify(const Call& call, const Modification& how, Make make) {
  const ServedKind& kind = *call.kind;
  const api::KindInfo& info = *kind.info;
  const bool definition = IsDefinition(info);
  std::unique_ptr<MutexLock> writing;
  if (definition) writing = std::make_unique<MutexLock>(&definitions_.writing());
  for (int attempt = 1;; ++attempt) {
    RK_ASSIGN_OR_RETURN(const Current current, ReadCurrent(call));
    const Json& old = current.object;
    RK_ASSIGN_OR_RETURN(Json updated, make(old));
    Reply reply;
    RK_ASSIGN_OR_RETURN(updated, Finish(call, how, old, std::move(updated), reply.warnings));
    if (updated == old) {
      reply.body = std::move(updated);
      return reply;
    }
    if (definition) definitions_.SetStatus(updated, Now());
    // Most objects are kept as they are shown; others are copied and converted.
    const bool kept = !kind.user_defined && info.version == kind.storage->version;
    Json converted;
    if (!kept) {
      RK_ASSIGN_OR_RETURN(converted, ToVersion(updated, kind, *kind.storage, &reply.warnings));
    }
    const Json& stored = kept ? updated : converted;
    if (&info != kind.storage && info.version != kind.storage->version && info.convert) {
      const absl::StatusOr<Json> before = ParseStored(current.stored.key, *current.stored.text, 0);
      if (before.ok()) {
        for (std::string& text : api::LostByWrite(*before, info)) {
          reply.warnings.push_back(std::move(text));
        }
      }
    }
    if (call.dry_run) {
      reply.body = std::move(updated);
      return reply;
    }
    const bool goes = IsFinished(kind, stored);
    const std::string text = StoredText(stored);
    const absl::StatusOr<Revision> done =
        PutText(current.stored.key, current.stored.revision, text, goes);
    if (done.ok()) {
      if (definition && goes) definitions_.Remove(call.name);
      if (definition && !goes) {
        SetRevision(updated, *done);
        definitions_.Publish(updated);
      }
      Written(call, text, *done, std::move(updated), reply);
      return reply;
    }
    const bool raced = absl::IsAborted(done.status()) || absl::IsNotFound(done.status());
    if (!raced) return StoreError(done.status());
    if (attempt == kTries) return ToStatus(api::Conflict(SubjectOf(info, call.name)));
  }
}

absl::StatusOr<Reply> ObjectRegistry::Update(const Call& call) {
  RK_RETURN_IF_ERROR(CheckWriteOptions(call, "UpdateOptions"));
  RK_ASSIGN_OR_RETURN(Body body, ReadBody(call.body));
  const ServedKind& kind = *call.kind;
  RK_RETURN_IF_ERROR(CheckType(kind, body.tree));
  RK_RETURN_IF_ERROR(CheckName(call.name, body.tree));
  Modification how;
  how.part = call.subresource;
  how.whole = true;
  how.schema_only = call.subresource == "status";
  how.duplicates = std::move(body.duplicates);
  absl::StatusOr<Reply> reply = Modify(call, how, [&](const Json&) { return body.tree; });
  const auto error = api::FromStatus(reply.status());
  if (reply.ok() || !error.has_value() || !error->Is("NotFound") || error->name != call.name) {
    return reply;
  }
  const std::string uid(MetaText(body.tree, "uid"));
  if (!uid.empty()) return UidConflict(SubjectOf(*kind.info, call.name), uid, "");
  if (!call.subresource.empty() || !TraitsOf(kind).create_on_update) return reply;
  RK_RETURN_IF_ERROR(CheckNamespace(kind, call.name_space, body.tree));
  std::vector<std::string> warnings;
  RK_RETURN_IF_ERROR(CheckFields(call, body.tree, how.duplicates, warnings));
  return CreateObject(call, std::move(body.tree), /*tracked=*/false, std::move(warnings));
}

}  // namespace rekindle::apiserver
