#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_COLLECTOR_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_COLLECTOR_H_

#include <set>
#include <string>

#include "absl/base/thread_annotations.h"

#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "common/base/sync.h"
#include "controller/apiserver/registry/job_queue.h"
#include "controller/apiserver/registry/object_feed.h"
#include "controller/apiserver/registry/object_registry.h"

namespace rekindle::apiserver {

// Garbage collection by ownerReferences in its three forms (spec kubernetes-api 8.5). The index
// says what to look at; what is done rests on what the store says at that moment. Threads: the
// loop's.
class Collector final : public ObjectListener {
 public:
  Collector(ObjectRegistry& registry, const ObjectFeed& feed, Loop& loop, Blocking& blocking);

  void OnObject(const ObjectChange& change, const ObjectIndex::Node& before,
                bool owners_changed) override;
  // References to kinds that were not known may be known now.
  void OnCatalog();
  bool idle() const { return jobs_.idle(); }

 private:
  // What the index said when a job began.
  struct Item {
    ObjectIndex::Node node;
    bool has_dependents = false;
    bool dependents_in_foreground = false;
    bool blocked = false;
  };

  bool HasItsOwners(const ObjectIndex::Node& node) const;
  JobQueue::Job Prepare(const std::string& uid);
  absl::StatusOr<absl::Duration> Work(const Item& item);
  absl::Status WorkOrphaning(const ServedKind& kind, const Item& item);
  absl::Status WorkDependent(const ServedKind& kind, const Item& item);
  void AddDependents(absl::string_view uid);

  ObjectRegistry& registry_;
  const ObjectFeed& feed_;
  Mutex unknown_mutex_;
  std::set<std::string> unknown_ ABSL_GUARDED_BY(unknown_mutex_);  // have owners of unknown kinds
  JobQueue jobs_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_COLLECTOR_H_
