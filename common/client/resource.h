#ifndef REKINDLE_COMMON_CLIENT_RESOURCE_H_
#define REKINDLE_COMMON_CLIENT_RESOURCE_H_

#include <compare>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace rekindle::client {

// One kind of object of one version, as URLs name it.
struct ApiResource {
  std::string group;  // "" is the core group
  std::string version;
  std::string plural;
  std::string kind;
  bool namespaced = true;

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
  friend bool operator==(const ApiResource&, const ApiResource&) = default;
};

// The kinds that any controller has to do with.
ApiResource PodResource();
ApiResource EventResource();
ApiResource LeaseResource();
ApiResource NamespaceResource();

// Namespace and name; the namespace is empty for objects of the cluster.
struct ObjectKey {
  std::string name_space;
  std::string name;

  // "ns/name", or "name".
  std::string Text() const { return name_space.empty() ? name : name_space + "/" + name; }
  friend bool operator==(const ObjectKey&, const ObjectKey&) = default;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const ObjectKey& key) {
    return H::combine(std::move(h), key.name_space, key.name);
  }
};

// One object, or a subresource of it.
struct ObjectRef {
  ApiResource resource;
  ObjectKey key;
  std::string subresource;  // "status", "scale", "eviction"
};

using QueryParameters = std::vector<std::pair<std::string, std::string>>;

// "/apis/apps.kruise.io/v1alpha1/namespaces/ns/clonesets"; with an empty namespace all of them.
// Errors: kInvalidArgument for a namespace that cannot be part of a path, or that a resource of the
// cluster does not have.
absl::StatusOr<std::string> CollectionPath(const ApiResource& resource,
                                           absl::string_view name_space);

// The path of one object. Errors: kInvalidArgument for an empty name (a DELETE would take the whole
// collection away, spec kubernetes-api pitfall 46), an empty namespace of a namespaced resource,
// and names that cannot be part of a path.
absl::StatusOr<std::string> ObjectPath(const ObjectRef& ref);

// `path` with the parameters that have a value, escaped.
std::string WithQuery(const std::string& path, const QueryParameters& parameters);

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_RESOURCE_H_
