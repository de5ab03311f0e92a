#include "controller/runtime/selection.h"

#include <gmock/gmock.h>

namespace rekindle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Names = std::vector<std::string>;

TEST(SelectControllersTest, OnOffAndTheRest) {
  const Names available = {"one", "two", "three"};
  const struct {
    Names asked;
    Names selected;
  } cases[] = {
      {{"*"}, {"one", "two", "three"}},
      {{"*", "-two"}, {"one", "three"}},
      {{"-two", "*"}, {"one", "three"}},
      {{"three", "one"}, {"one", "three"}},
      {{"two", "*"}, {"one", "two", "three"}},
      {{"-one"}, {}},
      {{}, {}},
      {{"-*"}, {}},
      {{"-*", "two"}, {"two"}},
      {{" one ", "one"}, {"one"}},
  };
  for (const auto& row : cases) {
    const auto selected = SelectControllers(row.asked, available);
    ASSERT_TRUE(selected.ok()) << selected.status();
    EXPECT_EQ(*selected, row.selected) << ::testing::PrintToString(row.asked);
  }
  EXPECT_THAT(*SelectControllers({"*"}, {}), ElementsAre());
}

TEST(SelectControllersTest, MistakesAreNamed) {
  const Names available = {"recreate", "readiness"};
  const struct {
    Names asked;
    const char* text;
  } cases[] = {
      {{"*", "other"}, "\"other\" is no controller of this mode; there are: recreate, readiness"},
      {{"recrate"}, "did you mean recreate?"},
      {{"-other"}, "\"other\" is no controller"},
      {{"recreate", "-recreate"}, "recreate is switched on and off at once"},
      {{"*", ""}, "an entry is empty"},
      {{"-"}, "an entry is empty"},
      {{"*", "-*"}, "do not go together"},
      {{"RECREATE"}, "\"RECREATE\" is no controller"},
  };
  for (const auto& row : cases) {
    const auto selected = SelectControllers(row.asked, available);
    EXPECT_EQ(selected.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(selected.status().message()), HasSubstr(row.text));
  }
  EXPECT_THAT(std::string(SelectControllers({"x"}, {}).status().message()),
              HasSubstr("there are: none"));
}

}  // namespace
}  // namespace rekindle
