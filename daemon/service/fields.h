#ifndef REKINDLE_DAEMON_SERVICE_FIELDS_H_
#define REKINDLE_DAEMON_SERVICE_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "common/base/proto_time.h"

namespace rekindle::service {

// Checks of single fields. `field` is the path that the error message begins with.
// Errors: kInvalidArgument. Threads: any; pure.

absl::Status BadField(absl::string_view field, absl::string_view problem);

// 1..max characters of [A-Za-z0-9] and `extra`.
absl::Status CheckToken(absl::string_view field, absl::string_view value, absl::string_view extra,
                        size_t max);

// A name of a pod, namespace or container: as CheckToken with "._-", the first one alphanumeric.
absl::Status CheckName(absl::string_view field, absl::string_view value);

// No more than `max` bytes, and none of them NUL.
absl::Status CheckText(absl::string_view field, absl::string_view value, size_t max);

// 1..65535.
absl::StatusOr<uint16_t> CheckPort(absl::string_view field, uint32_t value);

// Well-formed (see google/protobuf/duration.proto), within [least, kMaxDuration].
absl::StatusOr<absl::Duration> CheckDuration(absl::string_view field,
                                             const google::protobuf::Duration& value,
                                             absl::Duration least);

// 64 lower-case hex digits, behind an optional "<type>://". Gives the digits alone.
absl::StatusOr<std::string> CheckContainerId(absl::string_view field, absl::string_view value);

bool IsUtf8(absl::string_view text);

// `text` itself when it is UTF-8; else with each offending byte replaced by '?'.
std::string MakeUtf8(absl::string_view text);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_FIELDS_H_
