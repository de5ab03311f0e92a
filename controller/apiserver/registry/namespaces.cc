#include "controller/apiserver/registry/namespaces.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

constexpr absl::string_view kInitial[] = {"default", "kube-node-lease", "kube-public",
                                          "kube-system"};

}  // namespace

NamespaceGate::Pass::Pass(Pass&& other) noexcept
    : gate_(std::exchange(other.gate_, nullptr)), name_space_(std::move(other.name_space_)) {}

NamespaceGate::Pass::~Pass() {
  if (gate_ != nullptr) gate_->Leave(name_space_);
}

absl::StatusOr<NamespaceGate::Pass> NamespaceGate::Enter(Store& store,
                                                         const std::string& name_space,
                                                         const api::Subject& subject) {
  {
    // Before the look: a namespace that is marked afterwards waits for this create.
    MutexLock lock(&mutex_);
    ++inside_[name_space];
  }
  Pass pass(this, name_space);
  const absl::StatusOr<StoredObject> stored = store.Get({"namespaces", "", name_space});
  if (absl::IsNotFound(stored.status())) {
    return ToStatus(api::NotFound({"", "namespaces", "Namespace", name_space}));
  }
  if (!stored.ok()) return stored.status();
  RK_ASSIGN_OR_RETURN(const api::ObjectMeta meta, ReadStoredMeta(*stored->text));
  if (meta.BeingDeleted()) return ToStatus(api::NamespaceTerminating(subject, name_space));
  return pass;
}

bool NamespaceGate::Quiet(const std::string& name_space) {
  MutexLock lock(&mutex_);
  return !inside_.contains(name_space);
}

void NamespaceGate::Leave(const std::string& name_space) {
  MutexLock lock(&mutex_);
  const auto it = inside_.find(name_space);
  if (it != inside_.end() && --it->second == 0) inside_.erase(it);
}

bool IsLastingNamespace(absl::string_view name) {
  return name == "default" || name == "kube-public" || name == "kube-system";
}

absl::Status MakeInitialNamespaces(Store& store, absl::Time now,
                                   const std::function<std::string()>& new_uid) {
  for (const absl::string_view name : kInitial) {
    const Key key{"namespaces", "", std::string(name)};
    const absl::StatusOr<StoredObject> present = store.Get(key);
    if (present.ok()) continue;
    if (!absl::IsNotFound(present.status())) return present.status();
    const Json object = {{"apiVersion", "v1"},
                         {"kind", "Namespace"},
                         {"metadata",
                          {{"name", key.name},
                           {"uid", new_uid()},
                           {"creationTimestamp", api::FormatTime(now)},
                           {"labels", {{"kubernetes.io/metadata.name", key.name}}}}},
                         {"spec", {{"finalizers", {"kubernetes"}}}},
                         {"status", {{"phase", "Active"}}}};
    std::vector<Write> writes;
    writes.push_back({.key = key, .text = StoredText(object)});
    const absl::Status status = store.Commit(std::move(writes)).status();
    if (!status.ok() && !absl::IsAlreadyExists(status)) return status;
  }
  return absl::OkStatus();
}

}  // namespace rekindle::apiserver
