#ifndef REKINDLE_COMMON_BASE_WORK_POOL_H_
#define REKINDLE_COMMON_BASE_WORK_POOL_H_

#include <cstddef>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"

#include "common/base/sync.h"

namespace rekindle {

// Threads for what blocks, with a queue that has an end. Threads: thread-safe.
class WorkPool {
 public:
  using Work = absl::AnyInvocable<void()>;

  // `name` (at most 15 characters) is what ps and gdb show.
  WorkPool(size_t threads, size_t queue, const std::string& name);
  WorkPool(const WorkPool&) = delete;
  WorkPool& operator=(const WorkPool&) = delete;
  // Waits for work that has begun; drops the rest.
  ~WorkPool();

  // False: the queue is full, or the pool stops; nothing will be run.
  bool Run(Work work);

  // As the destructor, earlier.
  void Stop();

 private:
  void Serve();

  const size_t queue_limit_;
  Mutex mutex_;
  std::deque<Work> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_WORK_POOL_H_
