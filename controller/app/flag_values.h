#ifndef REKINDLE_CONTROLLER_APP_FLAG_VALUES_H_
#define REKINDLE_CONTROLLER_APP_FLAG_VALUES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle {

// Values of flags. Errors: kInvalidArgument naming the flag. Pure.

struct ListenAddress {
  std::string host;  // an address without brackets; empty where none was given
  uint16_t port = 0;
};

// "127.0.0.1:6443", "[::1]:6443", ":6443".
absl::StatusOr<ListenAddress> ParseListen(absl::string_view flag, const std::string& text);

// As gRPC takes it: "127.0.0.1:6443", "[::1]:6443"; without a host every address.
std::string ListenText(const ListenAddress& address);

// A duration of `least` at least.
absl::StatusOr<absl::Duration> ParseDurationFlag(absl::string_view flag, const std::string& text,
                                                 absl::Duration least);

// 127.0.0.0/8 or ::1.
bool IsLoopbackAddress(const std::string& address);

// The name of an object of the API, as a part of a path: lower-case letters, digits, '-' and '.'.
absl::Status CheckNameFlag(absl::string_view flag, const std::string& name);

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_FLAG_VALUES_H_
