#ifndef REKINDLE_TEST_BENCH_RECREATE_HOPS_H_
#define REKINDLE_TEST_BENCH_RECREATE_HOPS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"

#include "rekindle/node/v1/node.pb.h"
#include "tests/bench/results.h"
#include "tests/controller/recreate/request_watch.h"

namespace rekindle::bench {

// Hops of one request for one container, in milliseconds. All clocks are of one machine.
struct Hops {
  double total = 0;     // sent -> its end seen
  double stored = 0;    // sent -> answered
  double called = 0;    // sent -> accepted by the daemon
  double noticed = 0;   // answered -> accepted by the daemon: what the controller takes
  double written = 0;   // sent -> `Recreating` seen
  double prepared = 0;  // accepted -> the stop begins
  double own = 0;       // the stop begins -> the new container runs and has been looked at
  double gap = 0;       // by the runtime's clock
  double told = 0;      // ended -> `Completed` seen
  int writes = 0;       // of the status
};

// From when the request was sent and answered, what a watch saw of it, and what the daemon says.
Hops HopsOf(absl::Time sent, absl::Time answered, const SeenRequest& seen,
            const node::v1::Operation& operation);

// Rows of `bench`: medians and p99 of all hops; what a request takes beside the container's own
// stop and start, and its status writes, with the limits of these.
absl::Status ReportHops(const std::string& bench, const std::vector<Hops>& rounds,
                        Results& results);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_RECREATE_HOPS_H_
