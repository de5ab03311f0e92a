#ifndef REKINDLE_COMMON_API_FIELD_ERROR_H_
#define REKINDLE_COMMON_API_FIELD_ERROR_H_

#include <cstddef>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"

namespace rekindle::api {

// Where in an object an error is: `spec.containers[0].name`, `metadata.labels[app]`. An empty path
// is the object itself. Thread-compatible.
class FieldPath {
 public:
  FieldPath() = default;
  explicit FieldPath(absl::string_view text) : text_(text) {}
  FieldPath Child(absl::string_view name) const;
  FieldPath Index(size_t index) const;
  FieldPath Key(absl::string_view key) const;
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

// The classes of causes of a 422 (spec kubernetes-api 4.3).
enum class FieldErrorKind {
  kRequired,
  kInvalid,
  kNotSupported,
  kDuplicate,
  kNotFound,
  kForbidden,
  kTooLong,
  kTooMany,
  kTypeInvalid,
  kInternal,
};
absl::string_view FieldErrorReason(FieldErrorKind kind);  // "FieldValueRequired", ...

struct FieldError {
  FieldErrorKind kind = FieldErrorKind::kInvalid;
  std::string field;
  std::string message;  // "Required value: must have a name"
};

// What is wrong with one object, in the order found. Keeps at most kMost errors and counts the
// rest, so that a hostile object cannot make an answer of any size. Thread-compatible.
class FieldErrors {
 public:
  static constexpr size_t kMost = 100;

  void Required(const FieldPath& at, absl::string_view detail = {});
  void Invalid(const FieldPath& at, const Json& value, absl::string_view detail);
  void TypeInvalid(const FieldPath& at, const Json& value, absl::string_view detail);
  void NotSupported(const FieldPath& at, const Json& value,
                    const std::vector<std::string>& supported);
  void Duplicate(const FieldPath& at, const Json& value);
  void NotFound(const FieldPath& at, const Json& value);
  void Forbidden(const FieldPath& at, absl::string_view detail);
  void TooLong(const FieldPath& at, size_t most_bytes);
  void TooMany(const FieldPath& at, size_t have, size_t most);
  void Add(FieldError error);

  bool empty() const { return errors_.empty(); }
  size_t size() const { return errors_.size(); }
  size_t left_out() const { return left_out_; }
  const std::vector<FieldError>& errors() const { return errors_; }
  bool HasKind(FieldErrorKind kind) const;
  // "field: message" of all, joined by ", " and in brackets when there are several.
  std::string Text() const;

 private:
  std::vector<FieldError> errors_;
  size_t left_out_ = 0;
};

// A value as error messages show it: JSON, cut after 512 bytes.
std::string ShownValue(const Json& value);

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_FIELD_ERROR_H_
