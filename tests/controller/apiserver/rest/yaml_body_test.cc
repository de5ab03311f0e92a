#include "controller/apiserver/rest/yaml_body.h"

#include <gmock/gmock.h>

namespace rekindle::apiserver {
namespace {

using ::testing::HasSubstr;

std::string Converted(absl::string_view text) {
  const auto json = YamlToJson(text);
  return json.ok() ? *json : "error: " + std::string(json.status().message());
}

TEST(YamlBodyTest, BecomesJson) {
  EXPECT_EQ(Converted("a: 1\nb: [x, 'y', \"1\", 1.5, true, null]\nc:\n  d: ~\n"),
            R"({"a":1,"b":["x","y","1",1.5,true,null],"c":{"d":null}})");
  EXPECT_EQ(Converted("---\na: yes\n...\n---\n"), R"({"a":"yes"})");
  EXPECT_EQ(Converted("text: |\n  one\n  two\n"), R"({"text":"one\ntwo\n"})");
  EXPECT_EQ(Converted("n: 0005\nv: 1.20\nq: 100m\nd: 2020-01-01\n"),
            R"({"n":5,"v":1.2,"q":"100m","d":"2020-01-01"})");
}

TEST(YamlBodyTest, JsonStaysAsItIs) {
  EXPECT_EQ(Converted(" {\"a\": 1e2,\n \"a\": \"\\u00e4\"}"),
            " {\"a\": 1e2,\n \"a\": \"\\u00e4\"}");
}

TEST(YamlBodyTest, RepeatedMembersStayForWhoValidates) {
  EXPECT_EQ(Converted("a: 1\na: 2\n"), R"({"a":1,"a":2})");
}

TEST(YamlBodyTest, RefusesWhatIsNoDocument) {
  EXPECT_THAT(Converted("a: [1\nb: 2"), HasSubstr("error converting YAML to JSON: line"));
  EXPECT_THAT(Converted("a: 1\n---\nb: 2\n"), HasSubstr("more than one"));
  EXPECT_THAT(Converted(std::string(5000, '[')), HasSubstr("error"));
  // After it yaml-cpp finds documents without end.
  EXPECT_THAT(Converted("\"a\",\"b\""), HasSubstr("line 1: begins no document"));
  EXPECT_THAT(Converted("{a: 1}\n, b"), HasSubstr("line 2: begins no document"));
  // Each level is ten of the one before.
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n";
  for (int i = 1; i < 10; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    laughs += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int k = 1; k < 10; ++k) laughs += "," + before;
    laughs += "]\n";
  }
  EXPECT_THAT(Converted(laughs), HasSubstr("too large"));
}

}  // namespace
}  // namespace rekindle::apiserver
