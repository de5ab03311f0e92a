#include "common/api/time.h"

namespace rekindle::api {

std::string FormatTime(absl::Time time) {
  return absl::FormatTime("%Y-%m-%d%ET%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::optional<absl::Time> ParseTime(absl::string_view text) {
  absl::Time time;
  std::string error;
  if (text.empty() || !absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return std::nullopt;
  }
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time));
}

}  // namespace rekindle::api
