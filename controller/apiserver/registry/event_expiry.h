#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_EVENT_EXPIRY_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_EVENT_EXPIRY_H_

#include <map>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/base/sync.h"
#include "controller/apiserver/registry/object_feed.h"
#include "controller/apiserver/registry/object_registry.h"

namespace rekindle::apiserver {

// Removes events some time after their last write (spec kubernetes-api 10.1). Threads: the loop's.
class EventExpiry final : public ObjectListener {
 public:
  EventExpiry(ObjectRegistry& registry, Loop& loop, absl::Duration keep);
  ~EventExpiry() override;

  void OnObject(const ObjectChange& change, const ObjectIndex::Node& before,
                bool owners_changed) override;
  size_t size() const { return due_.size(); }

 private:
  // Commits may end after it is gone, and its loop too.
  struct Alive {
    Mutex mutex;
    bool value ABSL_GUARDED_BY(mutex) = true;
  };
  // Several events may be due at the same moment.
  using Moment = std::pair<absl::Time, Revision>;

  void SetTimer();
  void RemoveDue();
  void TryLater(const Key& key, Revision revision);

  ObjectRegistry& registry_;
  Loop& loop_;
  const absl::Duration keep_;
  std::map<Moment, Key> due_;
  absl::flat_hash_map<std::string, Moment> moments_;  // by "namespace/name"
  ScopedTimer timer_;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>();
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_EVENT_EXPIRY_H_
