#include "controller/plan/ordinals.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include <nlohmann/json.hpp>

namespace rekindle::plan {
namespace {

std::optional<int64_t> Digits(absl::string_view text) {
  int64_t value = 0;
  if (text.empty() || !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(text, &value)) {
    return std::nullopt;
  }
  return value;
}

std::optional<std::pair<int64_t, int64_t>> ParseOne(const Json& value) {
  if (value.is_number_integer()) {
    const int64_t ordinal = value.get<int64_t>();
    if (ordinal < 0) return std::nullopt;
    return std::make_pair(ordinal, ordinal);
  }
  if (!value.is_string()) return std::nullopt;
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(value.get_ref<const std::string&>(), absl::MaxSplits('-', 1));
  const std::optional<int64_t> first = Digits(parts.first);
  const std::optional<int64_t> last = Digits(parts.second);
  if (!first || !last || *first > *last) return std::nullopt;
  return std::make_pair(*first, *last);
}

}  // namespace

ReservedOrdinals ReservedOrdinals::Parse(const Json& list, std::vector<std::string>* bad) {
  ReservedOrdinals out;
  if (!list.is_array()) return out;
  std::vector<std::pair<int64_t, int64_t>> all;
  for (const Json& value : list) {
    if (const auto interval = ParseOne(value)) {
      all.push_back(*interval);
    } else if (bad != nullptr) {
      bad->push_back(value.dump());
    }
  }
  std::sort(all.begin(), all.end());
  for (const auto& interval : all) {
    if (!out.intervals_.empty() && interval.first <= out.intervals_.back().second + 1) {
      out.intervals_.back().second = std::max(out.intervals_.back().second, interval.second);
    } else {
      out.intervals_.push_back(interval);
    }
  }
  return out;
}

int64_t ReservedOrdinals::NextFree(int64_t ordinal) const {
  const auto it =
      std::upper_bound(intervals_.begin(), intervals_.end(), ordinal,
                       [](int64_t value, const auto& interval) { return value < interval.first; });
  if (it == intervals_.begin()) return ordinal;
  const auto& interval = *std::prev(it);
  return ordinal <= interval.second ? interval.second + 1 : ordinal;
}

bool ReservedOrdinals::Has(int64_t ordinal) const { return NextFree(ordinal) != ordinal; }

bool OrdinalRange::Has(int32_t ordinal) const {
  return std::binary_search(ordinals.begin(), ordinals.end(), ordinal);
}

OrdinalRange WantedOrdinals(int64_t start, int64_t replicas, const ReservedOrdinals& reserved) {
  OrdinalRange out;
  out.end = start;
  out.ordinals.reserve(static_cast<size_t>(std::max<int64_t>(replicas, 0)));
  int64_t at = start;
  for (int64_t i = 0; i < replicas; ++i) {
    at = reserved.NextFree(at);
    if (at > INT32_MAX) break;
    out.ordinals.push_back(static_cast<int32_t>(at));
    out.end = ++at;
  }
  return out;
}

int32_t OrdinalOf(absl::string_view pod_name, absl::string_view set_name) {
  if (pod_name.size() < set_name.size() + 2 || pod_name.substr(0, set_name.size()) != set_name ||
      pod_name[set_name.size()] != '-') {
    return -1;
  }
  const std::optional<int64_t> ordinal = Digits(pod_name.substr(set_name.size() + 1));
  return ordinal.has_value() && *ordinal <= INT32_MAX ? static_cast<int32_t>(*ordinal) : -1;
}

}  // namespace rekindle::plan
