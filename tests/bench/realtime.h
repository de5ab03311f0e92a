#ifndef REKINDLE_TEST_BENCH_REALTIME_H_
#define REKINDLE_TEST_BENCH_REALTIME_H_

#include "absl/status/statusor.h"

namespace rekindle::bench {

// Gives this process the lowest real-time priority, which rekindled has, or takes it away again:
// where a bench's own calls and moments are compared with the daemon's, both must wait for a
// processor alike. Threads and processes started meanwhile inherit it; what runs already, the
// runtime above all, does not. False where the kernel does not allow it. Threads: one at a time.
absl::StatusOr<bool> SetRealtime(bool on);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_REALTIME_H_
