#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_BACKGROUND_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_BACKGROUND_H_

#include <memory>

#include "absl/time/time.h"

#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "controller/apiserver/registry/object_registry.h"

namespace rekindle::apiserver {

// What the server does by itself: garbage collection, deletion of namespaces and of definitions,
// status of disruption budgets, expiry of events. Runs on a loop of its own, because it reads from
// the store there.
class Background {
 public:
  struct Options {
    absl::Duration keep_events = absl::Hours(1);
  };

  // `registry` and `loop` outlive it. To end it: stop the loop, which would still hand out work;
  // destroy `blocking`, whose work uses this; then this. On a loop that runs it may be destroyed
  // while it is idle. Threads: made on the loop's thread.
  Background(ObjectRegistry& registry, Loop& loop, Blocking& blocking, const Options& options);
  ~Background();

  // Reads what there is and follows it from then on. On the loop.
  void Start();
  // True when nothing is under way and nothing waits for its turn (what waits for a time does not
  // count). For tests. On the loop.
  bool idle() const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_BACKGROUND_H_
