#include "common/api/schema/values.h"

#include <gmock/gmock.h>

#include "tests/common/api/schema/schema_fixture.h"

namespace rekindle::api {
namespace {

using testing::ElementsAre;

using ValuesTest = SchemaTest;

TEST_F(ValuesTest, UnknownFieldsAreFoundAndPruned) {
  const Json given = Json::parse(R"({"apiVersion":"example.io/v1","kind":"Widget",
      "metadata":{"name":"a","odd":1},
      "spec":{"size":1,"odd":1,"parts":[{"name":"x","odd":{}}],"options":{"k":"v"},
              "blob":{"odd":1},"hidden":{"odd":1}},
      "status":{"odd":1,"phase":"x"},"odd":1})");
  EXPECT_THAT(UnknownFields(given, *widget_->type),
              ElementsAre("metadata.odd", "odd", "spec.odd", "spec.parts[0].odd"));
  EXPECT_THAT(UnknownFields(given, *widget_->type, 1), ElementsAre("metadata.odd"));
  Json pruned = given;
  Prune(pruned, *widget_->type);
  Json want = given;
  want.erase("odd");
  want["metadata"].erase("odd");
  want["spec"].erase("odd");
  want["spec"]["parts"][0].erase("odd");
  EXPECT_EQ(pruned, want);  // free-form parts are left alone
}

// Spec kubernetes-api 13.3.
TEST_F(ValuesTest, DefaultsAndNulls) {
  Json spec = Json::parse(R"({"size":null,"color":null,"maybe":null,
      "parts":[{"name":"x"},{"name":"y","kind":null}],"options":{"a":null,"b":"c"},
      "hidden":{"deep":null}})");
  ApplyDefaults(spec, *spec_);
  EXPECT_EQ(spec, Json::parse(R"({"size":1,"maybe":null,
      "parts":[{"name":"x","kind":"plain"},{"name":"y","kind":"plain"}],"options":{"b":"c"},
      "limits":{"burst":true},"hidden":{"deep":null}})"));
  // Defaults that are no part of the CRD are ours.
  Json outside = Json::object();
  ApplyDefaults(outside, *spec_, /*own_defaults=*/false);
  EXPECT_EQ(outside, (Json{{"size", 1}}));
  // Inside of what is absent nothing appears.
  Json whole = {{"kind", "Widget"}};
  PruneAndDefault(whole, *widget_->type);
  EXPECT_EQ(whole, (Json{{"kind", "Widget"}}));
}

TEST_F(ValuesTest, MistypedValuesOfTypedObjects) {
  const auto first = [&](const char* text) {
    return FirstMistyped(Json::parse(text), *widget_->type, "Widget");
  };
  EXPECT_EQ(first(R"({"spec":{"size":3,"share":"x","weight":"1Gi","options":{"a":"b"}}})"), "");
  EXPECT_EQ(first(R"({"spec":{"size":"3"}})"),
            "json: cannot unmarshal string into field Widget.spec.size of type int32");
  EXPECT_EQ(first(R"({"spec":{"size":3.5}})"),
            "json: cannot unmarshal number 3.5 into field Widget.spec.size of type int32");
  EXPECT_EQ(first(R"({"spec":{"size":3000000000}})"),
            "json: cannot unmarshal number 3000000000 into field Widget.spec.size of type int32");
  EXPECT_EQ(first(R"({"spec":{"parts":{"name":"x"}}})"),
            "json: cannot unmarshal object into field Widget.spec.parts of type array");
  EXPECT_EQ(first(R"({"spec":{"parts":[7]}})"),
            "json: cannot unmarshal number 7 into field Widget.spec.parts of type object");
  EXPECT_EQ(first(R"({"spec":{"options":{"a":1}}})"),
            "json: cannot unmarshal number 1 into field Widget.spec.options of type string");
  EXPECT_EQ(first(R"({"spec":{"weight":"1Gib"}})"),
            "field Widget.spec.weight: \"1Gib\" is no quantity");
  EXPECT_EQ(first(R"({"spec":{"since":"now"}})"),
            "field Widget.spec.since: \"now\" is no date-time");
  EXPECT_EQ(first(R"({"spec":{"hidden":7}})"), "");
}

}  // namespace
}  // namespace rekindle::api
