#ifndef REKINDLE_TEST_BENCH_PLAN_PLAN_BENCH_H_
#define REKINDLE_TEST_BENCH_PLAN_PLAN_BENCH_H_

#include <cstdint>

#include "absl/status/status.h"

#include "tests/bench/results.h"

namespace rekindle::bench {

struct PlanBenchSettings {
  int rounds = 21;
  int64_t simulated_pods = 1'000'000;  // ten on each node
};

// Measures the planner: a large CloneSet whole and after one change, a large StatefulSet, the size
// of a pod record, a simulated rollout. An error means that it did not do what it should.
absl::Status PlanBench(const PlanBenchSettings& settings, Results& results);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_PLAN_PLAN_BENCH_H_
