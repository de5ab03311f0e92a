// DELETE of objects and collections (spec kubernetes-api 8).
#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/catalog/definition.h"
#include "controller/apiserver/registry/object_registry.h"
#include "controller/apiserver/registry/objects.h"
#include "controller/apiserver/registry/selection.h"
#include "controller/apiserver/registry/strategy.h"

namespace rekindle::apiserver {
namespace {

constexpr char kOrphan[] = "orphan";
constexpr char kForeground[] = "foregroundDeletion";
constexpr int64_t kDefaultGrace = 30;
constexpr int kTries = 20;
constexpr size_t kChunk = 200;
constexpr absl::Duration kDiskWait = absl::Minutes(1);
constexpr absl::string_view kDiskWaitText = "a minute";

absl::Status CheckPreconditions(const api::KindInfo& info, const Json& object,
                                const DeleteOptions& options) {
  const api::Subject subject = SubjectOf(info, MetaText(object, "name"));
  if (options.uid.has_value() && *options.uid != MetaText(object, "uid")) {
    return ToStatus(api::DeleteConflict(
        subject, absl::StrCat("the UID in the precondition (", *options.uid,
                              ") does not match the UID in record (", MetaText(object, "uid"),
                              "). The object might have been deleted and then recreated")));
  }
  if (options.resource_version.has_value() &&
      *options.resource_version != MetaText(object, "resourceVersion")) {
    return ToStatus(api::DeleteConflict(
        subject,
        absl::StrCat("the ResourceVersion in the precondition (", *options.resource_version,
                     ") does not match the ResourceVersion in record (",
                     MetaText(object, "resourceVersion"),
                     "). The object might have been modified")));
  }
  return absl::OkStatus();
}

// What garbage collection has to do first is a finalizer (8.5).
void SetPolicyFinalizers(DeleteOptions::Policy policy, Json& object) {
  using Policy = DeleteOptions::Policy;
  if (policy == Policy::kDefault) return;  // finalizers that are there decide
  std::vector<std::string> finalizers = Finalizers(object);
  const auto set = [&](const char* name, bool wanted) {
    const auto it = std::find(finalizers.begin(), finalizers.end(), name);
    if (wanted && it == finalizers.end()) finalizers.emplace_back(name);
    if (!wanted && it != finalizers.end()) finalizers.erase(it);
  };
  set(kOrphan, policy == Policy::kOrphan);
  set(kForeground, policy == Policy::kForeground);
  SetFinalizers(object, finalizers);
}

// How long a pod may take to end, in seconds (8.4).
int64_t GraceOf(const Json& pod, const DeleteOptions& options) {
  const absl::string_view phase = json::String(pod, {"status", "phase"});
  if (json::String(pod, {"spec", "nodeName"}).empty() || phase == "Succeeded" ||
      phase == "Failed") {
    return 0;
  }
  if (options.grace_seconds.has_value()) return *options.grace_seconds;
  const int64_t own =
      json::Int(pod, {"spec", "terminationGracePeriodSeconds"}).value_or(kDefaultGrace);
  return own < 0 ? 1 : own;
}

// An object that is already being deleted: the grace may get shorter, never longer.
void Shorten(int64_t grace, Json& object) {
  Json& metadata = Metadata(object);
  const int64_t before = json::Int(metadata, "deletionGracePeriodSeconds").value_or(0);
  if (grace >= before) return;
  const std::optional<absl::Time> due = api::ParseTime(json::String(metadata, "deletionTimestamp"));
  if (!due.has_value()) return;
  metadata["deletionTimestamp"] = api::FormatTime(*due - absl::Seconds(before - grace));
  metadata["deletionGracePeriodSeconds"] = grace;
}

}  // namespace

absl::StatusOr<ObjectRegistry::Deletion> ObjectRegistry::PlanDelete(const ServedKind& kind,
                                                                    const StoredObject& stored,
                                                                    const DeleteOptions& options) {
  const api::KindInfo& info = *kind.info;
  const Traits traits = TraitsOf(kind);
  RK_ASSIGN_OR_RETURN(const Json old, ParseStored(stored.key, *stored.text, stored.revision));
  RK_RETURN_IF_ERROR(CheckPreconditions(info, old, options));
  RK_RETURN_IF_ERROR(api::AdmitDelete(*kind.storage, old, options_.gates));
  const bool name_space = kind.Resource() == "namespaces";
  if (name_space && IsLastingNamespace(stored.key.name)) {
    return ToStatus(
        api::Forbidden(SubjectOf(info, stored.key.name), "this namespace may not be deleted"));
  }
  if (IsDefinition(info) && IsBuiltInDefinition(stored.key.name)) {
    return ToStatus(api::Forbidden(SubjectOf(info, stored.key.name),
                                   "the definition of a built-in kind may not be deleted"));
  }
  Deletion out;
  out.object = old;
  const int64_t grace = traits.graceful ? GraceOf(old, options) : 0;
  if (BeingDeleted(old)) {
    // A later delete that says nothing of the grace changes nothing.
    if (traits.graceful && (options.grace_seconds.has_value() || grace == 0)) {
      Shorten(grace, out.object);
    }
  } else {
    SetPolicyFinalizers(options.policy, out.object);
    Json& metadata = Metadata(out.object);
    metadata["deletionTimestamp"] = api::FormatTime(Now() + absl::Seconds(grace));
    metadata["deletionGracePeriodSeconds"] = grace;
    if (const int64_t generation = json::Int(metadata, "generation").value_or(0); generation > 0) {
      metadata["generation"] = generation + 1;
    }
    if (name_space) out.object["status"]["phase"] = "Terminating";
    if (IsDefinition(info)) definitions_.SetStatus(out.object, Now());
  }
  out.gone = IsFinished(kind, out.object);
  out.changed = out.gone || out.object != old;
  // Who went at once was never "being deleted".
  if (out.gone && !traits.graceful && !BeingDeleted(old)) out.object = old;
  return out;
}

absl::StatusOr<ObjectRegistry::Deletion> ObjectRegistry::DeleteOne(const ServedKind& kind,
                                                                   const Key& key,
                                                                   const DeleteOptions& options) {
  std::unique_ptr<MutexLock> writing;
  if (IsDefinition(*kind.info)) writing = std::make_unique<MutexLock>(&definitions_.writing());
  for (int attempt = 1;; ++attempt) {
    const absl::StatusOr<StoredObject> stored = store().Get(key);
    if (absl::IsNotFound(stored.status())) {
      return ToStatus(api::NotFound(SubjectOf(*kind.info, key.name)));
    }
    if (!stored.ok()) return StoreError(stored.status());
    RK_ASSIGN_OR_RETURN(Deletion plan, PlanDelete(kind, *stored, options));
    if (!plan.changed || options.dry_run) return plan;
    const absl::StatusOr<Revision> done = Put(key, stored->revision, plan.object, plan.gone);
    if (done.ok()) {
      SetRevision(plan.object, *done);
      if (writing != nullptr && plan.gone) definitions_.Remove(key.name);
      if (writing != nullptr && !plan.gone) definitions_.Publish(plan.object);
      return plan;
    }
    if (!absl::IsAborted(done.status()) && !absl::IsNotFound(done.status())) {
      return StoreError(done.status());
    }
    if (attempt == kTries) return ToStatus(api::Conflict(SubjectOf(*kind.info, key.name)));
  }
}

absl::StatusOr<Reply> ObjectRegistry::Delete(const Call& call) {
  Json tree;
  if (!call.body.empty()) {
    RK_ASSIGN_OR_RETURN(Body body, ReadBody(call.body));
    tree = std::move(body.tree);
  }
  RK_ASSIGN_OR_RETURN(const DeleteOptions options, ReadDeleteOptions(call, tree));
  const ServedKind& kind = *call.kind;
  RK_ASSIGN_OR_RETURN(Deletion done,
                      DeleteOne(kind, {kind.Resource(), call.name_space, call.name}, options));
  Reply reply;
  if (done.gone && !TraitsOf(kind).returns_deleted) {
    reply.body = api::DeletedStatus(SubjectOf(*kind.info, call.name), MetaText(done.object, "uid"));
    return reply;
  }
  RK_ASSIGN_OR_RETURN(reply.body, ToVersion(std::move(done.object), kind, *kind.info));
  return reply;
}

absl::Status ObjectRegistry::DeletePage(const ServedKind& kind,
                                        const std::vector<StoredObject>& page,
                                        const DeleteOptions& options, std::vector<Deletion>& out) {
  // What the store's threads fill in.
  struct Results {
    Mutex mutex;
    size_t open ABSL_GUARDED_BY(mutex) = 0;
    std::vector<absl::StatusOr<Revision>> done ABSL_GUARDED_BY(mutex);
  };
  const auto results = std::make_shared<Results>();
  const bool one_by_one = IsDefinition(*kind.info);
  std::vector<Deletion> plans(page.size());
  std::vector<std::vector<Write>> commits(page.size());
  for (size_t i = 0; i < page.size() && !one_by_one; ++i) {
    RK_ASSIGN_OR_RETURN(plans[i], PlanDelete(kind, page[i], options));
    if (!plans[i].changed || options.dry_run) continue;
    Write write{.key = page[i].key, .expected = page[i].revision};
    (plans[i].gone ? write.last_text : write.text) = StoredText(plans[i].object);
    commits[i].push_back(std::move(write));
  }
  {
    MutexLock lock(&results->mutex);
    results->done.assign(page.size(), absl::AbortedError("not tried"));
    for (const auto& commit : commits) results->open += commit.empty() ? 0 : 1;
  }
  for (size_t i = 0; i < commits.size(); ++i) {
    if (commits[i].empty()) continue;
    store().Commit(std::move(commits[i]), [results, i](absl::StatusOr<std::vector<Revision>> done) {
      MutexLock lock(&results->mutex);
      results->done[i] = done.ok() ? absl::StatusOr<Revision>(done->front()) : done.status();
      --results->open;
    });
  }
  std::vector<absl::StatusOr<Revision>> done;
  {
    MutexLock lock(&results->mutex);
    const bool all = results->mutex.AwaitFor(
        kDiskWait,
        [&]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(results->mutex) { return results->open == 0; });
    if (!all) {
      return ToStatus(api::ServiceUnavailable(absl::StrCat("the disk has not taken ", results->open,
                                                           " deletions for ", kDiskWaitText)));
    }
    done = results->done;
  }
  for (size_t i = 0; i < page.size(); ++i) {
    const bool untouched = !one_by_one && (!plans[i].changed || options.dry_run);
    if (done[i].ok()) SetRevision(plans[i].object, *done[i]);
    if (done[i].ok() || untouched) {
      out.push_back(std::move(plans[i]));
      continue;
    }
    // Somebody else was there meanwhile: once more, alone.
    absl::StatusOr<Deletion> alone = DeleteOne(kind, page[i].key, options);
    if (absl::IsNotFound(alone.status())) continue;
    RK_RETURN_IF_ERROR(alone.status());
    out.push_back(*std::move(alone));
  }
  return absl::OkStatus();
}

absl::StatusOr<Reply> ObjectRegistry::DeleteCollection(const Call& call) {
  Json tree;
  if (!call.body.empty()) {
    RK_ASSIGN_OR_RETURN(Body body, ReadBody(call.body));
    tree = std::move(body.tree);
  }
  RK_ASSIGN_OR_RETURN(const DeleteOptions options, ReadDeleteOptions(call, tree));
  RK_ASSIGN_OR_RETURN(const Selection selection, Selection::Parse(call));
  const ServedKind& kind = *call.kind;
  if (kind.Resource() == "namespaces") return ToStatus(api::MethodNotAllowed());
  ListQuery query;
  query.resource = kind.Resource();
  query.name_space = call.name_space;
  query.limit = kChunk;
  std::vector<Deletion> deleted;
  for (bool more = true; more && (call.limit == 0 || deleted.size() < call.limit);) {
    absl::StatusOr<Page> page = store().List(query);
    if (!page.ok()) return ListError(call, query, page.status());
    query.revision = page->revision;
    more = page->more;
    std::vector<StoredObject> chosen;
    for (StoredObject& stored : page->objects) {
      query.after_name_space = stored.key.name_space;
      query.after_name = stored.key.name;
      if (!selection.MayMatch(stored.key)) continue;
      if (!selection.MatchesEverything()) {
        RK_ASSIGN_OR_RETURN(const Json object, Decode(stored, kind, *kind.info));
        if (!selection.Matches(object)) continue;
      }
      if (call.limit != 0 && deleted.size() + chosen.size() >= call.limit) break;
      chosen.push_back(std::move(stored));
    }
    RK_RETURN_IF_ERROR(DeletePage(kind, chosen, options, deleted));
  }
  const api::KindInfo& info = *kind.info;
  Reply reply;
  Json items = Json::array();
  for (Deletion& one : deleted) {
    RK_ASSIGN_OR_RETURN(Json object, ToVersion(std::move(one.object), kind, info));
    items.push_back(std::move(object));
  }
  reply.body = {{"kind", info.list_kind.empty() ? info.kind + "List" : info.list_kind},
                {"apiVersion", info.ApiVersion()},
                {"metadata", {{"resourceVersion", std::to_string(store().revision())}}}};
  reply.body["items"] = std::move(items);
  return reply;
}

absl::Status ObjectRegistry::DeleteObject(const ServedKind& kind, absl::string_view name_space,
                                          absl::string_view name, const DeleteOptions& options) {
  const absl::Status status =
      DeleteOne(kind, {kind.Resource(), std::string(name_space), std::string(name)}, options)
          .status();
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

absl::StatusOr<bool> ObjectRegistry::DeleteAll(const ServedKind& kind,
                                               absl::string_view name_space) {
  ListQuery query;
  query.resource = kind.Resource();
  query.name_space = std::string(name_space);
  query.limit = kChunk;
  DeleteOptions options;
  options.policy = DeleteOptions::Policy::kBackground;
  bool any = false;
  for (bool more = true; more;) {
    const absl::StatusOr<Page> page = store().List(query);
    if (!page.ok()) return page.status();
    query.revision = page->revision;
    more = page->more;
    any = any || !page->objects.empty();
    std::vector<Deletion> deleted;
    RK_RETURN_IF_ERROR(DeletePage(kind, page->objects, options, deleted));
    if (page->objects.empty()) break;
    query.after_name_space = page->objects.back().key.name_space;
    query.after_name = page->objects.back().key.name;
  }
  return any;
}

}  // namespace rekindle::apiserver
