#ifndef REKINDLE_COMMON_API_SCHEMA_SCHEMA_H_
#define REKINDLE_COMMON_API_SCHEMA_SCHEMA_H_

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/api/schema/type.h"

namespace rekindle::api {

// A column of `kubectl get`.
struct PrinterColumn {
  std::string name;
  std::string type;  // integer, number, string, boolean, date
  std::string path;  // JSONPath with a leading dot
  std::string doc;
  int priority = 0;  // above 0: only with -o wide
};

// One served version of a kind.
struct KindInfo {
  std::string group;  // "" is the core group
  std::string version;
  std::string kind;
  std::string list_kind;
  std::string plural;
  std::string singular;
  std::vector<std::string> short_names;
  std::vector<std::string> categories;
  bool namespaced = true;
  bool custom = false;   // a CustomResourceDefinition of ours
  bool storage = false;  // the version in which objects are kept
  bool status = false;   // subresources
  bool scale = false;
  std::string scale_selector_path;  // ".status.labelSelector"
  bool convert = false;             // versions differ: a webhook converts
  bool review = false;              // a question: it can be created, is answered and never kept
  std::vector<PrinterColumn> columns;
  std::string doc;
  const Type* type = nullptr;

  std::string ApiVersion() const { return group.empty() ? version : group + "/" + version; }
};

// Owns types; they live as long as it does and their addresses never change.
class TypeStore {
 public:
  Type* New() { return &types_.emplace_back(); }

 private:
  std::deque<Type> types_;
};

// All types and kinds of a set of schema texts. Immutable; thread-safe.
class Schema {
 public:
  // Parses schema texts: pairs of file name and content; the language is described in
  // common/api/schema/README.md. Errors: kInvalidArgument with file, line and what is wrong.
  static absl::StatusOr<std::shared_ptr<const Schema>> Parse(
      const std::vector<std::pair<std::string, std::string>>& texts);

  // By component name ("io.k8s.api.core.v1.Pod"); null when there is none.
  const Type* FindType(absl::string_view name) const;
  const KindInfo* Find(absl::string_view group, absl::string_view version,
                       absl::string_view kind) const;
  // By `apiVersion` and kind.
  const KindInfo* Find(absl::string_view api_version, absl::string_view kind) const;
  const KindInfo* FindResource(absl::string_view group, absl::string_view version,
                               absl::string_view plural) const;
  // In the order of the texts.
  const std::vector<KindInfo>& kinds() const { return kinds_; }
  const std::map<std::string, const Type*>& types() const { return types_; }

 private:
  friend class SchemaReader;
  TypeStore store_;
  std::map<std::string, const Type*> types_;
  std::vector<KindInfo> kinds_;
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_SCHEMA_SCHEMA_H_
