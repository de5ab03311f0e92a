#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_NAMESPACE_CLEANER_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_NAMESPACE_CLEANER_H_

#include <set>
#include <string>

#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "controller/apiserver/registry/job_queue.h"
#include "controller/apiserver/registry/object_feed.h"
#include "controller/apiserver/registry/object_registry.h"

namespace rekindle::apiserver {

// Empties namespaces that are being deleted and lets them go (spec kubernetes-api 8.6). What still
// holds one up is in its conditions. Threads: the loop's.
class NamespaceCleaner final : public ObjectListener {
 public:
  NamespaceCleaner(ObjectRegistry& registry, Loop& loop, Blocking& blocking);

  void OnObject(const ObjectChange& change, const ObjectIndex::Node& before,
                bool owners_changed) override;
  bool idle() const { return jobs_.idle(); }

 private:
  absl::StatusOr<absl::Duration> Clean(const std::string& name);

  ObjectRegistry& registry_;
  std::set<std::string> going_;
  JobQueue jobs_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_NAMESPACE_CLEANER_H_
