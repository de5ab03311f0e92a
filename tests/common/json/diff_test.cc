#include "common/json/diff.h"

#include <random>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

struct Case {
  std::string name;
  Json before;
  Json after;
  std::vector<std::string> ops;
};

std::vector<std::string> Words(const std::vector<DiffOp>& ops) {
  std::vector<std::string> out;
  for (const DiffOp& op : ops) out.push_back(std::string(DiffKindName(op.kind)) + " " + op.path);
  return out;
}

TEST(Diff, RulesOfInPlaceUpdate53) {
  const std::vector<Case> cases = {
      {"equal", {{"a", 1}}, {{"a", 1}}, {}},
      {"key only in new", {{"a", 1}}, {{"a", 1}, {"b", 2}}, {"add /b"}},
      {"key only in old", {{"a", 1}, {"b", 2}}, {{"a", 1}}, {"remove /b"}},
      {"other type", {{"a", 1}}, {{"a", "1"}}, {"replace /a"}},
      {"null gets a value", {{"a", nullptr}}, {{"a", 1}}, {"add /a"}},
      {"escaped segment", {{"x/y~z", 1}}, {{"x/y~z", 2}}, {"replace /x~1y~0z"}},
      {"objects by index: swap",
       Json::array({{{"name", "a"}}, {{"name", "b"}}}),
       Json::array({{{"name", "b"}}, {{"name", "a"}}}),
       {"replace /0/name", "replace /1/name"}},
      {"objects by index: longer",
       Json::array({{{"name", "a"}}}),
       Json::array({{{"name", "a"}}, {{"name", "b"}}}),
       {"add /1"}},
      {"objects by index: shorter",
       Json::array({{{"n", 1}}, {{"n", 2}}, {{"n", 3}}}),
       Json::array({{{"n", 1}}}),
       {"remove /2", "remove /1"}},
      {"scalars: insertion is one add", {1, 3}, {1, 2, 3}, {"add /1"}},
      {"scalars: removal is one remove", {1, 2, 3}, {1, 3}, {"remove /1"}},
      {"scalars: change", {"a", "b"}, {"a", "c"}, {"replace /1"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const std::vector<DiffOp> ops = Diff(c.before, c.after);
    EXPECT_EQ(Words(ops), c.ops);
    const auto applied = ApplyJsonPatch(c.before, ToJsonPatch(ops));
    ASSERT_TRUE(applied.ok()) << applied.status();
    EXPECT_EQ(*applied, c.after);
  }
}

Json RandomTree(std::mt19937& random, int depth) {
  switch (random() % (depth > 0 ? 6 : 4)) {
    case 0:
      return static_cast<int>(random() % 4);
    case 1:
      return std::string(1, static_cast<char>('a' + random() % 3));
    case 2:
      return random() % 2 == 0;
    case 3:
      return "z/~";
    case 4: {
      Json out = Json::array();
      for (unsigned i = random() % 4; i > 0; --i) out.push_back(RandomTree(random, depth - 1));
      return out;
    }
    default: {
      Json out = Json::object();
      for (unsigned i = random() % 4; i > 0; --i) {
        out[std::string(1, static_cast<char>('k' + random() % 4))] = RandomTree(random, depth - 1);
      }
      return out;
    }
  }
}

TEST(Diff, AppliedToBeforeGivesAfter) {
  std::mt19937 random(7);
  for (int i = 0; i < 3000; ++i) {
    const Json before = {{"r", RandomTree(random, 4)}};
    const Json after = {{"r", RandomTree(random, 4)}};
    const auto applied = ApplyJsonPatch(before, ToJsonPatch(Diff(before, after)));
    ASSERT_TRUE(applied.ok()) << applied.status() << before << after;
    ASSERT_EQ(*applied, after) << before;
  }
}

TEST(JsonPatch, FaultsAreNamed) {
  const Json tree = {{"a", {1, 2}}};
  const auto code = [&](const char* patch) {
    return ApplyJsonPatch(tree, Json::parse(patch)).status().code();
  };
  EXPECT_EQ(code(R"({})"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(R"([{"op":"hop","path":"/a"}])"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(R"([{"op":"add","path":"/b"}])"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(code(R"([{"op":"remove","path":"/b"}])"), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(R"([{"op":"add","path":"/a/3","value":1}])"),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(code(R"([{"op":"test","path":"/a/0","value":9}])"),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(*ApplyJsonPatch(tree, Json::parse(R"([{"op":"move","from":"/a/0","path":"/b"},
      {"op":"copy","from":"/b","path":"/a/-"},{"op":"test","path":"/b","value":1}])")),
            Json::parse(R"({"a":[2,1],"b":1})"));
}

TEST(JsonPatch, LimitsAndCornerCases) {
  const Json tree = {{"a", {1, 2}}, {"b", {{"c", "x"}}}};
  const auto code = [&](const char* patch) {
    return ApplyJsonPatch(tree, Json::parse(patch)).status().code();
  };
  using Code = absl::StatusCode;
  EXPECT_EQ(code(R"([{"op":"test","path":"/none","value":null}])"), Code::kOk);
  EXPECT_EQ(code(R"([{"op":"test","path":"/none","value":1}])"), Code::kFailedPrecondition);
  EXPECT_EQ(code(R"([{"op":"add","path":"/a/01","value":1}])"), Code::kFailedPrecondition);
  EXPECT_EQ(code(R"([{"op":"add","path":"/a/3","value":1}])"), Code::kFailedPrecondition);
  EXPECT_EQ(code(R"([{"op":"move","from":"/b","path":"/b/c/d"}])"), Code::kInvalidArgument);
  EXPECT_EQ(code(R"([{"op":"move","from":"/b","path":"/b"}])"), Code::kOk);
  EXPECT_EQ(code(R"([{"op":"nop","path":"/b"}])"), Code::kInvalidArgument);
  EXPECT_EQ(code(R"({"op":"add"})"), Code::kInvalidArgument);
  // Doubling a member again and again ends at the limit, not at the end of memory.
  Json doubling = Json::array();
  for (int i = 0; i < 60; ++i) {
    doubling.push_back({{"op", "copy"}, {"from", "/b"}, {"path", "/b/" + std::to_string(i)}});
  }
  EXPECT_EQ(ApplyJsonPatch(tree, doubling).status().code(), Code::kResourceExhausted);
  Json many = Json::array();
  for (int i = 0; i < 3; ++i) many.push_back({{"op", "add"}, {"path", "/x"}, {"value", i}});
  EXPECT_EQ(ApplyJsonPatch(tree, many, {.max_operations = 2}).status().code(),
            Code::kResourceExhausted);
  EXPECT_EQ((*ApplyJsonPatch(tree, many, {.max_operations = 3}))["x"], 2);
}

}  // namespace
}  // namespace rekindle::json
