#include "daemon/restart/grace.h"

#include <string>

#include <gtest/gtest.h>

namespace rekindle::restart {
namespace {

// The worked figures of spec/container-recreate 9.3.
TEST(Grace, StopTimeoutFollowsTheWorkedFigures) {
  struct Row {
    std::string name;
    absl::Duration grace, spent, timeout;
  };
  const Row rows[] = {
      {"no hook", absl::Seconds(45), absl::ZeroDuration(), absl::Seconds(45)},
      {"whole seconds are charged", absl::Seconds(45), absl::Seconds(11.8), absl::Seconds(34)},
      {"raised to two", absl::Seconds(12), absl::Seconds(11.3), absl::Seconds(2)},
      {"hook did not end", absl::Seconds(12), absl::Seconds(12), absl::Seconds(2)},
      {"hook overran", absl::Seconds(12), absl::Seconds(13), absl::Seconds(2)},
      {"short grace", absl::Seconds(1), absl::Seconds(0.6), absl::Seconds(2)},
      {"no grace", absl::ZeroDuration(), absl::ZeroDuration(), absl::Seconds(2)},
      {"default", kDefaultGrace, absl::Seconds(4.2), absl::Seconds(26)},
      {"clock went back", absl::Seconds(30), absl::Seconds(-5), absl::Seconds(30)},
  };
  for (const Row& row : rows) EXPECT_EQ(StopTimeout(row.grace, row.spent), row.timeout) << row.name;
}

TEST(Grace, NoHookRunsWithoutGrace) {
  EXPECT_FALSE(RunsPreStop(absl::ZeroDuration()));
  EXPECT_TRUE(RunsPreStop(absl::Milliseconds(1)));
}

}  // namespace
}  // namespace rekindle::restart
