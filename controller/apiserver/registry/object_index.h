#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECT_INDEX_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECT_INDEX_H_

#include <cstddef>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

#include "common/api/object_meta.h"
#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

// Who owns whom: what garbage collection remembers of all objects (spec kubernetes-api 8.5). Pure
// data; thread-compatible.
class ObjectIndex {
 public:
  struct Owner {
    std::string uid;
    bool blocks = false;  // blockOwnerDeletion
    friend bool operator==(const Owner&, const Owner&) = default;
  };
  struct Node {
    Key key;
    std::string uid;
    std::vector<Owner> owners;
    bool deleting = false;
    bool foreground = false;  // finalizers foregroundDeletion, orphan
    bool orphan = false;
  };

  // What an object is now. True when its owners are others than before (or it is new with owners).
  bool Set(const Key& key, const api::ObjectMeta& meta);
  // It is gone: its node as it was, without key when it was not known.
  Node Remove(const Key& key);

  const Node* Find(absl::string_view uid) const;
  const Node* FindKey(const Key& key) const;
  // UIDs of the objects that name it as an owner.
  std::vector<std::string> Dependents(absl::string_view uid) const;
  bool HasDependents(absl::string_view uid) const;
  // Whether a dependent holds up its deletion in the foreground.
  bool IsBlocked(absl::string_view uid) const;
  std::vector<Key> KeysOf(absl::string_view resource) const;
  size_t size() const { return nodes_.size(); }

 private:
  void Unlink(const Node& node);

  absl::flat_hash_map<std::string, std::unique_ptr<Node>> nodes_;  // by UID
  absl::flat_hash_map<std::string, absl::flat_hash_set<std::string>> dependents_;
  // By resource, then "namespace/name".
  absl::flat_hash_map<std::string, absl::flat_hash_map<std::string, Node*>> keys_;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_OBJECT_INDEX_H_
