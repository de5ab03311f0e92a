#include "controller/apiserver/registry/object_registry.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/convert.h"
#include "common/api/schema/values.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/objects.h"
#include "controller/apiserver/registry/strategy.h"

namespace rekindle::apiserver {
namespace {

constexpr int kEditTries = 20;

// Every error of the registry says what an API server would answer.
absl::Status WithApiError(const absl::Status& status) {
  if (status.ok() || api::FromStatus(status).has_value()) return status;
  return ToStatus(api::InternalError(status.message()));
}

}  // namespace

ObjectRegistry::ObjectRegistry(Options options) : options_(std::move(options)) {}

absl::StatusOr<std::unique_ptr<ObjectRegistry>> ObjectRegistry::Open(Options options) {
  std::unique_ptr<ObjectRegistry> out(new ObjectRegistry(std::move(options)));
  RK_RETURN_IF_ERROR(
      out->definitions_.Load(out->store(), out->Now(), [&] { return out->NewUid(); }));
  RK_RETURN_IF_ERROR(
      MakeInitialNamespaces(out->store(), out->Now(), [&] { return out->NewUid(); }));
  return out;
}

absl::StatusOr<Reply> ObjectRegistry::Handle(const Call& call) {
  const auto handle = [&]() -> absl::StatusOr<Reply> {
    if (call.kind == nullptr) return ToStatus(api::BadRequest("no kind of objects is named"));
    const bool list = call.verb == Verb::kList || call.verb == Verb::kDeleteCollection;
    if (!list && call.verb != Verb::kCreate && call.name.empty()) {
      return ToStatus(api::BadRequest("the name of an object is needed"));
    }
    if (call.subresource == "scale") return Scale(call);
    if (call.subresource == "eviction") return Evict(call);
    if (call.subresource == "binding") return Bind(call);
    const bool part = call.subresource == "status" ? call.kind->info->status
                      : call.subresource == "finalize"
                          ? call.kind->Resource() == "namespaces" && call.verb == Verb::kUpdate
                          : call.subresource.empty();
    if (!part) {
      api::ApiError error = api::NotFound(SubjectOf(*call.kind->info, call.name));
      error.message = "the server could not find the requested resource";
      return ToStatus(error);
    }
    switch (call.verb) {
      case Verb::kGet:
        return Get(call);
      case Verb::kList:
        return List(call);
      case Verb::kCreate:
        return call.subresource.empty() ? Create(call) : ToStatus(api::MethodNotAllowed());
      case Verb::kUpdate:
        return Update(call);
      case Verb::kPatch:
        return Patch(call);
      case Verb::kDelete:
        return call.subresource.empty() ? Delete(call) : ToStatus(api::MethodNotAllowed());
      case Verb::kDeleteCollection:
        return DeleteCollection(call);
      case Verb::kWatch:
        break;
    }
    return ToStatus(api::MethodNotAllowed());
  };
  absl::StatusOr<Reply> reply = handle();
  if (!reply.ok()) return WithApiError(reply.status());
  return reply;
}

absl::Status ObjectRegistry::StoreError(const absl::Status& status) {
  if (api::FromStatus(status).has_value()) return status;
  if (absl::IsUnavailable(status)) {
    return ToStatus(
        api::ServiceUnavailable(absl::StrCat("the store is not available: ", status.message())));
  }
  if (absl::IsResourceExhausted(status)) {
    return ToStatus(
        api::ServiceUnavailable(absl::StrCat("the store takes no writes: ", status.message())));
  }
  return ToStatus(api::InternalError(status.message()));
}

absl::StatusOr<Json> ObjectRegistry::ToVersion(Json object, const ServedKind& kind,
                                               const api::KindInfo& to,
                                               std::vector<std::string>* warnings) {
  const bool same = json::String(object, "apiVersion") == to.ApiVersion();
  if (kind.user_defined) {
    object["apiVersion"] = to.ApiVersion();
    // Also what was stored under an earlier schema.
    api::PruneAndDefault(object, *to.type);
    return object;
  }
  if (same) return object;
  if (!kind.info->custom) {
    object["apiVersion"] = to.ApiVersion();
    return object;
  }
  absl::StatusOr<Json> converted = api::Convert(object, to, warnings);
  if (!converted.ok()) {
    return ToStatus(
        api::InternalError(absl::StrCat("conversion of ", kind.info->kind, " to ", to.ApiVersion(),
                                        " failed: ", converted.status().message())));
  }
  api::PruneAndDefault(*converted, *to.type, /*own_defaults=*/false);
  return converted;
}

absl::Status ObjectRegistry::Settle(const ServedKind& kind, Json& object) {
  if (kind.info->version == kind.storage->version) return absl::OkStatus();
  RK_ASSIGN_OR_RETURN(Json stored, ToVersion(std::move(object), kind, *kind.storage));
  RK_ASSIGN_OR_RETURN(object, ToVersion(std::move(stored), kind, *kind.info));
  return absl::OkStatus();
}

absl::StatusOr<Json> ObjectRegistry::Decode(const StoredObject& stored, const ServedKind& kind,
                                            const api::KindInfo& to) {
  RK_ASSIGN_OR_RETURN(Json object, ParseStored(stored.key, *stored.text, stored.revision));
  return ToVersion(std::move(object), kind, to);
}

absl::StatusOr<Json> ObjectRegistry::Read(const ServedKind& kind, const api::KindInfo& to,
                                          absl::string_view name_space, absl::string_view name) {
  const absl::StatusOr<StoredObject> stored =
      store().Get({kind.Resource(), std::string(name_space), std::string(name)});
  if (absl::IsNotFound(stored.status())) return ToStatus(api::NotFound(SubjectOf(to, name)));
  if (!stored.ok()) return StoreError(stored.status());
  return Decode(*stored, kind, to);
}

std::string ObjectRegistry::NewUid() {
  const auto part = [&] { return options_.random(); };
  const uint32_t second = part();
  const uint32_t third = part();
  return absl::StrFormat("%08x-%04x-4%03x-%04x-%04x%08x", part(), second >> 16, second & 0xfff,
                         0x8000 | ((third >> 16) & 0x3fff), third & 0xffff, part());
}

void ObjectRegistry::Written(const Call& call, absl::string_view text, Revision revision,
                             Json object, Reply& reply) {
  // Scale makes another object of it.
  if (call.as_text && call.subresource != "scale" && KeptAs(*call.kind, text)) {
    reply.text = SplicedText(text, revision, /*with_type=*/true);
    if (!reply.text.empty()) return;
  }
  SetRevision(object, revision);
  reply.body = std::move(object);
}

absl::StatusOr<Revision> ObjectRegistry::Put(const Key& key, Revision expected, const Json& object,
                                             bool goes) {
  return PutText(key, expected, StoredText(object), goes);
}

absl::StatusOr<Revision> ObjectRegistry::PutText(const Key& key, Revision expected,
                                                 std::string text, bool goes) {
  std::vector<Write> writes(1);
  writes[0].key = key;
  writes[0].expected = expected;
  (goes ? writes[0].last_text : writes[0].text) = std::move(text);
  absl::StatusOr<std::vector<Revision>> done = store().Commit(std::move(writes));
  if (!done.ok()) return done.status();
  return done->front();
}

absl::Status ObjectRegistry::EditObject(const ServedKind& kind, absl::string_view name_space,
                                        absl::string_view name, absl::string_view manager,
                                        Edit change) {
  const Key key{kind.Resource(), std::string(name_space), std::string(name)};
  std::unique_ptr<MutexLock> writing;
  if (IsDefinition(*kind.info)) writing = std::make_unique<MutexLock>(&definitions_.writing());
  for (int attempt = 0; attempt < kEditTries; ++attempt) {
    const absl::StatusOr<StoredObject> stored = store().Get(key);
    if (!stored.ok()) return stored.status();
    RK_ASSIGN_OR_RETURN(const Json old, ParseStored(key, *stored->text, stored->revision));
    Json updated = old;
    if (!change(updated) || updated == old) return absl::OkStatus();
    api::WriteContext context;
    context.kind = kind.storage;
    context.manager = std::string(manager);
    context.now = Now();
    updated = api::TrackUpdate(&old, std::move(updated), context);
    const bool goes = IsFinished(kind, updated);
    const absl::StatusOr<Revision> done = Put(key, stored->revision, updated, goes);
    if (done.ok()) {
      SetRevision(updated, *done);
      if (writing != nullptr && goes) definitions_.Remove(key.name);
      if (writing != nullptr && !goes) definitions_.Publish(updated);
      return absl::OkStatus();
    }
    if (!absl::IsAborted(done.status()) && !absl::IsNotFound(done.status())) return done.status();
  }
  return absl::AbortedError(absl::StrCat(key.resource, " ", name, " changes too often"));
}

}  // namespace rekindle::apiserver
