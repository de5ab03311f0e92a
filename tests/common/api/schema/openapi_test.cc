#include "common/api/schema/openapi.h"

#include <gmock/gmock.h>

#include "common/api/schema/values.h"
#include "tests/common/api/schema/schema_fixture.h"

namespace rekindle::api {
namespace {

using testing::HasSubstr;

using OpenApiTest = SchemaTest;

TEST_F(OpenApiTest, CrdOfAKind) {
  const Json crd = ToCrd(*schema_, "example.io", "Widget");
  EXPECT_EQ(crd["metadata"]["name"], "widgets.example.io");
  EXPECT_EQ(crd["spec"]["scope"], "Namespaced");
  EXPECT_EQ(crd["spec"]["names"]["shortNames"], (Json{"w", "wi"}));
  const Json& version = crd["spec"]["versions"][0];
  EXPECT_TRUE(version["storage"]);
  EXPECT_EQ(version["subresources"]["scale"]["labelSelectorPath"], ".status.selector");
  EXPECT_EQ(version["additionalPrinterColumns"][1]["priority"], 1);
  const Json& spec = version["schema"]["openAPIV3Schema"]["properties"]["spec"];
  EXPECT_EQ(spec["required"], Json{"size"});
  const Json& members = spec["properties"];
  EXPECT_EQ(members["size"], Json::parse(R"({"type":"integer","format":"int32","default":1,
      "minimum":0,"maximum":10,"description":"How big."})"));
  EXPECT_EQ(members["share"], Json::parse(R"({"x-kubernetes-int-or-string":true,
      "description":"A share."})"));
  EXPECT_EQ(members["parts"]["x-kubernetes-list-map-keys"], (Json{"name", "kind"}));
  EXPECT_FALSE(members["parts"].contains("x-kubernetes-patch-strategy"));
  EXPECT_EQ(members["hidden"], Json::parse(R"({"type":"object",
      "x-kubernetes-preserve-unknown-fields":true,"description":"Free-form outside."})"));
  EXPECT_FALSE(members["limits"].contains("default"));  // ours alone
  EXPECT_EQ(members["limits"]["x-kubernetes-map-type"], "atomic");
  EXPECT_FALSE(members["checked"].contains("enum"));
  EXPECT_EQ(ToCrd(*schema_, "example.io", "Nothing"), Json());
}

TEST_F(OpenApiTest, ComponentsReferToOneAnother) {
  const Json all = ToComponents({widget_});
  const Json& widget = all["io.example.v1.Widget"];
  EXPECT_EQ(widget["x-kubernetes-group-version-kind"][0]["kind"], "Widget");
  EXPECT_EQ(widget["properties"]["spec"]["allOf"][0]["$ref"],
            "#/components/schemas/io.example.v1.WidgetSpec");
  const Json& parts = all["io.example.v1.WidgetSpec"]["properties"]["parts"];
  EXPECT_EQ(parts["x-kubernetes-patch-merge-key"], "name");
  EXPECT_EQ(parts["x-kubernetes-patch-strategy"], "merge");
  EXPECT_EQ(parts["items"]["$ref"], "#/components/schemas/io.example.v1.Part");
  // For explanations opaque members go on.
  EXPECT_TRUE(all.contains("io.example.v1.Hidden"));
  for (const auto& [name, body] : all.items()) {
    EXPECT_TRUE(body.contains("description")) << name;
  }
}

// A schema written as a CRD and read again means the same.
TEST_F(OpenApiTest, ReadAgain) {
  const Json crd = ToCrd(*schema_, "example.io", "Widget");
  TypeStore store;
  FieldErrors errors;
  const Type* meta = schema_->FindType("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta");
  const Type* read = FromOpenApi(crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"], meta,
                                 FieldPath("s"), store, errors);
  EXPECT_THAT(errors.Text(), "[]");
  ASSERT_NE(read, nullptr);
  EXPECT_EQ(read->Find("metadata")->type, meta);
  Json again = ToStructuralSchema(*read);
  Json before = ToStructuralSchema(*widget_->type);
  // Defaults of ours are not in the CRD, and neither is what "unchecked" leaves out.
  EXPECT_EQ(again["properties"]["spec"], before["properties"]["spec"]);
  Json value = Json::parse(R"({"spec":{"size":null,"odd":1,"parts":[{"name":"a"}]}})");
  PruneAndDefault(value, *read);
  EXPECT_EQ(value, Json::parse(R"({"spec":{"size":1,"parts":[{"name":"a","kind":"plain"}]}})"));
}

// Spec kubernetes-api 13.2: each rule and its words.
TEST_F(OpenApiTest, StructuralRules) {
  const struct {
    const char* schema;
    const char* want;
  } cases[] = {
      {R"({"properties":{}})", "s.type: Required value: must not be empty at the root"},
      {R"({"type":"object","properties":{"a":{}}})",
       "s.properties[a].type: Required value: must not be empty for specified object fields"},
      {R"({"type":"object","properties":{"a":{"type":"array","items":{}}}})",
       "s.properties[a].items.type: Required value: must not be empty for specified array items"},
      {R"({"type":"object","properties":{"a":{"type":"object","properties":{},
           "additionalProperties":{"type":"string"}}}})",
       "additionalProperties and properties are mutual exclusive"},
      {R"({"type":"object","properties":{"a":{"type":"string","anyOf":[{"type":"string"}]}}})",
       "s.properties[a].anyOf[0].type: Forbidden: must be empty to be structural"},
      {R"({"type":"object","properties":{"a":{"type":"object","not":{"nullable":true}}}})",
       "s.properties[a].not.nullable: Forbidden: must be empty to be structural"},
      {R"({"type":"object","properties":{"a":{"type":"array"}}})",
       "s.properties[a].items: Required value: must be specified"},
      {R"({"type":"object","properties":{"metadata":{"type":"object","properties":{
           "labels":{"type":"object"}}}}})",
       "must not specify anything other than name and generateName, but metadata is implicitly "
       "specified"},
      {R"({"type":"object","properties":{"a":{"type":"string","default":7}}})",
       R"(s.properties[a].default: Invalid value: "integer":  in body must be of type string: )"
       R"("integer")"},
      {R"({"type":"object","properties":{"a":{"type":"array","x-kubernetes-list-type":"map",
           "x-kubernetes-list-map-keys":["k"],"items":{"type":"object","properties":{
           "k":{"type":"string"}}}}}})",
       "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required "
       "property"},
      {R"({"type":"object","properties":{"a":{"type":"object",
           "x-kubernetes-embedded-resource":true}}})",
       "must not be empty if x-kubernetes-embedded-resource is true without "
       "x-kubernetes-preserve-unknown-fields"},
      {R"({"type":"object","properties":{"a":{"$ref":"#/x","type":"string"}}})", "Forbidden"},
      {R"({"type":"object","properties":{"a":{"type":"array","uniqueItems":true,
           "items":{"type":"string"}}}})",
       "uniqueItems cannot be set to true"},
      {R"({"type":"object","properties":{"a":{"type":"object","additionalProperties":false}}})",
       "additionalProperties cannot be set to false"},
      {R"({"type":"object","properties":{"a":{"type":"text"}}})", "Unsupported value: \"text\""},
      {R"([])", "s: Required value"},
  };
  for (const auto& c : cases) {
    TypeStore store;
    FieldErrors errors;
    (void)FromOpenApi(Json::parse(c.schema), nullptr, FieldPath("s"), store, errors);
    EXPECT_THAT(errors.Text(), HasSubstr(c.want)) << c.schema;
  }
  TypeStore store;
  FieldErrors errors;
  (void)FromOpenApi(Json::parse(R"({"type":"object","properties":{"a":{
      "x-kubernetes-int-or-string":true,"anyOf":[{"type":"integer"},{"type":"string"}]},
      "b":{"x-kubernetes-preserve-unknown-fields":true},
      "metadata":{"type":"object","properties":{"name":{"type":"string","maxLength":5}}}}})"),
                    nullptr, FieldPath("s"), store, errors);
  EXPECT_EQ(errors.Text(), "[]");
}

TEST_F(OpenApiTest, ConditionsOfUsersSchemas) {
  TypeStore store;
  FieldErrors errors;
  const Type* type = FromOpenApi(Json::parse(R"({"type":"object","properties":{"spec":{
      "type":"object","properties":{"a":{"type":"integer"},"b":{"type":"string"},
        "c":{"type":"integer","minimum":0,"exclusiveMinimum":true,"multipleOf":2},
        "e":{"type":"object","x-kubernetes-embedded-resource":true,
             "x-kubernetes-preserve-unknown-fields":true}},
      "oneOf":[{"required":["a"]},{"required":["b"]}],
      "anyOf":[{"properties":{"a":{"maximum":5}}},{"required":["c"]}],
      "allOf":[{"maxProperties":3}],
      "not":{"required":["d"]}}}})"),
                                 nullptr, FieldPath("s"), store, errors);
  ASSERT_TRUE(errors.empty()) << errors.Text();
  const auto check = [&](const char* spec) {
    FieldErrors found;
    CheckValue(Json{{"spec", Json::parse(spec)}}, *type, FieldPath(), Wording::kCustom, found);
    return found.Text();
  };
  EXPECT_EQ(check(R"({"a":1})"), "[]");
  EXPECT_EQ(check(R"({"b":"x"})"), "[]");
  EXPECT_THAT(check(R"({"a":1,"b":"x"})"),
              HasSubstr("must validate one and only one schema (oneOf). Found 2 valid"));
  EXPECT_THAT(check(R"({})"), HasSubstr("(oneOf). Found none valid"));
  EXPECT_THAT(check(R"({"a":6})"), HasSubstr("must validate at least one schema (anyOf)"));
  EXPECT_THAT(check(R"({"a":6,"c":2})"), "[]");
  EXPECT_THAT(check(R"({"a":1,"c":3})"), HasSubstr("should be a multiple of 2"));
  EXPECT_THAT(check(R"({"a":1,"c":0})"), HasSubstr("should be greater than 0"));
  EXPECT_THAT(check(R"({"a":1,"d":1})"), HasSubstr("must not validate the schema (not)"));
  EXPECT_THAT(check(R"({"a":1,"c":2,"x":1,"y":1})"),
              HasSubstr("Too many: 4: must have at most 3 items"));
  EXPECT_THAT(check(R"({"a":1,"e":{"x":1}})"), HasSubstr("spec.e.kind: Required value"));
}

}  // namespace
}  // namespace rekindle::api
