#include "common/api/int_or_percent.h"

#include "absl/numeric/int128.h"
#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

constexpr int64_t kMicro = 1'000'000;
constexpr int kDecimals = 6;
constexpr size_t kMaxText = 16;

}  // namespace

IntOrPercent IntOrPercent::Count(int64_t count) {
  IntOrPercent out;
  out.value_ = count;
  return out;
}

IntOrPercent IntOrPercent::Percent(int64_t percent) {
  IntOrPercent out;
  out.percent_ = true;
  out.value_ = percent * kMicro;
  return out;
}

absl::StatusOr<IntOrPercent> IntOrPercent::Parse(absl::string_view text, absl::string_view field) {
  const absl::Status bad = absl::InvalidArgumentError(absl::StrCat(
      field, ": \"", text, "\" is neither an integer nor a percentage such as \"25%\""));
  absl::string_view in = text;
  if (!absl::ConsumeSuffix(&in, "%") || in.empty() || in.size() > kMaxText) return bad;
  const bool negative = absl::ConsumePrefix(&in, "-");
  IntOrPercent out;
  out.percent_ = true;
  int decimals = -1;
  bool digits = false;
  for (const char c : in) {
    if (c == '.') {
      if (decimals >= 0) return bad;
      decimals = 0;
      continue;
    }
    if (!absl::ascii_isdigit(static_cast<unsigned char>(c))) return bad;
    digits = true;
    if (decimals >= kDecimals) return bad;
    out.value_ = out.value_ * 10 + (c - '0');
    if (decimals >= 0) ++decimals;
    if (out.value_ > INT64_MAX / kMicro / 100) return bad;
  }
  if (!digits) return bad;
  for (int i = decimals < 0 ? 0 : decimals; i < kDecimals; ++i) out.value_ *= 10;
  if (negative) out.value_ = -out.value_;
  return out;
}

absl::StatusOr<IntOrPercent> IntOrPercent::FromJson(const Json& value, absl::string_view field) {
  if (value.is_number_integer()) return Count(value.get<int64_t>());
  if (value.is_string()) return Parse(value.get_ref<const std::string&>(), field);
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", value.dump(), " is neither an integer nor a percentage"));
}

int64_t IntOrPercent::Resolve(int64_t total, Rounding rounding) const {
  if (!percent_) return value_;
  const absl::int128 product = absl::int128(value_) * total;
  const absl::int128 whole = absl::int128(kMicro) * 100;
  absl::int128 count = product / whole;
  if (rounding == Rounding::kUp && product > 0 && product % whole != 0) count += 1;
  return static_cast<int64_t>(count);
}

bool IntOrPercent::IsWhole() const { return percent_ && value_ == 100 * kMicro; }

std::string IntOrPercent::Text() const {
  if (!percent_) return absl::StrCat(value_);
  std::string out = absl::StrCat(value_ / kMicro);
  if (const int64_t rest = value_ % kMicro; rest != 0) {
    std::string digits = absl::StrCat(kMicro + rest).substr(1);
    while (digits.back() == '0') digits.pop_back();
    absl::StrAppend(&out, ".", digits);
  }
  return out + "%";
}

}  // namespace rekindle::api
