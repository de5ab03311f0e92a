#ifndef REKINDLE_COMMON_BASE_ASIO_LOOP_H_
#define REKINDLE_COMMON_BASE_ASIO_LOOP_H_

#include <atomic>
#include <memory>
#include <string>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "common/base/loop.h"
#include "common/base/sync.h"

namespace rekindle {

// The real loop: one thread around an Asio io_context. Sockets of other modules may live on the
// same context (`io()`), so that their handlers run on the loop's thread.
class AsioLoop final : public Loop {
 public:
  // Starts the thread. `name` (at most 15 characters) is what ps and gdb show.
  explicit AsioLoop(const std::string& name);

  // Stops and joins; tasks that have not run are dropped. Not from the loop's own thread.
  ~AsioLoop() override;

  // As the destructor, earlier; a second call does nothing.
  void Stop();

  void Post(Task task) override;
  TimerId RunAfter(absl::Duration delay, Task task) override;
  bool Cancel(TimerId timer) override;
  absl::Time Now() const override;
  absl::Duration Monotonic() const override;

  // The context to build sockets on. Threads: any; see Asio's rules for each object.
  boost::asio::io_context& io() { return io_; }

  // True on the loop's thread.
  bool InLoop() const { return std::this_thread::get_id() == thread_.get_id(); }

 private:
  struct Timer {
    explicit Timer(boost::asio::io_context& io) : timer(io) {}
    boost::asio::steady_timer timer;
    Task task;
  };

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::atomic<TimerId> next_timer_{1};
  Mutex mutex_;
  absl::flat_hash_map<TimerId, std::shared_ptr<Timer>> timers_ ABSL_GUARDED_BY(mutex_);
  std::thread thread_;
};

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_ASIO_LOOP_H_
