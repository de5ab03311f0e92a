#include "tests/fakes/sim_loop.h"

#include <vector>

#include "gtest/gtest.h"

namespace rekindle {
namespace {

TEST(SimLoop, TimeMovesOnlyWhenTold) {
  SimLoop loop;
  const absl::Time start = loop.Now();
  bool ran = false;
  loop.RunAfter(absl::Seconds(10), [&] { ran = true; });
  loop.Settle();
  EXPECT_FALSE(ran);
  loop.Advance(absl::Seconds(9));
  EXPECT_FALSE(ran);
  loop.Advance(absl::Seconds(1));
  EXPECT_TRUE(ran);
  EXPECT_EQ(loop.Now() - start, absl::Seconds(10));
}

TEST(SimLoop, EachTimerSeesItsOwnMoment) {
  SimLoop loop;
  const absl::Duration start = loop.Monotonic();
  std::vector<absl::Duration> seen;
  loop.RunAfter(absl::Seconds(2), [&] {
    seen.push_back(loop.Monotonic() - start);
    loop.RunAfter(absl::Seconds(1), [&] { seen.push_back(loop.Monotonic() - start); });
  });
  loop.Advance(absl::Seconds(60));
  EXPECT_EQ(seen, (std::vector<absl::Duration>{absl::Seconds(2), absl::Seconds(3)}));
}

TEST(SimLoop, AWallClockJumpLeavesIntervalsAlone) {
  SimLoop loop;
  bool ran = false;
  loop.RunAfter(absl::Seconds(10), [&] { ran = true; });
  loop.JumpWallClock(absl::Hours(5));
  loop.Settle();
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace rekindle
