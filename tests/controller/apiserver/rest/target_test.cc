#include "controller/apiserver/rest/target.h"

#include <gmock/gmock.h>

namespace rekindle::apiserver {
namespace {

using ::testing::ElementsAre;
using ::testing::Pair;

TEST(TargetTest, PathAndQueryAreDecoded) {
  const auto target = ParseTarget("/api/v1/namespaces/a%2Db/pods/?limit=5&labelSelector=a%3Db+c&x");
  ASSERT_TRUE(target.ok()) << target.status();
  EXPECT_EQ(target->path, "/api/v1/namespaces/a-b/pods");
  EXPECT_THAT(target->segments, ElementsAre("api", "v1", "namespaces", "a-b", "pods"));
  EXPECT_THAT(target->query,
              ElementsAre(Pair("limit", "5"), Pair("labelSelector", "a=b c"), Pair("x", "")));
  EXPECT_EQ(target->Parameter("limit"), "5");
  EXPECT_EQ(target->Parameter("nothing"), "");
  EXPECT_EQ(ParseTarget("/")->path, "/");
  EXPECT_EQ(ParseTarget("/a#b")->path, "/a");
}

TEST(TargetTest, FlagsAreTrueOrOne) {
  const auto target = ParseTarget("/x?a=true&b=1&c=yes&d=false&e");
  ASSERT_TRUE(target.ok());
  EXPECT_TRUE(target->Flag("a"));
  EXPECT_TRUE(target->Flag("b"));
  EXPECT_FALSE(target->Flag("c"));
  EXPECT_FALSE(target->Flag("d"));
  EXPECT_FALSE(target->Flag("e"));
}

TEST(TargetTest, TricksAreRefused) {
  for (const char* text : {"",
                           "api",
                           "*",
                           "http://x/y",
                           "//api",
                           "/api//v1",
                           "/api/../secrets",
                           "/api/./v1",
                           "/api/%2e%2e/x",
                           "/api/a%2fb",
                           "/api/a%5cb",
                           "/api/%00",
                           "/api/a%0ab",
                           "/api/%zz",
                           "/api/%4",
                           "/api/%",
                           "/api/%ff",
                           "/api/%c0%af",
                           "/api/%ed%a0%80",
                           "/api/x?a=%ff",
                           "/api/x?a=%00",
                           "/api/x?%gg=1",
                           "/\xff"}) {
    EXPECT_EQ(ParseTarget(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

struct PathCase {
  const char* path;
  const char* expected;  // group|version|namespace|plural|name|subresource|watch
};

class ResourcePathTest : public ::testing::TestWithParam<PathCase> {};

TEST_P(ResourcePathTest, Means) {
  const auto target = ParseTarget(GetParam().path);
  ASSERT_TRUE(target.ok());
  const auto path = ParseResourcePath(target->segments);
  std::string text = "none";
  if (path.has_value()) {
    text = path->group + "|" + path->version + "|" + path->name_space + "|" + path->plural + "|" +
           path->name + "|" + path->subresource + (path->watch ? "|watch" : "");
  }
  EXPECT_EQ(text, GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(
    Grammar, ResourcePathTest,
    ::testing::Values(PathCase{"/api/v1/pods", "|v1||pods||"}, PathCase{"/api/v1", "none"},
                      PathCase{"/api", "none"}, PathCase{"/apis/g/v1", "none"},
                      PathCase{"/version", "none"}, PathCase{"/api/v1/nodes/n1", "|v1||nodes|n1|"},
                      PathCase{"/api/v1/nodes/n1/status", "|v1||nodes|n1|status"},
                      PathCase{"/api/v1/namespaces", "|v1||namespaces||"},
                      PathCase{"/api/v1/namespaces/x", "|v1||namespaces|x|"},
                      PathCase{"/api/v1/namespaces/x/status", "|v1||namespaces|x|status"},
                      PathCase{"/api/v1/namespaces/x/finalize", "|v1||namespaces|x|finalize"},
                      PathCase{"/api/v1/namespaces/x/pods", "|v1|x|pods||"},
                      PathCase{"/api/v1/namespaces/x/pods/p", "|v1|x|pods|p|"},
                      PathCase{"/api/v1/namespaces/x/pods/p/eviction", "|v1|x|pods|p|eviction"},
                      PathCase{"/api/v1/namespaces/x/pods/p/proxy/a", "none"},
                      PathCase{"/apis/apps.kruise.io/v1alpha1/namespaces/x/clonesets/c/scale",
                               "apps.kruise.io|v1alpha1|x|clonesets|c|scale"},
                      PathCase{"/apis/apps/v1/statefulsets", "apps|v1||statefulsets||"},
                      PathCase{"/api/v1/watch/pods", "|v1||pods|||watch"},
                      PathCase{"/api/v1/watch/namespaces/x/pods/p", "|v1|x|pods|p||watch"}));

}  // namespace
}  // namespace rekindle::apiserver
