#include "common/base/asio_loop.h"

#include <pthread.h>
#include <time.h>

#include <utility>

#include <boost/asio/post.hpp>

#include "common/base/sync.h"

namespace rekindle {

AsioLoop::AsioLoop(const std::string& name) : work_(boost::asio::make_work_guard(io_)) {
  thread_ = std::thread([this] { io_.run(); });
  pthread_setname_np(thread_.native_handle(), name.substr(0, 15).c_str());
}

AsioLoop::~AsioLoop() { Stop(); }

void AsioLoop::Stop() {
  io_.stop();
  if (thread_.joinable()) thread_.join();
  absl::flat_hash_map<TimerId, std::shared_ptr<Timer>> dropped;
  MutexLock lock(&mutex_);
  dropped.swap(timers_);
}

void AsioLoop::Post(Task task) { boost::asio::post(io_, std::move(task)); }

Loop::TimerId AsioLoop::RunAfter(absl::Duration delay, Task task) {
  const TimerId id = next_timer_.fetch_add(1, std::memory_order_relaxed);
  auto timer = std::make_shared<Timer>(io_);
  timer->task = std::move(task);
  timer->timer.expires_after(absl::ToChronoNanoseconds(std::max(delay, absl::ZeroDuration())));
  // The wait is started under the lock: a Cancel from another thread then either finds the timer
  // with its wait under way or does not find it at all.
  MutexLock lock(&mutex_);
  timers_[id] = timer;
  timer->timer.async_wait([this, id](const boost::system::error_code& error) {
    std::shared_ptr<Timer> due;
    {
      MutexLock relock(&mutex_);
      auto it = timers_.find(id);
      if (it == timers_.end()) return;  // cancelled
      due = std::move(it->second);
      timers_.erase(it);
    }
    if (!error) due->task();
  });
  return id;
}

bool AsioLoop::Cancel(TimerId timer) {
  std::shared_ptr<Timer> found;
  {
    MutexLock lock(&mutex_);
    auto it = timers_.find(timer);
    if (it == timers_.end()) return false;
    found = std::move(it->second);
    timers_.erase(it);
  }
  // Asio's timers are not thread-safe: their cancellation happens on the loop.
  boost::asio::post(io_, [found] { found->timer.cancel(); });
  return true;
}

absl::Time AsioLoop::Now() const { return absl::Now(); }

absl::Duration AsioLoop::Monotonic() const {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return absl::DurationFromTimespec(now);
}

}  // namespace rekindle
