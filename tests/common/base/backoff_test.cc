#include "common/base/backoff.h"

#include "gtest/gtest.h"

namespace rekindle {
namespace {

TEST(Backoff, DoublesUpToTheCapAndStartsOver) {
  Backoff backoff({.initial = absl::Milliseconds(100), .max = absl::Milliseconds(500)});
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(100));
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(200));
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(400));
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(500));
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(500));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), absl::Milliseconds(100));
}

}  // namespace
}  // namespace rekindle
