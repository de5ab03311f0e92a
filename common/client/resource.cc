#include "common/client/resource.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::client {
namespace {

// Whether `text` can stand between two slashes (spec kubernetes-api 2.2, path segment).
absl::Status CheckSegment(absl::string_view what, absl::string_view text) {
  bool fine = text != "." && text != "..";
  for (const char c : text) {
    fine = fine && c != '/' && c != '%' && c != '?' && c != '#' &&
           absl::ascii_isgraph(static_cast<unsigned char>(c));
  }
  if (fine) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(what, ": \"", text, "\" cannot be part of a path"));
}

std::string Escape(absl::string_view text) {
  constexpr absl::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (absl::ascii_isalnum(byte) || c == '-' || c == '_' || c == '.' || c == '~') {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace

ApiResource PodResource() { return {"", "v1", "pods", "Pod", true}; }
ApiResource EventResource() { return {"", "v1", "events", "Event", true}; }
ApiResource LeaseResource() { return {"coordination.k8s.io", "v1", "leases", "Lease", true}; }
ApiResource NamespaceResource() { return {"", "v1", "namespaces", "Namespace", false}; }

absl::StatusOr<std::string> CollectionPath(const ApiResource& resource,
                                           absl::string_view name_space) {
  RK_RETURN_IF_ERROR(CheckSegment("namespace", name_space));
  if (!resource.namespaced && !name_space.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("namespace: ", resource.plural, " belong to no namespace"));
  }
  const std::string base = resource.group.empty()
                               ? absl::StrCat("/api/", resource.version)
                               : absl::StrCat("/apis/", resource.group, "/", resource.version);
  return name_space.empty() ? absl::StrCat(base, "/", resource.plural)
                            : absl::StrCat(base, "/namespaces/", name_space, "/", resource.plural);
}

absl::StatusOr<std::string> ObjectPath(const ObjectRef& ref) {
  if (ref.key.name.empty()) return absl::InvalidArgumentError("name: must be set");
  if (ref.resource.namespaced && ref.key.name_space.empty()) {
    return absl::InvalidArgumentError("namespace: must be set");
  }
  RK_RETURN_IF_ERROR(CheckSegment("name", ref.key.name));
  RK_RETURN_IF_ERROR(CheckSegment("subresource", ref.subresource));
  RK_ASSIGN_OR_RETURN(const std::string collection,
                      CollectionPath(ref.resource, ref.key.name_space));
  return absl::StrCat(collection, "/", ref.key.name, ref.subresource.empty() ? "" : "/",
                      ref.subresource);
}

std::string WithQuery(const std::string& path, const QueryParameters& parameters) {
  std::string out = path;
  char separator = '?';
  for (const auto& [name, value] : parameters) {
    if (value.empty()) continue;
    absl::StrAppend(&out, std::string(1, separator), name, "=", Escape(value));
    separator = '&';
  }
  return out;
}

}  // namespace rekindle::client
