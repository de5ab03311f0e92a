#include "common/api/time.h"

#include <gtest/gtest.h>

namespace rekindle::api {
namespace {

// Spec kubernetes-api 2.7.
TEST(Time, WholeSecondsInUtc) {
  const auto time = ParseTime("2030-01-02T05:04:05.9+02:00");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(api::FormatTime(*time), "2030-01-02T03:04:05Z");
  EXPECT_EQ(ParseTime("9999-12-31T23:59:59.5Z"), ParseTime("9999-12-31T22:59:59-01:00"));
  for (const char* bad : {"", "2030-01-02", "yesterday", "2030-13-02T03:04:05Z",
                          "2030-02-30T03:04:05Z", "20300-1-02T03:04:05Z", "2030-1-002T03:04:05Z",
                          " 2030-01-02T03:04:05Z", "2030-01-02T03:04:05Z ", "2030-01-02t03:04:05Z",
                          "2030-01-02T03:04:05z", "2030-01-02T03:04:60Z", "2030-01-02T03:04:05.Z",
                          "2030-01-02T03:04:05+0100", "2030-01-02T03:04:05", "infinite-future",
                          "9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"}) {
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
        "2030-01-02T03:04:05.123456", "2030-01-02T03:04:05.12345xZ", "20300-1-02T03:04:05.000001Z",
        "9999-12-31T23:59:59.000001-01:00"}) {
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
