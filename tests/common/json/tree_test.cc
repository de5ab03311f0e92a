#include "common/json/tree.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

TEST(Tree, ParseNamesTheOffsetOfTheFault) {
  const auto bad = Parse(R"({"a": tru})");
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_NE(bad.status().message().find("near byte"), std::string::npos);
  EXPECT_FALSE(Parse("").ok());
  EXPECT_FALSE(Parse("{} {}").ok());
}

TEST(Tree, NullCountsAsMissingAndOtherTypesAsAbsent) {
  const Json tree = {{"a", nullptr}, {"b", {{"c", 3}, {"t", "x"}, {"on", true}}}};
  EXPECT_EQ(Find(tree, "a"), nullptr);
  EXPECT_EQ(Int(tree, {"b", "c"}), 3);
  EXPECT_EQ(Int(tree, {"b", "t"}), std::nullopt);
  EXPECT_EQ(String(tree, {"b", "t"}), "x");
  EXPECT_EQ(String(tree, {"b", "c"}), "");
  EXPECT_TRUE(Bool(tree, {"b", "on"}));
  EXPECT_FALSE(Bool(tree, {"b", "c"}));
}

TEST(Tree, AtGivesNullForWhatIsMissing) {
  const Json tree = {{"a", {{"b", 3}}}, {"none", nullptr}};
  EXPECT_EQ(At(At(tree, "a"), "b"), 3);
  EXPECT_EQ(&At(tree, "a"), Find(tree, "a"));
  EXPECT_TRUE(At(At(At(tree, "x"), "y"), "z").is_null());
  EXPECT_TRUE(At(tree, "none").is_null());
  EXPECT_TRUE(At(Json("text"), "a").is_null());
}

TEST(Tree, GoFormEscapesMarkup) {
  EXPECT_EQ(DumpLikeGo(Json("a<b>&\xe2\x80\xa8")), "\"a\\u003cb\\u003e\\u0026\\u2028\"");
  EXPECT_EQ(DumpLikeGo(Json({{"b", 1}, {"$a", 2}})), R"({"$a":2,"b":1})");
}

}  // namespace
}  // namespace rekindle::json
