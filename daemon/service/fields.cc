#include "daemon/service/fields.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "daemon/service/constants.h"

namespace rekindle::service {

namespace {

constexpr int32_t kNanosPerSecond = 1'000'000'000;
constexpr size_t kContainerIdDigits = 64;

unsigned Byte(char c) { return static_cast<unsigned char>(c); }

// Length of the well-formed UTF-8 sequence at the front of `text` (RFC 3629, table of section 4);
// 0 when there is none.
size_t SequenceLength(absl::string_view text) {
  const unsigned lead = Byte(text[0]);
  if (lead < 0x80) return 1;
  size_t length = 0;
  unsigned low = 0x80;   // bounds of the second byte; they shut out overlong forms, surrogates
  unsigned high = 0xBF;  // and what lies above U+10FFFF
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  }
  if (length == 0 || text.size() < length) return 0;
  if (Byte(text[1]) < low || Byte(text[1]) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (Byte(text[i]) < 0x80 || Byte(text[i]) > 0xBF) return 0;
  }
  return length;
}

bool IsLowerHex(char c) { return absl::ascii_isdigit(Byte(c)) || (c >= 'a' && c <= 'f'); }

}  // namespace

absl::Status BadField(absl::string_view field, absl::string_view problem) {
  return absl::InvalidArgumentError(absl::StrCat(field, ": ", problem));
}

absl::Status CheckToken(absl::string_view field, absl::string_view value, absl::string_view extra,
                        size_t max) {
  if (value.empty()) return BadField(field, "must not be empty");
  if (value.size() > max) {
    return BadField(field, absl::StrCat("must not be longer than ", max, " characters"));
  }
  for (char c : value) {
    if (absl::ascii_isalnum(Byte(c)) || absl::StrContains(extra, c)) continue;
    return BadField(field, absl::StrCat("may hold letters, digits and \"", extra, "\" only"));
  }
  return absl::OkStatus();
}

absl::Status CheckName(absl::string_view field, absl::string_view value) {
  absl::Status status = CheckToken(field, value, "._-", kMaxName);
  if (status.ok() && !absl::ascii_isalnum(Byte(value.front()))) {
    return BadField(field, "must begin with a letter or digit");
  }
  return status;
}

absl::Status CheckText(absl::string_view field, absl::string_view value, size_t max) {
  if (value.size() > max) {
    return BadField(field, absl::StrCat("must not be longer than ", max, " bytes"));
  }
  if (absl::StrContains(value, '\0')) return BadField(field, "must not hold a NUL byte");
  return absl::OkStatus();
}

absl::StatusOr<uint16_t> CheckPort(absl::string_view field, uint32_t value) {
  if (value < 1 || value > 65535) return BadField(field, "must be 1..65535");
  return static_cast<uint16_t>(value);
}

absl::StatusOr<absl::Duration> CheckDuration(absl::string_view field,
                                             const google::protobuf::Duration& value,
                                             absl::Duration least) {
  const bool mixed_signs =
      (value.seconds() > 0 && value.nanos() < 0) || (value.seconds() < 0 && value.nanos() > 0);
  if (mixed_signs || value.nanos() <= -kNanosPerSecond || value.nanos() >= kNanosPerSecond) {
    return BadField(field, "is not a well-formed duration");
  }
  if (value.seconds() < 0 || value.nanos() < 0) return BadField(field, "must not be negative");
  if (value.seconds() > absl::ToInt64Seconds(kMaxDuration)) {
    return BadField(field, absl::StrCat("must not exceed ", absl::FormatDuration(kMaxDuration)));
  }
  const absl::Duration duration = absl::Seconds(value.seconds()) + absl::Nanoseconds(value.nanos());
  if (duration > kMaxDuration) {
    return BadField(field, absl::StrCat("must not exceed ", absl::FormatDuration(kMaxDuration)));
  }
  if (duration < least) {
    return BadField(field, absl::StrCat("must be at least ", absl::FormatDuration(least)));
  }
  return duration;
}

absl::StatusOr<std::string> CheckContainerId(absl::string_view field, absl::string_view value) {
  absl::string_view digits = value;
  const size_t colon = value.find("://");
  if (colon != absl::string_view::npos) {
    absl::Status status = CheckToken(field, value.substr(0, colon), "+.-", kMaxName);
    if (!status.ok()) return BadField(field, "the runtime type before \"://\" is malformed");
    digits.remove_prefix(colon + 3);
  }
  if (digits.size() != kContainerIdDigits ||
      !std::all_of(digits.begin(), digits.end(), IsLowerHex)) {
    return BadField(field, "must be 64 lower-case hex digits, behind an optional \"<type>://\"");
  }
  return std::string(digits);
}

bool IsUtf8(absl::string_view text) {
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string MakeUtf8(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t length = SequenceLength(text);
    if (length == 0) {
      out.push_back('?');
      text.remove_prefix(1);
    } else {
      out.append(text.data(), length);
      text.remove_prefix(length);
    }
  }
  return out;
}

}  // namespace rekindle::service
