#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECT_FEED_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECT_FEED_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"

#include "common/api/object_meta.h"
#include "common/base/loop.h"
#include "common/base/sync.h"
#include "controller/apiserver/registry/object_index.h"
#include "controller/apiserver/registry/object_registry.h"

namespace rekindle::apiserver {

// One change as the background parts see it.
struct ObjectChange {
  Change::Type type = Change::Type::kAdded;  // kAdded also for what was there at the start
  Key key;
  Revision revision = 0;
  api::ObjectMeta meta;
  std::shared_ptr<const std::string> text;
};

class ObjectListener {
 public:
  virtual ~ObjectListener() = default;
  // On the loop, after the index knows of it. `before`: the node that there was, without key when
  // there was none or the kind is not indexed. `owners_changed`: see ObjectIndex::Set.
  virtual void OnObject(const ObjectChange& change, const ObjectIndex::Node& before,
                        bool owners_changed) = 0;
};

// Lists and watches everything that the server keeps, for the parts that tidy up. Events are
// passed on, not indexed. Threads: the loop's.
class ObjectFeed {
 public:
  ObjectFeed(ObjectRegistry& registry, Loop& loop);
  ~ObjectFeed();

  void AddListener(ObjectListener* listener) { listeners_.push_back(listener); }
  // Begins with what the catalog has now, and follows it. Called again when it changed.
  void Refresh();
  const ObjectIndex& index() const { return index_; }

 private:
  class Sink;
  // Sinks may be called for a moment after the feed is gone, and its loop too.
  struct Alive {
    Mutex mutex;
    bool value ABSL_GUARDED_BY(mutex) = true;
    bool Get() {
      MutexLock lock(&mutex);
      return value;
    }
  };

  void Open(const std::string& resource);
  void Retry(const std::string& resource);
  // What is there now, and what of the index is not there any more.
  absl::StatusOr<Revision> Resync(const std::string& resource);
  void Take(const ObjectChange& change);
  void OnEnd(const std::string& resource, const absl::Status& why);

  ObjectRegistry& registry_;
  Loop& loop_;
  std::vector<ObjectListener*> listeners_;
  ObjectIndex index_;
  std::map<std::string, std::unique_ptr<WatchHandle>> watches_;  // null while it is tried again
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>();
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECT_FEED_H_
