#include "common/json/fast_parse.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::json {
namespace {

TEST(FastParse, GivesTheTreesOfTheOtherParser) {
  FastParser parser;
  for (const char* text : {
           R"({})",
           R"([])",
           R"({"a":1,"b":-2,"c":18446744073709551615,"d":1.5,"e":1e3,"f":true,"g":false,"h":null})",
           R"({"a":{"b":[{"c":"d"},[1,[2]],"x"]},"z":""})",
           R"({"esc":"a\"b\\c\/\b\f\n\r\tAé😀","key\"\n":1})",
           R"({"twice":1,"twice":2})",
           R"([0.1,1844.744073709551615,-123456789012345678.9,3.141592653589793238462643,1e23])",
           "  {\"a\" : [ 1 , 2 ] }\n",
           R"("text")",
           "12",
           "true",
           "null",
       }) {
    const absl::StatusOr<Json> got = parser.Parse(text);
    ASSERT_TRUE(got.ok()) << text << ": " << got.status();
    EXPECT_EQ(*got, *Parse(text)) << text;
    EXPECT_EQ(Dump(*got), Dump(*Parse(text))) << text;
  }
}

TEST(FastParse, RefusesWhatIsNotJson) {
  FastParser parser;
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "[";
  for (int i = 0; i < 300; ++i) deep += "]";
  for (const std::string& text :
       {std::string(""), std::string("{"), std::string("{\"a\":}"), std::string("{\"a\":1}}"),
        std::string("{\"a\":1} {}"), std::string("[1,]"), std::string("{\"a\":nul}"),
        std::string("{\"a\":tru}"), std::string("{\"a\":\"\\ud800\"}"),
        std::string("{\"a\":\"\xff\"}"), std::string("nope"), deep}) {
    EXPECT_EQ(parser.Parse(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  // It is of use afterwards.
  EXPECT_TRUE(parser.Parse("{}").ok());
}

TEST(FastParse, LeavesPartsOut) {
  FastParser parser({"metadata.managedFields", "spec.containers.livenessProbe", "status"});
  const absl::StatusOr<Json> got = parser.Parse(
      R"({"metadata":{"managedFields":[{"a":{"b":1}}],"name":"x"},"status":{"phase":"Running"},
          "spec":{"containers":[{"livenessProbe":{"x":[1]},"name":"a"},{"name":"b"}]},
          "managedFields":1})");
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, *Parse(R"({"metadata":{"name":"x"},
      "spec":{"containers":[{"name":"a"},{"name":"b"}]},"managedFields":1})"));
}

TEST(FastParse, SetsPartsApart) {
  FastParser parser({"spec.containers.livenessProbe"}, {"spec.containers"});
  const auto apart = [&](const std::string& containers) {
    std::string text = "what was in it before";
    const absl::StatusOr<Json> got =
        parser.Parse(R"({"spec":{"a":1,"containers":)" + containers + R"(,"b":[2]}})", &text);
    EXPECT_TRUE(got.ok()) << got.status();
    if (got.ok()) {
      EXPECT_EQ(*got, *Parse(R"({"spec":{"a":1,"b":[2]}})"));
    }
    return text;
  };
  const std::string base = apart(R"([{"name":"a","env":[{"name":"x"}]},{"name":"b"}])");
  EXPECT_EQ(base, apart(R"([{"name":"a","livenessProbe":{"x":1},"env":[{"name":"x"}]},
                            {"name":"b","livenessProbe":null}])"));
  for (const char* other : {
           R"([{"name":"a","env":[{"name":"y"}]},{"name":"b"}])",
           R"([{"name":"a","env":[{"name":"x"}],"more":1},{"name":"b"}])",
           R"([{"name":"a"},{"env":[{"name":"x"}],"name":"b"}])",
           R"([{"name":"a","env":[{"name":"x"}],"name":"b"}])",
           R"([[{"name":"a","env":[{"name":"x"}]},{"name":"b"}]])",
           R"([{"name":"a","env":[{"name":"x"}]}])",
           "[]",
           "{}",
           "null",
           R"("[]")",
       }) {
    EXPECT_NE(base, apart(other)) << other;
  }
  // Neither values nor names run into each other.
  EXPECT_NE(apart("[1,2]"), apart("[12]"));
  EXPECT_NE(apart(R"({"1:a":1})"), apart(R"({"a":1})"));
  EXPECT_NE(apart(R"({"a":1,"b":2})"), apart(R"({"a1,1:b":2})"));
  // Nobody wants it, or nothing is there.
  EXPECT_EQ(*parser.Parse(R"({"spec":{"containers":[1]}})"), *Parse(R"({"spec":{}})"));
  std::string text = "x";
  EXPECT_TRUE(parser.Parse(R"({"containers":[1]})", &text).ok());
  EXPECT_EQ(text, "");
  EXPECT_FALSE(parser.Parse(R"({"spec":{"containers":[1}})", &text).ok());
  std::string deep;
  for (int i = 0; i < 300; ++i) deep += "[";
  for (int i = 0; i < 300; ++i) deep += "]";
  EXPECT_FALSE(parser.Parse(R"({"spec":{"containers":)" + deep + "}}", &text).ok());
}

}  // namespace
}  // namespace rekindle::json
