#include "common/api/time.h"

#include <gtest/gtest.h>

namespace rekindle::api {
namespace {

// Spec kubernetes-api 2.7.
TEST(Time, WholeSecondsInUtc) {
  const auto time = ParseTime("2030-01-02T05:04:05.9+02:00");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(api::FormatTime(*time), "2030-01-02T03:04:05Z");
  for (const char* bad : {"", "2030-01-02", "yesterday", "2030-13-02T03:04:05Z"}) {
    EXPECT_FALSE(ParseTime(bad).has_value()) << bad;
  }
}

TEST(MicroTime, ExactlySixDigits) {
  const auto time = ParseMicroTime("2030-01-02T03:04:05.000007Z");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(FormatMicroTime(*time), "2030-01-02T03:04:05.000007Z");
  EXPECT_EQ(FormatMicroTime(absl::FromUnixSeconds(0)), "1970-01-01T00:00:00.000000Z");
  const auto early = ParseMicroTime("0350-01-02T03:04:05.000001Z");
  ASSERT_TRUE(early.has_value());
  EXPECT_EQ(FormatMicroTime(*early), "0350-01-02T03:04:05.000001Z");
  EXPECT_TRUE(ParseMicroTime("2030-01-02T03:04:05.123456+01:00").has_value());
  for (const char* bad :
       {"2030-01-02T03:04:05Z", "2030-01-02T03:04:05.1Z", "2030-01-02T03:04:05.1234567Z", "",
        "2030-01-02T03:04:05.123456", "2030-01-02T03:04:05.12345xZ"}) {
    EXPECT_FALSE(ParseMicroTime(bad).has_value()) << bad;
  }
}

TEST(Duration, GoText) {
  EXPECT_EQ(ParseDuration("30s"), absl::Seconds(30));
  EXPECT_EQ(ParseDuration("1h15m"), absl::Minutes(75));
  EXPECT_FALSE(ParseDuration("30").has_value());
  EXPECT_FALSE(ParseDuration("").has_value());
}

}  // namespace
}  // namespace rekindle::api
