#ifndef REKINDLE_COMMON_CLIENT_PAUSE_H_
#define REKINDLE_COMMON_CLIENT_PAUSE_H_

#include <algorithm>
#include <functional>
#include <utility>

#include "absl/time/time.h"

#include "common/base/backoff.h"

namespace rekindle::client {

// Uniform numbers in [0, 1): the one source of chance in this folder. Thread-compatible.
using Random = std::function<double()>;

// Seeded by the system.
Random SystemRandom();

// `base` lengthened at random by up to `factor` of itself.
inline absl::Duration Jittered(absl::Duration base, double factor, const Random& random) {
  return base * (1.0 + factor * random());
}

// Growing pauses between attempts, so that clients that failed together do not come back together.
// Threads: thread-compatible.
class Pauses {
 public:
  struct Options {
    absl::Duration initial = absl::Milliseconds(800);
    absl::Duration max = absl::Seconds(30);  // with the jitter
    double factor = 2.0;
    double jitter = 1.0;
    absl::Duration forget_after = absl::Minutes(2);  // without failure
  };

  Pauses(const Options& options, Random random)
      : options_(options),
        random_(std::move(random)),
        backoff_({.initial = options.initial, .max = options.max, .factor = options.factor}) {}

  // How long to wait after a failure now.
  absl::Duration Next(absl::Duration monotonic_now) {
    if (monotonic_now - last_ > options_.forget_after) backoff_.Reset();
    const absl::Duration pause =
        std::min(options_.max, Jittered(backoff_.Next(), options_.jitter, random_));
    // Counted from the end of the pause: waiting is no success.
    last_ = monotonic_now + pause;
    return pause;
  }

 private:
  const Options options_;
  const Random random_;
  Backoff backoff_;
  absl::Duration last_ = -absl::InfiniteDuration();
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_PAUSE_H_
