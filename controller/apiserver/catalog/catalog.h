#ifndef REKINDLE_CONTROLLER_APISERVER_CATALOG_CATALOG_H_
#define REKINDLE_CONTROLLER_APISERVER_CATALOG_CATALOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/api/schema/schema.h"
#include "common/json/json_fwd.h"

namespace rekindle::apiserver {

// A part of an object with a path of its own (spec kubernetes-api 1.1).
struct Subresource {
  std::string name;  // "status"
  // What is sent to it, in the words of discovery: empty group and version are those of the kind.
  std::string group;
  std::string version;
  std::string kind;
  std::vector<std::string> verbs;
};

// A kind as the server offers it at this moment.
struct ServedKind {
  const api::KindInfo* info = nullptr;
  // Of a CRD that a user installed, not of ours: no rules but its schema.
  bool user_defined = false;
  // The version in which its objects are kept; for kinds with one version, itself. Of a user's CRD
  // it need not be served.
  const api::KindInfo* storage = nullptr;
  std::vector<std::string> selectable_fields;  // of a user's CRD: "spec.color"
  // With info->scale: where the numbers are, with a leading dot.
  std::string scale_spec_path = ".spec.replicas";
  std::string scale_status_path = ".status.replicas";
  // Text of a `Warning:` header for every use of this version; empty: none.
  std::string warning;
  // Its CRD is being deleted: objects can be read and deleted only.
  bool terminating = false;
  // Verbs of its collection and objects as discovery names them, sorted: "create", "delete",
  // "deletecollection", "get", "list", "patch", "update", "watch".
  std::vector<std::string> verbs;
  std::vector<Subresource> subresources;

  // "pods", "clonesets.apps.kruise.io": Key::resource.
  std::string Resource() const;
  bool HasVerb(absl::string_view verb) const;
  const Subresource* FindSubresource(absl::string_view name) const;
};

// All kinds that the server offers: those of common/api/kinds and the CRDs that users installed. A
// snapshot: immutable and thread-safe; a changed CRD makes a new catalog.
class Catalog {
 public:
  // `definitions`: stored CustomResourceDefinitions (v1). One that cannot be served (its names are
  // taken, its schema cannot be read) is left out; `StatusOf` says why. Names go to those that had
  // them before (their status says so), then to the older ones. CRDs of our own kinds
  // (definition.h: BuiltInDefinitions) may be among them; our kinds are served with or without.
  static std::shared_ptr<const Catalog> Make(const std::vector<Json>& definitions);
  virtual ~Catalog() = default;

  // Another number for each catalog that Make makes in this process: documents made of a catalog
  // are kept by it. 0 is nobody's.
  virtual uint64_t id() const { return 0; }

  // By the URL's group ("" is the core group), version and plural. Null when not served.
  virtual const ServedKind* FindResource(absl::string_view group, absl::string_view version,
                                         absl::string_view plural) const = 0;
  virtual const ServedKind* Find(absl::string_view api_version, absl::string_view kind) const = 0;
  virtual bool HasGroupVersion(absl::string_view group, absl::string_view version) const = 0;
  // Kinds of the platform first, then ours and those of users by group and version; within a group
  // the preferred version comes first (spec 13.1).
  virtual const std::vector<ServedKind>& kinds() const = 0;

  // The status (conditions NamesAccepted and Established, acceptedNames, storedVersions) that a
  // CRD of this name gets; null when the catalog was made without it. Conditions have no
  // lastTransitionTime: see definition.h, MergeStatus.
  virtual Json StatusOf(absl::string_view crd_name) const = 0;
};

// Whether version `a` is preferred to `b`: releases before betas before alphas, then the higher
// number, then other names by the alphabet (spec 13.1).
bool VersionBefore(absl::string_view a, absl::string_view b);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_CATALOG_CATALOG_H_
