#include "controller/apiserver/registry/decode_cache.h"

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

namespace rekindle::apiserver {

namespace {

const std::string* TextOf(const Change& change, DecodeCache::Side side) {
  return (side == DecodeCache::Side::kAfter ? change.text : change.before).get();
}

}  // namespace

std::shared_ptr<DecodeCache::Entry> DecodeCache::EntryOf(const Change& change, Side side,
                                                         const std::string& api_version,
                                                         const std::string& stored) {
  MutexLock lock(&mutex_);
  Name name(change.revision, absl::StrCat(side == Side::kAfter ? "a" : "b", api_version));
  std::shared_ptr<Entry>& slot = entries_[name];
  if (slot == nullptr) {
    slot = std::make_shared<Entry>();
    bytes_ += stored.size();
    order_.emplace_back(std::move(name), stored.size());
  }
  std::shared_ptr<Entry> entry = slot;
  while (bytes_ > most_bytes_ && order_.size() > 1) {
    bytes_ -= order_.front().second;
    entries_.erase(order_.front().first);
    order_.pop_front();
  }
  return entry;
}

absl::StatusOr<std::shared_ptr<const Json>> DecodeCache::Get(const Change& change, Side side,
                                                             const std::string& api_version,
                                                             const Decode& decode) {
  const std::string* text = TextOf(change, side);
  if (text == nullptr) return absl::InternalError("a change without the object");
  const std::shared_ptr<Entry> entry = EntryOf(change, side, api_version, *text);
  MutexLock lock(&entry->mutex);
  if (entry->tree == nullptr) {
    absl::StatusOr<Json> tree = decode(*text);
    if (!tree.ok()) return tree.status();
    entry->tree = std::make_shared<const Json>(*std::move(tree));
  }
  return entry->tree;
}

absl::StatusOr<std::shared_ptr<const std::string>> DecodeCache::GetText(
    const Change& change, Side side, const std::string& api_version, const Print& print) {
  const std::string* text = TextOf(change, side);
  if (text == nullptr) return absl::InternalError("a change without the object");
  const std::shared_ptr<Entry> entry = EntryOf(change, side, api_version, *text);
  MutexLock lock(&entry->mutex);
  if (entry->text == nullptr) {
    absl::StatusOr<std::string> printed = print(*text);
    if (!printed.ok()) return printed.status();
    entry->text = std::make_shared<const std::string>(*std::move(printed));
  }
  return entry->text;
}

size_t DecodeCache::bytes() {
  MutexLock lock(&mutex_);
  return bytes_;
}

}  // namespace rekindle::apiserver
