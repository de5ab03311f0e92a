#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_DEFINITION_CLEANER_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_DEFINITION_CLEANER_H_

#include <set>
#include <string>

#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "controller/apiserver/registry/job_queue.h"
#include "controller/apiserver/registry/object_feed.h"
#include "controller/apiserver/registry/object_registry.h"

namespace rekindle::apiserver {

// Deletes the objects of definitions that are being deleted, then lets these go, and keeps the
// status of the others true when one comes or goes (spec kubernetes-api 13.1). Threads: the loop's.
class DefinitionCleaner final : public ObjectListener {
 public:
  DefinitionCleaner(ObjectRegistry& registry, Loop& loop, Blocking& blocking);

  void OnObject(const ObjectChange& change, const ObjectIndex::Node& before,
                bool owners_changed) override;
  // The catalog changed.
  void OnCatalog();
  bool idle() const { return jobs_.idle(); }

 private:
  absl::StatusOr<absl::Duration> Clean(const std::string& name);
  absl::StatusOr<absl::Duration> RenewStatuses();

  ObjectRegistry& registry_;
  std::set<std::string> going_;  // names, which are also the resources of their objects
  JobQueue jobs_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_DEFINITION_CLEANER_H_
