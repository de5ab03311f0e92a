#ifndef REKINDLE_TEST_FAKES_AWAIT_H_
#define REKINDLE_TEST_FAKES_AWAIT_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/loop.h"

namespace rekindle {

// A value that a loop's thread delivers and the test's thread waits for. A plain std::mutex: unlike
// the one of the Abseil package, ThreadSanitizer sees it.
template <typename T>
class Slot {
 public:
  void Set(T value) {
    std::lock_guard<std::mutex> lock(mutex_);
    value_.emplace(std::move(value));
    ++sets_;
    changed_.notify_all();
  }

  // The value; nothing when it does not come within `limit`.
  std::optional<T> Get(absl::Duration limit = absl::Seconds(20)) {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait_for(lock, absl::ToChronoMilliseconds(limit), [this] { return sets_ > 0; });
    return std::move(value_);
  }

  bool is_set() {
    std::lock_guard<std::mutex> lock(mutex_);
    return sets_ > 0;
  }

  int sets() {
    std::lock_guard<std::mutex> lock(mutex_);
    return sets_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
  int sets_ = 0;
};

// Runs `work` on the loop's thread and waits for it.
template <typename Work>
void RunOn(Loop& loop, Work work) {
  Slot<bool> done;
  loop.Post([&] {
    work();
    done.Set(true);
  });
  if (!done.Get(absl::Seconds(60)).value_or(false)) std::abort();
}

// Starts `call(reply)` on the loop's thread and waits for its reply: an absl::StatusOr<T>.
template <typename T, typename Call>
absl::StatusOr<T> AwaitReply(Loop& loop, Call call, absl::Duration limit = absl::Seconds(20)) {
  auto slot = std::make_shared<Slot<absl::StatusOr<T>>>();
  loop.Post([slot, call = std::move(call)]() mutable {
    call([slot](absl::StatusOr<T> got) { slot->Set(std::move(got)); });
  });
  auto got = slot->Get(limit);
  if (!got.has_value()) return absl::DeadlineExceededError("test: no reply");
  return *std::move(got);
}

// The same for a call whose outcome is a bare absl::Status.
template <typename Call>
absl::Status AwaitDone(Loop& loop, Call call, absl::Duration limit = absl::Seconds(20)) {
  auto slot = std::make_shared<Slot<absl::Status>>();
  loop.Post([slot, call = std::move(call)]() mutable {
    call([slot](absl::Status got) { slot->Set(std::move(got)); });
  });
  auto got = slot->Get(limit);
  if (!got.has_value()) return absl::DeadlineExceededError("test: no reply");
  return *std::move(got);
}

// Waits until `holds` is true on the loop's thread, looking whenever the loop has time. False after
// `limit`.
template <typename Predicate>
bool AwaitOn(Loop& loop, Predicate holds, absl::Duration limit = absl::Seconds(20)) {
  const absl::Duration end = loop.Monotonic() + limit;
  while (true) {
    Slot<bool> seen;
    loop.RunAfter(absl::Milliseconds(2), [&] { seen.Set(holds()); });
    if (seen.Get(absl::Seconds(60)).value_or(false)) return true;
    if (loop.Monotonic() > end) return false;
  }
}

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_AWAIT_H_
