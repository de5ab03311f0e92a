#include "controller/apiserver/catalog/definition.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "common/api/kinds/admission.h"
#include "common/api/kinds/registry.h"
#include "common/api/status.h"
#include "tests/controller/apiserver/catalog/widget.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string Complaints(const Json& crd, const Json* old = nullptr) {
  api::FieldErrors errors;
  ValidateDefinition(crd, old, errors);
  return errors.Text();
}

TEST(Definition, Defaults) {
  const Json crd = WidgetDefinition();
  EXPECT_EQ(crd["spec"]["names"]["singular"], "widget");
  EXPECT_EQ(crd["spec"]["names"]["listKind"], "WidgetList");
  EXPECT_EQ(crd["spec"]["conversion"], (Json{{"strategy", "None"}}));
}

TEST(Definition, GoodOnesHaveNoErrors) {
  EXPECT_EQ(Complaints(WidgetDefinition()), "[]");
  for (const Json& crd : BuiltInDefinitions()) EXPECT_EQ(Complaints(crd), "[]") << crd["metadata"];
}

// The kind itself goes through the same admission as all others.
TEST(Definition, ItsOwnSchema) {
  const api::KindInfo* kind =
      api::Kinds().Find("apiextensions.k8s.io/v1", "CustomResourceDefinition");
  ASSERT_NE(kind, nullptr);
  Json crd = WidgetDefinition();
  const Json before = crd;
  api::AdmissionRequest request;
  request.kind = kind;
  request.object = &crd;
  ASSERT_TRUE(api::MakeDefaults(request).ok());
  EXPECT_EQ(crd, before);  // nothing is pruned
  EXPECT_TRUE(api::Validate(request).ok()) << api::Validate(request);
  crd["spec"].erase("scope");
  crd["spec"]["versions"][0].erase("name");
  const auto error = api::FromStatus(api::Validate(request));
  ASSERT_TRUE(error.has_value());
  EXPECT_THAT(error->message, HasSubstr("spec.scope: Required value"));
  EXPECT_THAT(error->message, HasSubstr("spec.versions[0].name: Required value"));
}

TEST(Definition, Rules) {
  const struct {
    const char* pointer;
    const char* value;
    const char* want;
  } cases[] = {
      {"/metadata/name", R"("x.example.io")",
       R"(metadata.name: Invalid value: "x.example.io": must be spec.names.plural+"."+spec.group)"},
      {"/spec/group", R"("example")",
       "spec.group: Invalid value: \"example\": should be a domain "
       "with at least one dot"},
      {"/spec/group", R"("authorization.k8s.io")",
       "spec.group: Forbidden: is a group of the platform"},
      {"/spec/scope", R"("Galaxy")",
       R"(spec.scope: Unsupported value: "Galaxy": supported values: "Cluster", "Namespaced")"},
      {"/spec/names/plural", R"("Widgets")", "spec.names.plural: Invalid value: \"Widgets\""},
      {"/spec/names/kind", R"("wid_get")",
       "spec.names.kind: Invalid value: \"wid_get\": may have mixed case, but should otherwise "
       "match"},
      {"/spec/names/listKind", R"("Widget")", "kind and listKind may not be the same"},
      {"/spec/names/shortNames/0", R"("W")", "spec.names.shortNames[0]: Invalid value"},
      {"/spec/preserveUnknownFields", "true", "cannot set to true"},
      {"/spec/versions/0/storage", "false",
       "must have exactly one version marked as storage version"},
      {"/spec/versions", "[]", "must have exactly one version marked as storage version"},
      {"/spec/versions/0/name", R"("V_1")", "spec.versions[0].name: Invalid value"},
      {"/spec/versions/0/schema", "{}",
       "spec.versions[0].schema.openAPIV3Schema: Required value: schemas are required"},
      {"/spec/versions/0/schema/openAPIV3Schema/type", R"("string")",
       "spec.validation.openAPIV3Schema.type: Invalid value: \"string\": must be object at the "
       "root"},
      {"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/color/pattern", R"("(")",
       "spec.validation.openAPIV3Schema.properties[spec].properties[color].pattern: Invalid value: "
       "\"(\": must be a valid regular expression"},
      {"/spec/versions/0/additionalPrinterColumns/0/type", R"("float")",
       "spec.additionalPrinterColumns[0].type: Unsupported value"},
      {"/spec/versions/0/additionalPrinterColumns/0/jsonPath", R"(".a[")",
       "spec.additionalPrinterColumns[0].jsonPath: Invalid value: \".a[\": expected a number"},
      {"/spec/versions/0/additionalPrinterColumns/0/jsonPath", R"("spec")",
       "must start with a dot"},
      {"/spec/versions/0/subresources/scale/specReplicasPath", R"(".status.n")",
       "spec.subresources.scale.specReplicasPath: Invalid value: \".status.n\": should be a json "
       "path under .spec"},
      {"/spec/versions/0/subresources/scale/labelSelectorPath", R"(".x.y")",
       "should be a json path under either .spec or .status"},
      {"/spec/versions/0/subresources/scale/statusReplicasPath", R"(".status.a[0]")",
       "must be a simple json path"},
      {"/spec/versions/0/selectableFields/0/jsonPath", R"(".spec.nothing")",
       "spec.versions[0].selectableFields[0].jsonPath: Invalid value: \".spec.nothing\": is an "
       "invalid path: does not refer to a valid field"},
      {"/spec/versions/0/selectableFields/0/jsonPath", R"(".spec.parts")",
       "must point to a field of type string, boolean or integer"},
      {"/spec/versions/0/selectableFields/0/jsonPath", R"(".metadata.name")",
       "must not point to fields in metadata"},
      {"/spec/versions/0/selectableFields/1", R"({"jsonPath":".spec.color"})",
       "spec.versions[0].selectableFields[1].jsonPath: Duplicate value"},
      {"/spec/conversion/strategy", R"("Magic")", "spec.conversion.strategy: Unsupported value"},
  };
  for (const auto& one : cases) {
    Json crd = WidgetDefinition();
    const Json::json_pointer pointer(one.pointer);
    if (pointer.back() == "1") {
      crd[pointer.parent_pointer()].push_back(Json::parse(one.value));
    } else {
      crd[pointer] = Json::parse(one.value);
    }
    EXPECT_THAT(Complaints(crd), HasSubstr(one.want)) << one.pointer;
  }
}

TEST(Definition, EachVersionHasItsOwnPath) {
  Json crd = WidgetDefinition();
  Json second = crd["spec"]["versions"][0];
  second["name"] = "v2";
  second["storage"] = false;
  crd["spec"]["versions"].push_back(second);
  EXPECT_EQ(Complaints(crd), "[]");
  crd["spec"]["versions"][1]["schema"]["openAPIV3Schema"]["properties"]["spec"] = Json::object();
  EXPECT_THAT(Complaints(crd),
              HasSubstr("spec.versions[1].schema.openAPIV3Schema.properties[spec].type: Required"));
  crd["spec"]["versions"][1]["name"] = "v1";
  EXPECT_THAT(Complaints(crd), HasSubstr("must contain unique version names"));
  crd = WidgetDefinition();
  crd["spec"]["versions"].push_back(second);
  crd["spec"]["conversion"] = {{"strategy", "Webhook"}};
  EXPECT_THAT(Complaints(crd), HasSubstr("this server calls no conversion webhooks"));
}

TEST(Definition, WhatMayNotChange) {
  Json old = WidgetDefinition();
  old["status"] = Json::parse(R"({"storedVersions":["v1"],
      "conditions":[{"type":"Established","status":"True"}]})");
  Json crd = old;
  EXPECT_EQ(Complaints(crd, &old), "[]");
  crd["spec"]["scope"] = "Cluster";
  crd["spec"]["names"]["kind"] = "Gizmo";
  crd["spec"]["versions"][0]["name"] = "v7";
  EXPECT_THAT(Complaints(crd, &old),
              HasSubstr("spec.scope: Invalid value: \"Cluster\": field is immutable"));
  EXPECT_THAT(Complaints(crd, &old),
              HasSubstr("spec.names.kind: Invalid value: \"Gizmo\": field is immutable"));
  EXPECT_THAT(
      Complaints(crd, &old),
      HasSubstr("status.storedVersions[0]: Invalid value: \"v1\": must appear in spec.versions"));
}

TEST(Definition, RulesThatNobodyEvaluatesAreSaid) {
  Json crd = WidgetDefinition();
  crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
     ["x-kubernetes-validations"] = Json::parse(R"([{"rule":"self.count < 5"}])");
  api::FieldErrors errors;
  std::vector<std::string> warnings;
  ValidateDefinition(crd, nullptr, errors, &warnings);
  EXPECT_TRUE(errors.empty()) << errors.Text();
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("does not evaluate rules")));
  warnings.clear();
  ValidateDefinition(WidgetDefinition(), nullptr, errors, &warnings);
  EXPECT_THAT(warnings, IsEmpty());
}

TEST(Definition, StatusKeepsTheTimeOfWhatStays) {
  const absl::Time first = absl::FromUnixSeconds(1'000'000'000);
  Json crd = WidgetDefinition();
  const Json status = Json::parse(R"({"storedVersions":["v1"],"acceptedNames":{"kind":"Widget"},
      "conditions":[{"type":"NamesAccepted","status":"True","reason":"a"},
                    {"type":"Established","status":"False","reason":"b"}]})");
  crd["status"]["conditions"] = Json::parse(R"([{"type":"Mine","status":"True"}])");
  MergeStatus(status, first, crd);
  ASSERT_EQ(crd["status"]["conditions"].size(), 3u);
  EXPECT_EQ(crd["status"]["conditions"][1]["lastTransitionTime"], "2001-09-09T01:46:40Z");
  const Json before = crd;
  MergeStatus(status, first + absl::Hours(1), crd);
  EXPECT_EQ(crd, before);
  Json changed = status;
  changed["conditions"][1]["status"] = "True";
  MergeStatus(changed, first + absl::Hours(1), crd);
  EXPECT_EQ(crd["status"]["conditions"][1], before["status"]["conditions"][1]);
  EXPECT_EQ(crd["status"]["conditions"][2]["lastTransitionTime"], "2001-09-09T02:46:40Z");
}

}  // namespace
}  // namespace rekindle::apiserver
