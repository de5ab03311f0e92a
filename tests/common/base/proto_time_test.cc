#include "common/base/proto_time.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace rekindle {
namespace {

struct DurationCase {
  absl::Duration duration;
  int64_t seconds;
  int32_t nanos;
};

TEST(ProtoTimeTest, Durations) {
  const DurationCase cases[] = {
      {absl::ZeroDuration(), 0, 0},
      {absl::Milliseconds(1500), 1, 500'000'000},
      {absl::Nanoseconds(1), 0, 1},
      {absl::Hours(24), 86'400, 0},
      // Seconds and nanoseconds of a message have one sign.
      {-absl::Milliseconds(1500), -1, -500'000'000},
  };
  for (const DurationCase& one : cases) {
    const google::protobuf::Duration message = ToProto(one.duration);
    EXPECT_EQ(message.seconds(), one.seconds) << one.duration;
    EXPECT_EQ(message.nanos(), one.nanos) << one.duration;
    EXPECT_EQ(FromProto(message), one.duration);
  }
  // Less than a nanosecond is cut.
  EXPECT_EQ(ToProto(absl::Nanoseconds(3) / 2).nanos(), 1);
}

struct TimeCase {
  absl::Time time;
  int64_t seconds;
  int32_t nanos;
};

TEST(ProtoTimeTest, Times) {
  const TimeCase cases[] = {
      {absl::UnixEpoch(), 0, 0},
      {absl::FromUnixNanos(1'700'000'000'000'000'001), 1'700'000'000, 1},
      // Nanoseconds of a time count forward, also before the epoch.
      {absl::FromUnixMillis(-500), -1, 500'000'000},
  };
  for (const TimeCase& one : cases) {
    const google::protobuf::Timestamp message = ToProto(one.time);
    EXPECT_EQ(message.seconds(), one.seconds) << one.time;
    EXPECT_EQ(message.nanos(), one.nanos) << one.time;
    EXPECT_EQ(FromProto(message), one.time);
  }
}

}  // namespace
}  // namespace rekindle
