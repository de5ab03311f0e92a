#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_DEFINITIONS_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_DEFINITIONS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/sync.h"
#include "common/json/json_fwd.h"
#include "controller/apiserver/catalog/catalog.h"
#include "controller/apiserver/store/store.h"

namespace rekindle::apiserver {

inline constexpr absl::string_view kDefinitionVersion = "apiextensions.k8s.io/v1";
inline constexpr absl::string_view kDefinitionKind = "CustomResourceDefinition";
inline constexpr absl::string_view kDefinitionResource =
    "customresourcedefinitions.apiextensions.k8s.io";
inline constexpr absl::string_view kDefinitionFinalizer =
    "customresourcecleanup.apiextensions.k8s.io";

bool IsDefinition(const api::KindInfo& kind);

// The CustomResourceDefinitions as they are stored, and the catalog made of them (spec
// kubernetes-api 13.1). Thread-safe.
class Definitions {
 public:
  Definitions();

  // Reads what is stored; those of our own kinds are stored when they are missing or of an earlier
  // release. Errors: those of the store.
  absl::Status Load(Store& store, absl::Time now, const std::function<std::string()>& new_uid);

  std::shared_ptr<const Catalog> catalog() const;

  // Held by whoever writes a definition, from reading it to Publish or Remove: the status that one
  // gets depends on all others.
  Mutex& writing() ABSL_LOCK_RETURNED(writing_) { return writing_; }
  // Gives `definition` the status that it has beside the others.
  void SetStatus(Json& definition, absl::Time now) const;
  void Publish(const Json& definition);  // as it is stored now
  void Remove(const std::string& name);

  // Names of definitions whose stored status is no longer what SetStatus would say.
  std::vector<std::string> Stale(absl::Time now) const;
  // `told` is called after each change of the catalog, on the thread that made it, and takes the
  // place of the one before. Null: nobody is told, and no call is under way any more.
  void OnChange(std::function<void()> told);

 private:
  void Renew(std::map<std::string, Json> definitions);

  Mutex writing_;
  mutable Mutex mutex_;
  std::map<std::string, Json> definitions_ ABSL_GUARDED_BY(mutex_);  // by name
  std::shared_ptr<const Catalog> catalog_ ABSL_GUARDED_BY(mutex_);
  Mutex told_mutex_;  // also held while it is called
  std::function<void()> told_ ABSL_GUARDED_BY(told_mutex_);
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_DEFINITIONS_H_
