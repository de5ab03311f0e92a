#ifndef REKINDLE_COMMON_API_STRING_MAP_H_
#define REKINDLE_COMMON_API_STRING_MAP_H_

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace rekindle::api {

// Labels or annotations: a sorted vector, because maps of this size are read far more often than
// written and 100,000 pods have them. Thread-compatible.
class StringMap {
 public:
  using Entry = std::pair<std::string, std::string>;

  StringMap() = default;
  StringMap(std::initializer_list<Entry> entries) {
    for (const Entry& entry : entries) Set(entry.first, entry.second);
  }

  const std::string* Find(absl::string_view key) const {
    const auto it = Lower(key);
    return it != entries_.end() && it->first == key ? &it->second : nullptr;
  }
  bool Has(absl::string_view key) const { return Find(key) != nullptr; }
  // The value, or "" when absent.
  absl::string_view Get(absl::string_view key) const {
    const std::string* value = Find(key);
    return value == nullptr ? absl::string_view() : absl::string_view(*value);
  }
  void Set(absl::string_view key, absl::string_view value) {
    const auto it = entries_.begin() + (Lower(key) - entries_.begin());
    if (it != entries_.end() && it->first == key) {
      it->second = std::string(value);
    } else {
      entries_.emplace(it, std::string(key), std::string(value));
    }
  }
  void Erase(absl::string_view key) {
    const auto it = entries_.begin() + (Lower(key) - entries_.begin());
    if (it != entries_.end() && it->first == key) entries_.erase(it);
  }

  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  size_t size() const { return entries_.size(); }
  bool empty() const { return entries_.empty(); }
  friend bool operator==(const StringMap&, const StringMap&) = default;
  friend bool operator<(const StringMap& a, const StringMap& b) { return a.entries_ < b.entries_; }

 private:
  std::vector<Entry>::const_iterator Lower(absl::string_view key) const {
    return std::lower_bound(
        entries_.begin(), entries_.end(), key,
        [](const Entry& entry, absl::string_view k) { return absl::string_view(entry.first) < k; });
  }

  std::vector<Entry> entries_;
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_STRING_MAP_H_
