#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bed/bed.h"
#include "tests/measure/probe.h"
#include "tests/measure/stats.h"
#include "tests/measure/swap.h"

namespace rekindle::measure {
namespace {

TEST(StatsTest, QuantilesAreValuesOfTheSample) {
  EXPECT_EQ(Quantile({}, 0.5), 0);
  EXPECT_EQ(Median({7}), 7);
  EXPECT_EQ(Median({9, 1, 5}), 5);
  std::vector<double> hundred(100);
  for (size_t i = 0; i < hundred.size(); ++i) hundred[i] = static_cast<double>(i + 1);
  EXPECT_EQ(Quantile(hundred, 0.99), 99);
  EXPECT_EQ(Quantile(hundred, 1), 100);
}

class MeasureTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<bed::Bed>> bed = bed::Bed::Up();
    ASSERT_TRUE(bed.ok()) << bed.status();
    bed_ = *std::move(bed);
    absl::StatusOr<bed::Pod> pod = bed_->RunPod({});
    ASSERT_TRUE(pod.ok()) << pod.status();
    pod_ = *std::move(pod);
  }

  std::unique_ptr<bed::Bed> bed_;
  bed::Pod pod_;
};

TEST_F(MeasureTest, NothingHappensNothingIsMeasured) {
  absl::StatusOr<ProbeResult> seen = Watch(pod_, 8080, [] { return absl::OkStatus(); });
  ASSERT_TRUE(seen.ok()) << seen.status();
  EXPECT_EQ(seen->gap_ms, 0);
  EXPECT_EQ(seen->failed, 0);
  EXPECT_EQ(seen->instances, 1);
  EXPECT_GE(seen->good, 2);
}

TEST_F(MeasureTest, SwapByHandShowsItsGapAndTheNewServer) {
  for (uint32_t attempt : {1u, 2u}) {
    absl::StatusOr<ProbeResult> seen = SwapByHand(bed_.get(), &pod_, "main", 8080);
    ASSERT_TRUE(seen.ok()) << seen.status();
    EXPECT_GT(seen->gap_ms, 5);
    EXPECT_GT(seen->failed, 0);
    EXPECT_EQ(seen->instances, 2);
    EXPECT_EQ(bed_->Newest(pod_)->metadata().attempt(), attempt);
  }
}

TEST_F(MeasureTest, LoadCountsWhatABrokenServerLoses) {
  ASSERT_TRUE(bed::WaitHttp(pod_.ip, 8080, "/id").ok());
  LoadGenerator load(pod_.ip, 8080, 4, 400);
  ASSERT_TRUE(bed::WaitUntil([&] { return load.sent() > 50; }, absl::Seconds(20)));
  ASSERT_TRUE(bed_->cri().StopContainer(pod_.containers["main"].id, 0).ok());
  int64_t then = load.sent();
  ASSERT_TRUE(bed::WaitUntil([&] { return load.sent() > then + 20; }, absl::Seconds(20)));
  LoadResult result = load.Stop();
  EXPECT_GT(result.failed, 0);
  EXPECT_LT(result.failed, result.sent);
}

TEST_F(MeasureTest, LoadOnAHealthyServerLosesNothing) {
  ASSERT_TRUE(bed::WaitHttp(pod_.ip, 8080, "/id").ok());
  LoadGenerator load(pod_.ip, 8080, 4, 400);
  ASSERT_TRUE(bed::WaitUntil([&] { return load.sent() > 200; }, absl::Seconds(20)));
  EXPECT_EQ(load.Stop().failed, 0);
}

}  // namespace
}  // namespace rekindle::measure
