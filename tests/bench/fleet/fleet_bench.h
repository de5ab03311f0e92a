#ifndef REKINDLE_TEST_BENCH_FLEET_FLEET_BENCH_H_
#define REKINDLE_TEST_BENCH_FLEET_FLEET_BENCH_H_

#include "absl/status/status.h"

#include "tests/bench/results.h"

namespace rekindle::bench {

struct FleetBenchSettings {
  int nodes = 5000;
};

// One restart on each of many nodes at once through controller/fleet, over mutual TLS on loopback:
// with no connection there and few kept (cold), and with all of them there (warm). The runtime is a
// timer of 100 to 200 ms; all else is real. Rows: time until the last has ended, processor time of
// both sides, memory of this process; the daemons' process shares the machine. Errors: when a
// restart does not end well, or a daemon has begun one twice.
absl::Status FleetBench(const FleetBenchSettings& settings, Results& results);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_FLEET_FLEET_BENCH_H_
