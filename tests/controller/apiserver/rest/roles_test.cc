#include "controller/apiserver/rest/roles.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::apiserver {
namespace {

using ::testing::HasSubstr;

User Somebody(const std::string& group, const std::string& name = "bob") {
  return {name, {group, std::string(kAuthenticatedGroup)}};
}

struct RoleCase {
  const char* group;
  const char* user;
  Attributes wanted;
  const char* role;  // "": forbidden
};

class AllowedByTest : public ::testing::TestWithParam<RoleCase> {};

TEST_P(AllowedByTest, Says) {
  const RoleCase& one = GetParam();
  EXPECT_EQ(AllowedBy(Somebody(one.group, one.user), one.wanted).value_or(""), one.role);
}

Attributes Pods(const char* verb, const char* subresource = "") {
  return {.verb = verb, .resource = "pods", .subresource = subresource, .name_space = "ns"};
}
Attributes Node(const char* verb, const char* name, const char* subresource = "") {
  return {.verb = verb, .resource = "nodes", .subresource = subresource, .name = name};
}
Attributes Lease(const char* verb, const char* name, const char* ns = "kube-node-lease") {
  return {.verb = verb,
          .group = "coordination.k8s.io",
          .resource = "leases",
          .name_space = ns,
          .name = name};
}
Attributes Secrets(const char* verb) {
  return {.verb = verb, .resource = "secrets", .name_space = "ns"};
}
Attributes Path(const char* verb, const char* path) { return {.verb = verb, .path = path}; }

INSTANTIATE_TEST_SUITE_P(
    Table, AllowedByTest,
    ::testing::Values(
        RoleCase{"system:masters", "root", Secrets("deletecollection"), "admin"},
        RoleCase{"system:masters", "root", Path("get", "/anything"), "admin"},
        RoleCase{"system:masters", "root", {.verb = "impersonate", .resource = "users"}, "admin"},
        RoleCase{"rekindle:read-only", "bob", Pods("list"), "read-only"},
        RoleCase{"rekindle:read-only", "bob", Pods("get", "log"), "read-only"},
        RoleCase{"rekindle:read-only", "bob", Pods("get", "exec"), ""},
        RoleCase{"rekindle:read-only", "bob", Pods("delete"), ""},
        RoleCase{"rekindle:read-only", "bob", Secrets("get"), ""},
        RoleCase{"rekindle:read-only", "bob", Secrets("list"), ""},
        RoleCase{"rekindle:read-only",
                 "bob",
                 {.verb = "watch", .group = "apps.kruise.io", .resource = "clonesets"},
                 "read-only"},
        RoleCase{"rekindle:read-only",
                 "bob",
                 {.verb = "patch", .group = "apps.kruise.io", .resource = "clonesets"},
                 ""},
        RoleCase{"system:nodes", "system:node:n1", Node("patch", "n1", "status"), "node"},
        RoleCase{"system:nodes", "system:node:n1", Node("patch", "n2", "status"), ""},
        RoleCase{"system:nodes", "system:node:n1", Node("get", "n2"), "node"},
        RoleCase{"system:nodes", "system:node:n1", Lease("update", "n1"), "node"},
        RoleCase{"system:nodes", "system:node:n1", Lease("update", "n2"), ""},
        RoleCase{"system:nodes", "system:node:n1", Lease("create", ""), "node"},
        RoleCase{"system:nodes", "system:node:n1", Lease("create", "", "other"), ""},
        RoleCase{"system:nodes", "system:node:n1", Secrets("get"), ""},
        RoleCase{"system:nodes", "system:node:n1", Pods("patch", "status"), ""},
        // Without the name of a node there is no own node.
        RoleCase{"system:nodes", "bob", Node("patch", ""), ""},
        RoleCase{"x", "bob", Pods("list"), ""},
        RoleCase{"x", "bob", Path("get", "/apis/apps/v1"), "user"},
        RoleCase{"x", "bob", Path("get", "/metrics"), ""},
        RoleCase{"x", "bob", Path("get", "/version"), "anybody"},
        RoleCase{"x",
                 "bob",
                 {.verb = "create",
                  .group = "authorization.k8s.io",
                  .resource = "selfsubjectaccessreviews"},
                 "user"}));

TEST(RolesTest, AnonymousSeesVersionAndHealthOnly) {
  const User anonymous{std::string(kAnonymousUser), {std::string(kUnauthenticatedGroup)}};
  EXPECT_TRUE(AllowedBy(anonymous, Path("get", "/healthz")).has_value());
  EXPECT_TRUE(AllowedBy(anonymous, Path("get", "/version")).has_value());
  EXPECT_FALSE(AllowedBy(anonymous, Path("get", "/api")).has_value());
  EXPECT_FALSE(AllowedBy(anonymous, Pods("get")).has_value());
}

TEST(RolesTest, TextsOfRefusals) {
  const User bob = Somebody("x");
  EXPECT_EQ(ForbiddenFor(bob, {.verb = "get",
                               .group = "apps.kruise.io",
                               .resource = "clonesets",
                               .name_space = "ns1",
                               .name = "demo"})
                .message,
            "clonesets.apps.kruise.io \"demo\" is forbidden: User \"bob\" cannot get resource "
            "\"clonesets\" in API group \"apps.kruise.io\" in the namespace \"ns1\"");
  const auto status = ForbiddenFor(
      bob, {.verb = "patch", .resource = "nodes", .subresource = "status", .name = "n"});
  EXPECT_EQ(status.message,
            "nodes \"n\" is forbidden: User \"bob\" cannot patch resource \"nodes/status\" in API "
            "group \"\" at the cluster scope");
  EXPECT_EQ(status.kind, "nodes");
  EXPECT_EQ(ForbiddenFor(bob, Path("get", "/metrics")).message,
            "forbidden: User \"bob\" cannot get path \"/metrics\"");
}

TEST(RolesTest, AccessReviews) {
  const Json question = {{"resourceAttributes", {{"verb", "get"}, {"resource", "pods"}}}};
  EXPECT_TRUE(json::Bool(AccessReviewStatus(Somebody("system:masters"), question), {"allowed"}));
  EXPECT_FALSE(json::Bool(AccessReviewStatus(Somebody("x"), question), {"allowed"}));
  EXPECT_TRUE(
      json::Bool(AccessReviewStatus(Somebody("rekindle:read-only"), question), {"allowed"}));
  const Json everything = {
      {"resourceAttributes", {{"verb", "*"}, {"resource", "*"}, {"group", "*"}}}};
  EXPECT_TRUE(json::Bool(AccessReviewStatus(Somebody("system:masters"), everything), {"allowed"}));
  EXPECT_FALSE(
      json::Bool(AccessReviewStatus(Somebody("rekindle:read-only"), everything), {"allowed"}));
  const Json path = {{"nonResourceAttributes", {{"verb", "get"}, {"path", "/api"}}}};
  EXPECT_TRUE(json::Bool(AccessReviewStatus(Somebody("x"), path), {"allowed"}));
}

TEST(RolesTest, RulesReviews) {
  const auto catalog = Catalog::Make({});
  const Json admin = RulesReviewStatus(Somebody("system:masters"), *catalog, "ns");
  EXPECT_THAT(json::Dump(admin),
              HasSubstr(R"({"apiGroups":["*"],"resources":["*"],"verbs":["*"]})"));
  const Json reader = RulesReviewStatus(Somebody("rekindle:read-only"), *catalog, "ns");
  EXPECT_THAT(json::Dump(reader), HasSubstr("\"apps.kruise.io\""));
  EXPECT_THAT(json::Dump(reader), ::testing::Not(HasSubstr("\"secrets\"")));
  const Json node =
      RulesReviewStatus(Somebody("system:nodes", "system:node:n1"), *catalog, "default");
  EXPECT_THAT(json::Dump(node), HasSubstr(R"("resourceNames":["n1"])"));
  EXPECT_THAT(json::Dump(node), ::testing::Not(HasSubstr("leases")));
}

}  // namespace
}  // namespace rekindle::apiserver
