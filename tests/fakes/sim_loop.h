#ifndef REKINDLE_TEST_FAKES_SIM_LOOP_H_
#define REKINDLE_TEST_FAKES_SIM_LOOP_H_

#include <deque>
#include <map>
#include <utility>

#include "absl/time/time.h"

#include "common/base/loop.h"

namespace rekindle {

// A loop whose time moves only when told. Single-threaded: everything runs inside Settle() and
// Advance(), in a deterministic order (posting order, then due time, then order of setting).
class SimLoop final : public Loop {
 public:
  explicit SimLoop(absl::Time start = absl::FromUnixSeconds(1'800'000'000)) : start_(start) {}

  void Post(Task task) override { ready_.push_back(std::move(task)); }

  TimerId RunAfter(absl::Duration delay, Task task) override {
    const TimerId id = next_++;
    const absl::Duration due = elapsed_ + std::max(delay, absl::ZeroDuration());
    timers_.emplace(std::make_pair(due, id), std::move(task));
    due_[id] = due;
    return id;
  }

  bool Cancel(TimerId timer) override {
    auto it = due_.find(timer);
    if (it == due_.end()) return false;
    timers_.erase({it->second, timer});
    due_.erase(it);
    return true;
  }

  absl::Time Now() const override { return start_ + elapsed_ + wall_offset_; }
  absl::Duration Monotonic() const override { return elapsed_; }

  // Runs all that is ready, and what that makes ready, without moving time.
  void Settle() {
    while (true) {
      if (!ready_.empty()) {
        Task task = std::move(ready_.front());
        ready_.pop_front();
        task();
        continue;
      }
      if (timers_.empty() || timers_.begin()->first.first > elapsed_) return;
      RunFirstTimer();
    }
  }

  // Moves time by `by`, running each timer at its own moment.
  void Advance(absl::Duration by) {
    const absl::Duration end = elapsed_ + by;
    Settle();
    while (!timers_.empty() && timers_.begin()->first.first <= end) {
      elapsed_ = std::max(elapsed_, timers_.begin()->first.first);
      RunFirstTimer();
      Settle();
    }
    elapsed_ = end;
  }

  // Moves time, timer by timer, until `done` holds. False when it does not within `limit`.
  template <typename Predicate>
  bool AdvanceUntil(Predicate done, absl::Duration limit) {
    const absl::Duration end = elapsed_ + limit;
    Settle();
    while (!done()) {
      if (timers_.empty() || timers_.begin()->first.first > end) return false;
      elapsed_ = std::max(elapsed_, timers_.begin()->first.first);
      RunFirstTimer();
      Settle();
    }
    return true;
  }

  // Makes the wall clock jump without moving the monotonic one.
  void JumpWallClock(absl::Duration by) { wall_offset_ += by; }

  size_t pending_timers() const { return timers_.size(); }

 private:
  void RunFirstTimer() {
    auto it = timers_.begin();
    Task task = std::move(it->second);
    due_.erase(it->first.second);
    timers_.erase(it);
    task();
  }

  const absl::Time start_;
  absl::Duration elapsed_ = absl::Seconds(1000);
  absl::Duration wall_offset_ = absl::ZeroDuration();
  TimerId next_ = 1;
  std::deque<Task> ready_;
  std::map<std::pair<absl::Duration, TimerId>, Task> timers_;
  std::map<TimerId, absl::Duration> due_;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_SIM_LOOP_H_
