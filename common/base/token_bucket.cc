#include "common/base/token_bucket.h"

#include <algorithm>

#include "common/base/sync.h"

namespace rekindle {

TokenBucket::TokenBucket(double per_second, double burst)
    : per_second_(per_second), burst_(burst), tokens_(burst) {}

absl::Duration TokenBucket::Take(absl::Duration monotonic_now) {
  MutexLock lock(&mutex_);
  if (last_ != absl::InfiniteDuration() && monotonic_now > last_) {
    tokens_ =
        std::min(burst_, tokens_ + per_second_ * absl::ToDoubleSeconds(monotonic_now - last_));
  }
  last_ = monotonic_now;
  if (tokens_ >= 1.0) {
    tokens_ -= 1.0;
    return absl::ZeroDuration();
  }
  return absl::Seconds((1.0 - tokens_) / per_second_);
}

}  // namespace rekindle
