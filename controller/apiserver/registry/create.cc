// POST, and PUT or apply of what is not there (spec kubernetes-api 7.2).
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/meta_rules.h"
#include "common/api/names.h"
#include "common/api/schema/values.h"
#include "common/api/time.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/catalog/definition.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/registry/objects.h"
#include "controller/apiserver/registry/strategy.h"

namespace rekindle::apiserver {
namespace {

// How often a generated name is made anew when it is taken.
constexpr int kNameTries = 8;

// How rules look at other objects.
class StoreReader final : public api::ObjectReader {
 public:
  explicit StoreReader(ObjectRegistry& registry) : registry_(registry) {}
  absl::StatusOr<Json> Get(absl::string_view api_version, absl::string_view kind,
                           absl::string_view name_space, absl::string_view name) const override {
    const std::shared_ptr<const Catalog> catalog = registry_.catalog();
    const ServedKind* served = catalog->Find(api_version, kind);
    if (served == nullptr) {
      return absl::NotFoundError(absl::StrCat(api_version, " ", kind, " is not served"));
    }
    return registry_.Read(*served, *served->info, name_space, name);
  }

 private:
  ObjectRegistry& registry_;
};

// Only the errors about types: the others are for later, when defaults are there.
api::FieldErrors TypeErrors(const Json& object, const api::Type& type) {
  api::FieldErrors all;
  api::CheckValue(object, type, api::FieldPath(), api::Wording::kCustom, all);
  api::FieldErrors out;
  for (const api::FieldError& error : all.errors()) {
    if (error.kind == api::FieldErrorKind::kTypeInvalid) out.Add(error);
  }
  return out;
}

// A namespace's name is also one of its labels.
void Rename(Json& object, const std::string& name) {
  constexpr char kNameLabel[] = "kubernetes.io/metadata.name";
  Json& metadata = Metadata(object);
  metadata["name"] = name;
  if (json::Find(metadata, {"labels", kNameLabel}) != nullptr &&
      json::String(object, "kind") == "Namespace") {
    metadata["labels"][kNameLabel] = name;
  }
}

}  // namespace

absl::Status ObjectRegistry::CheckTypes(const ServedKind& kind, const Json& object,
                                        bool patched) const {
  const api::KindInfo& info = *kind.info;
  const std::string mistyped = api::FirstMistyped(object, *info.type, info.kind);
  if (mistyped.empty()) return absl::OkStatus();
  if (info.custom || kind.user_defined) {
    // The schema decides; it lets 3.0 pass as an integer, for one.
    const api::FieldErrors errors = TypeErrors(object, *info.type);
    if (errors.empty()) return absl::OkStatus();
    return ToStatus(api::Invalid(SubjectOf(info, MetaText(object, "name")), errors));
  }
  if (patched) {
    // The patch is at fault, not what anybody has sent (7.1).
    api::FieldErrors errors;
    errors.Invalid(api::FieldPath("patch"), json::Dump(object), mistyped);
    return ToStatus(api::Invalid({}, errors));
  }
  return ToStatus(
      api::BadRequest(absl::StrCat(info.kind, " in version \"", info.version,
                                   "\" cannot be handled as a ", info.kind, ": ", mistyped)));
}

absl::Status ObjectRegistry::Default(const ServedKind& kind, const Json* old, bool schema_only,
                                     Json& object) {
  const api::KindInfo& info = *kind.info;
  if (kind.user_defined || (schema_only && info.custom)) {
    api::PruneAndDefault(object, *info.type, /*own_defaults=*/kind.user_defined);
    return absl::OkStatus();
  }
  const StoreReader reader(*this);
  RK_RETURN_IF_ERROR(api::MakeDefaults({.kind = &info,
                                        .object = &object,
                                        .old = old,
                                        .gates = options_.gates,
                                        .reader = &reader,
                                        .now = Now()}));
  if (IsDefinition(info)) CompleteDefinition(object);
  return absl::OkStatus();
}

absl::Status ObjectRegistry::Validate(const ServedKind& kind, const Json* old, bool schema_only,
                                      Json& object, std::vector<std::string>* warnings) {
  const api::KindInfo& info = *kind.info;
  const StoreReader reader(*this);
  api::FieldErrors errors;
  if (kind.user_defined || (schema_only && info.custom)) {
    api::CheckValue(object, *info.type, api::FieldPath(), api::Wording::kCustom, errors);
    const Json& metadata = object["metadata"];
    const api::FieldPath at("metadata");
    if (!errors.HasKind(api::FieldErrorKind::kTypeInvalid)) {
      api::CheckObjectMeta(metadata, info, at, errors);
      if (old != nullptr) {
        api::CheckObjectMetaUpdate(metadata, (*old)["metadata"], info, at, errors);
      }
    }
  } else {
    api::CollectErrors({.kind = &info,
                        .object = &object,
                        .old = old,
                        .gates = options_.gates,
                        .reader = &reader,
                        .now = Now()},
                       errors);
    if (IsDefinition(info)) ValidateDefinition(object, old, errors, warnings);
  }
  if (errors.empty()) return absl::OkStatus();
  return ToStatus(api::Invalid(SubjectOf(info, MetaText(object, "name")), errors));
}

absl::StatusOr<Reply> ObjectRegistry::Create(const Call& call) {
  RK_RETURN_IF_ERROR(CheckWriteOptions(call, "CreateOptions"));
  RK_ASSIGN_OR_RETURN(Body body, ReadBody(call.body));
  Json object = std::move(body.tree);
  RK_RETURN_IF_ERROR(CheckType(*call.kind, object));
  RK_RETURN_IF_ERROR(CheckNamespace(*call.kind, call.name_space, object));
  std::vector<std::string> warnings;
  RK_RETURN_IF_ERROR(CheckFields(call, object, body.duplicates, warnings));
  if (!MetaText(object, "resourceVersion").empty()) {
    return ToStatus(
        api::PlainServerError("resourceVersion should not be set on objects to be created"));
  }
  return CreateObject(call, std::move(object), /*tracked=*/false, std::move(warnings));
}

absl::StatusOr<Reply> ObjectRegistry::CreateObject(const Call& call, Json object, bool tracked,
                                                   std::vector<std::string> warnings) {
  const ServedKind& kind = *call.kind;
  const api::KindInfo& info = *kind.info;
  RK_RETURN_IF_ERROR(CheckTypes(kind, object, /*patched=*/false));
  const std::string base(MetaText(object, "generateName"));
  const bool generated = MetaText(object, "name").empty() && !base.empty();
  const int tries = generated ? kNameTries : 1;
  if (!info.namespaced) {
    return CreateInside(call, std::move(object), tracked, tries, base, std::move(warnings));
  }
  // Held until the object is on the disk.
  const absl::StatusOr<NamespaceGate::Pass> pass =
      namespace_gate_.Enter(store(), call.name_space, SubjectOf(info, MetaText(object, "name")));
  if (!pass.ok()) return StoreError(pass.status());
  return CreateInside(call, std::move(object), tracked, tries, base, std::move(warnings));
}

absl::StatusOr<Reply> ObjectRegistry::CreateInside(const Call& call, Json object, bool tracked,
                                                   int tries, const std::string& base,
                                                   std::vector<std::string> warnings) {
  const ServedKind& kind = *call.kind;
  const api::KindInfo& info = *kind.info;
  if (kind.terminating) {
    api::ApiError error = api::MethodNotSupported(SubjectOf(info, ""), "create");
    error.message = "create not allowed while custom resource definition is terminating";
    return ToStatus(error);
  }
  PrepareCreate(kind, object);
  Json& metadata = Metadata(object);
  metadata["uid"] = NewUid();
  metadata["creationTimestamp"] = api::FormatTime(Now());
  const bool generated = tries > 1;
  if (generated) Rename(object, api::GeneratedName(base, options_.random));
  RK_RETURN_IF_ERROR(Default(kind, nullptr, /*schema_only=*/false, object));
  FinishCreate(kind, object);
  RK_RETURN_IF_ERROR(Settle(kind, object));
  if (!tracked) object = api::TrackUpdate(nullptr, std::move(object), ContextOf(call, ""));
  RK_RETURN_IF_ERROR(Validate(kind, nullptr, /*schema_only=*/false, object, &warnings));

  // Definitions are written one at a time: each one's status depends on the others.
  const bool definition = IsDefinition(info);
  std::unique_ptr<MutexLock> writing;
  if (definition) {
    writing = std::make_unique<MutexLock>(&definitions_.writing());
    std::vector<std::string> finalizers = Finalizers(object);
    finalizers.emplace_back(kDefinitionFinalizer);
    SetFinalizers(object, finalizers);
    definitions_.SetStatus(object, Now());
  }
  for (int attempt = 1;; ++attempt) {
    const std::string name(MetaText(object, "name"));
    const Key key{kind.Resource(), info.namespaced ? call.name_space : "", name};
    std::string text;
    const absl::StatusOr<Revision> done = CommitNew(call, key, object, text);
    if (done.ok()) {
      Reply reply{.code = 201, .warnings = std::move(warnings)};
      if (call.dry_run) {
        reply.body = std::move(object);
        return reply;
      }
      if (definition) {
        SetRevision(object, *done);
        definitions_.Publish(object);
      }
      Written(call, text, *done, std::move(object), reply);
      return reply;
    }
    if (!absl::IsAlreadyExists(done.status())) return StoreError(done.status());
    if (attempt < tries) {
      Rename(object, api::GeneratedName(base, options_.random));
      continue;
    }
    const absl::StatusOr<StoredObject> present = store().Get(key);
    const absl::StatusOr<api::ObjectMeta> meta =
        present.ok() ? ReadStoredMeta(*present->text) : present.status();
    api::ApiError error =
        api::AlreadyExists(SubjectOf(info, name), meta.ok() && meta->BeingDeleted());
    if (generated) error.retry_after_seconds = 1;
    return ToStatus(error);
  }
}

absl::StatusOr<Revision> ObjectRegistry::CommitNew(const Call& call, const Key& key,
                                                   const Json& object, std::string& text) {
  if (call.dry_run) {
    const absl::StatusOr<StoredObject> present = store().Get(key);
    if (present.ok()) return absl::AlreadyExistsError(key.name);
    return absl::IsNotFound(present.status()) ? absl::StatusOr<Revision>(0) : present.status();
  }
  const ServedKind& kind = *call.kind;
  if (!kind.user_defined && kind.info->version == kind.storage->version) {
    text = StoredText(object);
  } else {
    RK_ASSIGN_OR_RETURN(const Json stored, ToVersion(object, kind, *kind.storage));
    text = StoredText(stored);
  }
  return PutText(key, 0, text, /*goes=*/false);
}

}  // namespace rekindle::apiserver
