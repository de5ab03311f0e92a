#ifndef REKINDLE_CONTROLLER_APISERVER_REGISTRY_BODY_H_
#define REKINDLE_CONTROLLER_APISERVER_REGISTRY_BODY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/api/schema/schema.h"
#include "common/json/json_fwd.h"
#include "controller/apiserver/registry/registry.h"

namespace rekindle::apiserver {

// What clients send: texts to trees, and what of it is refused. All errors carry an ApiError.
// Thread-safe.

struct Body {
  Json tree;
  std::vector<std::string> duplicates;  // members that were given twice
};
// Errors: 400 for an empty body or text that is not JSON.
absl::StatusOr<Body> ReadBody(const std::string& text);

// Query parameters that every write has (spec kubernetes-api 7.1). `options` names the kind of them
// in errors: "CreateOptions". Errors: 422.
absl::Status CheckWriteOptions(const Call& call, absl::string_view options);

// The object's apiVersion and kind are those of the URL, or are filled in for built-in kinds (4.4).
// Errors: 400, 422.
absl::Status CheckType(const ServedKind& kind, Json& object);

// namespace of the URL, into an object that has none (2.1). Errors: 400.
absl::Status CheckNamespace(const ServedKind& kind, const std::string& name_space, Json& object);

// The name of the URL. Errors: 400.
absl::Status CheckName(const std::string& name, const Json& object);

// Unknown and duplicate members: an error under Strict, texts for warnings under Warn (4.5).
absl::Status CheckFields(const Call& call, const Json& object,
                         const std::vector<std::string>& duplicates,
                         std::vector<std::string>& warnings);

// A resourceVersion that a client sent: nullopt when it is absent, empty or "0". Errors: 500 with
// the number parser's words (2.4).
absl::StatusOr<std::optional<Revision>> ParseRevision(absl::string_view text);

// DeleteOptions of a body and of the query (8.1).
struct DeleteOptions {
  enum class Policy { kDefault, kOrphan, kBackground, kForeground };
  Policy policy = Policy::kDefault;
  std::optional<int64_t> grace_seconds;
  std::optional<std::string> uid;
  std::optional<std::string> resource_version;
  bool dry_run = false;
};
// `tree`: the DeleteOptions, null when there are none. Errors: 400, 422.
absl::StatusOr<DeleteOptions> ReadDeleteOptions(const Call& call, const Json& tree);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REGISTRY_BODY_H_
