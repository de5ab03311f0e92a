#ifndef REKINDLE_DAEMON_CRI_SANDBOX_WATCHES_H_
#define REKINDLE_DAEMON_CRI_SANDBOX_WATCHES_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"

#include "daemon/cri/runtime.h"

namespace rekindle::cri {

// Who waits for something to be started in which sandbox (Monitor::WatchSandbox). While nobody does
// events cost nothing. Threads: the loop's thread.
class SandboxWatches {
 public:
  using WatchId = uint64_t;

  explicit SandboxWatches(Runtime& runtime) : runtime_(runtime) {}
  SandboxWatches(const SandboxWatches&) = delete;
  SandboxWatches& operator=(const SandboxWatches&) = delete;
  ~SandboxWatches() { *alive_ = false; }

  // `watch` is the caller's.
  void Add(WatchId watch, const std::string& sandbox_id, std::function<void()> changed);
  void Remove(WatchId watch) { watches_.erase(watch); }
  bool empty() const { return watches_.empty(); }

  // An event says that this container has been started; of an event that does not say where, the
  // runtime is asked.
  void OnStartEvent(const std::string& container_id);
  void OnSandboxEvent(const std::string& sandbox_id);

  // All containers that the runtime has.
  void OnList(const v1::ListContainersResponse& list);

 private:
  struct Watch {
    std::string sandbox_id;
    std::shared_ptr<std::function<void()>> changed;
    std::string seen;  // what the last list showed of it
    bool listed = false;
  };

  void Fire(const std::vector<WatchId>& due);

  Runtime& runtime_;
  absl::btree_map<WatchId, Watch> watches_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_SANDBOX_WATCHES_H_
