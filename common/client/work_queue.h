#ifndef REKINDLE_COMMON_CLIENT_WORK_QUEUE_H_
#define REKINDLE_COMMON_CLIENT_WORK_QUEUE_H_

#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/base/token_bucket.h"
#include "common/client/pause.h"
#include "common/client/resource.h"

namespace rekindle::client {

// Keys to look at. A key is in the queue once, however often it is added; it is never given out
// while it is being worked on, and one that is added meanwhile comes again afterwards. Failed keys
// come back after pauses that grow for each of them, and together not faster than the queue's rate
// (spec kubernetes-api 12.5).
// Threads: the loop's.
class WorkQueue {
 public:
  struct Options {
    absl::Duration first_pause = absl::Milliseconds(5);
    absl::Duration longest_pause = absl::Seconds(1000);
    double jitter = 0.1;  // pauses are longer by up to this part
    double retries_per_second = 10;
    double retry_burst = 100;
  };

  WorkQueue(Loop& loop, const Options& options, Random random);

  // Now. Nothing is taken in after ShutDown.
  void Add(const ObjectKey& key);
  // After `delay`; of several moments the earliest counts.
  void AddAfter(const ObjectKey& key, absl::Duration delay);
  // After a failure.
  void AddRateLimited(const ObjectKey& key);
  // The key has succeeded: its next failure is the first again.
  void Forget(const ObjectKey& key) { failures_.erase(key); }
  int Failures(const ObjectKey& key) const;

  // The next key, which is being worked on until Done; none: nothing is due.
  std::optional<ObjectKey> Take();
  // Work on a key has ended.
  void Done(const ObjectKey& key);

  // Called on the loop, not inline, when there may be something to take.
  void OnReady(std::function<void()> ready) { ready_ = std::move(ready); }

  // Drops what is waiting. What is being worked on goes on.
  void ShutDown();

  size_t due() const { return queue_.size(); }
  size_t waiting() const { return timers_.size(); }  // for their moment
  size_t working() const { return working_.size(); }

 private:
  struct Timer {
    absl::Duration due;
    Loop::TimerId id = 0;
  };
  void Announce();
  absl::Duration TurnOfRetry();

  Loop& loop_;
  const Options options_;
  const Random random_;
  bool shut_down_ = false;
  std::deque<ObjectKey> queue_;
  absl::flat_hash_set<ObjectKey> dirty_;  // in the queue, or to be put there by Done
  absl::flat_hash_set<ObjectKey> working_;
  absl::flat_hash_map<ObjectKey, int> failures_;
  absl::flat_hash_map<ObjectKey, Timer> timers_;
  absl::Duration next_retry_ = -absl::InfiniteDuration();  // of the queue's rate
  std::function<void()> ready_;
  ScopedTimer announcement_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_WORK_QUEUE_H_
