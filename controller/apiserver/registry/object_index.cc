#include "controller/apiserver/registry/object_index.h"

#include "absl/strings/str_cat.h"

namespace rekindle::apiserver {
namespace {

std::string Place(const Key& key) { return absl::StrCat(key.name_space, "/", key.name); }

}  // namespace

bool ObjectIndex::Set(const Key& key, const api::ObjectMeta& meta) {
  // Another object of the same name: the one before is gone.
  if (const Node* before = FindKey(key); before != nullptr && before->uid != meta.uid) Remove(key);
  std::unique_ptr<Node>& slot = nodes_[meta.uid];
  const bool fresh = slot == nullptr;
  if (fresh) {
    slot = std::make_unique<Node>();
    slot->key = key;
    slot->uid = meta.uid;
    keys_[key.resource][Place(key)] = slot.get();
  }
  Node& node = *slot;
  node.deleting = meta.BeingDeleted();
  node.foreground = meta.HasFinalizer("foregroundDeletion");
  node.orphan = meta.HasFinalizer("orphan");
  std::vector<Owner> owners;
  for (const api::OwnerReference& owner : meta.owners) {
    owners.push_back({owner.uid, owner.block_owner_deletion});
  }
  if (owners == node.owners) return false;
  Unlink(node);
  node.owners = std::move(owners);
  for (const Owner& owner : node.owners) dependents_[owner.uid].insert(node.uid);
  return true;
}

void ObjectIndex::Unlink(const Node& node) {
  for (const Owner& owner : node.owners) {
    const auto it = dependents_.find(owner.uid);
    if (it == dependents_.end()) continue;
    it->second.erase(node.uid);
    if (it->second.empty()) dependents_.erase(it);
  }
}

ObjectIndex::Node ObjectIndex::Remove(const Key& key) {
  const auto resource = keys_.find(key.resource);
  if (resource == keys_.end()) return {};
  const auto place = resource->second.find(Place(key));
  if (place == resource->second.end()) return {};
  Node out = *place->second;
  Unlink(out);
  resource->second.erase(place);
  nodes_.erase(out.uid);
  return out;
}

const ObjectIndex::Node* ObjectIndex::Find(absl::string_view uid) const {
  const auto it = nodes_.find(uid);
  return it == nodes_.end() ? nullptr : it->second.get();
}

const ObjectIndex::Node* ObjectIndex::FindKey(const Key& key) const {
  const auto resource = keys_.find(key.resource);
  if (resource == keys_.end()) return nullptr;
  const auto place = resource->second.find(Place(key));
  return place == resource->second.end() ? nullptr : place->second;
}

std::vector<std::string> ObjectIndex::Dependents(absl::string_view uid) const {
  const auto it = dependents_.find(uid);
  if (it == dependents_.end()) return {};
  return {it->second.begin(), it->second.end()};
}

bool ObjectIndex::HasDependents(absl::string_view uid) const { return dependents_.contains(uid); }

bool ObjectIndex::IsBlocked(absl::string_view uid) const {
  const auto it = dependents_.find(uid);
  if (it == dependents_.end()) return false;
  for (const std::string& dependent : it->second) {
    const Node* node = Find(dependent);
    if (node == nullptr) continue;
    for (const Owner& owner : node->owners) {
      if (owner.uid == uid && owner.blocks) return true;
    }
  }
  return false;
}

std::vector<Key> ObjectIndex::KeysOf(absl::string_view resource) const {
  std::vector<Key> out;
  const auto it = keys_.find(resource);
  if (it == keys_.end()) return out;
  for (const auto& [place, node] : it->second) out.push_back(node->key);
  return out;
}

}  // namespace rekindle::apiserver
