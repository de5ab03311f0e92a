#ifndef REKINDLE_COMMON_API_STATUS_H_
#define REKINDLE_COMMON_API_STATUS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "common/api/field_error.h"
#include "common/json/json_fwd.h"

namespace rekindle::api {

// What a failed request was about; how it is named in messages depends on the error (spec
// kubernetes-api 4.1).
struct Subject {
  std::string group;     // "" is the core group
  std::string resource;  // plural: "clonesets"
  std::string kind;      // "CloneSet"
  std::string name;
};

struct StatusCause {
  std::string reason;
  std::string message;
  std::string field;
};

// The metav1.Status of a failed request: what an API server answers and what a client understands
// of an answer (spec kubernetes-api 4). A value; it travels between modules inside an absl::Status.
struct ApiError {
  int code = 500;
  std::string reason;  // may be empty
  std::string message;
  std::string name;
  std::string group;
  std::string kind;  // the plural or the Kind, as the class of error has it
  std::string uid;
  std::vector<StatusCause> causes;
  int32_t retry_after_seconds = 0;
  std::string continue_token;  // of an expired list: where it may go on, inconsistently

  bool Is(absl::string_view wanted) const { return reason == wanted; }
  const StatusCause* FindCause(absl::string_view cause_reason) const;
};

// One function for each row of the catalogue (4.2).
ApiError BadRequest(absl::string_view message);
ApiError Unauthorized();
ApiError Forbidden(const Subject& subject, absl::string_view why);
// An object is created in a namespace that is being deleted (8.6).
ApiError NamespaceTerminating(const Subject& subject, absl::string_view name_space);
ApiError NotFound(const Subject& subject);
ApiError MethodNotAllowed();
ApiError MethodNotSupported(const Subject& subject, absl::string_view verb);
ApiError NotAcceptable(const std::vector<std::string>& accepted);
ApiError UnsupportedMediaType(const std::vector<std::string>& accepted);
ApiError AlreadyExists(const Subject& subject, bool being_deleted = false);
// `why` follows the standard opening; the default is the stale resourceVersion.
ApiError Conflict(const Subject& subject, absl::string_view why = {});
// A failed precondition of a delete names the Kind.
ApiError DeleteConflict(const Subject& subject, absl::string_view why);
struct ManagerConflict {
  std::string manager;  // as shown: `"kubectl" using v1`
  std::string path;     // ".spec.replicas"
};
ApiError ApplyConflict(const std::vector<ManagerConflict>& conflicts);
ApiError Expired(absl::string_view message, absl::string_view continue_token = {});
ApiError RequestTooLarge(int64_t limit);
ApiError Invalid(const Subject& subject, const FieldErrors& errors);
// Members that nobody knows or that are given twice, as warnings and errors name them (4.5).
std::vector<std::string> DecodingComplaints(const std::vector<std::string>& unknown,
                                            const std::vector<std::string>& duplicates);
ApiError StrictDecodingError(absl::string_view version, absl::string_view kind,
                             const std::vector<std::string>& complaints);
// 422 without causes: a JSON patch that does not apply.
ApiError UnprocessablePatch();
ApiError TooManyRequests(absl::string_view message, int32_t retry_after_seconds);
ApiError InternalError(absl::string_view message);
ApiError PlainServerError(absl::string_view message);  // 500 without a reason
ApiError ServerTimeout(const Subject& subject, absl::string_view verb, int32_t retry_after_seconds);
ApiError ServiceUnavailable(absl::string_view message);
ApiError TooLargeResourceVersion(uint64_t wanted, uint64_t current);

Json ErrorToJson(const ApiError& error);
// The success body of a delete that is done (8.2).
Json DeletedStatus(const Subject& subject, absl::string_view uid);

// What a client makes of an answer with an error code: a Status body as it is; any other body is
// classified by the code and the verb ("get", "create", ...) (4.2, last paragraph).
ApiError ErrorFromResponse(int code, absl::string_view body, absl::string_view verb,
                           const Subject& subject);

// As an absl::Status whose code says what to do: kNotFound, kAlreadyExists, kAborted (conflict),
// kInvalidArgument (400, 415, 422, ...), kPermissionDenied, kUnauthenticated, kResourceExhausted
// (429), kOutOfRange (410), kUnavailable (503), kDeadlineExceeded (504), kInternal.
absl::Status ToStatus(const ApiError& error);
// The error inside `status`; nullopt when none was put there.
std::optional<ApiError> FromStatus(const absl::Status& status);

// "clonesets.apps.kruise.io", "pods".
std::string QualifiedName(absl::string_view name, absl::string_view group);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_STATUS_H_
