#include "controller/plan/recreate/expand.h"

#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::plan {
namespace {

struct ExpandCase {
  const char* text;
  const char* expanded;
};

TEST(ExpandTest, Grammar) {
  const std::map<std::string, std::string, std::less<>> known = {
      {"A", "1"}, {"EMPTY", ""}, {"REF", "$(A)"}, {"with space", "2"}};
  const ExpandCase cases[] = {
      {"", ""},
      {"plain", "plain"},
      {"$(A)", "1"},
      {"x-$(A)-$(A)", "x-1-1"},
      {"$(EMPTY)", ""},
      {"$(MISSING)", "$(MISSING)"},
      {"$$(A)", "$(A)"},
      {"$$$(A)", "$1"},
      {"$$$$(A)", "$$(A)"},
      {"$", "$"},
      {"5$", "5$"},
      {"$A", "$A"},
      {"${A}", "${A}"},
      {"$(A", "$(A"},
      {"$(A$$", "$(A$"},
      {"$()", "$()"},
      {"$(REF)", "$(A)"},        // not looked at again
      {"$(A$(A))", "$(A$(A))"},  // the name is "A$(A", which nobody has
      {"$(with space)", "2"},    // later releases allow nearly any name
      {"a\xc3\xbc$(A)\n",
       "a\xc3\xbc"
       "1\n"},
  };
  for (const ExpandCase& c : cases) {
    const auto value = [&](absl::string_view name) -> std::optional<std::string> {
      const auto it = known.find(std::string(name));
      if (it == known.end()) return std::nullopt;
      return it->second;
    };
    EXPECT_EQ(ExpandVariables(c.text, value, 100), c.expanded) << c.text;
    // The limit is that of the result.
    const size_t size = std::string(c.expanded).size();
    EXPECT_EQ(ExpandVariables(c.text, value, size), c.expanded) << c.text;
    if (size > 0) {
      EXPECT_EQ(ExpandVariables(c.text, value, size - 1), std::nullopt) << c.text;
    }
  }
}

TEST(ExpandTest, NamesInOrderEachOnce) {
  EXPECT_THAT(VariablesIn("$(B) $(A) $(B) $$(C) $(D"), ::testing::ElementsAre("B", "A"));
  EXPECT_THAT(VariablesIn("$D"), ::testing::IsEmpty());
}

}  // namespace
}  // namespace rekindle::plan
