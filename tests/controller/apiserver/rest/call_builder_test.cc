#include "controller/apiserver/rest/call_builder.h"

#include <gmock/gmock.h>

#include "common/api/status.h"
#include "tests/controller/apiserver/rest/rest_fakes.h"

namespace rekindle::apiserver {
namespace {

using ::testing::HasSubstr;

std::string VerbText(const char* method, const char* target) {
  const auto parsed = ParseTarget(target);
  const auto path = ParseResourcePath(parsed->segments);
  const auto verb = VerbOf(method, *path, parsed->Flag("watch"));
  return verb.has_value() ? std::string(VerbName(*verb)) : "none";
}

TEST(VerbTest, OfMethodAndPath) {
  EXPECT_EQ(VerbText("GET", "/api/v1/pods"), "list");
  EXPECT_EQ(VerbText("GET", "/api/v1/pods?watch=1"), "watch");
  EXPECT_EQ(VerbText("GET", "/api/v1/nodes/n?watch=true"), "get");
  EXPECT_EQ(VerbText("GET", "/api/v1/watch/nodes/n"), "watch");
  EXPECT_EQ(VerbText("GET", "/api/v1/namespaces/x/pods/p/status"), "get");
  EXPECT_EQ(VerbText("POST", "/api/v1/namespaces/x/pods"), "create");
  EXPECT_EQ(VerbText("POST", "/api/v1/namespaces/x/pods/p/eviction"), "create");
  EXPECT_EQ(VerbText("POST", "/api/v1/namespaces/x/pods/p"), "none");
  EXPECT_EQ(VerbText("PUT", "/api/v1/namespaces/x/pods/p"), "update");
  EXPECT_EQ(VerbText("PUT", "/api/v1/namespaces/x/pods"), "none");
  EXPECT_EQ(VerbText("PATCH", "/api/v1/namespaces/x/pods/p"), "patch");
  EXPECT_EQ(VerbText("PATCH", "/api/v1/namespaces/x/pods"), "none");
  EXPECT_EQ(VerbText("DELETE", "/api/v1/namespaces/x/pods/p"), "delete");
  EXPECT_EQ(VerbText("DELETE", "/api/v1/namespaces/x/pods"), "deletecollection");
  EXPECT_EQ(VerbText("OPTIONS", "/api/v1/pods"), "none");
}

absl::Status Read(const std::string& query, Verb verb, Call& call) {
  return ReadQuery(*ParseTarget("/x?" + query), verb, call);
}

TEST(QueryTest, OfReads) {
  Call call;
  ASSERT_TRUE(Read("labelSelector=a%3Db&fieldSelector=metadata.name%3Dx&limit=5&continue=t&"
                   "resourceVersion=7&resourceVersionMatch=Exact&allowWatchBookmarks=true&"
                   "sendInitialEvents=1&timeoutSeconds=30&nobody=knows",
                   Verb::kList, call)
                  .ok());
  EXPECT_EQ(call.label_selector, "a=b");
  EXPECT_EQ(call.field_selector, "metadata.name=x");
  EXPECT_EQ(call.limit, 5);
  EXPECT_EQ(call.continue_token, "t");
  EXPECT_EQ(call.resource_version, "7");
  EXPECT_EQ(call.resource_version_match, "Exact");
  EXPECT_TRUE(call.bookmarks);
  EXPECT_TRUE(call.send_initial_events);
  Call unlimited;
  ASSERT_TRUE(Read("limit=-3", Verb::kList, unlimited).ok());
  EXPECT_EQ(unlimited.limit, 0);
}

TEST(QueryTest, OfWrites) {
  Call call;
  ASSERT_TRUE(
      Read("dryRun=All&fieldManager=m&fieldValidation=Strict&force=true", Verb::kPatch, call).ok());
  EXPECT_TRUE(call.dry_run);
  EXPECT_EQ(call.field_manager, "m");
  EXPECT_EQ(call.field_validation, FieldValidation::kStrict);
  EXPECT_TRUE(call.force);
  Call gone;
  ASSERT_TRUE(Read("gracePeriodSeconds=0&propagationPolicy=Orphan&labelSelector=a",
                   Verb::kDeleteCollection, gone)
                  .ok());
  EXPECT_EQ(gone.grace_period_seconds, 0);
  EXPECT_EQ(gone.propagation_policy, "Orphan");
  EXPECT_EQ(gone.label_selector, "a");
}

TEST(QueryTest, MistakesAreNamed) {
  const std::vector<std::tuple<std::string, Verb, int, std::string>> cases = {
      {"limit=x", Verb::kList, 400, "limit"},
      {"timeoutSeconds=x", Verb::kList, 400, "timeoutSeconds"},
      {"gracePeriodSeconds=x", Verb::kDelete, 400, "gracePeriodSeconds"},
      {"dryRun=Foo", Verb::kCreate, 422,
       "Unsupported value: []string{\"Foo\"}: supported values: \"All\""},
      {"fieldValidation=Foo", Verb::kCreate, 422, "fieldValidation"}};
  for (const auto& [query, verb, code, text] : cases) {
    Call call;
    const auto error = api::FromStatus(Read(query, verb, call));
    ASSERT_TRUE(error.has_value()) << query;
    EXPECT_EQ(error->code, code);
    EXPECT_THAT(error->message, HasSubstr(text));
  }
  EXPECT_EQ(api::FromStatus(IncludeOf(*ParseTarget("/x?includeObject=All")).status())->code, 400);
}

class BodyTest : public ::testing::Test {
 protected:
  absl::Status Read(const std::string& type, const std::string& body, Verb verb,
                    bool custom = false) {
    HttpRequest request;
    request.headers["content-type"] = type;
    request.body = body;
    call_ = Call();
    return ReadBody(request, verb, custom, surface_, call_);
  }
  int Code(const std::string& type, const std::string& body, Verb verb, bool custom = false) {
    const auto error = api::FromStatus(Read(type, body, verb, custom));
    message_ = error.has_value() ? error->message : "";
    return error.has_value() ? error->code : 200;
  }

  FakeSurface surface_;
  Call call_;
  std::string message_;
};

TEST_F(BodyTest, BecomesJson) {
  ASSERT_TRUE(Read("application/json", "{\"a\":1}", Verb::kCreate).ok());
  EXPECT_EQ(call_.body, "{\"a\":1}");
  ASSERT_TRUE(Read("application/yaml", "a: 1", Verb::kUpdate).ok());
  EXPECT_EQ(call_.body, "{\"a\":1}");
  ASSERT_TRUE(Read("application/vnd.kubernetes.protobuf", "k8s", Verb::kCreate).ok());
  EXPECT_EQ(call_.body, "{\"from\":\"protobuf\"}");
  ASSERT_TRUE(Read("application/apply-patch+yaml", "a: 1", Verb::kPatch).ok());
  EXPECT_EQ(call_.patch, PatchType::kApply);
  EXPECT_EQ(call_.body, "{\"a\":1}");
  ASSERT_TRUE(Read("application/json-patch+json", "[]", Verb::kPatch).ok());
  EXPECT_EQ(call_.patch, PatchType::kJson);
  ASSERT_TRUE(Read("", "", Verb::kDelete).ok());
}

TEST_F(BodyTest, WrongTypes) {
  EXPECT_EQ(Code("text/plain", "x", Verb::kCreate), 415);
  EXPECT_THAT(message_, HasSubstr("application/json, application/yaml, "
                                  "application/vnd.kubernetes.protobuf"));
  EXPECT_EQ(Code("application/json", "{}", Verb::kPatch), 415);
  EXPECT_THAT(message_, HasSubstr("application/strategic-merge-patch+json"));
  EXPECT_EQ(Code("application/strategic-merge-patch+json", "{}", Verb::kPatch, true), 415);
  EXPECT_EQ(message_,
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, "
            "application/apply-patch+yaml");
  EXPECT_EQ(Code("application/merge-patch+json", "{}", Verb::kCreate), 415);
  EXPECT_EQ(Code("application/json", "{\"a\":\"\xff\"}", Verb::kCreate), 400);
  EXPECT_EQ(Code("application/yaml", "a: [", Verb::kCreate), 400);
  EXPECT_EQ(Code("application/vnd.kubernetes.protobuf", "bad", Verb::kCreate), 400);
  EXPECT_EQ(Code("application/vnd.kubernetes.protobuf", "unknown", Verb::kCreate), 415);
}

}  // namespace
}  // namespace rekindle::apiserver
