#include "controller/apiserver/registry/collector.h"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

constexpr size_t kParallel = 16;
constexpr absl::string_view kManager = "garbage-collector";
constexpr absl::string_view kForeground = "foregroundDeletion";
constexpr absl::string_view kOrphan = "orphan";
// Changes of several resources reach the index one after the other. Before an owner is let go for
// want of dependents, those that were made before its deletion have had so long to arrive.
constexpr absl::Duration kSettle = absl::Milliseconds(100);

// The kind by which a stored resource can be reached; null when it is not served any more.
const ServedKind* KindOf(const Catalog& catalog, const std::string& resource) {
  for (const ServedKind& kind : catalog.kinds()) {
    if (kind.info->version == kind.storage->version && kind.Resource() == resource) return &kind;
  }
  for (const ServedKind& kind : catalog.kinds()) {
    if (kind.Resource() == resource) return &kind;
  }
  return nullptr;
}

// Owners by what has become of them.
struct Owners {
  std::set<std::string> there;  // UIDs
  std::set<std::string> gone;
  std::set<std::string> waiting;  // are being deleted in the foreground
  bool unknown = false;           // of kinds that are not served; counted as there
};

absl::StatusOr<Owners> LookUp(ObjectRegistry& registry, const Catalog& catalog,
                              const api::ObjectMeta& meta) {
  Owners out;
  for (const api::OwnerReference& owner : meta.owners) {
    const ServedKind* kind = catalog.Find(owner.api_version, owner.kind);
    // A reference from the whole cluster into a namespace leads nowhere and is never followed.
    if (kind == nullptr || (kind->info->namespaced && meta.name_space.empty())) {
      out.unknown = true;
      out.there.insert(owner.uid);
      continue;
    }
    const absl::StatusOr<StoredObject> stored = registry.store().Get(
        {kind->Resource(), kind->info->namespaced ? meta.name_space : "", owner.name});
    if (absl::IsNotFound(stored.status())) {
      out.gone.insert(owner.uid);
      continue;
    }
    RK_RETURN_IF_ERROR(stored.status());
    RK_ASSIGN_OR_RETURN(const api::ObjectMeta found, ReadStoredMeta(*stored->text));
    if (found.uid != owner.uid) {
      out.gone.insert(owner.uid);
    } else if (found.BeingDeleted() && found.HasFinalizer(kForeground)) {
      out.waiting.insert(owner.uid);
    } else {
      out.there.insert(owner.uid);
    }
  }
  return out;
}

bool DropOwners(const std::set<std::string>& uids, Json& object) {
  const Json* list = json::Find(object, {"metadata", "ownerReferences"});
  if (list == nullptr || !list->is_array()) return false;
  Json kept = Json::array();
  for (const Json& one : *list) {
    if (uids.count(std::string(json::String(one, "uid"))) == 0) kept.push_back(one);
  }
  if (kept.size() == list->size()) return false;
  if (kept.empty()) {
    Metadata(object).erase("ownerReferences");
  } else {
    Metadata(object)["ownerReferences"] = std::move(kept);
  }
  return true;
}

bool DropFinalizer(absl::string_view name, Json& object) {
  std::vector<std::string> finalizers = Finalizers(object);
  const auto it = std::find(finalizers.begin(), finalizers.end(), name);
  if (it == finalizers.end()) return false;
  finalizers.erase(it);
  SetFinalizers(object, finalizers);
  return true;
}

// Two that wait for one another would wait for ever.
bool Unblock(Json& object) {
  bool changed = false;
  if (json::Find(object, {"metadata", "ownerReferences"}) == nullptr) return false;
  for (Json& one : object["metadata"]["ownerReferences"]) {
    if (!json::Bool(one, {"blockOwnerDeletion"})) continue;
    one["blockOwnerDeletion"] = false;
    changed = true;
  }
  return changed;
}

absl::Status OkIfGone(const absl::Status& status) {
  return absl::IsNotFound(status) ? absl::OkStatus() : status;
}

}  // namespace

Collector::Collector(ObjectRegistry& registry, const ObjectFeed& feed, Loop& loop,
                     Blocking& blocking)
    : registry_(registry),
      feed_(feed),
      jobs_(
          loop, blocking, kParallel, [this](const std::string& uid) { return Prepare(uid); },
          [](const std::string& uid, const absl::Status& why) {
            LOG(WARNING) << "garbage collection of " << uid << ": " << why.message();
          }) {}

void Collector::AddDependents(absl::string_view uid) {
  for (const std::string& dependent : feed_.index().Dependents(uid)) jobs_.Add(dependent);
}

void Collector::OnObject(const ObjectChange& change, const ObjectIndex::Node& before,
                         bool owners_changed) {
  if (change.type == Change::Type::kDeleted) {
    if (before.uid.empty()) return;
    AddDependents(before.uid);
    // An owner may have waited for just this one.
    for (const ObjectIndex::Owner& owner : before.owners) {
      const ObjectIndex::Node* node = feed_.index().Find(owner.uid);
      if (node != nullptr && node->deleting && node->foreground) jobs_.Add(owner.uid);
    }
    return;
  }
  const ObjectIndex::Node* node = feed_.index().FindKey(change.key);
  if (node == nullptr) return;
  // A second object of the name means that the first has gone unseen.
  if (!before.uid.empty() && before.uid != node->uid) AddDependents(before.uid);
  if (owners_changed) {
    if (!node->owners.empty()) jobs_.Add(node->uid);
    // Owners that it no longer names, or no longer holds up.
    for (const ObjectIndex::Owner& owner : before.owners) {
      const ObjectIndex::Node* up = feed_.index().Find(owner.uid);
      if (up != nullptr && up->deleting && up->foreground) jobs_.Add(owner.uid);
    }
  }
  if (node->deleting && (node->foreground || node->orphan)) {
    if (node->foreground) AddDependents(node->uid);
    jobs_.AddAfter(node->uid, kSettle);
  }
}

void Collector::OnCatalog() {
  std::set<std::string> again;
  {
    MutexLock lock(&unknown_mutex_);
    again.swap(unknown_);
  }
  for (const std::string& uid : again) jobs_.Add(uid);
}

// The usual case, without a look into the store: all owners are there, and whoever of them goes
// brings this object here again.
bool Collector::HasItsOwners(const ObjectIndex::Node& node) const {
  return std::all_of(node.owners.begin(), node.owners.end(), [&](const ObjectIndex::Owner& owner) {
    const ObjectIndex::Node* up = feed_.index().Find(owner.uid);
    return up != nullptr && !up->deleting &&
           (up->key.name_space.empty() || up->key.name_space == node.key.name_space);
  });
}

JobQueue::Job Collector::Prepare(const std::string& uid) {
  const ObjectIndex& index = feed_.index();
  const ObjectIndex::Node* node = index.Find(uid);
  if (node == nullptr) return nullptr;
  const bool waits = node->deleting && (node->foreground || node->orphan);
  if (!waits && HasItsOwners(*node)) return nullptr;
  Item item;
  item.node = *node;
  item.has_dependents = index.HasDependents(uid);
  item.blocked = index.IsBlocked(uid);
  for (const std::string& dependent : index.Dependents(uid)) {
    const ObjectIndex::Node* one = index.Find(dependent);
    item.dependents_in_foreground =
        item.dependents_in_foreground || (one != nullptr && one->deleting && one->foreground);
  }
  return [this, item = std::move(item)] { return Work(item); };
}

absl::StatusOr<absl::Duration> Collector::Work(const Item& item) {
  const std::shared_ptr<const Catalog> catalog = registry_.catalog();
  const ServedKind* kind = KindOf(*catalog, item.node.key.resource);
  if (kind == nullptr) return absl::ZeroDuration();
  const auto edit = [&](ObjectRegistry::Edit change) {
    return OkIfGone(registry_.EditObject(
        *kind, item.node.key.name_space, item.node.key.name, kManager, [&](Json& object) {
          return MetaText(object, "uid") == item.node.uid && BeingDeleted(object) && change(object);
        }));
  };
  if (item.node.deleting && item.node.orphan) {
    RK_RETURN_IF_ERROR(WorkOrphaning(*kind, item));
    RK_RETURN_IF_ERROR(edit([](Json& object) { return DropFinalizer(kOrphan, object); }));
  }
  if (item.node.deleting && item.node.foreground && !item.blocked) {
    RK_RETURN_IF_ERROR(edit([](Json& object) { return DropFinalizer(kForeground, object); }));
    return absl::ZeroDuration();
  }
  if (!item.node.owners.empty()) RK_RETURN_IF_ERROR(WorkDependent(*kind, item));
  return absl::ZeroDuration();
}

// Dependents must be complete here: one that is overlooked would be deleted for want of an owner.
// So the store is asked, not the index.
absl::Status Collector::WorkOrphaning(const ServedKind& kind, const Item& item) {
  const std::shared_ptr<const Catalog> catalog = registry_.catalog();
  std::set<std::string> done;
  for (const ServedKind& other : catalog->kinds()) {
    if (other.info->review || !done.insert(other.Resource()).second) continue;
    if (kind.info->namespaced && !other.info->namespaced) continue;
    ListQuery query;
    query.resource = other.Resource();
    query.name_space = item.node.key.name_space;
    std::vector<Key> dependents;
    RK_RETURN_IF_ERROR(registry_.store()
                           .ForEach(query,
                                    [&](const StoredObject& stored) {
                                      // Most objects do not even name it.
                                      if (stored.text->find(item.node.uid) == std::string::npos)
                                        return true;
                                      const absl::StatusOr<api::ObjectMeta> meta =
                                          ReadStoredMeta(*stored.text);
                                      if (!meta.ok()) return true;
                                      for (const api::OwnerReference& owner : meta->owners) {
                                        if (owner.uid == item.node.uid)
                                          dependents.push_back(stored.key);
                                      }
                                      return true;
                                    })
                           .status());
    for (const Key& key : dependents) {
      RK_RETURN_IF_ERROR(OkIfGone(
          registry_.EditObject(other, key.name_space, key.name, kManager,
                               [&](Json& object) { return DropOwners({item.node.uid}, object); })));
    }
  }
  return absl::OkStatus();
}

absl::Status Collector::WorkDependent(const ServedKind& kind, const Item& item) {
  const Key& key = item.node.key;
  const absl::StatusOr<StoredObject> stored = registry_.store().Get(key);
  if (!stored.ok()) return OkIfGone(stored.status());
  RK_ASSIGN_OR_RETURN(const api::ObjectMeta meta, ReadStoredMeta(*stored->text));
  if (meta.uid != item.node.uid || meta.owners.empty()) return absl::OkStatus();
  const std::shared_ptr<const Catalog> catalog = registry_.catalog();
  RK_ASSIGN_OR_RETURN(const Owners owners, LookUp(registry_, *catalog, meta));
  if (owners.unknown) {
    MutexLock lock(&unknown_mutex_);
    unknown_.insert(meta.uid);
  }
  const auto edit = [&](ObjectRegistry::Edit change) {
    return OkIfGone(registry_.EditObject(
        kind, key.name_space, key.name, kManager,
        [&](Json& object) { return MetaText(object, "uid") == meta.uid && change(object); }));
  };
  if (!owners.there.empty()) {
    std::set<std::string> drop = owners.gone;
    drop.insert(owners.waiting.begin(), owners.waiting.end());
    if (drop.empty()) return absl::OkStatus();
    return edit([&](Json& object) { return DropOwners(drop, object); });
  }
  if (meta.BeingDeleted()) {
    // It goes by itself. Only a circle must be opened.
    if (!owners.waiting.empty() && item.dependents_in_foreground) return edit(Unblock);
    return absl::OkStatus();
  }
  DeleteOptions options;
  options.uid = meta.uid;
  if (!owners.waiting.empty() && item.has_dependents) {
    if (item.dependents_in_foreground) RK_RETURN_IF_ERROR(edit(Unblock));
    options.policy = DeleteOptions::Policy::kForeground;
  } else if (!meta.HasFinalizer(kOrphan) && !meta.HasFinalizer(kForeground)) {
    options.policy = DeleteOptions::Policy::kBackground;
  }
  return registry_.DeleteObject(kind, key.name_space, key.name, options);
}

}  // namespace rekindle::apiserver
