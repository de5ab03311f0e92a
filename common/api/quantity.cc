#include "common/api/quantity.h"

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

constexpr int64_t kNano = 1'000'000'000;
constexpr int kMaxExponent = 18;  // exa, the largest suffix
constexpr int kMinExponent = -9;  // nano, the smallest
constexpr int kMaxDigits = 28;    // as many as the largest value in nano has

absl::int128 Pow(int64_t base, int exponent) {
  absl::int128 out = 1;
  for (int i = 0; i < exponent; ++i) out *= base;
  return out;
}

absl::int128 Cap() { return absl::int128(INT64_MAX) * kNano; }

absl::Status Bad(absl::string_view text) {
  return absl::InvalidArgumentError(absl::StrCat("quantity \"", text, "\" cannot be parsed"));
}

std::string Digits(absl::int128 value) {
  std::string out;
  const bool negative = value < 0;
  if (negative) value = -value;
  do {
    out.insert(out.begin(), static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value > 0);
  return negative ? "-" + out : out;
}

absl::int128 CeilDiv(absl::int128 value, absl::int128 by) {
  const absl::int128 quotient = value / by;
  return value > 0 && value % by != 0 ? quotient + 1 : quotient;
}

}  // namespace

absl::StatusOr<Quantity> Quantity::Parse(absl::string_view text) {
  absl::string_view in = absl::StripAsciiWhitespace(text);
  const bool negative = !in.empty() && in[0] == '-';
  if (!in.empty() && (in[0] == '-' || in[0] == '+')) in.remove_prefix(1);
  absl::int128 mantissa = 0;
  int fraction = 0;
  int significant = 0;
  bool any = false;
  bool point = false;
  bool lost = false;
  size_t i = 0;
  for (; i < in.size(); ++i) {
    if (in[i] == '.') {
      if (point) return Bad(text);
      point = true;
      continue;
    }
    if (!absl::ascii_isdigit(static_cast<unsigned char>(in[i]))) break;
    any = true;
    if (significant > 0 || in[i] != '0') ++significant;
    if (significant > kMaxDigits) {
      lost = lost || in[i] != '0';
      if (!point) --fraction;
      continue;
    }
    mantissa = mantissa * 10 + (in[i] - '0');
    if (point) ++fraction;
  }
  if (!any) return Bad(text);
  const absl::string_view suffix = in.substr(i);

  Quantity out;
  int exponent = 0;
  absl::int128 binary = 1;
  constexpr absl::string_view kBinary = "KMGTPE";
  constexpr absl::string_view kSmall = "num";
  constexpr absl::string_view kLarge = "kMGTPE";
  if (suffix.size() == 2 && suffix[1] == 'i' &&
      kBinary.find(suffix[0]) != absl::string_view::npos) {
    out.form_ = Form::kBinary;
    binary = Pow(1024, static_cast<int>(kBinary.find(suffix[0])) + 1);
  } else if (suffix.size() == 1 && kSmall.find(suffix[0]) != absl::string_view::npos) {
    exponent = -9 + 3 * static_cast<int>(kSmall.find(suffix[0]));
  } else if (suffix.size() == 1 && kLarge.find(suffix[0]) != absl::string_view::npos) {
    exponent = 3 * (static_cast<int>(kLarge.find(suffix[0])) + 1);
  } else if (!suffix.empty()) {
    int32_t power = 0;
    absl::string_view digits = suffix.substr(1);
    if ((suffix[0] != 'e' && suffix[0] != 'E') || digits.empty() ||
        absl::ascii_isspace(static_cast<unsigned char>(digits[0])) ||
        !absl::SimpleAtoi(digits, &power) || power > kMaxExponent || power < -kMaxExponent) {
      return Bad(text);
    }
    out.form_ = Form::kExponent;
    exponent = power;
  }
  // Digits that do not fit beside the suffix count no more.
  while (mantissa > absl::Int128Max() / binary) {
    lost = lost || mantissa % 10 != 0;
    mantissa /= 10;
    --fraction;
  }
  // value in nano = mantissa * binary * 10^(exponent - fraction + 9)
  const int scale = exponent - fraction - kMinExponent;
  absl::int128 value = mantissa * binary;
  if (scale >= 0) {
    for (int s = 0; s < scale && value <= Cap(); ++s) value *= 10;
  } else {
    for (int s = 0; s < -scale; ++s) {
      lost = lost || value % 10 != 0;
      value /= 10;
    }
  }
  if (lost) value += 1;
  if (value > Cap()) value = Cap();
  out.nano_ = negative ? -value : value;
  return out;
}

absl::StatusOr<Quantity> Quantity::FromJson(const Json& value) {
  if (value.is_null()) return Quantity();
  if (value.is_string()) return Parse(value.get_ref<const std::string&>());
  if (value.is_number()) return Parse(value.dump());
  return Bad(value.dump());
}

std::string Quantity::Text() const {
  if (nano_ == 0) return "0";
  const absl::int128 magnitude = nano_ < 0 ? -nano_ : nano_;
  if (form_ == Form::kBinary && magnitude % kNano == 0 && magnitude / kNano >= 1024) {
    absl::int128 value = nano_ / kNano;
    int step = 0;
    while (step < 6 && value % 1024 == 0) {
      value /= 1024;
      ++step;
    }
    constexpr absl::string_view kNames[] = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
    return absl::StrCat(Digits(value), kNames[step]);
  }
  absl::int128 value = nano_;
  int exponent = kMinExponent;
  while (exponent < kMaxExponent && value % 1000 == 0) {
    value /= 1000;
    exponent += 3;
  }
  if (form_ == Form::kExponent) {
    return exponent == 0 ? Digits(value) : absl::StrCat(Digits(value), "e", exponent);
  }
  constexpr absl::string_view kNames[] = {"n", "u", "m", "", "k", "M", "G", "T", "P", "E"};
  return absl::StrCat(Digits(value), kNames[(exponent - kMinExponent) / 3]);
}

std::string Quantity::PlainText() const {
  Quantity plain = *this;
  plain.form_ = Form::kDecimal;
  return plain.Text();
}

bool Quantity::IsWhole() const { return nano_ % kNano == 0; }

Quantity Quantity::RoundedToMilli() const {
  constexpr int64_t kMicro = kNano / 1000;
  Quantity out = *this;
  if (nano_ % kMicro != 0) out.nano_ = CeilDiv(nano_, kMicro) * kMicro;
  return out;
}

int64_t Quantity::Milli() const { return static_cast<int64_t>(CeilDiv(nano_, kNano / 1000)); }
int64_t Quantity::Units() const { return static_cast<int64_t>(CeilDiv(nano_, kNano)); }

}  // namespace rekindle::api
