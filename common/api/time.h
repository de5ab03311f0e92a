#ifndef REKINDLE_COMMON_API_TIME_H_
#define REKINDLE_COMMON_API_TIME_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::api {

// API times (spec kubernetes-api 2.7): RFC 3339 text in UTC with whole seconds.
std::string FormatTime(absl::Time time);

// Any RFC 3339 offset; fractions are cut to whole seconds. Empty or malformed text has no value,
// and none has what is not within the years 0 to 9999 in UTC.
std::optional<absl::Time> ParseTime(absl::string_view text);

// MicroTime of leases and events: UTC with exactly six fractional digits. Other text has no value,
// because API servers refuse it.
std::string FormatMicroTime(absl::Time time);
std::optional<absl::Time> ParseMicroTime(absl::string_view text);

// Durations such as "30s", "1h15m" or "1.5h". Malformed text has no value.
std::optional<absl::Duration> ParseDuration(absl::string_view text);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_TIME_H_
