#include "common/api/time.h"

#include "absl/strings/ascii.h"

namespace rekindle::api {

std::string FormatTime(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::optional<absl::Time> ParseTime(absl::string_view text) {
  absl::Time time;
  std::string error;
  if (text.empty() || !absl::ParseTime(absl::RFC3339_full, text, &time, &error)) {
    return std::nullopt;
  }
  return absl::FromUnixSeconds(absl::ToUnixSeconds(time));
}

std::string FormatMicroTime(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

std::optional<absl::Time> ParseMicroTime(absl::string_view text) {
  // 2030-01-02T03:04:05.000000 and an offset
  constexpr size_t kPoint = 19;
  constexpr size_t kDigits = 6;
  if (text.size() <= kPoint + kDigits + 1 || text[kPoint] != '.') return std::nullopt;
  for (size_t i = 1; i <= kDigits; ++i) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>(text[kPoint + i]))) return std::nullopt;
  }
  if (absl::ascii_isdigit(static_cast<unsigned char>(text[kPoint + kDigits + 1]))) {
    return std::nullopt;
  }
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return std::nullopt;
  return time;
}

std::optional<absl::Duration> ParseDuration(absl::string_view text) {
  absl::Duration out;
  if (text.empty() || !absl::ParseDuration(text, &out)) return std::nullopt;
  return out;
}

}  // namespace rekindle::api
