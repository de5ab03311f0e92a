#include "common/api/names.h"

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
