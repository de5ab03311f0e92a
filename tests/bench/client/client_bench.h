#ifndef REKINDLE_TEST_BENCH_CLIENT_CLIENT_BENCH_H_
#define REKINDLE_TEST_BENCH_CLIENT_CLIENT_BENCH_H_

#include <cstdint>

#include "absl/status/status.h"

#include "tests/bench/results.h"

namespace rekindle::bench {

struct ClientBenchSettings {
  int rounds = 20;
  int64_t pods = 100'000;
};

// The client's cache, without a network: pages of realistic pods are read by the transport's side
// of the client and end up as records in an informer. Rows: decoding in ns a kilobyte (150 MB/s are
// 6,667), heap and resident memory a pod, the time to list everything, the time of one change from
// its frame to the handler. Times are processor time.
// Errors: kInternal when the cache does not hold what was listed; kUnavailable as Results.
absl::Status ClientBench(const ClientBenchSettings& settings, Results& results);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_CLIENT_CLIENT_BENCH_H_
