#ifndef REKINDLE_COMMON_BASE_PROTO_TIME_H_
#define REKINDLE_COMMON_BASE_PROTO_TIME_H_

#include <cstdint>

#include "absl/time/time.h"
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

// Times and durations of messages. To the nanosecond, which is what they hold; rounded towards
// zero (durations) and the past (times). A duration beyond protobuf's 10,000 years, infinite ones
// among them, is not well-formed in a message. All pure. Threads: any.
namespace rekindle {

inline google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration out;
  absl::Duration rest;
  out.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &rest));
  out.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  return out;
}

inline google::protobuf::Timestamp ToProto(absl::Time time) {
  google::protobuf::Timestamp out;
  const int64_t seconds = absl::ToUnixSeconds(time);
  out.set_seconds(seconds);
  out.set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
  return out;
}

inline absl::Duration FromProto(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

inline absl::Time FromProto(const google::protobuf::Timestamp& time) {
  return absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos());
}

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_PROTO_TIME_H_
