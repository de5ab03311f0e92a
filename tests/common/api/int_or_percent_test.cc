#include "common/api/int_or_percent.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

TEST(IntOrPercent, BothRoundings) {
  struct Case {
    const char* text;
    int64_t total;
    int64_t down;
    int64_t up;
  };
  const Case cases[] = {{"20%", 7, 1, 2},    {"10%", 5, 0, 1},    {"25%", 12, 3, 3},
                        {"12.5%", 10, 1, 2}, {"33.3%", 3, 0, 1},  {"0.01%", 10000, 1, 1},
                        {"100%", 4, 4, 4},   {"300%", 5, 15, 15}, {"0%", 9, 0, 0}};
  for (const Case& c : cases) {
    const auto value = IntOrPercent::Parse(c.text, "f");
    ASSERT_TRUE(value.ok()) << c.text;
    EXPECT_EQ(value->Resolve(c.total, Rounding::kDown), c.down) << c.text;
    EXPECT_EQ(value->Resolve(c.total, Rounding::kUp), c.up) << c.text;
    EXPECT_EQ(value->Text(), c.text);
  }
  EXPECT_EQ(IntOrPercent::Count(3).Resolve(100, Rounding::kUp), 3);
}

TEST(IntOrPercent, RefusesWhatIsNeitherAndNamesTheField) {
  for (const char* bad : {"5", "abc", "%", "1.2.3%", "5%%", "", " 5%"}) {
    const auto value = IntOrPercent::Parse(bad, "spec.maxSurge");
    ASSERT_FALSE(value.ok()) << bad;
    EXPECT_NE(value.status().message().find("spec.maxSurge"), absl::string_view::npos);
  }
  EXPECT_FALSE(IntOrPercent::FromJson(Json(5.5), "f").ok());
  EXPECT_EQ(*IntOrPercent::FromJson(Json(5), "f"), IntOrPercent::Count(5));
}

TEST(IntOrPercent, WholeIsComparedByValue) {
  EXPECT_TRUE(IntOrPercent::Parse("100.0%", "f")->IsWhole());
  EXPECT_FALSE(IntOrPercent::Parse("99.9%", "f")->IsWhole());
  EXPECT_FALSE(IntOrPercent::Count(100).IsWhole());
}

}  // namespace
}  // namespace rekindle::api
