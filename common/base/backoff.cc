#include "common/base/backoff.h"

#include <algorithm>

namespace rekindle {

Backoff::Backoff(const Options& options) : options_(options), next_(options.initial) {}

absl::Duration Backoff::Next() {
  const absl::Duration delay = next_;
  next_ = std::min(options_.max, next_ * options_.factor);
  return delay;
}

void Backoff::Reset() { next_ = options_.initial; }

}  // namespace rekindle
