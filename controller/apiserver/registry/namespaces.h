#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_NAMESPACES_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_NAMESPACES_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/api/status.h"
#include "common/base/sync.h"
#include "common/json/json_fwd.h"
#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

// Keeps new objects out of namespaces that are not there or going (spec kubernetes-api 1.1, 8.6).
// Whoever removes a namespace asks `Quiet` after it has been marked: from then on nothing that was
// let in before can still appear. Thread-safe.
class NamespaceGate {
 public:
  // One create on its way from the check to the disk.
  class Pass {
   public:
    Pass() = default;
    Pass(NamespaceGate* gate, std::string name_space)
        : gate_(gate), name_space_(std::move(name_space)) {}
    Pass(Pass&& other) noexcept;
    Pass& operator=(Pass&&) = delete;
    ~Pass();

   private:
    NamespaceGate* gate_ = nullptr;
    std::string name_space_;
  };

  // Errors: 404 about the namespace, 403 with cause NamespaceTerminating about `subject`; those of
  // the store.
  absl::StatusOr<Pass> Enter(Store& store, const std::string& name_space,
                             const api::Subject& subject);
  // True when no create is on its way into it.
  bool Quiet(const std::string& name_space);

 private:
  void Leave(const std::string& name_space);

  Mutex mutex_;
  absl::flat_hash_map<std::string, int> inside_ ABSL_GUARDED_BY(mutex_);
};

// The namespaces that a cluster always has, made at the first start. Errors: those of the store.
absl::Status MakeInitialNamespaces(Store& store, absl::Time now,
                                   const std::function<std::string()>& new_uid);
// Those of them that may not be deleted.
bool IsLastingNamespace(absl::string_view name);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_NAMESPACES_H_
