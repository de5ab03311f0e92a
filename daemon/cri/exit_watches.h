#ifndef REKINDLE_DAEMON_CRI_EXIT_WATCHES_H_
#define REKINDLE_DAEMON_CRI_EXIT_WATCHES_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/base/backoff.h"
#include "common/base/loop.h"
#include "daemon/cri/runtime.h"

namespace rekindle::cri {

// Who waits for which container's exit, and the steps from a hint that it may have exited (an
// event, a relist, the start of the watch) to what the runtime says itself. After an event the
// runtime is asked every 10 ms, 20 ms, ... until it reports EXITED: its status comes 35 to 100 ms
// after the event (spec/node-runtime 1.17). Threads: the loop's thread; callbacks arrive there,
// never inline.
class ExitWatches {
 public:
  using WatchId = uint64_t;
  using Exited = absl::AnyInvocable<void(absl::StatusOr<v1::ContainerStatus>)>;

  ExitWatches(Loop& loop, Runtime& runtime);
  ExitWatches(const ExitWatches&) = delete;
  ExitWatches& operator=(const ExitWatches&) = delete;
  ~ExitWatches();

  // See Monitor::WatchExit and Monitor::WatchTaskExit. `watch` is the caller's.
  void AddExit(WatchId watch, const std::string& container_id, Exited exited);
  void AddTaskExit(WatchId watch, const std::string& container_id,
                   absl::AnyInvocable<void()> exited);
  void Remove(WatchId watch);
  bool empty() const { return watches_.empty(); }

  // The container's own process has ended, says an event.
  void OnExitEvent(const std::string& container_id);

  // The container has been removed, says an event.
  void OnDeleteEvent(const std::string& container_id);

  // All containers that the runtime has. Whoever is watched and exited or gone is looked at.
  void OnList(const v1::ListContainersResponse& list);

 private:
  struct Watch {
    std::string container_id;
    Exited exited;                           // or
    absl::AnyInvocable<void()> task_exited;  // one of the two
  };
  struct Watched {
    explicit Watched(const Backoff::Options& options) : poll(options) {}
    std::vector<WatchId> watches;
    bool asking = false;     // a ContainerStatus is under way
    bool ask_again = false;  // something happened since it was sent
    bool exit_seen = false;  // by an event
    int asked_since_event = 0;
    Backoff poll;
    ScopedTimer timer;
  };

  // Remembers an exit event for watches that come a little later, while the runtime still lags.
  void Remember(const std::string& container_id);
  Watched& WatchedOf(const std::string& container_id);
  void Ask(const std::string& container_id);
  void OnStatus(const std::string& container_id,
                absl::StatusOr<v1::ContainerStatusResponse> answer);
  void FireTaskExits(const std::string& container_id);
  void FireAll(const std::string& container_id, const absl::StatusOr<v1::ContainerStatus>& outcome);
  // Takes a watch out; nothing when it is gone or of the other kind.
  bool Take(WatchId watch, bool task, Watch& taken);

  Loop& loop_;
  Runtime& runtime_;
  absl::flat_hash_map<WatchId, Watch> watches_;
  absl::flat_hash_map<std::string, std::unique_ptr<Watched>> watched_;
  std::deque<std::pair<absl::Duration, std::string>> recent_;  // monotonic time of event, container
  // Holds true until the destructor: replies and callbacks may outlive this object.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_EXIT_WATCHES_H_
