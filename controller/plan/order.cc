#include "controller/plan/order.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/numbers.h"

namespace rekindle::plan {
namespace {

constexpr uint64_t kTimeMask = (uint64_t{1} << kTimeBits) - 1;
constexpr int64_t kRestartCap = (1 << 12) - 1;

uint64_t MoreFirst(int32_t restarts) {
  return static_cast<uint64_t>(kRestartCap - std::clamp<int64_t>(restarts, 0, kRestartCap));
}

uint64_t NameBytes(absl::string_view name) {
  const absl::string_view tail = name.size() > 8 ? name.substr(name.size() - 8) : name;
  uint64_t out = 0;
  for (const char c : tail) out = (out << 8) | static_cast<unsigned char>(c);
  return out << (8 * (8 - tail.size()));
}

int64_t RoundHalfAway(int64_t a, int64_t b) { return (2 * a + b) / (2 * b); }

bool Matches(const api::PodRecord& pod, const ScatterTerm& term) {
  return pod.HasLabel(term.key) && pod.Label(term.key) == term.value;
}

}  // namespace

uint64_t PhaseRank(api::Phase phase) {
  if (phase == api::Phase::kRunning) return 2;
  return phase == api::Phase::kUnknown ? 1 : 0;
}

uint64_t RecentFirst(int64_t time) {
  if (time == api::kNoTime) return 0;
  return kTimeMask - (static_cast<uint64_t>(std::max<int64_t>(time, 0)) & kTimeMask);
}

int64_t TrailingNumber(absl::string_view text) {
  size_t start = text.size();
  while (start > 0 && text[start - 1] >= '0' && text[start - 1] <= '9') --start;
  int64_t number = 0;
  return absl::SimpleAtoi(text.substr(start), &number) ? number : 0;
}

uint64_t PriorityOf(const api::PodRecord& pod, const PriorityStrategy& priority) {
  if (!priority.weights.empty()) {
    const api::StringMap labels = pod.AllLabels();
    int64_t weight = 0;
    for (const PriorityTerm& term : priority.weights) {
      if (term.selector.Matches(labels)) weight += term.weight;
    }
    return UINT32_MAX - static_cast<uint64_t>(weight);
  }
  for (size_t i = 0; i < priority.ordered_keys.size(); ++i) {
    if (!pod.HasLabel(priority.ordered_keys[i])) continue;
    const int64_t number =
        std::min<int64_t>(TrailingNumber(pod.Label(priority.ordered_keys[i])), kTimeMask);
    return ((i + 1) << kTimeBits) + (kTimeMask - static_cast<uint64_t>(number));
  }
  return 0;
}

UpdateKey MakeUpdateKey(const api::PodRecord& pod, int32_t slot, const PriorityStrategy& priority) {
  constexpr uint64_t kLater = uint64_t{1} << 63;
  UpdateKey key;
  key.priority = priority.empty() ? 0 : PriorityOf(pod, priority);
  if (pod.lifecycle != api::Lifecycle::kPreparingUpdate) key.priority |= kLater;
  const bool ready = pod.ready == api::Tri::kTrue;
  key.state = (pod.node.empty() ? uint64_t{0} : uint64_t{1} << 50) | (PhaseRank(pod.phase) << 48) |
              (ready ? uint64_t{1} << 47 : 0) | (ready ? RecentFirst(pod.ready_since) : 0);
  key.age = (MoreFirst(pod.max_restarts) << 52) |
            (MoreFirst(pod.max_sidecar_restarts) << kTimeBits) | RecentFirst(pod.created);
  key.name = NameBytes(pod.name);
  key.slot = slot;
  return key;
}

std::vector<int32_t> ScatterOne(const std::vector<int32_t>& candidates,
                                const std::vector<bool>& matches, const ScatterCounts& counts) {
  std::vector<int32_t> matched;
  std::vector<int32_t> rest;
  for (size_t i = 0; i < candidates.size(); ++i) {
    (matches[i] ? matched : rest).push_back(candidates[i]);
  }
  if (matched.size() <= 1 || rest.size() <= 1) return candidates;
  const int32_t reserved = matched.back();
  matched.pop_back();
  const auto m = static_cast<int64_t>(matched.size());
  const auto u = static_cast<int64_t>(rest.size());
  const int64_t all_matched = counts.matched - 1;
  const int64_t all_rest = counts.all - counts.matched;

  int64_t groups = std::min(m, u);
  int64_t matched_size = RoundHalfAway(m, groups);
  int64_t rest_size = RoundHalfAway(u, groups);
  int64_t lead = 0;
  // W/M >= u/m as products: the candidates are at least as dense in matches as the whole set.
  if (all_rest * m < u * all_matched && all_matched > 0 && all_rest > 0) {
    const int64_t shape = std::min(all_matched, all_rest);
    matched_size = RoundHalfAway(all_matched, shape);
    rest_size = RoundHalfAway(all_rest, shape);
    groups = std::min(m / matched_size, u / rest_size);
    lead = u - groups * rest_size;
  }
  std::vector<int32_t> out;
  size_t at_matched = 0;
  size_t at_rest = 0;
  const auto emit = [&](std::vector<int32_t>& from, size_t& at, int64_t count) {
    for (; count > 0 && at < from.size(); --count) out.push_back(from[at++]);
  };
  emit(rest, at_rest, lead);
  for (int64_t g = 0; g < groups; ++g) {
    emit(matched, at_matched, matched_size);
    emit(rest, at_rest, rest_size);
  }
  emit(matched, at_matched, m);
  emit(rest, at_rest, u);
  out.push_back(reserved);
  return out;
}

std::vector<int32_t> Scatter(std::vector<int32_t> candidates,
                             const std::vector<const api::PodRecord*>& pods,
                             const std::vector<ScatterTerm>& terms) {
  struct Counted {
    const ScatterTerm* term;
    int64_t matched;
  };
  std::vector<Counted> used;
  for (const ScatterTerm& term : terms) {
    const int64_t n = std::count_if(candidates.begin(), candidates.end(), [&](int32_t slot) {
      return Matches(*pods[static_cast<size_t>(slot)], term);
    });
    if (n > 0 || terms.size() == 1) used.push_back({&term, n});
  }
  std::stable_sort(used.begin(), used.end(),
                   [](const Counted& a, const Counted& b) { return a.matched > b.matched; });
  for (const Counted& counted : used) {
    std::vector<bool> matches;
    for (const int32_t slot : candidates) {
      matches.push_back(Matches(*pods[static_cast<size_t>(slot)], *counted.term));
    }
    ScatterCounts counts;
    for (const api::PodRecord* pod : pods) {
      if (pod == nullptr || !pod->Active()) continue;
      ++counts.all;
      if (Matches(*pod, *counted.term)) ++counts.matched;
    }
    candidates = ScatterOne(candidates, matches, counts);
  }
  return candidates;
}

}  // namespace rekindle::plan
