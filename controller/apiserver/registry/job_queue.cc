#include "controller/apiserver/registry/job_queue.h"

#include <algorithm>
#include <utility>

namespace rekindle::apiserver {
namespace {

constexpr absl::Duration kFirstRetry = absl::Milliseconds(50);
constexpr absl::Duration kLastRetry = absl::Seconds(30);
constexpr int kMostDoublings = 12;

}  // namespace

JobQueue::JobQueue(Loop& loop, Blocking& blocking, size_t parallel, Prepare prepare, Failed failed)
    : loop_(loop),
      blocking_(blocking),
      parallel_(parallel),
      prepare_(std::move(prepare)),
      failed_(std::move(failed)) {}

JobQueue::~JobQueue() {
  alive_->value = false;
  for (const auto& [key, timer] : timers_) loop_.Cancel(timer);
}

void JobQueue::Add(const std::string& key) {
  if (const auto timer = timers_.find(key); timer != timers_.end()) {
    loop_.Cancel(timer->second);
    timers_.erase(timer);
  }
  if (running_.contains(key)) {
    again_.insert(key);
    return;
  }
  if (!queued_.insert(key).second) return;
  ready_.push_back(key);
  StartNext();
}

void JobQueue::AddAfter(const std::string& key, absl::Duration delay) {
  if (queued_.contains(key) || timers_.contains(key)) return;
  timers_[key] = loop_.RunAfter(delay, [this, key, alive = alive_] {
    if (!alive->value) return;
    timers_.erase(key);
    Add(key);
  });
}

void JobQueue::StartNext() {
  while (!ready_.empty() && running_.size() < parallel_) {
    const std::string key = std::move(ready_.front());
    ready_.pop_front();
    queued_.erase(key);
    Job job = prepare_(key);
    if (job == nullptr) {
      failures_.erase(key);
      continue;
    }
    running_.insert(key);
    const auto result = std::make_shared<absl::StatusOr<absl::Duration>>(absl::ZeroDuration());
    blocking_.Run(
        [job = std::move(job), result] {
          *result = job();
          return absl::OkStatus();
        },
        [this, key, result, alive = alive_](const absl::Status&) {
          if (alive->value) OnDone(key, *result);
        });
  }
}

void JobQueue::OnDone(const std::string& key, const absl::StatusOr<absl::Duration>& result) {
  running_.erase(key);
  const bool again = again_.erase(key) > 0;
  if (!result.ok()) {
    if (failed_ != nullptr) failed_(key, result.status());
    const int failures = std::min(failures_[key]++, kMostDoublings);
    AddAfter(key, std::min(kFirstRetry * (1 << failures), kLastRetry));
  } else {
    failures_.erase(key);
    if (again) {
      Add(key);
    } else if (*result > absl::ZeroDuration()) {
      AddAfter(key, *result);
    }
  }
  StartNext();
}

}  // namespace rekindle::apiserver
