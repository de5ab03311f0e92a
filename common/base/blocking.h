#ifndef REKINDLE_COMMON_BASE_BLOCKING_H_
#define REKINDLE_COMMON_BASE_BLOCKING_H_

#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"

#include "common/base/loop.h"
#include "common/base/sync.h"

namespace rekindle {

// Runs work that may block (a stat on a dead network mount, say) away from the loop.
// Threads: Run on the loop's thread; `done` arrives there, never inline.
class Blocking {
 public:
  using Work = absl::AnyInvocable<absl::Status()>;
  using Done = absl::AnyInvocable<void(absl::Status)>;

  virtual ~Blocking() = default;

  // Runs `work` elsewhere, then `done` with its result on the loop.
  virtual void Run(Work work, Done done) = 0;
};

// A few threads. Work that never returns holds one of them: callers keep their own deadlines.
class BlockingPool final : public Blocking {
 public:
  // `name` (at most 15 characters) is what ps and gdb show.
  BlockingPool(Loop& loop, size_t threads, const std::string& name);
  // Waits for work that has begun; drops the rest.
  ~BlockingPool() override;

  void Run(Work work, Done done) override;

 private:
  struct Item {
    Work work;
    Done done;
  };
  void Serve();

  Loop& loop_;
  Mutex mutex_;
  std::deque<Item> queue_ ABSL_GUARDED_BY(mutex_);
  bool stopping_ ABSL_GUARDED_BY(mutex_) = false;
  std::vector<std::thread> threads_;
};

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_BLOCKING_H_
