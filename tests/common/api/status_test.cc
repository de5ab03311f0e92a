#include "common/api/status.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

const Subject kCloneSet{"apps.kruise.io", "clonesets", "CloneSet", "demo"};
const Subject kPod{"", "pods", "Pod", "p"};

// The catalogue of spec kubernetes-api 4.2.
TEST(ApiError, Catalogue) {
  struct Case {
    ApiError error;
    int code;
    const char* reason;
    const char* message;
    const char* kind;  // details.kind
    absl::StatusCode status;
  };
  using Code = absl::StatusCode;
  const Case cases[] = {
      {BadRequest("no"), 400, "BadRequest", "no", "", Code::kInvalidArgument},
      {Unauthorized(), 401, "Unauthorized", "Unauthorized", "", Code::kUnauthenticated},
      {Forbidden(kCloneSet, "why"), 403, "Forbidden",
       R"(clonesets.apps.kruise.io "demo" is forbidden: why)", "clonesets",
       Code::kPermissionDenied},
      {Forbidden({}, R"(User "bob" cannot get path "/metrics")"), 403, "Forbidden",
       R"(forbidden: User "bob" cannot get path "/metrics")", "", Code::kPermissionDenied},
      {NotFound(kCloneSet), 404, "NotFound", R"(clonesets.apps.kruise.io "demo" not found)",
       "clonesets", Code::kNotFound},
      {NotFound(kPod), 404, "NotFound", R"(pods "p" not found)", "pods", Code::kNotFound},
      {MethodNotAllowed(), 405, "MethodNotAllowed",
       "the server does not allow this method on the requested resource", "", Code::kUnimplemented},
      {MethodNotSupported(kCloneSet, "delete"), 405, "MethodNotAllowed",
       R"(delete is not supported on resources of kind "clonesets.apps.kruise.io")", "clonesets",
       Code::kUnimplemented},
      {NotAcceptable({"application/json", "application/yaml"}), 406, "NotAcceptable",
       "only the following media types are accepted: application/json, application/yaml", "",
       Code::kInvalidArgument},
      {AlreadyExists(kCloneSet), 409, "AlreadyExists",
       R"(clonesets.apps.kruise.io "demo" already exists)", "clonesets", Code::kAlreadyExists},
      {AlreadyExists({"", "configmaps", "ConfigMap", "demo"}, true), 409, "AlreadyExists",
       R"(object is being deleted: configmaps "demo" already exists)", "configmaps",
       Code::kAlreadyExists},
      {Conflict(kCloneSet), 409, "Conflict",
       R"(Operation cannot be fulfilled on clonesets.apps.kruise.io "demo": the object has been )"
       R"(modified; please apply your changes to the latest version and try again)",
       "clonesets", Code::kAborted},
      {DeleteConflict({"", "configmaps", "ConfigMap", "a"}, "the UID"), 409, "Conflict",
       R"(Operation cannot be fulfilled on ConfigMap "a": the UID)", "ConfigMap", Code::kAborted},
      {Expired("too old resource version: 1 (231)"), 410, "Expired",
       "too old resource version: 1 (231)", "", Code::kOutOfRange},
      {RequestTooLarge(3145728), 413, "RequestEntityTooLarge",
       "Request entity too large: limit is 3145728", "", Code::kInvalidArgument},
      {UnsupportedMediaType({"application/json-patch+json"}), 415, "UnsupportedMediaType",
       "the body of the request was in an unknown format - accepted media types include: "
       "application/json-patch+json",
       "", Code::kInvalidArgument},
      {UnprocessablePatch(), 422, "Invalid",
       "the server rejected our request due to an error in our request", "",
       Code::kInvalidArgument},
      {TooManyRequests("slow", 10), 429, "TooManyRequests", "slow", "", Code::kResourceExhausted},
      {InternalError("boom"), 500, "InternalError", "Internal error occurred: boom", "",
       Code::kInternal},
      {PlainServerError("boom"), 500, "", "boom", "", Code::kInternal},
      {ServerTimeout(kPod, "list", 1), 500, "ServerTimeout",
       "The list operation against pods could not be completed at this time, please try again.",
       "pods", Code::kInternal},
      {ServiceUnavailable("down"), 503, "ServiceUnavailable", "down", "", Code::kUnavailable},
      {TooLargeResourceVersion(99999999, 478), 504, "Timeout",
       "Timeout: Too large resource version: 99999999, current: 478", "", Code::kDeadlineExceeded},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.message);
    const Json body = ErrorToJson(c.error);
    EXPECT_EQ(body["code"], c.code);
    EXPECT_EQ(body.value("reason", ""), c.reason);
    EXPECT_EQ(body["message"], c.message);
    EXPECT_EQ(body["status"], "Failure");
    EXPECT_EQ(body["kind"], "Status");
    EXPECT_EQ(body["details"].value("kind", ""), c.kind);
    // The way through an absl::Status and over the wire loses nothing.
    const absl::Status status = ToStatus(c.error);
    EXPECT_EQ(status.code(), c.status);
    ASSERT_TRUE(FromStatus(status).has_value());
    EXPECT_EQ(ErrorToJson(*FromStatus(status)), body);
    EXPECT_EQ(ErrorToJson(ErrorFromResponse(c.code, body.dump(), "get", kPod)), body);
  }
}

TEST(ApiError, DetailsOfSomeClasses) {
  const ApiError full = TooLargeResourceVersion(9, 4);
  EXPECT_EQ(full.retry_after_seconds, 1);
  ASSERT_NE(full.FindCause("ResourceVersionTooLarge"), nullptr);
  const ApiError gone = Expired("x", "token");
  EXPECT_EQ(ErrorToJson(gone)["metadata"]["continue"], "token");
  const ApiError ending = NamespaceTerminating({"", "configmaps", "ConfigMap", "a"}, "dn");
  EXPECT_EQ(ending.message,
            R"(configmaps "a" is forbidden: unable to create new content in namespace dn because )"
            R"(it is being terminated)");
  EXPECT_EQ(ErrorToJson(ending)["details"]["causes"][0],
            (Json{{"reason", "NamespaceTerminating"},
                  {"message", "namespace dn is being terminated"},
                  {"field", "metadata.namespace"}}));
  EXPECT_EQ(FromStatus(absl::NotFoundError("x")), std::nullopt);
  EXPECT_EQ(
      DeletedStatus(kCloneSet, "u1")["details"],
      (Json{{"name", "demo"}, {"group", "apps.kruise.io"}, {"kind", "clonesets"}, {"uid", "u1"}}));
}

TEST(ApiError, InvalidListsItsCauses) {
  FieldErrors errors;
  errors.NotSupported(FieldPath("spec.updateStrategy.type"), "Foo", {"A", "B"});
  errors.Required(FieldPath("spec.selector"));
  const Json body = ErrorToJson(Invalid(kCloneSet, errors));
  EXPECT_EQ(body["message"],
            "CloneSet.apps.kruise.io \"demo\" is invalid: [spec.updateStrategy.type: Unsupported "
            "value: \"Foo\": supported values: \"A\", \"B\", spec.selector: Required value]");
  EXPECT_EQ(body["details"]["kind"], "CloneSet");
  EXPECT_EQ(body["details"]["causes"][1], (Json{{"reason", "FieldValueRequired"},
                                                {"message", "Required value"},
                                                {"field", "spec.selector"}}));
}

TEST(ApiError, ConflictsOfApply) {
  const ApiError one = ApplyConflict({{R"("m" using v1)", ".data.a"}});
  EXPECT_EQ(one.message, R"(Apply failed with 1 conflict: conflict with "m" using v1: .data.a)");
  const ApiError two =
      ApplyConflict({{R"("kubectl")", ".spec.replicas"}, {R"("other")", ".spec.replicas"}});
  EXPECT_EQ(two.message,
            "Apply failed with 2 conflicts: conflicts with \"kubectl\":\n- .spec.replicas\n"
            "conflicts with \"other\":\n- .spec.replicas");
  EXPECT_EQ(ErrorToJson(two)["details"]["causes"][1], (Json{{"reason", "FieldManagerConflict"},
                                                            {"message", "conflict with \"other\""},
                                                            {"field", ".spec.replicas"}}));
}

// Spec 4.5.
TEST(ApiError, StrictDecoding) {
  const ApiError error =
      StrictDecodingError("v1alpha1", "CloneSet", DecodingComplaints({"spec.foo"}, {"spec.bar"}));
  EXPECT_EQ(error.code, 400);
  EXPECT_EQ(error.message,
            "CloneSet in version \"v1alpha1\" cannot be handled as a CloneSet: strict decoding "
            "error: unknown field \"spec.foo\", duplicate field \"spec.bar\"");
}

// What a client makes of bodies that are no Status (4.2, last paragraph).
TEST(ApiError, AnswersWithoutStatus) {
  const Subject pods{"", "pods", "Pod", ""};
  const auto got = [&](int code, const char* body, const char* verb) {
    return ErrorFromResponse(code, body, verb, pods);
  };
  EXPECT_EQ(got(409, "", "create").reason, "AlreadyExists");
  EXPECT_EQ(got(409, "", "update").reason, "Conflict");
  EXPECT_EQ(got(404, "404 page not found\n", "get").reason, "NotFound");
  EXPECT_EQ(got(404, "404 page not found\n", "get").message,
            "the server could not find the requested resource (get pods)");
  EXPECT_EQ(got(429, "Too many requests, please try again later.\n", "get").reason,
            "TooManyRequests");
  EXPECT_EQ(
      got(500, "oops", "get").message,
      "an error on the server (\"oops\") has prevented the request from succeeding (get pods)");
  EXPECT_EQ(got(502, "", "get").reason, "InternalError");
  EXPECT_EQ(got(503, "x", "get").reason, "ServiceUnavailable");
  EXPECT_EQ(got(504, "x", "get").reason, "Timeout");
  EXPECT_EQ(got(410, "{}", "get").reason, "");
  EXPECT_EQ(got(410, "{}", "get").message,
            "the server responded with the status code 410 but did not return more information "
            "(get pods)");
  // The HTTP code decides, whatever a body says.
  EXPECT_EQ(got(404, R"({"kind":"Status","code":200,"reason":"NotFound"})", "get").code, 404);
}

}  // namespace
}  // namespace rekindle::api
