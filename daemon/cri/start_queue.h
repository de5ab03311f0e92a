#ifndef REKINDLE_DAEMON_CRI_START_QUEUE_H_
#define REKINDLE_DAEMON_CRI_START_QUEUE_H_

#include <cstdint>
#include <deque>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/loop.h"

namespace rekindle::cri {

// Lets at most `limit` creates and starts through at a time, starts first: a container that is
// created and waits is a gap in somebody's service. Two hundred of them at once would only make the
// runtime and the disk thrash.
// Threads: the loop's thread.
class StartQueue {
 public:
  enum class Turn { kStart, kCreate };

  // Runs once: with OK when it is this call's turn (Release must follow, once), or with
  // kUnavailable when its turn did not come within `max_wait`.
  using Go = absl::AnyInvocable<void(absl::Status)>;

  StartQueue(Loop& loop, int limit, absl::Duration max_wait);
  StartQueue(const StartQueue&) = delete;
  StartQueue& operator=(const StartQueue&) = delete;
  ~StartQueue();

  // May run `go` inline.
  void Enter(Turn turn, Go go);

  // A call that was let through has ended.
  void Release();

  int in_flight() const { return in_flight_; }
  size_t waiting() const { return starts_.size() + creates_.size(); }

 private:
  struct Waiting {
    Loop::TimerId timer;
    Go go;
  };

  void GiveUp(Turn turn, Loop::TimerId timer);
  std::deque<Waiting>& QueueOf(Turn turn) { return turn == Turn::kStart ? starts_ : creates_; }

  Loop& loop_;
  const int limit_;
  const absl::Duration max_wait_;
  int in_flight_ = 0;
  std::deque<Waiting> starts_;
  std::deque<Waiting> creates_;
};

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_START_QUEUE_H_
