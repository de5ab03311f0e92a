#include "common/api/field_error.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr size_t kMostShown = 512;

std::string With(absl::string_view start, absl::string_view detail) {
  return detail.empty() ? std::string(start) : absl::StrCat(start, ": ", detail);
}

}  // namespace

FieldPath FieldPath::Child(absl::string_view name) const {
  return FieldPath(text_.empty() ? std::string(name) : absl::StrCat(text_, ".", name));
}
FieldPath FieldPath::Index(size_t index) const {
  return FieldPath(absl::StrCat(text_, "[", index, "]"));
}
FieldPath FieldPath::Key(absl::string_view key) const {
  return FieldPath(absl::StrCat(text_, "[", key, "]"));
}

absl::string_view FieldErrorReason(FieldErrorKind kind) {
  switch (kind) {
    case FieldErrorKind::kRequired:
      return "FieldValueRequired";
    case FieldErrorKind::kInvalid:
      return "FieldValueInvalid";
    case FieldErrorKind::kNotSupported:
      return "FieldValueNotSupported";
    case FieldErrorKind::kDuplicate:
      return "FieldValueDuplicate";
    case FieldErrorKind::kNotFound:
      return "FieldValueNotFound";
    case FieldErrorKind::kForbidden:
      return "FieldValueForbidden";
    case FieldErrorKind::kTooLong:
      return "FieldValueTooLong";
    case FieldErrorKind::kTooMany:
      return "FieldValueTooMany";
    case FieldErrorKind::kTypeInvalid:
      return "FieldValueTypeInvalid";
    case FieldErrorKind::kInternal:
      break;
  }
  return "InternalError";
}

std::string ShownValue(const Json& value) {
  std::string out = json::Dump(value);
  if (out.size() > kMostShown) {
    out.resize(kMostShown);
    // Not in the middle of a character.
    while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xc0) == 0x80) out.pop_back();
    if (!out.empty() && static_cast<unsigned char>(out.back()) >= 0xc0) out.pop_back();
    out += "...";
  }
  return out;
}

void FieldErrors::Add(FieldError error) {
  // Two rules may find the same fault; users need it once.
  for (const FieldError& other : errors_) {
    if (other.field == error.field && other.message == error.message) return;
  }
  if (errors_.size() < kMost) {
    errors_.push_back(std::move(error));
  } else {
    ++left_out_;
  }
}

void FieldErrors::Required(const FieldPath& at, absl::string_view detail) {
  Add({FieldErrorKind::kRequired, at.text(), With("Required value", detail)});
}
void FieldErrors::Invalid(const FieldPath& at, const Json& value, absl::string_view detail) {
  Add({FieldErrorKind::kInvalid, at.text(),
       With(absl::StrCat("Invalid value: ", ShownValue(value)), detail)});
}
void FieldErrors::TypeInvalid(const FieldPath& at, const Json& value, absl::string_view detail) {
  Add({FieldErrorKind::kTypeInvalid, at.text(),
       With(absl::StrCat("Invalid value: ", ShownValue(value)), detail)});
}
void FieldErrors::NotSupported(const FieldPath& at, const Json& value,
                               const std::vector<std::string>& supported) {
  std::vector<std::string> shown;
  for (const std::string& one : supported) shown.push_back(ShownValue(Json(one)));
  Add({FieldErrorKind::kNotSupported, at.text(),
       absl::StrCat("Unsupported value: ", ShownValue(value),
                    shown.empty() ? "" : ": supported values: ", absl::StrJoin(shown, ", "))});
}
void FieldErrors::Duplicate(const FieldPath& at, const Json& value) {
  Add({FieldErrorKind::kDuplicate, at.text(),
       absl::StrCat("Duplicate value: ", ShownValue(value))});
}
void FieldErrors::NotFound(const FieldPath& at, const Json& value) {
  Add({FieldErrorKind::kNotFound, at.text(), absl::StrCat("Not found: ", ShownValue(value))});
}
void FieldErrors::Forbidden(const FieldPath& at, absl::string_view detail) {
  Add({FieldErrorKind::kForbidden, at.text(), With("Forbidden", detail)});
}
void FieldErrors::TooLong(const FieldPath& at, size_t most_bytes) {
  Add({FieldErrorKind::kTooLong, at.text(),
       absl::StrCat("Too long: must have at most ", most_bytes, " bytes")});
}
void FieldErrors::TooMany(const FieldPath& at, size_t have, size_t most) {
  Add({FieldErrorKind::kTooMany, at.text(),
       absl::StrCat("Too many: ", have, ": must have at most ", most, " items")});
}

bool FieldErrors::HasKind(FieldErrorKind kind) const {
  return std::any_of(errors_.begin(), errors_.end(),
                     [&](const FieldError& error) { return error.kind == kind; });
}

std::string FieldErrors::Text() const {
  std::vector<std::string> parts;
  for (const FieldError& error : errors_) {
    parts.push_back(error.field.empty() ? error.message
                                        : absl::StrCat(error.field, ": ", error.message));
  }
  if (left_out_ > 0) parts.push_back(absl::StrCat("and ", left_out_, " more"));
  return parts.size() == 1 ? parts[0] : absl::StrCat("[", absl::StrJoin(parts, ", "), "]");
}

}  // namespace rekindle::api
