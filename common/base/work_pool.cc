#include "common/base/work_pool.h"

#include <pthread.h>

#include <utility>

namespace rekindle {

WorkPool::WorkPool(size_t threads, size_t queue, const std::string& name) : queue_limit_(queue) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Serve(); });
    pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
  }
}

WorkPool::~WorkPool() { Stop(); }

void WorkPool::Stop() {
  std::deque<Work> dropped;
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
    dropped.swap(queue_);
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

bool WorkPool::Run(Work work) {
  MutexLock lock(&mutex_);
  if (stopping_ || queue_.size() >= queue_limit_) return false;
  queue_.push_back(std::move(work));
  return true;
}

void WorkPool::Serve() {
  while (true) {
    Work work;
    {
      MutexLock lock(&mutex_);
      mutex_.Await(
          [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      work = std::move(queue_.front());
      queue_.pop_front();
    }
    work();
  }
}

}  // namespace rekindle
