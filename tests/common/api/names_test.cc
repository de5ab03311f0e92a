#include "common/api/names.h"

#include <utility>

#include <gtest/gtest.h>

#include "common/api/time.h"

namespace rekindle::api {
namespace {

TEST(Names, RulesOfKubernetesApi22) {
  EXPECT_TRUE(IsDns1123Label("a-1"));
  EXPECT_FALSE(IsDns1123Label("-a"));
  EXPECT_FALSE(IsDns1123Label("a.b"));
  EXPECT_FALSE(IsDns1123Label(std::string(64, 'a')));
  EXPECT_TRUE(IsDns1123Subdomain("a.b-c"));
  EXPECT_FALSE(IsDns1123Subdomain("a..b"));
  EXPECT_TRUE(IsQualifiedName("example.com/My_name.x"));
  EXPECT_FALSE(IsQualifiedName("a/b/c"));
  EXPECT_TRUE(IsLabelValue(""));
  EXPECT_FALSE(IsLabelValue("_x"));
}

TEST(Names, OrdinalIsTheTrailingNumberOfTheLongestParent) {
  EXPECT_EQ(SplitOrdinal("ledger-12"), (std::pair<std::string, int32_t>("ledger", 12)));
  EXPECT_EQ(SplitOrdinal("ledger-eu-3").first, "ledger-eu");
  EXPECT_EQ(SplitOrdinal("web").second, -1);
  EXPECT_EQ(SplitOrdinal("web-").second, -1);
  EXPECT_EQ(SplitOrdinal("web-1x").second, -1);
  EXPECT_EQ(SplitOrdinal("web-99999999999").second, -1);
}

// Spec kubernetes-api 2.1 and scenario 42.
TEST(Names, GeneratedNames) {
  uint32_t next = 0;
  const auto counter = [&next] { return next++; };
  EXPECT_EQ(GeneratedName("web-", counter), "web-bcdfg");
  EXPECT_EQ(GeneratedName(std::string(60, 'a'), counter).size(), 63u);
  EXPECT_EQ(GeneratedName(std::string(60, 'a'), counter).substr(0, 58), std::string(58, 'a'));
  const std::string many = RandomSuffix(1000, counter);
  EXPECT_EQ(many.find_first_not_of("bcdfghjklmnpqrstvwxz2456789"), std::string::npos);
  // Numbers that would make some letters more likely than others are left out.
  bool first = true;
  const auto unfair = [&first] { return std::exchange(first, false) ? UINT32_MAX : 26u; };
  EXPECT_EQ(RandomSuffix(1, unfair), "9");
}

TEST(Names, RevisionsInLongAndShortStyleAreTheSame) {
  EXPECT_TRUE(SameRevision("web-6c9f", "web-6c9f"));
  EXPECT_TRUE(SameRevision("6c9f", "web-6c9f"));
  EXPECT_FALSE(SameRevision("web-6c9f", "web-6c8f"));
  EXPECT_FALSE(SameRevision("", "web-6c9f"));
}

TEST(Time, SecondsInUtc) {
  EXPECT_EQ(api::FormatTime(*ParseTime("2030-01-02T05:04:05.9+02:00")), "2030-01-02T03:04:05Z");
  EXPECT_EQ(ParseTime("yesterday"), std::nullopt);
  EXPECT_EQ(ParseTime(""), std::nullopt);
}

}  // namespace
}  // namespace rekindle::api
