#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_JOB_QUEUE_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_JOB_QUEUE_H_

#include <deque>
#include <functional>
#include <memory>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/blocking.h"
#include "common/base/loop.h"

namespace rekindle::apiserver {

// Jobs by key that may wait for the disk: one key runs once at a time, and once more when it was
// added meanwhile; what fails is tried again, later and later. Threads: the loop's.
class JobQueue {
 public:
  // Runs away from the loop. Zero: done; otherwise when to look again even if nothing is added.
  using Job = std::function<absl::StatusOr<absl::Duration>()>;
  // Called on the loop when it is the key's turn; null: nothing is to be done.
  using Prepare = std::function<Job(const std::string& key)>;
  using Failed = std::function<void(const std::string& key, const absl::Status& why)>;

  // `failed` (may be null) is told of each failure, for the log.
  JobQueue(Loop& loop, Blocking& blocking, size_t parallel, Prepare prepare, Failed failed);
  ~JobQueue();

  void Add(const std::string& key);
  // Not before `delay` has passed, unless it is added meanwhile.
  void AddAfter(const std::string& key, absl::Duration delay);
  bool idle() const { return ready_.empty() && running_.empty(); }

 private:
  struct Alive {
    bool value = true;
  };
  void StartNext();
  void OnDone(const std::string& key, const absl::StatusOr<absl::Duration>& result);

  Loop& loop_;
  Blocking& blocking_;
  const size_t parallel_;
  const Prepare prepare_;
  const Failed failed_;
  std::deque<std::string> ready_;
  absl::flat_hash_set<std::string> queued_;  // in ready_
  absl::flat_hash_set<std::string> running_;
  absl::flat_hash_set<std::string> again_;  // running, and wanted once more
  absl::flat_hash_map<std::string, Loop::TimerId> timers_;
  absl::flat_hash_map<std::string, int> failures_;
  const std::shared_ptr<Alive> alive_ = std::make_shared<Alive>();
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_JOB_QUEUE_H_
