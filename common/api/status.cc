#include "common/api/status.h"

#include <map>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/json/parse.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr absl::string_view kPayload = "rekindle.io/api-status";
constexpr size_t kMostBodyShown = 2048;

ApiError About(int code, absl::string_view reason, const Subject& subject,
               absl::string_view message) {
  ApiError out;
  out.code = code;
  out.reason = std::string(reason);
  out.message = std::string(message);
  out.name = subject.name;
  out.group = subject.group;
  out.kind = subject.resource;
  return out;
}

ApiError Bare(int code, absl::string_view reason, absl::string_view message) {
  return About(code, reason, Subject(), message);
}

std::string Quoted(const Subject& subject) {
  return absl::StrCat(QualifiedName(subject.resource, subject.group), " \"", subject.name, "\"");
}

absl::StatusCode CodeOf(const ApiError& error) {
  switch (error.code) {
    case 401:
      return absl::StatusCode::kUnauthenticated;
    case 403:
      return absl::StatusCode::kPermissionDenied;
    case 404:
      return absl::StatusCode::kNotFound;
    case 405:
      return absl::StatusCode::kUnimplemented;
    case 409:
      return error.Is("AlreadyExists") ? absl::StatusCode::kAlreadyExists
                                       : absl::StatusCode::kAborted;
    case 410:
      return absl::StatusCode::kOutOfRange;
    case 429:
      return absl::StatusCode::kResourceExhausted;
    case 503:
      return absl::StatusCode::kUnavailable;
    case 504:
      return absl::StatusCode::kDeadlineExceeded;
    default:
      return error.code >= 500 ? absl::StatusCode::kInternal : absl::StatusCode::kInvalidArgument;
  }
}

ApiError FromStatusBody(int code, const Json& body) {
  ApiError out;
  out.code = static_cast<int>(json::Int(body, "code").value_or(code));
  out.reason = std::string(json::String(body, "reason"));
  out.message = std::string(json::String(body, "message"));
  out.name = std::string(json::String(body, {"details", "name"}));
  out.group = std::string(json::String(body, {"details", "group"}));
  out.kind = std::string(json::String(body, {"details", "kind"}));
  out.uid = std::string(json::String(body, {"details", "uid"}));
  out.retry_after_seconds =
      static_cast<int32_t>(json::Int(body, {"details", "retryAfterSeconds"}).value_or(0));
  out.continue_token = std::string(json::String(body, {"metadata", "continue"}));
  if (const Json* causes = json::Find(body, {"details", "causes"}); causes && causes->is_array()) {
    for (const Json& cause : *causes) {
      out.causes.push_back({std::string(json::String(cause, "reason")),
                            std::string(json::String(cause, "message")),
                            std::string(json::String(cause, "field"))});
    }
  }
  return out;
}

absl::string_view ReasonOfCode(int code, absl::string_view verb) {
  static const std::map<int, absl::string_view> reasons = {{400, "BadRequest"},
                                                           {401, "Unauthorized"},
                                                           {403, "Forbidden"},
                                                           {404, "NotFound"},
                                                           {405, "MethodNotAllowed"},
                                                           {406, "NotAcceptable"},
                                                           {415, "UnsupportedMediaType"},
                                                           {422, "Invalid"},
                                                           {429, "TooManyRequests"},
                                                           {503, "ServiceUnavailable"},
                                                           {504, "Timeout"}};
  if (code == 409) return verb == "create" ? "AlreadyExists" : "Conflict";
  const auto it = reasons.find(code);
  if (it != reasons.end()) return it->second;
  return code >= 500 ? "InternalError" : "";
}

}  // namespace

std::string QualifiedName(absl::string_view name, absl::string_view group) {
  return group.empty() ? std::string(name) : absl::StrCat(name, ".", group);
}

const StatusCause* ApiError::FindCause(absl::string_view cause_reason) const {
  for (const StatusCause& cause : causes) {
    if (cause.reason == cause_reason) return &cause;
  }
  return nullptr;
}

ApiError BadRequest(absl::string_view message) { return Bare(400, "BadRequest", message); }
ApiError Unauthorized() { return Bare(401, "Unauthorized", "Unauthorized"); }
ApiError Forbidden(const Subject& subject, absl::string_view why) {
  if (subject.resource.empty()) {
    return Bare(403, "Forbidden", absl::StrCat("forbidden: ", why));
  }
  const std::string what =
      subject.name.empty() ? QualifiedName(subject.resource, subject.group) : Quoted(subject);
  return About(403, "Forbidden", subject, absl::StrCat(what, " is forbidden: ", why));
}
ApiError NamespaceTerminating(const Subject& subject, absl::string_view name_space) {
  ApiError out = Forbidden(subject, absl::StrCat("unable to create new content in namespace ",
                                                 name_space, " because it is being terminated"));
  out.causes.push_back({"NamespaceTerminating",
                        absl::StrCat("namespace ", name_space, " is being terminated"),
                        "metadata.namespace"});
  return out;
}
ApiError NotFound(const Subject& subject) {
  return About(404, "NotFound", subject, absl::StrCat(Quoted(subject), " not found"));
}
ApiError MethodNotAllowed() {
  return Bare(405, "MethodNotAllowed",
              "the server does not allow this method on the requested resource");
}
ApiError MethodNotSupported(const Subject& subject, absl::string_view verb) {
  return About(405, "MethodNotAllowed", subject,
               absl::StrCat(verb, " is not supported on resources of kind \"",
                            QualifiedName(subject.resource, subject.group), "\""));
}
ApiError NotAcceptable(const std::vector<std::string>& accepted) {
  return Bare(
      406, "NotAcceptable",
      absl::StrCat("only the following media types are accepted: ", absl::StrJoin(accepted, ", ")));
}
ApiError UnsupportedMediaType(const std::vector<std::string>& accepted) {
  return Bare(415, "UnsupportedMediaType",
              absl::StrCat("the body of the request was in an unknown format - accepted media "
                           "types include: ",
                           absl::StrJoin(accepted, ", ")));
}
ApiError AlreadyExists(const Subject& subject, bool being_deleted) {
  return About(409, "AlreadyExists", subject,
               absl::StrCat(being_deleted ? "object is being deleted: " : "", Quoted(subject),
                            " already exists"));
}
ApiError Conflict(const Subject& subject, absl::string_view why) {
  return About(409, "Conflict", subject,
               absl::StrCat("Operation cannot be fulfilled on ", Quoted(subject), ": ",
                            why.empty() ? "the object has been modified; please apply your changes "
                                          "to the latest version and try again"
                                        : why));
}
ApiError DeleteConflict(const Subject& subject, absl::string_view why) {
  Subject by_kind = subject;
  by_kind.resource = subject.kind;
  return Conflict(by_kind, why);
}

ApiError ApplyConflict(const std::vector<ManagerConflict>& conflicts) {
  std::map<std::string, std::vector<std::string>> by_manager;
  ApiError out = Bare(409, "Conflict", "");
  for (const ManagerConflict& conflict : conflicts) {
    by_manager[conflict.manager].push_back(conflict.path);
    out.causes.push_back(
        {"FieldManagerConflict", absl::StrCat("conflict with ", conflict.manager), conflict.path});
  }
  if (conflicts.size() == 1) {
    out.message = absl::StrCat("Apply failed with 1 conflict: conflict with ", conflicts[0].manager,
                               ": ", conflicts[0].path);
    return out;
  }
  std::vector<std::string> lines;
  for (const auto& [manager, paths] : by_manager) {
    lines.push_back(absl::StrCat("conflicts with ", manager, ":"));
    for (const std::string& path : paths) lines.push_back(absl::StrCat("- ", path));
  }
  out.message = absl::StrCat("Apply failed with ", conflicts.size(),
                             " conflicts: ", absl::StrJoin(lines, "\n"));
  return out;
}

ApiError Expired(absl::string_view message, absl::string_view continue_token) {
  ApiError out = Bare(410, "Expired", message);
  out.continue_token = std::string(continue_token);
  return out;
}
ApiError RequestTooLarge(int64_t limit) {
  return Bare(413, "RequestEntityTooLarge",
              absl::StrCat("Request entity too large: limit is ", limit));
}

ApiError Invalid(const Subject& subject, const FieldErrors& errors) {
  Subject by_kind = subject;
  by_kind.resource = subject.kind;
  ApiError out =
      About(422, "Invalid", by_kind, absl::StrCat(Quoted(by_kind), " is invalid: ", errors.Text()));
  for (const FieldError& error : errors.errors()) {
    out.causes.push_back({std::string(FieldErrorReason(error.kind)), error.message, error.field});
  }
  return out;
}

std::vector<std::string> DecodingComplaints(const std::vector<std::string>& unknown,
                                            const std::vector<std::string>& duplicates) {
  std::vector<std::string> out;
  for (const std::string& path : unknown) {
    out.push_back(absl::StrCat("unknown field \"", path, "\""));
  }
  for (const std::string& path : duplicates) {
    out.push_back(absl::StrCat("duplicate field \"", path, "\""));
  }
  return out;
}

ApiError StrictDecodingError(absl::string_view version, absl::string_view kind,
                             const std::vector<std::string>& complaints) {
  return BadRequest(absl::StrCat(kind, " in version \"", version, "\" cannot be handled as a ",
                                 kind,
                                 ": strict decoding error: ", absl::StrJoin(complaints, ", ")));
}

ApiError UnprocessablePatch() {
  return Bare(422, "Invalid", "the server rejected our request due to an error in our request");
}
ApiError TooManyRequests(absl::string_view message, int32_t retry_after_seconds) {
  ApiError out = Bare(429, "TooManyRequests", message);
  out.retry_after_seconds = retry_after_seconds;
  return out;
}
ApiError InternalError(absl::string_view message) {
  ApiError out = Bare(500, "InternalError", absl::StrCat("Internal error occurred: ", message));
  out.causes.push_back({"", std::string(message), ""});
  return out;
}
ApiError PlainServerError(absl::string_view message) { return Bare(500, "", message); }
ApiError ServerTimeout(const Subject& subject, absl::string_view verb,
                       int32_t retry_after_seconds) {
  ApiError out = About(500, "ServerTimeout", subject,
                       absl::StrCat("The ", verb, " operation against ",
                                    QualifiedName(subject.resource, subject.group),
                                    " could not be completed at this time, please try again."));
  out.retry_after_seconds = retry_after_seconds;
  return out;
}
ApiError ServiceUnavailable(absl::string_view message) {
  return Bare(503, "ServiceUnavailable", message);
}
ApiError TooLargeResourceVersion(uint64_t wanted, uint64_t current) {
  ApiError out =
      Bare(504, "Timeout",
           absl::StrCat("Timeout: Too large resource version: ", wanted, ", current: ", current));
  out.causes.push_back({"ResourceVersionTooLarge", "Too large resource version", ""});
  out.retry_after_seconds = 1;
  return out;
}

Json ErrorToJson(const ApiError& error) {
  Json details = Json::object();
  if (!error.name.empty()) details["name"] = error.name;
  if (!error.group.empty()) details["group"] = error.group;
  if (!error.kind.empty()) details["kind"] = error.kind;
  if (!error.uid.empty()) details["uid"] = error.uid;
  for (const StatusCause& cause : error.causes) {
    Json one = Json::object();
    if (!cause.reason.empty()) one["reason"] = cause.reason;
    if (!cause.message.empty()) one["message"] = cause.message;
    if (!cause.field.empty()) one["field"] = cause.field;
    details["causes"].push_back(std::move(one));
  }
  if (error.retry_after_seconds != 0) details["retryAfterSeconds"] = error.retry_after_seconds;
  Json out = {{"kind", "Status"},    {"apiVersion", "v1"},       {"metadata", Json::object()},
              {"status", "Failure"}, {"message", error.message}, {"details", details},
              {"code", error.code}};
  if (!error.reason.empty()) out["reason"] = error.reason;
  if (!error.continue_token.empty()) out["metadata"]["continue"] = error.continue_token;
  return out;
}

Json DeletedStatus(const Subject& subject, absl::string_view uid) {
  Json details = {{"name", subject.name}, {"kind", subject.resource}, {"uid", uid}};
  if (!subject.group.empty()) details["group"] = subject.group;
  return {{"kind", "Status"},
          {"apiVersion", "v1"},
          {"metadata", Json::object()},
          {"status", "Success"},
          {"details", details}};
}

ApiError ErrorFromResponse(int code, absl::string_view body, absl::string_view verb,
                           const Subject& subject) {
  const absl::StatusOr<Json> tree = json::ParseChecked(body, nullptr);
  if (tree.ok() && json::String(*tree, "kind") == "Status" &&
      json::String(*tree, "status") != "Success") {
    ApiError out = FromStatusBody(code, *tree);
    out.code = code;  // the HTTP code decides
    return out;
  }
  ApiError out = About(code, ReasonOfCode(code, verb), subject, "");
  const absl::string_view shown = body.substr(0, kMostBodyShown);
  const std::string what =
      absl::StrCat(" (", verb, " ", QualifiedName(subject.resource, subject.group),
                   subject.name.empty() ? "" : " ", subject.name, ")");
  if (code >= 500 && out.reason == "InternalError") {
    out.message = absl::StrCat("an error on the server (\"", shown.empty() ? "unknown" : shown,
                               "\") has prevented the request from succeeding", what);
  } else if (code == 404) {
    out.message = absl::StrCat("the server could not find the requested resource", what);
  } else if (out.reason.empty()) {
    out.message = absl::StrCat("the server responded with the status code ", code,
                               " but did not return more information", what);
  } else {
    out.message = absl::StrCat(shown.empty() ? out.reason : shown, what);
  }
  return out;
}

absl::Status ToStatus(const ApiError& error) {
  absl::Status out(CodeOf(error), error.message);
  out.SetPayload(kPayload, absl::Cord(json::Dump(ErrorToJson(error))));
  return out;
}

std::optional<ApiError> FromStatus(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayload);
  if (!payload.has_value()) return std::nullopt;
  const absl::StatusOr<Json> body = json::Parse(std::string(*payload));
  if (!body.ok()) return std::nullopt;
  return FromStatusBody(500, *body);
}

}  // namespace rekindle::api
