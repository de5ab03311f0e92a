#ifndef REKINDLE_CONTROLLER_APISERVER_CATALOG_CATALOG_H_
#define REKINDLE_CONTROLLER_APISERVER_CATALOG_CATALOG_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/api/schema/schema.h"
#include "common/json/json_fwd.h"

namespace rekindle::apiserver {

// A kind as the server offers it at this moment.
struct ServedKind {
  const api::KindInfo* info = nullptr;
  // Of a CRD that a user installed, not of ours: no rules but its schema.
  bool user_defined = false;
  // The version in which its objects are kept; for kinds with one version, itself.
  const api::KindInfo* storage = nullptr;
  std::vector<std::string> selectable_fields;  // of a user's CRD

  // "pods", "clonesets.apps.kruise.io": Key::resource.
  std::string Resource() const;
};

// All kinds that the server offers: those of common/api/kinds and the CRDs that users installed. A
// snapshot: immutable and thread-safe; a changed CRD makes a new catalog.
class Catalog {
 public:
  // `definitions`: stored CustomResourceDefinitions (v1). One that cannot be served (its names are
  // taken, its schema cannot be read) is left out; `StatusOf` says why.
  static std::shared_ptr<const Catalog> Make(const std::vector<Json>& definitions);
  virtual ~Catalog() = default;

  // By the URL's group ("" is the core group), version and plural. Null when not served.
  virtual const ServedKind* FindResource(absl::string_view group, absl::string_view version,
                                         absl::string_view plural) const = 0;
  virtual const ServedKind* Find(absl::string_view api_version, absl::string_view kind) const = 0;
  virtual bool HasGroupVersion(absl::string_view group, absl::string_view version) const = 0;
  virtual const std::vector<ServedKind>& kinds() const = 0;

  // The status (conditions NamesAccepted and Established, acceptedNames, storedVersions) that a
  // CRD of this name gets; null when the catalog was made without it.
  virtual Json StatusOf(absl::string_view crd_name) const = 0;
};

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_CATALOG_CATALOG_H_
