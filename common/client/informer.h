#ifndef REKINDLE_COMMON_CLIENT_INFORMER_H_
#define REKINDLE_COMMON_CLIENT_INFORMER_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/client/informer_core.h"

namespace rekindle::client {

// Reads one object's JSON text into a T. Errors and threads: as Decoder.
template <typename T>
using DecodeFunction = std::function<absl::StatusOr<T>(absl::string_view object)>;

template <typename T>
struct InformerHandler {
  // Any may be empty.
  std::function<void(const ObjectKey&, const std::shared_ptr<const T>& now)> added = nullptr;
  std::function<void(const ObjectKey&, const std::shared_ptr<const T>& before,
                     const std::shared_ptr<const T>& now)>
      updated = nullptr;
  // `final_unknown`: the deletion was noticed by a list; the object may have changed before it.
  std::function<void(const ObjectKey&, const std::shared_ptr<const T>& last, bool final_unknown)>
      deleted = nullptr;
};

// A cache of one collection that follows the server, as records of the caller's type: with a
// compact T, 100,000 pods take about a hundred megabytes. Handlers hear of each change once; there
// is no periodic repetition. A relist is told as what it changed: an object that is missing is
// deleted, one with the same name and another UID is deleted and added.
//
// An object that cannot be decoded stays what it was (or away) and is listed in broken(), until a
// later state of it can be.
//
// Threads: the loop's; `decode` runs on the transport's thread.
template <typename T>
class Informer {
 public:
  using Ptr = std::shared_ptr<const T>;
  using Index = std::function<std::vector<std::string>(const ObjectKey&, const T&)>;

  // `client` outlives the informer.
  Informer(ApiClient& client, ReflectorOptions options, DecodeFunction<T> decode,
           Random random = SystemRandom())
      : core_(client, std::move(options), std::make_unique<TypedDecoder>(std::move(decode)),
              std::move(random)) {}

  // Before Start. `index` gives the values under which a record is found; pure.
  void AddIndex(const std::string& name, Index index) {
    core_.store().AddIndex(name,
                           [index = std::move(index)](const ObjectKey& key, const void* record) {
                             return index(key, *static_cast<const T*>(record));
                           });
  }

  // Before or after Start: a late handler hears of everything that is there first. Handlers must
  // not destroy the informer.
  void AddHandler(InformerHandler<T> handler) {
    core_.AddHandler(std::make_shared<TypedHandler>(std::move(handler)));
  }

  void Start() { core_.reflector().Start(); }
  // For good: the cache stays as it is.
  void Stop() { core_.Stop(); }

  // The first list is in the cache, and handlers have heard of it.
  bool synced() const { return core_.synced(); }
  void OnSynced(absl::AnyInvocable<void()> task) { core_.OnSynced(std::move(task)); }

  // Null: not there.
  Ptr Get(const ObjectKey& key) const {
    const Store::Entry* entry = core_.store().Find(key);
    return entry == nullptr ? nullptr : Cast(entry->record);
  }
  // The version that the cache has; empty: it has none.
  std::string VersionOf(const ObjectKey& key) const {
    const Store::Entry* entry = core_.store().Find(key);
    return entry == nullptr ? "" : entry->resource_version;
  }
  // In the order of their keys.
  std::vector<Ptr> ByIndex(const std::string& index, const std::string& value) const {
    return Cast(core_.store().ByIndex(index, value));
  }
  std::vector<Ptr> All() const { return Cast(core_.store().All()); }
  // In no order, without copies. `take(const ObjectKey&, const T&)`.
  template <typename Take>
  void ForEach(Take take) const {
    core_.store().ForEach([&](const Store::Entry& entry) {
      take(entry.key, *static_cast<const T*>(entry.record.get()));
    });
  }
  size_t size() const { return core_.store().size(); }

  const std::map<ObjectKey, absl::Status>& broken() const { return core_.broken(); }
  // State, last error, counters.
  const Reflector& reflector() const { return core_.reflector(); }

 private:
  static Ptr Cast(const Store::Record& record) { return std::static_pointer_cast<const T>(record); }
  static std::vector<Ptr> Cast(const std::vector<const Store::Entry*>& entries) {
    std::vector<Ptr> out;
    out.reserve(entries.size());
    for (const Store::Entry* entry : entries) out.push_back(Cast(entry->record));
    return out;
  }

  class TypedDecoder final : public Decoder {
   public:
    explicit TypedDecoder(DecodeFunction<T> decode) : decode_(std::move(decode)) {}
    absl::StatusOr<Record> Decode(absl::string_view object) override {
      absl::StatusOr<T> got = decode_(object);
      if (!got.ok()) return got.status();
      return Record(std::make_shared<const T>(*std::move(got)));
    }

   private:
    const DecodeFunction<T> decode_;
  };

  class TypedHandler final : public InformerCore::Handler {
   public:
    explicit TypedHandler(InformerHandler<T> handler) : handler_(std::move(handler)) {}
    void Added(const ObjectKey& key, const Store::Record& now) override {
      if (handler_.added) handler_.added(key, Cast(now));
    }
    void Updated(const ObjectKey& key, const Store::Record& before,
                 const Store::Record& now) override {
      if (handler_.updated) handler_.updated(key, Cast(before), Cast(now));
    }
    void Deleted(const ObjectKey& key, const Store::Record& last, bool final_unknown) override {
      if (handler_.deleted) handler_.deleted(key, Cast(last), final_unknown);
    }

   private:
    const InformerHandler<T> handler_;
  };

  InformerCore core_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_INFORMER_H_
