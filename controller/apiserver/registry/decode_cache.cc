#include "controller/apiserver/registry/decode_cache.h"

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

namespace rekindle::apiserver {

absl::StatusOr<std::shared_ptr<const Json>> DecodeCache::Get(const Change& change, Side side,
                                                             const std::string& api_version,
                                                             const Decode& decode) {
  const std::shared_ptr<const std::string>& text =
      side == Side::kAfter ? change.text : change.before;
  if (text == nullptr) return absl::InternalError("a change without the object");
  std::shared_ptr<Entry> entry;
  {
    MutexLock lock(&mutex_);
    Name name(change.revision, absl::StrCat(side == Side::kAfter ? "a" : "b", api_version));
    std::shared_ptr<Entry>& slot = entries_[name];
    if (slot == nullptr) {
      slot = std::make_shared<Entry>();
      bytes_ += text->size();
      order_.emplace_back(std::move(name), text->size());
    }
    entry = slot;
    while (bytes_ > most_bytes_ && order_.size() > 1) {
      bytes_ -= order_.front().second;
      entries_.erase(order_.front().first);
      order_.pop_front();
    }
  }
  MutexLock lock(&entry->mutex);
  if (entry->tree == nullptr) {
    absl::StatusOr<Json> tree = decode(*text);
    if (!tree.ok()) return tree.status();
    entry->tree = std::make_shared<const Json>(*std::move(tree));
  }
  return entry->tree;
}

size_t DecodeCache::bytes() {
  MutexLock lock(&mutex_);
  return bytes_;
}

}  // namespace rekindle::apiserver
