#ifndef REKINDLE_COMMON_API_QUANTITY_H_
#define REKINDLE_COMMON_API_QUANTITY_H_

#include <cstdint>
#include <string>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::api {

// A resource amount such as "250m" or "1.5Gi" (spec kubernetes-api 2.8), kept in units of 10^-9.
// Finer values round away from zero. Compare by value, never by text.
class Quantity {
 public:
  Quantity() = default;

  // Errors: kInvalidArgument with the offending text.
  static absl::StatusOr<Quantity> Parse(absl::string_view text);
  // Accepts JSON text and numbers; null is 0.
  static absl::StatusOr<Quantity> FromJson(const Json& value);

  // The canonical text: the input's suffix class and the largest suffix that leaves an integer.
  std::string Text() const;
  // The same for equal values, whatever their suffix class.
  std::string PlainText() const;

  // Rounded up: to thousandths (cpu), to units (bytes of memory).
  int64_t Milli() const;
  int64_t Units() const;
  bool IsZero() const { return nano_ == 0; }
  bool IsNegative() const { return nano_ < 0; }
  // True when it is a whole number: of bytes, of devices.
  bool IsWhole() const;
  // Rounded up to thousandths, as API servers store requests and limits.
  Quantity RoundedToMilli() const;

  friend bool operator==(const Quantity& a, const Quantity& b) { return a.nano_ == b.nano_; }
  friend bool operator!=(const Quantity& a, const Quantity& b) { return !(a == b); }
  friend bool operator<(const Quantity& a, const Quantity& b) { return a.nano_ < b.nano_; }

 private:
  enum class Form : uint8_t { kDecimal, kBinary, kExponent };

  absl::int128 nano_ = 0;
  Form form_ = Form::kDecimal;
};

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_QUANTITY_H_
