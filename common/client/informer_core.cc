#include "common/client/informer_core.h"

namespace rekindle::client {

InformerCore::InformerCore(ApiClient& client, ReflectorOptions options,
                           std::unique_ptr<Decoder> decoder, Random random)
    : loop_(client.loop()),
      decoder_(std::move(decoder)),
      reflector_(client, std::move(options), *decoder_, *this, std::move(random)) {}

InformerCore::~InformerCore() { *alive_ = false; }

void InformerCore::Stop() { reflector_.Stop(); }

void InformerCore::Admit(const std::shared_ptr<Handler>& handler) {
  handlers_.push_back(handler);
  if (!synced_) return;
  for (const Store::Entry* entry : store_.All()) {
    const Store::Record record = entry->record;
    handler->Added(entry->key, record);
  }
}

void InformerCore::AddHandler(std::shared_ptr<Handler> handler) {
  // Later, so that a handler that adds another one does not change what is being gone through.
  loop_.Post([this, alive = alive_, handler = std::move(handler)] {
    if (*alive) Admit(handler);
  });
}

void InformerCore::OnSynced(absl::AnyInvocable<void()> task) {
  if (!synced_) return on_synced_.push_back(std::move(task));
  loop_.Post(std::move(task));
}

void InformerCore::Put(Item item) {
  if (item.record == nullptr) {
    broken_[item.meta.key] = item.broken;
    store_.Keep(item.meta.key);
    return;
  }
  if (!broken_.empty()) broken_.erase(item.meta.key);
  const Store::Change change = store_.Put(std::move(item.meta), std::move(item.record));
  if (change.kind == Store::Change::Kind::kNone) return;
  const ObjectKey& key = change.entry->key;
  const Store::Record now = change.entry->record;
  for (const auto& handler : handlers_) {
    switch (change.kind) {
      case Store::Change::Kind::kNone:
        break;
      case Store::Change::Kind::kAdded:
        handler->Added(key, now);
        break;
      case Store::Change::Kind::kUpdated:
        handler->Updated(key, change.before, now);
        break;
      case Store::Change::Kind::kReplaced:
        // The deletion in between was not seen.
        handler->Deleted(key, change.before, /*final_unknown=*/true);
        handler->Added(key, now);
        break;
    }
  }
}

void InformerCore::Delete(const ObjectKey& key, const Store::Record& last, bool final_unknown) {
  for (const auto& handler : handlers_) handler->Deleted(key, last, final_unknown);
}

void InformerCore::Replace(std::vector<Item> items) {
  store_.BeginList();
  broken_.clear();
  for (Item& item : items) Put(std::move(item));
  for (const auto& [key, last] : store_.EndList()) Delete(key, last, /*final_unknown=*/true);
  if (std::exchange(synced_, true)) return;
  for (auto& task : std::exchange(on_synced_, {})) loop_.Post(std::move(task));
}

void InformerCore::Apply(std::vector<WatchEvent> events) {
  for (WatchEvent& event : events) {
    if (event.type != WatchEvent::Type::kDeleted) {
      Put(std::move(event.item));
      continue;
    }
    const ObjectKey& key = event.item.meta.key;
    broken_.erase(key);
    const Store::Record last = store_.Remove(key, event.item.meta.uid);
    if (last != nullptr) Delete(key, last, /*final_unknown=*/false);
  }
}

}  // namespace rekindle::client
