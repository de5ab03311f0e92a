#include "common/base/blocking.h"

#include <pthread.h>

#include <memory>
#include <utility>

namespace rekindle {

BlockingPool::BlockingPool(Loop& loop, size_t threads, const std::string& name) : loop_(loop) {
  for (size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { Serve(); });
    pthread_setname_np(threads_.back().native_handle(), name.substr(0, 15).c_str());
  }
}

BlockingPool::~BlockingPool() {
  {
    MutexLock lock(&mutex_);
    stopping_ = true;
  }
  for (std::thread& thread : threads_) thread.join();
}

void BlockingPool::Run(Work work, Done done) {
  MutexLock lock(&mutex_);
  queue_.push_back({std::move(work), std::move(done)});
}

void BlockingPool::Serve() {
  while (true) {
    Item item;
    {
      MutexLock lock(&mutex_);
      mutex_.Await(
          [this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      item = std::move(queue_.front());
      queue_.pop_front();
    }
    absl::Status result = item.work();
    loop_.Post([done = std::move(item.done), result = std::move(result)]() mutable {
      done(std::move(result));
    });
  }
}

}  // namespace rekindle
