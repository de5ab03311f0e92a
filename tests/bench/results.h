#ifndef REKINDLE_TEST_BENCH_RESULTS_H_
#define REKINDLE_TEST_BENCH_RESULTS_H_

#include <optional>
#include <string>

#include "absl/status/status.h"

namespace rekindle::bench {

// What a value is compared with, measured in the same run.
struct Reference {
  std::string kind;  // "floor" (the runtime's own calls) or "peer" (another program)
  std::string name;  // "StopContainer+StartContainer", "podman restart"
  double value = 0;
};

struct Row {
  std::string bench;
  std::string metric;
  double value = 0;
  std::string unit;
  std::optional<Reference> reference;
  std::optional<double> limit;  // what the value (or the ratio, with a reference) may be at most
};

// One JSON object without a line break: bench, metric, value, unit; "floor" or "peer" with
// "<kind>_name" and "ratio" where there is a reference; "limit" and "within_limit" with a limit.
std::string ToJsonLine(const Row& row);

// True if there is no limit or it is kept.
bool WithinLimit(const Row& row);

// Appends rows to a file, and prints each for people.
class Results {
 public:
  explicit Results(std::string path) : path_(std::move(path)) {}
  // kUnavailable if the file cannot be written.
  absl::Status Add(const Row& row);
  bool all_within_limits() const { return all_within_limits_; }

 private:
  const std::string path_;
  bool all_within_limits_ = true;
};

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_RESULTS_H_
