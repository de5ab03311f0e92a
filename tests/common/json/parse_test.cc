#include "common/json/parse.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(ParseChecked, ReadsWhatTheOrdinaryParserReads) {
  std::vector<std::string> duplicates;
  for (const char* text : {"1", "-1.5e3", "null", "\"x\"", "[]", "{}", "18446744073709551615",
                           R"({"a":[1,{"b":[[],{}]}],"c":"\u00e9\ud83d\ude00"})"}) {
    const auto got = ParseChecked(text, &duplicates);
    ASSERT_TRUE(got.ok()) << text;
    EXPECT_EQ(*got, Json::parse(text));
  }
  EXPECT_THAT(duplicates, IsEmpty());
}

TEST(ParseChecked, ReportsRepeatedMembersWithTheirPaths) {
  std::vector<std::string> duplicates;
  const auto got = ParseChecked(
      R"({"a":1,"spec":{"containers":[{"name":"x"},{"name":"y","name":"z"}],"a":1},"a":2})",
      &duplicates);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ((*got)["a"], 2);
  EXPECT_EQ((*got)["spec"]["containers"][1]["name"], "z");
  EXPECT_THAT(duplicates, ElementsAre("spec.containers[1].name", "a"));
  duplicates.clear();
  ASSERT_TRUE(
      ParseChecked(R"({"a":1,"a":2,"b":1,"b":2})", &duplicates, {.max_duplicates = 1}).ok());
  EXPECT_THAT(duplicates, ElementsAre("a"));
}

TEST(ParseChecked, Refusals) {
  for (const char* text : {"", "{", "[1,]", "{\"a\"}", "1 2", "nul", "\"\xff\"", "'a'", "[1}"}) {
    const absl::Status status = ParseChecked(text, nullptr).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(status.message(), HasSubstr("not valid JSON near byte")) << text;
  }
  const std::string deep(1'000'000, '[');
  EXPECT_EQ(ParseChecked(deep, nullptr).status().message(), "JSON is nested more than 256 deep");
  const std::string fits = std::string(3, '[') + std::string(3, ']');
  EXPECT_TRUE(ParseChecked(fits, nullptr, {.max_depth = 3}).ok());
  EXPECT_FALSE(ParseChecked(fits, nullptr, {.max_depth = 2}).ok());
}

}  // namespace
}  // namespace rekindle::json
