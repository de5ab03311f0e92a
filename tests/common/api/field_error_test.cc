#include "common/api/field_error.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

TEST(FieldPath, IsWrittenAsInErrorsOfTheApi) {
  EXPECT_EQ(FieldPath().Child("spec").Child("containers").Index(0).Child("name").text(),
            "spec.containers[0].name");
  EXPECT_EQ(FieldPath("metadata").Child("labels").Key("app").text(), "metadata.labels[app]");
}

// Spec kubernetes-api 4.3.
TEST(FieldErrors, WordsOfEachClass) {
  FieldErrors errors;
  const FieldPath at("spec.x");
  errors.Required(at);
  errors.Required(at, "name or generateName is required");
  errors.Invalid(at, -1, "must be greater than or equal to 0");
  errors.NotSupported(at, "Foo", {"A", "B"});
  errors.Duplicate(at, "a");
  errors.NotFound(at, "v");
  errors.Forbidden(at, "no");
  errors.TooLong(at, 262144);
  errors.TooMany(at, 300, 256);
  errors.TypeInvalid(at, "integer", "d");
  const struct {
    const char* reason;
    const char* message;
  } want[] = {
      {"FieldValueRequired", "Required value"},
      {"FieldValueRequired", "Required value: name or generateName is required"},
      {"FieldValueInvalid", "Invalid value: -1: must be greater than or equal to 0"},
      {"FieldValueNotSupported", R"(Unsupported value: "Foo": supported values: "A", "B")"},
      {"FieldValueDuplicate", R"(Duplicate value: "a")"},
      {"FieldValueNotFound", R"(Not found: "v")"},
      {"FieldValueForbidden", "Forbidden: no"},
      {"FieldValueTooLong", "Too long: must have at most 262144 bytes"},
      {"FieldValueTooMany", "Too many: 300: must have at most 256 items"},
      {"FieldValueTypeInvalid", R"(Invalid value: "integer": d)"},
  };
  ASSERT_EQ(errors.size(), std::size(want));
  for (size_t i = 0; i < errors.size(); ++i) {
    EXPECT_EQ(FieldErrorReason(errors.errors()[i].kind), want[i].reason);
    EXPECT_EQ(errors.errors()[i].message, want[i].message);
    EXPECT_EQ(errors.errors()[i].field, "spec.x");
  }
  EXPECT_EQ(FieldErrorReason(FieldErrorKind::kInternal), "InternalError");
}

TEST(FieldErrors, TextAndBounds) {
  FieldErrors errors;
  errors.Required(FieldPath("spec.selector"));
  EXPECT_EQ(errors.Text(), "spec.selector: Required value");
  errors.Required(FieldPath("spec.selector"));  // once is enough
  EXPECT_EQ(errors.size(), 1u);
  errors.Forbidden(FieldPath("spec"), "x");
  EXPECT_EQ(errors.Text(), "[spec.selector: Required value, spec: Forbidden: x]");
  EXPECT_TRUE(errors.HasKind(FieldErrorKind::kForbidden));
  EXPECT_FALSE(errors.HasKind(FieldErrorKind::kTooMany));
  for (int i = 0; i < 1000; ++i) errors.Required(FieldPath("a").Index(static_cast<size_t>(i)));
  EXPECT_EQ(errors.size(), FieldErrors::kMost);
  EXPECT_EQ(errors.left_out(), 902u);
  EXPECT_NE(errors.Text().find("and 902 more"), std::string::npos);
}

TEST(FieldErrors, LongValuesAreCutBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 400; ++i) text += "\xc3\xa4";
  const std::string shown = ShownValue(text);
  EXPECT_LE(shown.size(), 516u);
  EXPECT_EQ(shown.substr(shown.size() - 5), "\xc3\xa4...");
}

}  // namespace
}  // namespace rekindle::api
