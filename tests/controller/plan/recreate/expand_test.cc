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
    EXPECT_EQ(ExpandVariables(c.text,
                              [&](absl::string_view name) -> std::optional<std::string> {
                                const auto it = known.find(std::string(name));
                                if (it == known.end()) return std::nullopt;
                                return it->second;
                              }),
              c.expanded)
        << c.text;
  }
}

TEST(ExpandTest, NamesInOrderEachOnce) {
  EXPECT_THAT(VariablesIn("$(B) $(A) $(B) $$(C) $(D"), ::testing::ElementsAre("B", "A"));
  EXPECT_THAT(VariablesIn("$D"), ::testing::IsEmpty());
}

}  // namespace
}  // namespace rekindle::plan
