#ifndef REKINDLE_COMMON_BASE_SYNC_H_
#define REKINDLE_COMMON_BASE_SYNC_H_

#include <algorithm>
#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

namespace rekindle {

// std::mutex with the annotations that clang's thread-safety analysis wants. For state that is
// shared between threads: ThreadSanitizer sees this one, but not the mutex of Abseil's package,
// which is not instrumented.
class ABSL_LOCKABLE Mutex {
 public:
  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mutex_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() {
    // While still locked: who waits may destroy the mutex as soon as it has it.
    if (waiting_ > 0) changed_.notify_all();
    mutex_.unlock();
  }

  // Lets go of the mutex until `condition` holds, looked at each time another thread has unlocked
  // it. Of what the mutex guards, only.
  template <typename Condition>
  void Await(Condition condition) ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    ++waiting_;
    changed_.wait(lock, condition);
    --waiting_;
    lock.release();
  }
  // The same for `limit` at most. Returns whether the condition holds.
  template <typename Condition>
  bool AwaitFor(absl::Duration limit, Condition condition) ABSL_EXCLUSIVE_LOCKS_REQUIRED(this) {
    std::unique_lock<std::mutex> lock(mutex_, std::adopt_lock);
    ++waiting_;
    // Beyond what the clock can count is as good as for ever.
    const auto bounded = absl::ToChronoNanoseconds(std::min(limit, absl::Hours(24)));
    const bool holds = changed_.wait_for(lock, bounded, condition);
    --waiting_;
    lock.release();
    return holds;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  int waiting_ = 0;
};

class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mutex) ABSL_EXCLUSIVE_LOCK_FUNCTION(mutex) : mutex_(mutex) {
    mutex_->Lock();
  }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;
  ~MutexLock() ABSL_UNLOCK_FUNCTION() { mutex_->Unlock(); }

 private:
  Mutex* const mutex_;
};

// A moment that one thread announces and others wait for.
// Threads: thread-safe.
class Latch {
 public:
  void Open() {
    MutexLock lock(&mutex_);
    open_ = true;
  }
  void Wait() {
    MutexLock lock(&mutex_);
    mutex_.Await([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_; });
  }
  // Returns whether it opened within `limit`.
  bool WaitFor(absl::Duration limit) {
    MutexLock lock(&mutex_);
    return mutex_.AwaitFor(limit, [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return open_; });
  }

 private:
  Mutex mutex_;
  bool open_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_SYNC_H_
