#include "daemon/kubelet/backoff_estimate.h"

#include "absl/strings/str_cat.h"
#include <gtest/gtest.h>

namespace rekindle::kubelet {
namespace {

constexpr absl::Duration kQuick = absl::Milliseconds(500);
const absl::Time kT = absl::FromUnixSeconds(1'800'000'000);

class BackoffEstimateTest : public testing::Test {
 protected:
  // Seconds from the container's end until it is estimated to be started; -1: no back-off known.
  double After(absl::Time finished, absl::Duration looked_after) const {
    const auto until = estimate_.Until(key_, finished, finished + looked_after);
    return until.has_value() ? absl::ToDoubleSeconds(*until - finished) : -1;
  }

  BackoffEstimate estimate_;
  const BackoffKey key_{"uid-1", "main", "beef"};
};

TEST_F(BackoffEstimateTest, TheFirstRestartIsPrompt) { EXPECT_EQ(After(kT, kQuick), -1); }

// Spec scenario 64: about 0, 10, 20 s.
TEST_F(BackoffEstimateTest, ItDoublesWithEveryStartThatWasSeen) {
  absl::Time finished = kT;
  for (const int expected : {-1, 10, 20, 40, 80, 160, 300, 300}) {
    EXPECT_EQ(After(finished, kQuick), expected);
    const absl::Time started = finished + absl::Seconds(std::max(0, expected)) + kQuick;
    estimate_.SawStart(key_, finished, started);
    finished = started + absl::Seconds(5);
  }
}

TEST_F(BackoffEstimateTest, TenMinutesAfterTheLastStartItBeginsAnew) {
  estimate_.SawStart(key_, kT, kT + kQuick);
  EXPECT_EQ(After(kT + kQuick + absl::Seconds(600), kQuick), 10);
  EXPECT_EQ(After(kT + kQuick + absl::Seconds(601), kQuick), -1);
}

TEST_F(BackoffEstimateTest, AWaitThatWasNotExpectedExplainsItself) {
  EXPECT_EQ(After(kT, absl::Seconds(3)), -1);
  EXPECT_EQ(After(kT, absl::Seconds(5)), 10);
  // It may be over, and the kubelet has not looked yet.
  EXPECT_EQ(After(kT, absl::Seconds(100)), 10);
  EXPECT_EQ(After(kT, absl::Seconds(110)), 20);
  EXPECT_EQ(After(kT, absl::Seconds(200)), 160);
  EXPECT_EQ(After(kT, absl::Seconds(400)), 300);
}

TEST_F(BackoffEstimateTest, AServedWaitTellsTheNextOne) {
  // At least 10 s of back-off, so at least 20 s come next.
  estimate_.SawStart(key_, kT, kT + absl::Seconds(45));
  EXPECT_EQ(After(kT + absl::Seconds(60), kQuick), 20);
  // With a look 95 s late at most it was 160 s.
  estimate_.SawStart({"uid-2", "main", "beef"}, kT, kT + absl::Seconds(200));
  EXPECT_EQ(
      estimate_.Until({"uid-2", "main", "beef"}, kT + absl::Seconds(210), kT + absl::Seconds(211)),
      kT + absl::Seconds(210 + 300));
}

TEST_F(BackoffEstimateTest, AnotherVersionOrContainerHasItsOwn) {
  estimate_.SawStart(key_, kT, kT + kQuick);
  EXPECT_FALSE(estimate_.Until({"uid-1", "main", "cafe"}, kT, kT + kQuick).has_value());
  EXPECT_FALSE(estimate_.Until({"uid-1", "side", "beef"}, kT, kT + kQuick).has_value());
  EXPECT_FALSE(estimate_.Until({"uid-2", "main", "beef"}, kT, kT + kQuick).has_value());
}

TEST_F(BackoffEstimateTest, ItDoesNotGrowWithoutBound) {
  for (int i = 0; i < 5000; ++i) {
    estimate_.SawStart({absl::StrCat("uid-", i), "main", "beef"}, kT + absl::Seconds(i),
                       kT + absl::Seconds(i) + kQuick);
  }
  const absl::Time end = kT + absl::Seconds(5000);
  EXPECT_TRUE(estimate_.Until({"uid-4999", "main", "beef"}, end, end + kQuick).has_value());
  EXPECT_LE(estimate_.size(), 4096u);
}

}  // namespace
}  // namespace rekindle::kubelet
