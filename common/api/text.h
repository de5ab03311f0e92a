#ifndef REKINDLE_COMMON_API_TEXT_H_
#define REKINDLE_COMMON_API_TEXT_H_

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace rekindle::api {

// An immutable text that many records share: images, revision names and node names repeat 100,000
// times in a large workload. Copies are cheap; equal texts of one Pool are the same object.
class Text {
 public:
  Text() = default;
  explicit Text(absl::string_view text)
      : text_(text.empty() ? nullptr : std::make_shared<const std::string>(text)) {}

  absl::string_view view() const { return text_ ? absl::string_view(*text_) : absl::string_view(); }
  std::string str() const { return std::string(view()); }
  bool empty() const { return text_ == nullptr; }
  friend bool operator==(const Text& a, const Text& b) {
    return a.text_ == b.text_ || a.view() == b.view();
  }
  friend bool operator!=(const Text& a, const Text& b) { return !(a == b); }
  friend bool operator==(const Text& a, absl::string_view b) { return a.view() == b; }
  friend bool operator<(const Text& a, const Text& b) { return a.view() < b.view(); }

 private:
  std::shared_ptr<const std::string> text_;
};

// Shares equal values by a key text. Entries whose value nobody else holds are dropped when the
// pool has doubled since the last sweep. Threads: thread-compatible.
template <typename T>
class Sharing {
 public:
  // The shared value for `key`, made by `make()` when there is none.
  template <typename Make>
  std::shared_ptr<const T> Get(const std::string& key, Make make) {
    auto [it, fresh] = values_.try_emplace(key);
    if (fresh) {
      it->second = make();
      std::shared_ptr<const T> out = it->second;
      if (values_.size() > sweep_at_) Sweep();
      return out;
    }
    return it->second;
  }
  size_t size() const { return values_.size(); }

 private:
  void Sweep() {
    absl::erase_if(values_, [](const auto& entry) { return entry.second.use_count() == 1; });
    sweep_at_ = std::max<size_t>(kSmallest, values_.size() * 2);
  }

  static constexpr size_t kSmallest = 256;
  absl::flat_hash_map<std::string, std::shared_ptr<const T>> values_;
  size_t sweep_at_ = kSmallest;
};

class TextPool {
 public:
  Text Get(absl::string_view text) {
    if (text.empty()) return Text();
    const auto it = texts_.find(text);
    if (it != texts_.end()) return it->second;
    if (texts_.size() > kLimit) texts_.clear();  // values stay alive with their holders
    return texts_.emplace(std::string(text), Text(text)).first->second;
  }

 private:
  static constexpr size_t kLimit = 100'000;
  absl::flat_hash_map<std::string, Text> texts_;
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_TEXT_H_
