#include "controller/plan/ordinals.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::plan {
namespace {

TEST(Ordinals, RangeTableOfSection61) {
  struct Case {
    int64_t start;
    int64_t replicas;
    const char* reserved;
    std::vector<int32_t> pods;
    int64_t end;
  };
  const Case cases[] = {
      {0, 4, "[]", {0, 1, 2, 3}, 4},
      {0, 4, "[2]", {0, 1, 3, 4}, 5},
      {0, 3, "[2]", {0, 1, 3}, 4},
      {3, 5, R"([4,"6-7"])", {3, 5, 8, 9, 10}, 11},
      {10, 2, R"(["0-9"])", {10, 11}, 12},
      {1, 3, R"(["1-4"])", {5, 6, 7}, 8},
      {5, 0, "[5]", {}, 5},
      {1, 4, R"(["2-4",7])", {1, 5, 6, 8}, 9},                              // scenario 37
      {0, 2, R"(["0-2000000000"])", {2000000001, 2000000002}, 2000000003},  // P-4
      {0, 3, R"(["5-6","1-3",2])", {0, 4, 7}, 8},
  };
  for (const Case& c : cases) {
    const auto range = WantedOrdinals(c.start, c.replicas,
                                      ReservedOrdinals::Parse(Json::parse(c.reserved), nullptr));
    EXPECT_EQ(range.ordinals, c.pods) << c.reserved;
    EXPECT_EQ(range.end, c.end) << c.reserved;
  }
}

TEST(Ordinals, OneBadRangeDoesNotVoidTheOthers) {
  std::vector<std::string> bad;
  const auto reserved =
      ReservedOrdinals::Parse(Json::parse(R"([-1,"5-3","7","a-b",2])"), &bad);  // P-5
  EXPECT_EQ(bad.size(), 4U);
  EXPECT_TRUE(reserved.Has(2));
  EXPECT_FALSE(reserved.Has(1));
}

TEST(Ordinals, PodNames) {
  EXPECT_EQ(OrdinalOf("ledger-12", "ledger"), 12);
  EXPECT_EQ(OrdinalOf("ledger-eu-3", "ledger"), -1);
  EXPECT_EQ(OrdinalOf("ledger-eu-3", "ledger-eu"), 3);
  EXPECT_EQ(OrdinalOf("a-1-0", "a"), -1);
  EXPECT_EQ(OrdinalOf("ledger-", "ledger"), -1);
  EXPECT_EQ(OrdinalOf("ledger-9999999999", "ledger"), -1);
}

}  // namespace
}  // namespace rekindle::plan
