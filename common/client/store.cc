#include "common/client/store.h"

#include <algorithm>

#include "absl/hash/hash.h"

namespace rekindle::client {
namespace {

// Within this process only: it is never stored.
uint64_t FingerprintOf(absl::string_view uid) {
  if (uid.empty()) return 0;
  const uint64_t hash = absl::Hash<absl::string_view>()(uid);
  return hash == 0 ? 1 : hash;
}

}  // namespace

void Store::AddIndex(const std::string& name, IndexFunction function) {
  indexes_[name].function = std::move(function);
}

void Store::Enter(const Entry& entry) {
  for (auto& [name, index] : indexes_) {
    for (std::string& value : index.function(entry.key, entry.record.get())) {
      index.entries[std::move(value)].insert(&entry);
    }
  }
}

void Store::Leave(const Entry& entry) {
  for (auto& [name, index] : indexes_) {
    for (const std::string& value : index.function(entry.key, entry.record.get())) {
      const auto found = index.entries.find(value);
      if (found == index.entries.end()) continue;
      found->second.erase(&entry);
      if (found->second.empty()) index.entries.erase(found);
    }
  }
}

Store::Change Store::Put(ObjectMeta meta, Record record) {
  const uint64_t uid = FingerprintOf(meta.uid);
  const auto found = entries_.find(meta.key);
  if (found == entries_.end()) {
    auto entry = std::make_unique<Entry>(Entry{.key = std::move(meta.key),
                                               .uid = uid,
                                               .resource_version = std::move(meta.resource_version),
                                               .record = std::move(record),
                                               .list = list_});
    const Entry* added = entry.get();
    entries_.insert(std::move(entry));
    Enter(*added);
    return {.kind = Change::Kind::kAdded, .entry = added};
  }
  Entry& entry = **found;
  entry.list = list_;
  const bool same = entry.uid == uid;
  if (same && entry.resource_version == meta.resource_version) {
    return {.kind = Change::Kind::kNone, .entry = &entry};
  }
  Change out = {.kind = same ? Change::Kind::kUpdated : Change::Kind::kReplaced,
                .before = entry.record,
                .entry = &entry};
  Leave(entry);
  entry.uid = uid;
  entry.resource_version = std::move(meta.resource_version);
  entry.record = std::move(record);
  Enter(entry);
  return out;
}

Store::Record Store::Remove(const ObjectKey& key, absl::string_view uid) {
  const auto found = entries_.find(key);
  if (found == entries_.end()) return nullptr;
  if (!uid.empty() && (*found)->uid != FingerprintOf(uid)) return nullptr;
  Leave(**found);
  Record out = (*found)->record;
  entries_.erase(found);
  return out;
}

void Store::Keep(const ObjectKey& key) {
  const auto found = entries_.find(key);
  if (found != entries_.end()) (*found)->list = list_;
}

std::vector<std::pair<ObjectKey, Store::Record>> Store::EndList() {
  std::vector<std::pair<ObjectKey, Record>> out;
  for (const auto& entry : entries_) {
    if (entry->list != list_) out.emplace_back(entry->key, entry->record);
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [key, record] : out) Remove(key, "");
  return out;
}

const Store::Entry* Store::Find(const ObjectKey& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : found->get();
}

std::vector<const Store::Entry*> Store::ByIndex(const std::string& index,
                                                const std::string& value) const {
  const auto found = indexes_.find(index);
  if (found == indexes_.end()) return {};
  const auto entries = found->second.entries.find(value);
  if (entries == found->second.entries.end()) return {};
  return {entries->second.begin(), entries->second.end()};
}

std::vector<const Store::Entry*> Store::All() const {
  std::vector<const Entry*> out;
  out.reserve(entries_.size());
  for (const auto& entry : entries_) out.push_back(entry.get());
  std::sort(out.begin(), out.end(), ByKey());
  return out;
}

}  // namespace rekindle::client
