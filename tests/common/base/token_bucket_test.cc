#include "common/base/token_bucket.h"

#include "gtest/gtest.h"

namespace rekindle {
namespace {

TEST(TokenBucket, AllowsTheBurstThenTheRate) {
  TokenBucket bucket(/*per_second=*/10, /*burst=*/2);
  const absl::Duration t0 = absl::Seconds(100);
  EXPECT_EQ(bucket.Take(t0), absl::ZeroDuration());
  EXPECT_EQ(bucket.Take(t0), absl::ZeroDuration());
  EXPECT_EQ(bucket.Take(t0), absl::Milliseconds(100));
  EXPECT_EQ(bucket.Take(t0 + absl::Milliseconds(100)), absl::ZeroDuration());
  EXPECT_EQ(bucket.Take(t0 + absl::Milliseconds(150)), absl::Milliseconds(50));
}

TEST(TokenBucket, NeverHoldsMoreThanTheBurst) {
  TokenBucket bucket(10, 2);
  EXPECT_EQ(bucket.Take(absl::Seconds(0)), absl::ZeroDuration());
  const absl::Duration much_later = absl::Hours(1);
  EXPECT_EQ(bucket.Take(much_later), absl::ZeroDuration());
  EXPECT_EQ(bucket.Take(much_later), absl::ZeroDuration());
  EXPECT_GT(bucket.Take(much_later), absl::ZeroDuration());
}

TEST(TokenBucket, AClockGoingBackTakesNothingAway) {
  TokenBucket bucket(10, 1);
  EXPECT_EQ(bucket.Take(absl::Seconds(10)), absl::ZeroDuration());
  EXPECT_EQ(bucket.Take(absl::Seconds(5)), absl::Milliseconds(100));
  EXPECT_EQ(bucket.Take(absl::Seconds(5) + absl::Milliseconds(100)), absl::ZeroDuration());
}

}  // namespace
}  // namespace rekindle
