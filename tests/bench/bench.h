#ifndef REKINDLE_TEST_BENCH_BENCH_H_
#define REKINDLE_TEST_BENCH_BENCH_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

#include "tests/bench/results.h"
#include "tests/measure/daemon.h"

namespace rekindle::bench {

struct Settings {
  measure::Daemon::Programs programs;
  int rounds = 50;
};

// One benchmark: starts a bed of its own, measures, and adds its rows. An error means that it could
// not be measured; a missed limit is in the rows.
struct Bench {
  std::string name;
  std::string what;
  absl::Status (*run)(const Settings& settings, Results* results);
};

const std::vector<Bench>& AllBenches();

// Gap in service of `replace`, beside StopContainer + StartContainer by plain CRI calls on the same
// pod in turn (median and p99 of each).
absl::Status GapBench(const Settings& settings, Results* results);

// `hot` of a server with SO_REUSEPORT under 2,000 requests a second: failed requests.
absl::Status HotBench(const Settings& settings, Results* results);

// Memory and processor time of the daemon with 110 pods and nothing to do.
absl::Status IdleBench(const Settings& settings, Results* results);

// The daemon's own time from a request to its StopContainer call with 110 pods, journal write
// included: the whole time less the time in which a call to the runtime was under way.
absl::Status StopCallBench(const Settings& settings, Results* results);

// All 200 containers of one pod restarted by one call, beside a bare client that makes the same
// create, stop and start calls at the concurrency that suits this machine best. One round for every
// ten asked for, at most five.
absl::Status BatchBench(const Settings& settings, Results* results);

// Gap in service of `replace` beside `podman restart` of the same program in a podman pod on the
// same bridge, in turn.
absl::Status PodmanBench(const Settings& settings, Results* results);

// Beside a kubelet, on a private Kubernetes (tests/kube): gap in service of `replace`, on fresh
// pods and again and again on one, and of `delegate`, the first time and the second within ten
// minutes, beside the runtime's own stop and start in a pod of no kubelet, in turn; `hot` under
// 2,000 requests a second, once for each round; and the kinds of placeholder beside each other.
absl::Status KubeletBench(const Settings& settings, Results* results);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_BENCH_H_
