#include "common/json/json_path.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Optional;

const Json& Tree() {
  static const Json tree = Json::parse(R"({
    "spec":{"n":3,"a.b":"dotted","list":[{"k":"x","v":1},{"k":"y","v":2},{"k":"z","v":3}],
            "map":{"p":1,"q":2}},
    "status":{"conditions":[{"type":"Ready","status":"True"},{"type":"Other","status":"False"}]},
    "metadata":{"labels":{"crr.apps.io/node":"n1"}}})");
  return tree;
}

TEST(JsonPath, Finds) {
  const struct {
    const char* path;
    const char* want;  // JSON list of what is found
  } cases[] = {
      {".spec.n", "[3]"},
      {".spec.nothing", "[]"},
      {".spec.n.deeper", "[]"},
      {".spec['a.b']", R"(["dotted"])"},
      {".spec[\"a.b\"]", R"(["dotted"])"},
      {".spec.a\\.b", R"(["dotted"])"},
      {".metadata.labels.crr\\.apps\\.io/node", R"(["n1"])"},
      {".spec.list[*].k", R"(["x","y","z"])"},
      {".spec.list[0].k", R"(["x"])"},
      {".spec.list[-1].k", R"(["z"])"},
      {".spec.list[7].k", "[]"},
      {".spec.list[-7].k", "[]"},
      {".spec.list[0,2].v", "[1,3]"},
      {".spec.list[1:].v", "[2,3]"},
      {".spec.list[:2].v", "[1,2]"},
      {".spec.list[-2:].v", "[2,3]"},
      {".spec.list[::2].v", "[1,3]"},
      {".spec.map.*", "[1,2]"},
      {".spec.map['p','q']", "[1,2]"},
      {"..k", R"(["x","y","z"])"},
      {R"(.status.conditions[?(@.type=="Ready")].status)", R"(["True"])"},
      {R"(.status.conditions[?(@.type!='Ready')].status)", R"(["False"])"},
      {".spec.list[?(@.v>=2)].k", R"(["y","z"])"},
      {".spec.list[?(@.v < 2)].k", R"(["x"])"},
      {".spec.list[?(@.v)].k", R"(["x","y","z"])"},
      {".spec.list[?(@.v>\"a\")].k", "[]"},
  };
  for (const auto& one : cases) {
    const auto path = JsonPath::Parse(one.path);
    ASSERT_TRUE(path.ok()) << one.path << " " << path.status();
    Json found = Json::array();
    for (const Json* value : path->Find(Tree())) found.push_back(*value);
    EXPECT_EQ(found, Json::parse(one.want)) << one.path;
  }
}

TEST(JsonPath, NothingIsTheWhole) {
  const auto path = JsonPath::Parse("");
  ASSERT_TRUE(path.ok());
  EXPECT_THAT(path->Find(Tree()), ElementsAre(&Tree()));
}

TEST(JsonPath, RefusesWhatItCannotRead) {
  for (const char* text :
       {"spec", ".", ".a.", ".a[", ".a[]", ".a[x]", ".a['b", ".a[?(@.b==)]", ".a[?(b)]", ".a[0",
        ".a[1:2:3:4]", ".a[::0]", ".a[99999999999999999999]", ".a b", ".a['b',]"}) {
    const auto path = JsonPath::Parse(text);
    EXPECT_FALSE(path.ok()) << text;
    EXPECT_THAT(std::string(path.status().message()), HasSubstr("at byte ")) << text;
  }
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += ".a";
  EXPECT_FALSE(JsonPath::Parse(deep).ok());
}

TEST(JsonPath, IsBounded) {
  Json wide = Json::array();
  for (int i = 0; i < 5000; ++i) wide.push_back(Json::array({1, 2, 3}));
  const auto path = JsonPath::Parse("[*][*]");
  EXPECT_EQ(path->Find(wide, 10).size(), 10u);
  EXPECT_EQ(path->Find(wide).size(), 1000u);
}

TEST(JsonPath, Members) {
  EXPECT_THAT(JsonPath::Parse(".spec['a.b']")->Members(), Optional(ElementsAre("spec", "a.b")));
  EXPECT_EQ(JsonPath::Parse(".spec[0]")->Members(), std::nullopt);
}

}  // namespace
}  // namespace rekindle::json
