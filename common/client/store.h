#ifndef REKINDLE_COMMON_CLIENT_STORE_H_
#define REKINDLE_COMMON_CLIENT_STORE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/client/decode.h"
#include "common/client/resource.h"

namespace rekindle::client {

// The objects of one collection by key, with indexes: what an informer keeps. Records are seen as
// their decoder's type through Informer<T> only.
//
// An object costs about 200 bytes beside its record and the indexes' entries of 8 to 12 bytes.
// Threads: thread-compatible.
class Store {
 public:
  using Record = Decoder::Record;
  // The values under which an index finds a record; pure.
  using IndexFunction = std::function<std::vector<std::string>(const ObjectKey&, const void*)>;

  struct Entry {
    ObjectKey key;
    uint64_t uid = 0;  // fingerprint; 0 for an empty UID
    std::string resource_version;
    Record record;
    uint32_t list = 0;  // the last list that it was in
  };

  // What an object's arrival changed.
  struct Change {
    enum class Kind { kNone, kAdded, kUpdated, kReplaced };  // kReplaced: another object, same name
    Kind kind = Kind::kNone;
    Record before;
    const Entry* entry = nullptr;
  };

  // Before anything is put in. `name` is new.
  void AddIndex(const std::string& name, IndexFunction function);

  // Takes over an object's state. kNone: that state is here already.
  Change Put(ObjectMeta meta, Record record);
  // Removes the object, unless its UID is another (empty: whatever it is). Null: it is not there.
  Record Remove(const ObjectKey& key, absl::string_view uid);

  // A list replaces everything: BeginList, Put or Keep for each of its objects, then EndList, which
  // removes the others and gives their last states, in the order of their keys.
  void BeginList() { ++list_; }
  // The object is still there, whatever it looks like.
  void Keep(const ObjectKey& key);
  std::vector<std::pair<ObjectKey, Record>> EndList();

  const Entry* Find(const ObjectKey& key) const;
  // In the order of their keys. An index that does not exist finds nothing.
  std::vector<const Entry*> ByIndex(const std::string& index, const std::string& value) const;
  std::vector<const Entry*> All() const;
  // In no particular order, without copying anything.
  template <typename Take>
  void ForEach(Take take) const {
    for (const auto& entry : entries_) take(*entry);
  }
  size_t size() const { return entries_.size(); }

 private:
  struct Hash {
    using is_transparent = void;
    size_t operator()(const ObjectKey& key) const { return absl::Hash<ObjectKey>()(key); }
    size_t operator()(const std::unique_ptr<Entry>& entry) const { return (*this)(entry->key); }
  };
  struct Equal {
    using is_transparent = void;
    static const ObjectKey& Key(const ObjectKey& key) { return key; }
    static const ObjectKey& Key(const std::unique_ptr<Entry>& entry) { return entry->key; }
    template <typename A, typename B>
    bool operator()(const A& a, const B& b) const {
      return Key(a) == Key(b);
    }
  };
  struct ByKey {
    bool operator()(const Entry* a, const Entry* b) const { return a->key < b->key; }
  };
  struct Index {
    IndexFunction function;
    absl::flat_hash_map<std::string, absl::btree_set<const Entry*, ByKey>> entries;
  };

  void Enter(const Entry& entry);
  void Leave(const Entry& entry);

  absl::flat_hash_set<std::unique_ptr<Entry>, Hash, Equal> entries_;
  std::map<std::string, Index> indexes_;
  uint32_t list_ = 0;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_STORE_H_
