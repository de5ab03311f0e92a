#ifndef REKINDLE_COMMON_API_INT_OR_PERCENT_H_
#define REKINDLE_COMMON_API_INT_OR_PERCENT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::api {

enum class Rounding { kDown, kUp };

// The int-or-string fields that hold a count or a share of one (partition, maxUnavailable, ...).
// One parser and exact decimal arithmetic serve admission and run time alike, so "12.5%" means the
// same everywhere (cloneset pitfall P7). Text without a per cent sign is refused.
class IntOrPercent {
 public:
  IntOrPercent() = default;
  static IntOrPercent Count(int64_t count);
  static IntOrPercent Percent(int64_t percent);

  // Errors: kInvalidArgument naming `field`.
  static absl::StatusOr<IntOrPercent> FromJson(const Json& value, absl::string_view field);
  static absl::StatusOr<IntOrPercent> Parse(absl::string_view text, absl::string_view field);

  // The count: itself, or the share of `total` rounded as asked. Not clamped.
  int64_t Resolve(int64_t total, Rounding rounding) const;

  bool is_percent() const { return percent_; }
  // True for exactly 100 %, however written ("100.0%": cloneset pitfall P9).
  bool IsWhole() const;
  std::string Text() const;

  friend bool operator==(const IntOrPercent&, const IntOrPercent&) = default;

 private:
  bool percent_ = false;
  int64_t value_ = 0;  // count, or millionths of a per cent
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_INT_OR_PERCENT_H_
