#ifndef REKINDLE_DAEMON_SERVICE_POD_HUB_H_
#define REKINDLE_DAEMON_SERVICE_POD_HUB_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/backoff.h"
#include "common/base/loop.h"
#include "cri/v1/api.pb.h"
#include "daemon/cri/monitor.h"
#include "daemon/cri/runtime.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::service {

// The times of a PodHub, injected for tests.
struct PodHubOptions {
  // Two lists are at least this far apart, however many events there are.
  absl::Duration spacing = absl::Milliseconds(100);
  // The safety net beside events, which also finds what is not announced.
  absl::Duration relist_with_events = absl::Seconds(10);
  absl::Duration relist_without_events = absl::Seconds(1);
  Backoff::Options retry;  // of a list that failed
};

// Follows all pods of the runtime for the streams that want them: one set of lists for all, none
// while nobody listens. Each look lists sandboxes and containers and reads the status of those only
// that are new or have changed their state, so that an idle node costs two lists in ten seconds.
// A pod is shown as ListPods shows it, with annotations (node.proto says which), what has ended
// included; names that are reserved for a moment are no containers.
// Threads: the loop's thread.
class PodHub {
 public:
  using Id = uint64_t;
  using Pod = rekindle::node::v1::Pod;

  struct Observer {
    std::function<void(const Pod&)> changed;  // new or changed
    std::function<void(const Pod&)> removed;  // ref, sandbox_id and owner are set
    // The state as it was is complete. Once.
    std::function<void()> synced;
    // The subscription has ended: the first list failed, or EndWatchers. Once.
    absl::AnyInvocable<void(const absl::Status&)> closed;
  };

  // Both must outlive the hub, or Close must be called before they go.
  PodHub(Loop& loop, cri::Runtime& runtime, cri::Monitor& monitor,
         const PodHubOptions& options = PodHubOptions());
  ~PodHub();
  PodHub(const PodHub&) = delete;
  PodHub& operator=(const PodHub&) = delete;

  // The current state comes first, before this returns when it is known already.
  Id Subscribe(Observer observer);

  // Unknown: ignored. Allowed inside an observer; that one is not called again.
  void Unsubscribe(Id id);

  // Ends all subscriptions, and new ones at once, with `status`.
  void EndWatchers(const absl::Status& status);

  // Lets go of runtime and monitor.
  void Close();

  // How many pods are known now.
  size_t pods() const { return pods_.size(); }

 private:
  // What the last status call of a container said; of use as long as its state is the same.
  struct ReadContainer {
    ::runtime::v1::ContainerState state = ::runtime::v1::CONTAINER_UNKNOWN;
    rekindle::node::v1::Container shown;
  };
  class Look;

  void Start();
  void Stop();
  // The runtime may have changed.
  void Hint();
  // Sets the timer for what is due next.
  void Schedule();
  void Begin();
  void Ended(const absl::Status& status);
  void Publish(std::map<std::string, Pod> now);
  void Tell(const std::function<void(const Observer&)>& what);

  Loop& loop_;
  cri::Runtime* runtime_;
  cri::Monitor* monitor_;
  const PodHubOptions options_;

  Id next_ = 1;
  std::map<Id, std::shared_ptr<Observer>> observers_;
  absl::Status ended_;  // of EndWatchers

  bool synced_ = false;
  std::map<std::string, Pod> pods_;                  // by sandbox ID
  std::map<std::string, ReadContainer> containers_;  // by ID
  std::shared_ptr<Look> look_;                       // under way

  cri::Monitor::WatchId events_ = 0;
  cri::Monitor::WatchId state_ = 0;
  bool hinted_ = false;  // since the last look began
  absl::Duration last_look_ = -absl::InfiniteDuration();
  absl::Duration last_hint_ = -absl::InfiniteDuration();
  size_t follow_up_ = 0;  // the next one after the last hint
  Backoff retry_;
  absl::Duration retry_at_ = -absl::InfiniteDuration();
  ScopedTimer timer_;
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_POD_HUB_H_
