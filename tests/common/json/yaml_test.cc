#include "common/json/yaml.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

using ::testing::HasSubstr;

Json One(const std::string& text) {
  const absl::StatusOr<std::vector<Json>> documents = ReadYaml(text);
  EXPECT_TRUE(documents.ok()) << documents.status();
  EXPECT_EQ(documents->size(), 1U);
  return documents->front();
}

TEST(YamlTree, PlainScalarsHaveTheTypesOfTheCoreSchema) {
  const struct {
    const char* text;
    Json want;
  } kRows[] = {
      {"3", 3},
      {"-7", -7},
      {"0", 0},
      {"1.5", 1.5},
      {"1e3", 1000.0},
      {"true", true},
      {"False", false},
      {"null", nullptr},
      {"~", nullptr},
      {"", nullptr},
      {"yes", "yes"},    // YAML 1.1 booleans are text
      {"30%", "30%"},    // int-or-percent
      {"250m", "250m"},  // quantities
      {"1Gi", "1Gi"},
      {"1.2.3", "1.2.3"},  // versions
      {"2026-03-01", "2026-03-01"},
      {"'3'", "3"},  // quoted ones stay text
      {"\"true\"", "true"},
      {"\"\"", ""},
      {"e", "e"},
      {"-", nullptr},  // a list with one empty entry, see below
  };
  for (const auto& row : kRows) {
    if (std::string(row.text) == "-") continue;
    EXPECT_EQ(One(std::string("v: ") + row.text + "\n")["v"], row.want) << row.text;
  }
  EXPECT_EQ(One("v:\n-\n- 2\n")["v"], (Json{nullptr, 2}));
}

TEST(YamlTree, BlockScalarsAreText) {
  EXPECT_EQ(One("v: |\n  3\n  4\n")["v"], "3\n4\n");
  EXPECT_EQ(One("v: >-\n  a\n  b\n")["v"], "a b");
}

TEST(YamlTree, AnchorsAndJsonAreUnderstood) {
  EXPECT_EQ(One("a: &x {k: 1}\nb: *x\n")["b"]["k"], 1);
  EXPECT_EQ(One(R"({"kind": "Pod", "n": 3, "s": "3"})")["s"], "3");
}

TEST(YamlTree, DocumentsAndListsAreTakenApart) {
  const auto documents = ReadYaml(
      "kind: A\n---\n---\nkind: PodList\nitems:\n- kind: B\n- kind: List\n  items: [{kind: C}]\n"
      "---\nkind: Shortlist\nitems: [{kind: D}]\n");
  ASSERT_TRUE(documents.ok());
  std::string kinds;
  for (const Json& document : *documents) kinds += document["kind"].get<std::string>() + " ";
  EXPECT_EQ(kinds, "A B C Shortlist ");
  EXPECT_TRUE(ReadYaml("")->empty());
  EXPECT_TRUE(ReadYaml("# nothing\n")->empty());
}

TEST(YamlTree, FaultsNameTheirLine) {
  EXPECT_THAT(std::string(ReadYaml("a: 1\nb: [1,\n").status().message()), HasSubstr("line "));
  EXPECT_THAT(std::string(ReadYaml("- 1\n").status().message()), HasSubstr("no object"));
  std::string deep = "a: ";
  for (int i = 0; i < 300; ++i) deep += "[";
  for (int i = 0; i < 300; ++i) deep += "]";
  EXPECT_THAT(std::string(ReadYaml(deep).status().message()), HasSubstr("nested too deeply"));
  std::string bomb = "a0: &a0 [x]\n";
  for (int i = 1; i < 10; ++i) {
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [";
    for (int j = 0; j < 10; ++j) bomb += "*a" + std::to_string(i - 1) + ",";
    bomb += "]\n";
  }
  EXPECT_THAT(std::string(ReadYaml(bomb).status().message()), HasSubstr("too many values"));
}

TEST(YamlTree, WhatFollowsADocumentAndBeginsNoneIsRefused) {
  for (const char* text : {"\"a\",", "\"ti.l\",\"apiVers{\"kinti\"", "{a: 1} , b", "[1]: , x"}) {
    const auto documents = ReadYaml(text);
    EXPECT_FALSE(documents.ok()) << text;
  }
  EXPECT_EQ(ReadYaml("a: 1\n---\nb: 2\n---\n---\nc: 3\n...\n")->size(), 3U);
}

}  // namespace
}  // namespace rekindle::json
