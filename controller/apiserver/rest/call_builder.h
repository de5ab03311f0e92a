#ifndef REKINDLE_CONTROLLER_APISERVER_REST_CALL_BUILDER_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_CALL_BUILDER_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "controller/apiserver/registry/registry.h"
#include "controller/apiserver/rest/http_types.h"
#include "controller/apiserver/rest/surface.h"
#include "controller/apiserver/rest/target.h"

namespace rekindle::apiserver {

// The verb of a request (spec kubernetes-api 1.2). Nullopt: no such verb there (405).
std::optional<Verb> VerbOf(absl::string_view method, const ResourcePath& path, bool watch);

// "get", "deletecollection", ...
absl::string_view VerbName(Verb verb);

// Sets what a query says (spec 5.2, 7.1, 8.1). Errors with an ApiError: 400 and 422 naming the
// parameter. Pure.
absl::Status ReadQuery(const Target& target, Verb verb, Call& call);

// Sets body and kind of patch from the request: JSON as it is, YAML and protobuf as JSON. Errors
// with an ApiError: 400, 415. `custom`: a kind without strategic merge.
absl::Status ReadBody(const HttpRequest& request, Verb verb, bool custom, const Surface& surface,
                      Call& call);

// includeObject of a Table. Errors with an ApiError: 400.
absl::StatusOr<IncludeObject> IncludeOf(const Target& target);

// `timeoutSeconds`; 0: not given. Errors with an ApiError: 400.
absl::StatusOr<int64_t> TimeoutSeconds(const Target& target);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_CALL_BUILDER_H_
