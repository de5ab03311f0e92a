#include "common/api/time.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/time/civil_time.h"

namespace rekindle::api {
namespace {

// Whether `text` begins with characters as in `shape`, where 0 is any digit.
bool HasShape(absl::string_view text, absl::string_view shape) {
  if (text.size() < shape.size()) return false;
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == '0' ? !absl::ascii_isdigit(static_cast<unsigned char>(text[i]))
                        : text[i] != shape[i]) {
      return false;
    }
  }
  return true;
}

bool IsOffset(absl::string_view text) {
  return text == "Z" ||
         (text.size() == 6 && (HasShape(text, "+00:00") || HasShape(text, "-00:00")));
}

constexpr absl::string_view kSeconds = "0000-00-00T00:00:00";

// RFC 3339 proper: absl::ParseTime also reads shorter and longer numbers, blanks around them,
// leap seconds and infinities, none of which API servers take.
std::optional<absl::Time> ParseRfc3339(absl::string_view text) {
  if (!HasShape(text, kSeconds) || text.substr(17, 2) == "60") return std::nullopt;
  absl::string_view rest = text.substr(kSeconds.size());
  if (!rest.empty() && rest.front() == '.') {
    rest.remove_prefix(1);
    const size_t digits = std::min(rest.find_first_not_of("0123456789"), rest.size());
    if (digits == 0) return std::nullopt;
    rest.remove_prefix(digits);
  }
  if (!IsOffset(rest)) return std::nullopt;
  absl::Time time;
  std::string error;
  if (!absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return std::nullopt;
  // An offset can lead out of the years that have four digits.
  const absl::CivilYear year(absl::ToCivilYear(time, absl::UTCTimeZone()));
  if (year < absl::CivilYear(0) || year > absl::CivilYear(9999)) return std::nullopt;
  return time;
}

}  // namespace

std::string FormatTime(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%SZ", time, absl::UTCTimeZone());
}

std::optional<absl::Time> ParseTime(absl::string_view text) {
  const std::optional<absl::Time> time = ParseRfc3339(text);
  if (!time.has_value()) return std::nullopt;
  return absl::FromUnixSeconds(absl::ToUnixSeconds(*time));
}

std::string FormatMicroTime(absl::Time time) {
  return absl::FormatTime("%E4Y-%m-%d%ET%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

std::optional<absl::Time> ParseMicroTime(absl::string_view text) {
  constexpr absl::string_view kMicroseconds = ".000000";
  if (text.size() < kSeconds.size()) return std::nullopt;
  const absl::string_view rest = text.substr(kSeconds.size());
  if (!HasShape(rest, kMicroseconds) || !IsOffset(rest.substr(kMicroseconds.size()))) {
    return std::nullopt;
  }
  return ParseRfc3339(text);
}

std::optional<absl::Duration> ParseDuration(absl::string_view text) {
  absl::Duration out;
  if (text.empty() || !absl::ParseDuration(text, &out)) return std::nullopt;
  return out;
}

}  // namespace rekindle::api
