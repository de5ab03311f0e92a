#ifndef REKINDLE_COMMON_BASE_BACKOFF_H_
#define REKINDLE_COMMON_BASE_BACKOFF_H_

#include "absl/time/time.h"

namespace rekindle {

// Exponential delays without jitter: initial, initial*factor, ... up to max.
// Threads: thread-compatible.
class Backoff {
 public:
  struct Options {
    absl::Duration initial = absl::Milliseconds(100);
    absl::Duration max = absl::Seconds(5);
    double factor = 2.0;
  };

  explicit Backoff(const Options& options);

  // The delay to wait now; the next call gives the next one.
  absl::Duration Next();

  // The next delay is the initial one again.
  void Reset();

 private:
  Options options_;
  absl::Duration next_;
};

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_BACKOFF_H_
