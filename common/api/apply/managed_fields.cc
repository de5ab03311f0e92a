#include "common/api/apply/managed_fields.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/apply/typed.h"
#include "common/api/schema/values.h"
#include "common/api/status.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr absl::string_view kBefore = "before-first-apply";
constexpr absl::string_view kKubectl = "kubectl";
constexpr char kLastApplied[] = "kubectl.kubernetes.io/last-applied-configuration";
constexpr size_t kMostAnnotationBytes = 262'144;
constexpr size_t kMostManagerBytes = 128;

using Managers = std::vector<Manager>;

// Fields that nobody owns because the server sets them.
const FieldSet& Unowned() {
  static const FieldSet set = [] {
    const PathElement metadata = PathElement::Field("metadata");
    FieldSet all;
    all.InsertMember(PathElement::Field("apiVersion"));
    all.InsertMember(PathElement::Field("kind"));
    for (const char* name :
         {"name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName", "generation",
          "managedFields", "resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"}) {
      all.Insert({metadata, PathElement::Field(name)});
    }
    return all;
  }();
  return set;
}

// What a write through this endpoint cannot change (9.1).
FieldSet Unreachable(const WriteContext& context) {
  FieldSet out;
  if (!context.kind->status) return out;
  if (context.subresource.empty()) {
    out.InsertMember(PathElement::Field("status"));
  } else if (context.subresource == "status") {
    out.InsertMember(PathElement::Field("spec"));
    if (context.kind->custom) out.InsertMember(PathElement::Field("metadata"));
  }
  return out;
}

// `set` without what is never owned; `metadata` itself is no field of anybody either.
FieldSet Owned(const FieldSet& set, const WriteContext& context) {
  FieldSet itself;
  itself.InsertMember(PathElement::Field("metadata"));
  return set.RecursiveDifference(Unowned())
      .RecursiveDifference(Unreachable(context))
      .Difference(itself);
}

Json WithoutManagedFields(Json object) {
  if (object.is_object() && object.contains("metadata") && object["metadata"].is_object()) {
    object["metadata"].erase("managedFields");
  }
  return object;
}

const Json& ManagedFieldsOf(const Json& object) {
  static const Json* const kNone = new Json();
  const Json* list = json::Find(object, {"metadata", "managedFields"});
  return list == nullptr ? *kNone : *list;
}

Json WithManagers(Json object, const Managers& managers) {
  Json list = WriteManagers(managers);
  if (list.empty()) {
    if (object.contains("metadata")) object["metadata"].erase("managedFields");
  } else {
    object["metadata"]["managedFields"] = std::move(list);
  }
  return object;
}

Manager Writer(const WriteContext& context, bool applies) {
  Manager out;
  out.name = context.manager;
  out.applies = applies;
  out.api_version = context.kind->ApiVersion();
  out.subresource = context.subresource;
  out.time = context.now;
  return out;
}

// What a write changes, in the names of one version.
struct Changes {
  FieldSet touched;  // set or changed; of what can be owned
  FieldSet removed;
};

// Objects in the version in which a manager names its fields.
class Versions {
 public:
  Versions(const WriteContext& context, const Json& before, const Json& after)
      : context_(context), before_(before), after_(after) {}

  // The changes in that version; null when nobody serves it any more.
  const Changes* In(const std::string& api_version) {
    const auto it = changes_.find(api_version);
    if (it != changes_.end()) return it->second.get();
    return changes_.emplace(api_version, Compare(api_version)).first->second.get();
  }

  const KindInfo* Find(const std::string& api_version) const {
    if (api_version == context_.kind->ApiVersion()) return context_.kind;
    return context_.find == nullptr ? nullptr : context_.find(api_version);
  }

 private:
  std::unique_ptr<Changes> Compare(const std::string& api_version) {
    const KindInfo* kind = Find(api_version);
    if (kind == nullptr) return nullptr;
    if (kind == context_.kind) return Found(CompareTyped(before_, after_, *kind->type));
    if (context_.convert == nullptr) return nullptr;
    absl::StatusOr<Json> before = before_.empty() ? before_ : context_.convert(before_, *kind);
    absl::StatusOr<Json> after = context_.convert(after_, *kind);
    if (!before.ok() || !after.ok()) return nullptr;
    return Found(CompareTyped(*before, *after, *kind->type));
  }

  std::unique_ptr<Changes> Found(Comparison comparison) const {
    auto out = std::make_unique<Changes>();
    out->touched = Owned(comparison.modified.Union(comparison.added), context_);
    out->removed = std::move(comparison.removed);
    return out;
  }

  const WriteContext& context_;
  const Json& before_;
  const Json& after_;
  std::map<std::string, std::unique_ptr<Changes>> changes_;
};

struct Taken {
  std::vector<ManagerConflict> conflicts;  // if there are any, nothing was taken
  bool changed = false;
};

// Takes from the other managers what this write changes or removes, as far as `force` allows; what
// they lose against their will is listed.
Taken TakeFromOthers(Managers& managers, const Manager& writer, Versions& versions, bool force) {
  Taken out;
  std::vector<FieldSet> lost(managers.size());
  for (size_t i = 0; i < managers.size(); ++i) {
    const Changes* changes = versions.In(managers[i].api_version);
    if (managers[i].SameIdentity(writer) || changes == nullptr) continue;
    // What a write touches is little; what a manager has is much.
    lost[i] = changes->touched.Intersection(managers[i].fields);
    if (force) continue;
    for (const std::string& path : lost[i].Paths()) {
      out.conflicts.push_back({managers[i].Shown(), path});
    }
  }
  if (!out.conflicts.empty()) return out;
  for (size_t i = 0; i < managers.size(); ++i) {
    Manager& manager = managers[i];
    if (manager.SameIdentity(writer)) continue;
    const Changes* changes = versions.In(manager.api_version);
    if (changes == nullptr) {
      manager.fields = FieldSet();  // a version that is served no more
      out.changed = true;
      continue;
    }
    if (!changes->removed.Empty()) lost[i] = lost[i].Union(changes->removed);
    if (lost[i].Empty()) continue;
    manager.fields = manager.fields.Difference(lost[i]);
    out.changed = true;
  }
  DropEmpty(managers);
  return out;
}

// Fields that some manager of this version has.
FieldSet ManagedIn(const Managers& managers, const std::string& api_version) {
  FieldSet out;
  for (const Manager& manager : managers) {
    if (manager.api_version == api_version) out = out.Union(manager.fields);
  }
  return out;
}

// Removes what the applier had and no longer has, unless somebody else has it.
Json PruneDropped(const Json& merged, const FieldSet& last, const Managers& managers,
                  const WriteContext& context) {
  if (last.Empty()) return merged;
  const Type& type = *context.kind->type;
  const FieldSet all = FieldsOf(merged, type).WithNamedParents(&type);
  const auto fields = [&](const Json& object) {
    return FieldsOf(object, type).WithNamedParents(&type);
  };
  Json pruned = RemoveFields(merged, last, type);
  // Others may own parts under the name of another version: those count in that version.
  FieldSet managed;
  std::set<std::string> versions;
  for (const Manager& manager : managers) versions.insert(manager.api_version);
  for (const std::string& version : versions) {
    const FieldSet theirs = ManagedIn(managers, version);
    if (version == context.kind->ApiVersion()) {
      managed = managed.Union(theirs);
      continue;
    }
    const KindInfo* kind = context.find == nullptr ? nullptr : context.find(version);
    if (kind == nullptr || context.convert == nullptr) continue;
    // What is owned there, as fields of this version: convert an object of exactly those fields.
    const absl::StatusOr<Json> there = context.convert(merged, *kind);
    if (!there.ok()) continue;
    const FieldSet rest = FieldsOf(*there, *kind->type)
                              .WithNamedParents(kind->type)
                              .Difference(theirs.WithNamedParents(kind->type));
    Json owned = RemoveFields(*there, rest, *kind->type);
    owned["apiVersion"] = kind->ApiVersion();
    owned["kind"] = kind->kind;
    const absl::StatusOr<Json> back = context.convert(owned, *context.kind);
    if (back.ok()) managed = managed.Union(FieldsOf(*back, type));
  }
  const FieldSet drop = all.Difference(fields(pruned)).Difference(managed.WithNamedParents(&type));
  pruned = RemoveFields(merged, drop, type);
  // Nothing goes that the applier did not have itself.
  const FieldSet gone = all.Difference(fields(pruned)).Intersection(last.WithNamedParents(&type));
  return RemoveFields(merged, gone, type);
}

// kubectl before 1.26 leaves the change from its own annotation to managed fields to the server:
// what the annotation said is kubectl's, even if other managers of client-side apply are on record.
bool AllFromLastApplied(const Json& live, const std::vector<ManagerConflict>& conflicts,
                        const WriteContext& context) {
  if (context.manager != kKubectl) return false;
  const absl::string_view text = json::String(live, {"metadata", "annotations", kLastApplied});
  if (text.empty()) return false;
  absl::StatusOr<Json> last = json::Parse(text);
  if (!last.ok() || !last->is_object()) return false;
  Prune(*last, *context.kind->type);
  const Type& type = *context.kind->type;
  // Fields that still have the value that was applied.
  const Comparison since = CompareTyped(*last, MergeTyped(live, *last, type), type);
  const Comparison differs = CompareTyped(MergeTyped(live, *last, type), live, type);
  const FieldSet kept =
      FieldsOf(*last, type).Difference(differs.modified).Difference(since.modified);
  std::set<std::string> paths;
  for (const std::string& path : kept.Paths()) paths.insert(path);
  return std::all_of(conflicts.begin(), conflicts.end(), [&](const ManagerConflict& conflict) {
    return paths.count(conflict.path) > 0;
  });
}

absl::Status CheckConfig(const Json& config, const WriteContext& context) {
  if (context.manager.empty() || context.manager.size() > kMostManagerBytes) {
    FieldErrors errors;
    if (context.manager.empty()) {
      errors.Required(FieldPath("fieldManager"), "is required for apply patch");
    } else {
      errors.TooLong(FieldPath("fieldManager"), kMostManagerBytes);
    }
    return ToStatus(Invalid({"meta.k8s.io", "", "PatchOptions", ""}, errors));
  }
  if (!config.is_object()) return ToStatus(BadRequest("an apply patch must be an object"));
  const std::string version(json::String(config, "apiVersion"));
  if (version != context.kind->ApiVersion()) {
    return ToStatus(BadRequest(absl::StrCat(
        "Incorrect version specified in apply patch. Specified patch version: ", version,
        ", expected: ", context.kind->ApiVersion())));
  }
  if (json::Find(config, {"metadata", "managedFields"}) != nullptr) {
    return ToStatus(BadRequest("metadata.managedFields must be nil"));
  }
  const std::string mistyped = FirstMistyped(config, *context.kind->type, context.kind->kind);
  if (!mistyped.empty()) {
    return ToStatus(
        PlainServerError(absl::StrCat("failed to create typed patch object: ", mistyped)));
  }
  if (absl::Status status = CheckTyped(config, *context.kind->type); !status.ok()) {
    return ToStatus(
        PlainServerError(absl::StrCat("failed to create typed patch object: ", status.message())));
  }
  return absl::OkStatus();
}

// The annotation of client-side apply follows as long as there is one, so that users can go back.
void FollowLastApplied(const Json& live, const Json& config, const WriteContext& context,
                       Json& out) {
  if (context.manager != kKubectl ||
      json::String(live, {"metadata", "annotations", kLastApplied}).empty()) {
    return;
  }
  Json said = config;
  if (said.contains("metadata") && said["metadata"].contains("annotations")) {
    said["metadata"]["annotations"].erase(kLastApplied);
  }
  std::string text = json::Dump(said) + "\n";
  if (text.size() > kMostAnnotationBytes) {
    out["metadata"]["annotations"].erase(kLastApplied);
  } else {
    out["metadata"]["annotations"][kLastApplied] = std::move(text);
  }
}

}  // namespace

absl::StatusOr<Json> ServerSideApply(const Json* live, const Json& config,
                                     const WriteContext& context) {
  if (absl::Status status = CheckConfig(config, context); !status.ok()) return status;
  const Type& type = *context.kind->type;
  Json wanted = config;
  Prune(wanted, type);  // nulls
  const Json before = live == nullptr ? Json::object() : WithoutManagedFields(*live);
  Managers managers;
  if (live != nullptr) {
    // What cannot be read is as good as none; the writer must not be locked out by it.
    absl::StatusOr<Managers> read = ReadManagers(ManagedFieldsOf(*live));
    if (read.ok()) managers = *std::move(read);
    if (managers.empty()) {
      Manager all = Writer(context, /*applies=*/false);
      all.name = std::string(kBefore);
      all.subresource.clear();
      all.fields = Owned(FieldsOf(before, type), context);
      managers.push_back(std::move(all));
      DropEmpty(managers);
    }
  }
  Manager writer = Writer(context, /*applies=*/true);
  writer.fields = Owned(FieldsOf(wanted, type), context);
  FieldSet last;
  if (Manager* present = FindManager(managers, writer); present != nullptr) {
    last = present->fields;
    if (last == writer.fields) writer.time = present->time;
    *present = writer;
  } else {
    managers.push_back(writer);
  }
  Json after = MergeTyped(before, wanted, type);
  after = PruneDropped(after, last, managers, context);
  Versions versions(context, before, after);
  const std::vector<ManagerConflict> conflicts =
      TakeFromOthers(managers, writer, versions, context.force).conflicts;
  if (!conflicts.empty()) {
    if (live == nullptr || !AllFromLastApplied(before, conflicts, context)) {
      return ToStatus(ApplyConflict(conflicts));
    }
    (void)TakeFromOthers(managers, writer, versions, /*force=*/true);
  }
  CapUpdaters(managers);
  if (live != nullptr) FollowLastApplied(before, config, context, after);
  return WithManagers(std::move(after), managers);
}

Json TrackUpdate(const Json* live, Json updated, const WriteContext& context) {
  if (const Json* list = json::Find(updated, {"metadata", "managedFields"});
      list != nullptr && list->is_array() &&
      (list->empty() || (list->size() == 1 && (*list)[0].empty()))) {
    return WithManagers(std::move(updated), {});
  }
  static const Json* const kNothing = new Json(Json::object());
  const Json& given = ManagedFieldsOf(updated);
  const Json& kept = ManagedFieldsOf(live == nullptr ? *kNothing : *live);
  const bool untouched = live != nullptr && given == kept;
  Managers managers;
  absl::StatusOr<Managers> read = ReadManagers(given);
  if (!untouched && (!read.ok() || read->empty())) read = ReadManagers(kept);
  if (read.ok()) managers = *std::move(read);
  // Nobody tracks this object since its managed fields were cleared.
  if (live != nullptr && managers.empty()) return WithManagers(std::move(updated), {});
  Versions versions(context, live == nullptr ? *kNothing : *live, updated);
  Manager writer = Writer(context, /*applies=*/false);
  const Changes& changes = *versions.In(writer.api_version);
  const size_t before = managers.size();
  bool changed = TakeFromOthers(managers, writer, versions, /*force=*/true).changed;
  if (Manager* present = FindManager(managers, writer); present != nullptr) {
    FieldSet fields = present->fields.Difference(changes.removed).Union(changes.touched);
    if (!(fields == present->fields)) {
      present->fields = std::move(fields);
      present->time = context.now;
      changed = true;
    }
  } else if (!changes.touched.Empty()) {
    writer.fields = changes.touched;
    managers.push_back(std::move(writer));
    changed = true;
  }
  DropEmpty(managers);
  CapUpdaters(managers);
  if (untouched && !changed && managers.size() == before) return updated;
  return WithManagers(std::move(updated), managers);
}

std::string DefaultManager(absl::string_view user_agent) {
  return std::string(user_agent.substr(0, user_agent.find('/')).substr(0, kMostManagerBytes));
}

}  // namespace rekindle::api
