#ifndef REKINDLE_TESTS_BENCH_API_API_BENCH_H_
#define REKINDLE_TESTS_BENCH_API_API_BENCH_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"

#include "tests/bench/results.h"

namespace rekindle::bench {

struct ApiBenchSettings {
  std::string program;  // rekindle-controller
  int64_t pods = 100'000;
  int64_t reads = 20'000;
  double changes_per_second = 1000;
  int64_t changes = 20'000;
  int watchers = 200;
  bool peer = true;  // measure kube-apiserver too
};

// The embedded API server, and kube-apiserver with etcd after it, under the same load: pods are
// created and given their status by 16 clients, read, listed, and changed while `watchers` watches
// of a node each are open and one client follows them all in its cache. Rows compare the two; rows
// with a limit stand alone.
// Errors: as ApiServer, Run and Results; kDeadlineExceeded when the cache does not hear of a
// change.
absl::Status ApiBench(const ApiBenchSettings& settings, Results& results);

}  // namespace rekindle::bench

#endif  // REKINDLE_TESTS_BENCH_API_API_BENCH_H_
