#ifndef REKINDLE_DAEMON_SERVICE_OPERATION_HUB_H_
#define REKINDLE_DAEMON_SERVICE_OPERATION_HUB_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "daemon/restart/engine.h"

namespace rekindle::service {

// Passes the engine's changes on to the streams that want them. One watch on the engine for all:
// a change costs what its own readers cost, not what all open streams cost.
// Threads: the loop's thread.
class OperationHub {
 public:
  using Id = uint64_t;
  using Observer = std::function<void(const restart::OperationRecord&)>;

  // `engine` must outlive the hub, or Close must be called before it goes.
  explicit OperationHub(restart::Engine& engine);

  // Calls `changed` on every change of the operations of one request.
  Id SubscribeRequest(const std::string& request_id, Observer changed);

  // Calls `changed` on every change; `closed` (once) when EndWatchers ends the subscription.
  Id SubscribeAll(Observer changed, absl::AnyInvocable<void(const absl::Status&)> closed);

  // Unknown: ignored. Allowed inside an observer; that one is not called again.
  void Unsubscribe(Id id);

  // Ends all subscriptions of SubscribeAll, and new ones at once, with `status`.
  void EndWatchers(const absl::Status& status);

  // Lets go of the engine.
  void Close();

  restart::Engine& engine() { return *engine_; }
  size_t subscriptions() const { return subscriptions_.size(); }

 private:
  struct Subscription {
    std::string request_id;  // empty: all
    std::shared_ptr<const Observer> changed;
    absl::AnyInvocable<void(const absl::Status&)> closed;
  };

  void OnChange(const restart::OperationRecord& record);

  restart::Engine* engine_;
  restart::Engine::WatchId watch_;
  Id next_ = 1;
  std::map<Id, Subscription> subscriptions_;
  absl::flat_hash_map<std::string, absl::flat_hash_set<Id>> by_request_;
  absl::flat_hash_set<Id> all_;
  absl::Status ended_;  // of EndWatchers
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_OPERATION_HUB_H_
