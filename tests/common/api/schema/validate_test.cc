#include <gmock/gmock.h>

#include "common/api/schema/values.h"
#include "tests/common/api/schema/schema_fixture.h"

namespace rekindle::api {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ValidateTest : public SchemaTest {
 protected:
  std::vector<std::string> Check(const char* text, Wording wording = Wording::kCustom,
                                 bool own = true) {
    FieldErrors errors;
    CheckValue(Json::parse(text), *spec_, FieldPath("spec"), wording, errors, own);
    std::vector<std::string> out;
    for (const FieldError& error : errors.errors()) {
      out.push_back(error.field + ": " + error.message);
    }
    return out;
  }
};

TEST_F(ValidateTest, CustomResources) {
  EXPECT_THAT(Check(R"({"size":3,"color":"red","share":"20%","weight":1.5,"code":"abc",
                        "parts":[{"name":"a","kind":"x"},{"name":"a","kind":"y"}],
                        "tags":["a","b"],"list":["a"],"since":"2030-01-02T03:04:05Z",
                        "maybe":null,"blob":[1],"hidden":7,"checked":"x"})"),
              IsEmpty());
  const struct {
    const char* given;
    const char* want;
  } cases[] = {
      {R"({})", "spec.size: Required value"},
      {R"({"size":"x"})",
       R"(spec.size: Invalid value: "string": spec.size in body must be of type integer: "string")"},
      {R"({"size":null})",
       R"(spec.size: Invalid value: "null": spec.size in body must be of type integer: "null")"},
      {R"({"size":1.5})",
       R"(spec.size: Invalid value: "number": spec.size in body must be of type integer: "number")"},
      {R"({"size":-1})",
       "spec.size: Invalid value: -1: spec.size in body should be greater than or equal to 0"},
      {R"({"size":11})",
       "spec.size: Invalid value: 11: spec.size in body should be less than or equal to 10"},
      {R"({"size":1,"color":"pink"})",
       R"(spec.color: Unsupported value: "pink": supported values: "red", "blue")"},
      {R"({"size":1,"share":5.5})",
       R"(spec.share: Invalid value: "number": spec.share in body must be of type integer,string: )"
       R"("number")"},
      {R"({"size":1,"weight":"1Gib"})",
       R"(spec.weight: Invalid value: "1Gib": spec.weight in body must be of type quantity)"},
      {R"({"size":1,"code":"abC"})",
       R"(spec.code: Invalid value: "abC": spec.code in body should match '^[a-z]+$')"},
      {R"({"size":1,"code":"a"})",
       R"(spec.code: Invalid value: "a": spec.code in body should be at least 2 chars long)"},
      {R"({"size":1,"code":"abcde"})", "spec.code: Too long: must have at most 4 bytes"},
      {R"({"size":1,"since":"x"})",
       R"(spec.since: Invalid value: "x": spec.since in body must be of type date-time)"},
      {R"({"size":1,"parts":[{}]})", "spec.parts[0].name: Required value"},
      {R"({"size":1,"parts":[{"name":"a"},{"name":"a"}]})",
       R"(spec.parts[1]: Duplicate value: {"name":"a"})"},
      {R"({"size":1,"tags":["a","a"]})", R"(spec.tags[1]: Duplicate value: "a")"},
      {R"({"size":1,"list":[]})",
       "spec.list: Invalid value: 0: spec.list in body should have at least 1 items"},
      {R"({"size":1,"list":["a","b","c"]})", "spec.list: Too many: 3: must have at most 2 items"},
      {R"({"size":1,"options":{"k":1}})",
       R"(spec.options.k: Invalid value: "integer": spec.options.k in body must be of type string: )"
       R"("integer")"},
      {R"({"size":1,"limits":[]})",
       R"(spec.limits: Invalid value: "array": spec.limits in body must be of type object: "array")"},
      {R"({"size":1,"checked":"z"})",
       R"(spec.checked: Unsupported value: "z": supported values: "x", "y")"},
  };
  for (const auto& c : cases) EXPECT_THAT(Check(c.given), ElementsAre(c.want)) << c.given;
  // What the CRD does not say is not checked on behalf of the CRD.
  EXPECT_THAT(Check(R"({"size":1,"checked":"z"})", Wording::kCustom, false), IsEmpty());
}

TEST_F(ValidateTest, KindsOfThePlatform) {
  const auto check = [&](const char* text) { return Check(text, Wording::kBuiltIn); };
  EXPECT_THAT(check(R"({"size":1,"color":"","code":"","name":""})"), IsEmpty());
  EXPECT_THAT(check(R"({"size":null})"), ElementsAre("spec.size: Required value"));
  EXPECT_THAT(check(R"({"size":-1})"),
              ElementsAre("spec.size: Invalid value: -1: must be between 0 and 10, inclusive"));
  EXPECT_THAT(check(R"({"size":1,"parts":[{"name":""}]})"),
              ElementsAre("spec.parts[0].name: Required value"));
  EXPECT_THAT(check(R"({"size":1,"name":"A","color":"x"})"),
              ElementsAre(testing::StartsWith("spec.color: Unsupported value: \"x\""),
                          testing::StartsWith("spec.name: Invalid value: \"A\": a lowercase RFC")));
}

}  // namespace
}  // namespace rekindle::api
