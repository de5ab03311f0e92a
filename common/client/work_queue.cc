#include "common/client/work_queue.h"

#include <algorithm>
#include <utility>

namespace rekindle::client {

WorkQueue::WorkQueue(Loop& loop, const Options& options, Random random)
    : loop_(loop), options_(options), random_(std::move(random)) {}

void WorkQueue::Announce() {
  if (!ready_ || announcement_.pending()) return;
  announcement_.Set(loop_, absl::ZeroDuration(), [this] { ready_(); });
}

void WorkQueue::Add(const ObjectKey& key) {
  if (shut_down_) return;
  // A later moment is of no interest any more.
  if (const auto timer = timers_.find(key); timer != timers_.end()) {
    loop_.Cancel(timer->second.id);
    timers_.erase(timer);
  }
  if (!dirty_.insert(key).second) return;
  if (working_.contains(key)) return;
  queue_.push_back(key);
  Announce();
}

void WorkQueue::AddAfter(const ObjectKey& key, absl::Duration delay) {
  if (shut_down_) return;
  if (delay <= absl::ZeroDuration()) return Add(key);
  // It comes earlier anyway.
  if (dirty_.contains(key)) return;
  const absl::Duration due = loop_.Monotonic() + delay;
  if (const auto timer = timers_.find(key); timer != timers_.end()) {
    if (timer->second.due <= due) return;
    loop_.Cancel(timer->second.id);
  }
  timers_[key] = {.due = due, .id = loop_.RunAfter(delay, [this, key] {
                    timers_.erase(key);
                    Add(key);
                  })};
}

// A bucket whose tokens are taken in advance: each retry has its own moment.
absl::Duration WorkQueue::TurnOfRetry() {
  const absl::Duration now = loop_.Monotonic();
  const absl::Duration apart = absl::Seconds(1.0 / options_.retries_per_second);
  next_retry_ = std::max(next_retry_, now - apart * options_.retry_burst) + apart;
  return std::max(absl::ZeroDuration(), next_retry_ - now);
}

void WorkQueue::AddRateLimited(const ObjectKey& key) {
  if (shut_down_) return;
  // 2^30 times the first pause is beyond any longest one.
  constexpr int kMostDoublings = 30;
  const int failures = failures_[key]++;
  const absl::Duration own =
      std::min(options_.longest_pause,
               options_.first_pause * static_cast<double>(1 << std::min(failures, kMostDoublings)));
  AddAfter(key, std::max(Jittered(own, options_.jitter, random_), TurnOfRetry()));
}

int WorkQueue::Failures(const ObjectKey& key) const {
  const auto found = failures_.find(key);
  return found == failures_.end() ? 0 : found->second;
}

std::optional<ObjectKey> WorkQueue::Take() {
  if (queue_.empty()) return std::nullopt;
  ObjectKey key = std::move(queue_.front());
  queue_.pop_front();
  dirty_.erase(key);
  working_.insert(key);
  return key;
}

void WorkQueue::Done(const ObjectKey& key) {
  working_.erase(key);
  if (!dirty_.contains(key)) return;
  queue_.push_back(key);
  Announce();
}

void WorkQueue::ShutDown() {
  shut_down_ = true;
  for (const auto& [key, timer] : timers_) loop_.Cancel(timer.id);
  timers_.clear();
  queue_.clear();
  dirty_.clear();
}

}  // namespace rekindle::client
