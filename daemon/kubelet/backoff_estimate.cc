#include "daemon/kubelet/backoff_estimate.h"

#include <algorithm>

namespace rekindle::kubelet {
namespace {

constexpr absl::Duration kInitialDelay = absl::Seconds(10);
constexpr absl::Duration kLongestDelay = absl::Seconds(300);
constexpr absl::Duration kForget = absl::Seconds(600);
// A kubelet without back-off has noticed an exit and started the next container by then, on a busy
// node too: 1 s to look, then create and start.
constexpr absl::Duration kPromptStart = absl::Seconds(4);
constexpr size_t kMostEntries = 4096;

// A kubelet that has waited long enough looks again only so much later when nothing else happens.
constexpr absl::Duration kLatestLook = absl::Seconds(95);

absl::Duration Doubled(absl::Duration delay) { return std::min(delay * 2, kLongestDelay); }

// The shortest back-off, of `delay` and its successors, that explains `waited` without a start.
absl::Duration ExplainWait(absl::Duration delay, absl::Duration waited) {
  while (delay + kLatestLook < waited && delay < kLongestDelay) delay = Doubled(delay);
  return delay;
}

}  // namespace

void BackoffEstimate::SawStart(const BackoffKey& key, absl::Time finished, absl::Time started) {
  const absl::Duration waited = started - finished;
  const auto it = entries_.find(key);
  const bool known = it != entries_.end() && finished - it->second.updated <= kForget;
  absl::Duration next = kInitialDelay;
  if (known || waited > kPromptStart) {
    next = Doubled(ExplainWait(known ? it->second.delay : kInitialDelay, waited));
  }
  entries_[key] = {next, started};
  if (entries_.size() <= kMostEntries) return;
  entries_.erase(std::min_element(entries_.begin(), entries_.end(), [](auto& a, auto& b) {
    return a.second.updated < b.second.updated;
  }));
}

std::optional<absl::Time> BackoffEstimate::Until(const BackoffKey& key, absl::Time finished,
                                                 absl::Time now) const {
  const absl::Duration waited = now - finished;
  const auto it = entries_.find(key);
  const bool known = it != entries_.end() && finished - it->second.updated <= kForget;
  if (!known && waited <= kPromptStart) return std::nullopt;
  return finished + ExplainWait(known ? it->second.delay : kInitialDelay, waited);
}

}  // namespace rekindle::kubelet
