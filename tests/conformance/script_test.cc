#include "tests/conformance/script.h"

#include <set>

#include <gmock/gmock.h>

namespace rekindle::conformance {
namespace {

using testing::HasSubstr;

TEST(Script, Reads) {
  const auto cases = ParseCases("f", "p",
                                "# comment\n"
                                "case one since=1.25\n"
                                "GET /a\n"
                                "= 200\n"
                                "? .x == 1\n"
                                "\n"
                                "each many A B\n"
                                ": 1 | two words\n"
                                ":  | \n"
                                "POST /$A\n"
                                "| {\"b\":\"$B\"}\n");
  ASSERT_TRUE(cases.ok()) << cases.status();
  ASSERT_EQ(cases->size(), 3u);
  EXPECT_EQ((*cases)[0].name, "p.one");
  EXPECT_EQ((*cases)[0].limits.at("since"), "1.25");
  ASSERT_EQ((*cases)[0].steps.size(), 1u);
  EXPECT_EQ((*cases)[0].steps[0].command, "GET /a");
  EXPECT_EQ((*cases)[0].steps[0].lines[1].mark, '?');
  EXPECT_EQ((*cases)[0].steps[0].lines[1].number, 5);
  EXPECT_EQ((*cases)[1].name, "p.many.1");
  EXPECT_EQ((*cases)[1].values.at("B"), "two words");
  EXPECT_EQ((*cases)[2].values.at("A"), "");
  EXPECT_EQ((*cases)[2].values.at("B"), "");
}

TEST(Script, RefusesWhatItCannotRead) {
  const struct {
    const char* text;
    const char* want;
  } rows[] = {
      {"GET /a\n", "f:1: a line before the first case"},
      {"case a\nFETCH /a\n", "f:2: unknown command"},
      {"case a\n= 200\n", "f:2: a line without a request"},
      {"case a\n", "does nothing"},
      {"case a B\nGET /a\n", "each needs columns, case none"},
      {"each a\nGET /a\n", "each needs columns, case none"},
      {"each a B\nGET /a\n", "each without rows"},
      {"each a B\n: 1 | 2\nGET /a\n", "f:2: 2 columns, not 1"},
      {"case a\n: 1\nGET /a\n", "f:2: a row without each"},
      {"case a until=1\nGET /a\n", "unknown attribute"},
  };
  for (const auto& row : rows) {
    const auto cases = ParseCases("f", "p", row.text);
    EXPECT_THAT(std::string(cases.status().message()), HasSubstr(row.want)) << row.text;
  }
}

TEST(Script, Substitutes) {
  const std::map<std::string, std::string> values = {
      {"N", "n"}, {"NS", "ns"}, {"ROW", "in $NS"}, {"LOOP", "$LOOP"}};
  EXPECT_EQ(Substitute("$N/$NS/$NSX/$OTHER", values), "n/ns/nsX/$OTHER");
  EXPECT_EQ(Substitute("$ROW", values), "in ns");
  EXPECT_EQ(Substitute("/a?q=%(x in (1,$N))", values), "/a?q=x%20in%20%281%2Cn%29");
  EXPECT_EQ(Substitute("$LOOP", values), "$LOOP");
}

// The suite itself: enough cases, each with a name of its own and something that it looks at.
TEST(Script, TheCases) {
  const auto cases = ReadCases(REKINDLE_CONFORMANCE_CASES);
  ASSERT_TRUE(cases.ok()) << cases.status();
  EXPECT_GE(cases->size(), 250u);
  std::set<std::string> names;
  for (const Case& one : *cases) {
    EXPECT_TRUE(names.insert(one.name).second) << one.name;
    bool looks = false;
    for (const Step& step : one.steps) {
      looks = looks || step.command.rfind("CLOSED", 0) == 0 || step.command.rfind("EVENT", 0) == 0;
      for (const Line& line : step.lines) looks = looks || line.mark == '=' || line.mark == '?';
    }
    EXPECT_TRUE(looks) << one.name;
  }
}

}  // namespace
}  // namespace rekindle::conformance
