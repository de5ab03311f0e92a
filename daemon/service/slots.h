#ifndef REKINDLE_DAEMON_SERVICE_SLOTS_H_
#define REKINDLE_DAEMON_SERVICE_SLOTS_H_

#include <cstddef>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

#include "common/base/sync.h"

namespace rekindle::service {

// A bound on how many of something exist at once.
// Threads: thread-safe.
class Slots {
 public:
  // Gives its place back when the last copy goes; it may outlive the Slots.
  using Slot = std::shared_ptr<void>;

  explicit Slots(size_t limit) : limit_(limit), state_(std::make_shared<State>()) {}

  // Null when all places are taken.
  Slot Take() {
    MutexLock lock(&state_->mutex);
    if (state_->used >= limit_) return nullptr;
    ++state_->used;
    return {state_.get(), [state = state_](void*) {
              MutexLock relock(&state->mutex);
              --state->used;
            }};
  }

  // Blocks until no place is taken, `limit` at most. False when some still are.
  bool AwaitEmpty(absl::Duration limit) {
    State& state = *state_;
    MutexLock lock(&state.mutex);
    return state.mutex.AwaitFor(
        limit, [&state]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(state.mutex) { return state.used == 0; });
  }

 private:
  struct State {
    Mutex mutex;
    size_t used ABSL_GUARDED_BY(mutex) = 0;
  };

  const size_t limit_;
  const std::shared_ptr<State> state_;
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_SLOTS_H_
