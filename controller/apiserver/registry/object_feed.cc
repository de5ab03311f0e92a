#include "controller/apiserver/registry/object_feed.h"

#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

constexpr absl::Duration kRetry = absl::Seconds(1);
constexpr absl::string_view kEvents = "events";

}  // namespace

// Brings changes from the store's threads to the loop.
class ObjectFeed::Sink final : public WatchSink {
 public:
  Sink(ObjectFeed* feed, Loop& loop, std::shared_ptr<Alive> alive, std::string resource)
      : feed_(feed), loop_(loop), alive_(std::move(alive)), resource_(std::move(resource)) {}

  void OnChanges(const std::vector<std::shared_ptr<const Change>>& changes) override {
    std::vector<ObjectChange> out;
    for (const std::shared_ptr<const Change>& change : changes) {
      absl::StatusOr<api::ObjectMeta> meta = ReadStoredMeta(*change->text);
      if (!meta.ok()) {
        LOG(ERROR) << resource_ << " " << change->key.name_space << "/" << change->key.name << ": "
                   << meta.status().message();
        continue;
      }
      out.push_back({change->type, change->key, change->revision, *std::move(meta), change->text});
    }
    Post([feed = feed_, alive = alive_, out = std::move(out)] {
      for (const ObjectChange& change : out) {
        if (alive->Get()) feed->Take(change);
      }
    });
  }
  void OnProgress(Revision) override {}
  void OnEnd(const absl::Status& why) override {
    Post([feed = feed_, alive = alive_, resource = resource_, why] {
      if (alive->Get()) feed->OnEnd(resource, why);
    });
  }

 private:
  void Post(Task task) {
    MutexLock lock(&alive_->mutex);
    if (alive_->value) loop_.Post(std::move(task));
  }

  ObjectFeed* const feed_;
  Loop& loop_;
  const std::shared_ptr<Alive> alive_;
  const std::string resource_;
};

ObjectFeed::ObjectFeed(ObjectRegistry& registry, Loop& loop) : registry_(registry), loop_(loop) {}

ObjectFeed::~ObjectFeed() {
  MutexLock lock(&alive_->mutex);
  alive_->value = false;
}

void ObjectFeed::Refresh() {
  std::set<std::string> wanted;
  const std::shared_ptr<const Catalog> catalog = registry_.catalog();
  for (const ServedKind& kind : catalog->kinds()) {
    if (!kind.info->review) wanted.insert(kind.Resource());
  }
  std::vector<std::string> gone;
  for (const auto& [resource, handle] : watches_) {
    if (wanted.count(resource) == 0) gone.push_back(resource);
  }
  for (const std::string& resource : gone) {
    watches_.erase(resource);
    // Nothing is served under these names any more.
    for (const Key& key : index_.KeysOf(resource)) {
      Take({.type = Change::Type::kDeleted, .key = key});
    }
  }
  for (const std::string& resource : wanted) {
    if (watches_.count(resource) == 0) Open(resource);
  }
}

void ObjectFeed::Open(const std::string& resource) {
  watches_[resource] = nullptr;
  absl::StatusOr<Revision> revision = Resync(resource);
  absl::Status status = revision.status();
  if (status.ok()) {
    absl::StatusOr<std::unique_ptr<WatchHandle>> handle = registry_.store().Watch(
        resource, "", *revision, std::make_shared<Sink>(this, loop_, alive_, resource));
    status = handle.status();
    if (status.ok()) watches_[resource] = *std::move(handle);
  }
  if (!status.ok()) OnEnd(resource, status);
}

void ObjectFeed::Retry(const std::string& resource) {
  const auto it = watches_.find(resource);
  if (it != watches_.end() && it->second == nullptr) Open(resource);
}

absl::StatusOr<Revision> ObjectFeed::Resync(const std::string& resource) {
  std::set<Key> missing;
  for (const Key& key : index_.KeysOf(resource)) missing.insert(key);
  ListQuery query;
  query.resource = resource;
  RK_ASSIGN_OR_RETURN(
      const Revision revision, registry_.store().ForEach(query, [&](const StoredObject& stored) {
        absl::StatusOr<api::ObjectMeta> meta = ReadStoredMeta(*stored.text);
        if (!meta.ok()) {
          LOG(ERROR) << resource << " " << stored.key.name_space << "/" << stored.key.name << ": "
                     << meta.status().message();
          return true;
        }
        missing.erase(stored.key);
        Take({Change::Type::kAdded, stored.key, stored.revision, *std::move(meta), stored.text});
        return true;
      }));
  for (const Key& key : missing) Take({.type = Change::Type::kDeleted, .key = key});
  return revision;
}

void ObjectFeed::Take(const ObjectChange& change) {
  ObjectIndex::Node before;
  bool owners_changed = false;
  if (change.key.resource != kEvents) {
    if (change.type == Change::Type::kDeleted) {
      before = index_.Remove(change.key);
    } else {
      if (const ObjectIndex::Node* node = index_.FindKey(change.key); node != nullptr) {
        before = *node;
      }
      owners_changed = index_.Set(change.key, change.meta);
    }
  }
  for (ObjectListener* listener : listeners_) listener->OnObject(change, before, owners_changed);
}

void ObjectFeed::OnEnd(const std::string& resource, const absl::Status& why) {
  if (watches_.count(resource) == 0) return;
  watches_[resource] = nullptr;
  // Unavailable: the store closes, and this loop soon after it.
  if (!absl::IsUnavailable(why)) {
    LOG(WARNING) << "watch of " << resource << " ended, it is listed again: " << why.message();
  }
  loop_.RunAfter(absl::IsOutOfRange(why) ? absl::ZeroDuration() : kRetry,
                 [this, resource, alive = alive_] {
                   if (alive->Get()) Retry(resource);
                 });
}

}  // namespace rekindle::apiserver
