#include "controller/apiserver/surface/age.h"

#include "absl/strings/str_cat.h"

#include "common/api/time.h"

namespace rekindle::apiserver {
namespace {

std::string Both(int64_t first, absl::string_view unit, int64_t second,
                 absl::string_view second_unit) {
  if (second == 0) return absl::StrCat(first, unit);
  return absl::StrCat(first, unit, second, second_unit);
}

}  // namespace

std::string AgeText(absl::Duration elapsed) {
  // Whole seconds, towards zero: clocks that differ by less than two are no fault.
  const int64_t seconds = absl::ToInt64Seconds(elapsed);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  const int64_t minutes = seconds / 60;
  const int64_t hours = minutes / 60;
  const int64_t days = hours / 24;
  const int64_t years = days / 365;
  if (minutes < 2) return absl::StrCat(seconds, "s");
  if (minutes < 10) return Both(minutes, "m", seconds % 60, "s");
  if (hours < 3) return absl::StrCat(minutes, "m");
  if (hours < 8) return Both(hours, "h", minutes % 60, "m");
  if (hours < 48) return absl::StrCat(hours, "h");
  if (days < 8) return Both(days, "d", hours % 24, "h");
  if (years < 2) return absl::StrCat(days, "d");
  if (years < 8) return Both(years, "y", days % 365, "d");
  return absl::StrCat(years, "y");
}

std::string AgeOf(absl::string_view time, absl::Time now) {
  if (time.empty()) return "<unknown>";
  const auto parsed = api::ParseTime(time);
  return parsed.has_value() ? AgeText(now - *parsed) : "<invalid>";
}

}  // namespace rekindle::apiserver
