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

}  // namespace
}  // namespace rekindle::json
