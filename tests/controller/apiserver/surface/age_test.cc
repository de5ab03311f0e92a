#include "controller/apiserver/surface/age.h"

#include <gmock/gmock.h>

namespace rekindle::apiserver {
namespace {

// Spec kubernetes-api 18.3.
TEST(Age, Texts) {
  const struct {
    int64_t seconds;
    const char* want;
  } cases[] = {
      {-2, "<invalid>"},
      {-1, "0s"},
      {0, "0s"},
      {1, "1s"},
      {119, "119s"},
      {120, "2m"},
      {125, "2m5s"},
      {599, "9m59s"},
      {600, "10m"},
      {10799, "179m"},
      {10800, "3h"},
      {11100, "3h5m"},
      {28799, "7h59m"},
      {28800, "8h"},
      {172799, "47h"},
      {172800, "2d"},
      {176400, "2d1h"},
      {691199, "7d23h"},
      {691200, "8d"},
      {63071999, "729d"},
      {63072000, "2y"},
      {63158400, "2y1d"},
      {252287999, "7y364d"},
      {252288000, "8y"},
      {346896000, "11y"},
  };
  for (const auto& one : cases) {
    EXPECT_EQ(AgeText(absl::Seconds(one.seconds)), one.want) << one.seconds;
  }
}

TEST(Age, OfTimes) {
  const absl::Time now = absl::FromUnixSeconds(1'000'000'000);  // 2001-09-09T01:46:40Z
  EXPECT_EQ(AgeOf("2001-09-09T01:46:00Z", now), "40s");
  EXPECT_EQ(AgeOf("2001-09-09T01:46:00.123456Z", now), "40s");
  EXPECT_EQ(AgeOf("", now), "<unknown>");
  EXPECT_EQ(AgeOf("yesterday", now), "<invalid>");
  EXPECT_EQ(AgeOf("2001-09-09T01:50:00Z", now), "<invalid>");
}

}  // namespace
}  // namespace rekindle::apiserver
