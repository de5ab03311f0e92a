#ifndef REKINDLE_COMMON_BASE_TOKEN_BUCKET_H_
#define REKINDLE_COMMON_BASE_TOKEN_BUCKET_H_

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"

#include "common/base/sync.h"

namespace rekindle {

// A rate limit: `burst` tokens at first, refilled at `per_second`, never more than `burst`.
// Time comes in as an argument (monotonic).
// Threads: thread-safe.
class TokenBucket {
 public:
  TokenBucket(double per_second, double burst);

  // Takes one token. Zero when there was one; else how long to wait until there is, taking none.
  absl::Duration Take(absl::Duration monotonic_now);

 private:
  const double per_second_;
  const double burst_;
  Mutex mutex_;
  double tokens_ ABSL_GUARDED_BY(mutex_);
  absl::Duration last_ ABSL_GUARDED_BY(mutex_) = absl::InfiniteDuration();
};

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_TOKEN_BUCKET_H_
