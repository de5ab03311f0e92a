#ifndef REKINDLE_COMMON_CLIENT_WRITE_GATE_H_
#define REKINDLE_COMMON_CLIENT_WRITE_GATE_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace rekindle::client {

// Whether this process may write at all: open while it holds a lease, by its own clock. A client
// with a gate asks it when a write is made, and again on the transport's thread right before the
// request's first byte leaves, so that no queue and no retry carries a write past the lease.
// Threads: thread-safe.
class WriteGate {
 public:
  // Open from now until `monotonic` on the loop's monotonic clock; later calls move that moment.
  void OpenUntil(absl::Duration monotonic) {
    until_ns_.store(absl::ToInt64Nanoseconds(monotonic), std::memory_order_release);
  }
  // Closed from now on.
  void Close() { until_ns_.store(kClosed, std::memory_order_release); }

  // Errors: kFailedPrecondition when it is closed at that moment.
  absl::Status Check(absl::Duration monotonic_now) const {
    if (absl::ToInt64Nanoseconds(monotonic_now) < until_ns_.load(std::memory_order_acquire)) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError("not the leader: nothing may be written");
  }

 private:
  static constexpr int64_t kClosed = INT64_MIN;
  std::atomic<int64_t> until_ns_{kClosed};
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_WRITE_GATE_H_
