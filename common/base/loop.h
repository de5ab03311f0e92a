#ifndef REKINDLE_COMMON_BASE_LOOP_H_
#define REKINDLE_COMMON_BASE_LOOP_H_

#include <cstdint>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace rekindle {

// A task of a loop. Runs once, on the loop's thread.
using Task = absl::AnyInvocable<void()>;

// One thread's event loop and the clock that belongs to it: the single seam for time and
// asynchrony. State machines own their state on one loop and need no locks; whatever happens
// elsewhere (an RPC reply, a signal, a journal commit) comes in through Post().
//
// Threads: every method may be called from any thread. Tasks run on the loop's thread, one after
// the other, never inline in the caller.
class Loop {
 public:
  // Names one pending timer. 0 is never a timer.
  using TimerId = uint64_t;

  virtual ~Loop() = default;

  // Runs `task` soon. Tasks posted by one thread run in the order of posting.
  virtual void Post(Task task) = 0;

  // Runs `task` once `delay` has passed on the monotonic clock; zero or negative means soon.
  virtual TimerId RunAfter(absl::Duration delay, Task task) = 0;

  // Drops a pending timer. False when it already ran, runs now, or never was.
  virtual bool Cancel(TimerId timer) = 0;

  // Wall time: for people, and for deadlines that must outlive the process.
  virtual absl::Time Now() const = 0;

  // Monotonic time since an unspecified start: for intervals.
  virtual absl::Duration Monotonic() const = 0;
};

// A timer that is cancelled when it goes out of scope or is set anew.
// Threads: owned by the loop's thread; the destructor must run there too.
class ScopedTimer {
 public:
  ScopedTimer() = default;
  ScopedTimer(const ScopedTimer&) = delete;
  ScopedTimer& operator=(const ScopedTimer&) = delete;
  ~ScopedTimer() { Cancel(); }

  // Replaces what was pending by `task` after `delay`.
  void Set(Loop& loop, absl::Duration delay, Task task) {
    Cancel();
    loop_ = &loop;
    id_ = loop.RunAfter(delay, [this, run = std::move(task)]() mutable {
      id_ = 0;
      run();
    });
  }

  // Nothing pending afterwards.
  void Cancel() {
    if (id_ != 0) loop_->Cancel(std::exchange(id_, 0));
  }

  bool pending() const { return id_ != 0; }

 private:
  Loop* loop_ = nullptr;
  Loop::TimerId id_ = 0;
};

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_LOOP_H_
