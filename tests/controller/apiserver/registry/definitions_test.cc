// CustomResourceDefinitions and the objects of users' kinds (spec kubernetes-api 13).
#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;

class DefinitionsTest : public RegistryTest {
 protected:
  static std::string Condition(const Json& definition, const std::string& type) {
    for (const Json& one : definition["status"]["conditions"]) {
      if (one["type"] == type) return one["status"];
    }
    return "";
  }
  void Install() { ASSERT_EQ(Create(WidgetDefinition()).code, 201); }
};

// Scenario 57.
TEST_F(DefinitionsTest, ServedAsSoonAsItIsStored) {
  EXPECT_EQ(registry_->catalog()->Find("example.io/v1", "Widget"), nullptr);
  const Result made = Create(WidgetDefinition());
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["spec"]["names"]["singular"], "widget");
  EXPECT_EQ(made.body["spec"]["names"]["listKind"], "WidgetList");
  EXPECT_EQ(made.body["spec"]["conversion"]["strategy"], "None");
  EXPECT_EQ(Condition(made.body, "Established"), "True");
  EXPECT_EQ(Condition(made.body, "NamesAccepted"), "True");
  EXPECT_EQ(made.body["status"]["storedVersions"], J(R"(["v1"])"));
  EXPECT_EQ(made.body["metadata"]["generation"], 1);
  ASSERT_NE(registry_->catalog()->Find("example.io/v1", "Widget"), nullptr);
  EXPECT_EQ(Create(Widget("w")).code, 201);
  EXPECT_THAT(Names(List("Widget")), ElementsAre("w"));
}

TEST_F(DefinitionsTest, OurOwnAreThere) {
  EXPECT_THAT(Names(List("CustomResourceDefinition")), Contains("clonesets.apps.kruise.io"));
  const Result refused = Delete("CustomResourceDefinition", "clonesets.apps.kruise.io");
  EXPECT_EQ(refused.code, 403);
}

TEST_F(DefinitionsTest, SurvivesARestart) {
  Install();
  ASSERT_EQ(Create(Widget("w")).code, 201);
  ObjectRegistry::Options options;
  options.store = between_.get();
  options.now = [] { return absl::FromUnixSeconds(1'800'000'100); };
  options.random = [this] { return random_++; };
  const Revision before = store_->revision();
  registry_.reset();
  auto again = ObjectRegistry::Open(options);
  ASSERT_TRUE(again.ok()) << again.status();
  registry_ = *std::move(again);
  EXPECT_EQ(store_->revision(), before);
  EXPECT_EQ(Get("Widget", "w").code, 200);
}

TEST_F(DefinitionsTest, BadOnesAreRefused) {
  struct Row {
    const char* path;
    Json value;
    const char* message;
  };
  for (const Row& row : std::vector<Row>{
           {"/metadata/name", "wrong.example.io", "metadata.name"},
           {"/spec/scope", "Galaxy", "spec.scope"},
           {"/spec/versions/0/storage", false, "exactly one version marked as storage version"},
           {"/spec/versions/0/schema/openAPIV3Schema/type", "string",
            "spec.validation.openAPIV3Schema"},
           {"/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties/size",
            Json::object(), "must not be empty for specified object fields"}}) {
    Json definition = WidgetDefinition();
    definition[Json::json_pointer(row.path)] = row.value;
    const Result refused = Create(definition);
    EXPECT_EQ(refused.code, 422) << row.path;
    EXPECT_THAT(refused.message(), HasSubstr(row.message)) << row.path;
  }
}

TEST_F(DefinitionsTest, WhatStaysTheSame) {
  Install();
  Json definition = Get("CustomResourceDefinition", "widgets.example.io").body;
  definition["spec"]["scope"] = "Cluster";
  const Result refused = Update(definition);
  EXPECT_EQ(refused.code, 422);
  EXPECT_THAT(refused.message(), HasSubstr("field is immutable"));
}

TEST_F(DefinitionsTest, NewVersionIsServedAtOnce) {
  Install();
  ASSERT_EQ(Create(Widget("w")).code, 201);
  Json definition = Get("CustomResourceDefinition", "widgets.example.io").body;
  Json second = definition["spec"]["versions"][0];
  second["name"] = "v2";
  second["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["extra"] = {
      {"type", "string"}, {"default", "x"}};
  definition["spec"]["versions"][0]["storage"] = false;
  definition["spec"]["versions"].push_back(second);
  const Result updated = Update(definition);
  ASSERT_EQ(updated.code, 200) << updated.message();
  EXPECT_EQ(updated.body["status"]["storedVersions"], J(R"(["v1","v2"])"));
  EXPECT_EQ(updated.body["metadata"]["generation"], 2);
  // Stored as v1, read as v2 with what that adds.
  const Result read = Handle(CallOf(Verb::kGet, "example.io/v2", "Widget", name_space_, "w"));
  ASSERT_EQ(read.code, 200) << read.message();
  EXPECT_EQ(read.body["apiVersion"], "example.io/v2");
  EXPECT_EQ(read.body["spec"]["extra"], "x");
  EXPECT_FALSE(Get("Widget", "w").body["spec"].contains("extra"));
}

// Scenarios 58 to 61.
TEST_F(DefinitionsTest, SchemasHold) {
  Install();
  struct Row {
    const char* spec;
    int code;
    const char* message;
  };
  for (const Row& row : std::vector<Row>{
           {R"({"size":1})", 201, ""},
           {R"({"size":1,"bogus":true})", 201, ""},
           {R"({"size":-1})", 422, "spec.size in body should be greater than or equal to 0"},
           {R"({"size":"x"})", 422, "spec.size"},
           {R"({"port":"http"})", 201, ""},
           {R"({"port":80})", 201, ""},
           {R"({"port":5.5})", 422, "spec.port"},
           {R"({"list":[{"k":"a"},{"k":"a"}]})", 422, "Duplicate value"},
           {R"({"color":null})", 201, ""}}) {
    Json widget = Widget("w");
    widget["spec"] = J(row.spec);
    const Result made = Create(widget, [](Call& call) { call.dry_run = true; });
    EXPECT_EQ(made.code, row.code) << row.spec << " " << made.message();
    EXPECT_THAT(made.message(), HasSubstr(row.message)) << row.spec;
    if (made.code == 201) {
      EXPECT_EQ(made.body["spec"]["color"], "red") << row.spec;
      EXPECT_FALSE(made.body["spec"].contains("bogus"));
    }
  }
  Json widget = Widget("w");
  widget["spec"]["bogus"] = true;
  EXPECT_EQ(Create(widget).warnings, std::vector<std::string>{"unknown field \"spec.bogus\""});
  EXPECT_EQ(
      Create(widget, [](Call& call) { call.field_validation = FieldValidation::kStrict; }).code,
      400);
}

TEST_F(DefinitionsTest, UsersObjectsHaveGenerationAndStatus) {
  Install();
  Json widget = Widget("w");
  widget["status"] = {{"ok", true}};
  Json object = Create(widget).body;
  EXPECT_EQ(object["metadata"]["generation"], 1);
  EXPECT_FALSE(object.contains("status"));
  object["status"] = {{"ok", true}};
  object = Update(object, [](Call& call) { call.subresource = "status"; }).body;
  EXPECT_EQ(object["status"]["ok"], true);
  EXPECT_EQ(object["metadata"]["generation"], 1);
  object["spec"]["size"] = 2;
  EXPECT_EQ(Update(object).body["metadata"]["generation"], 2);
}

TEST_F(DefinitionsTest, NothingNewWhileItGoes) {
  Install();
  ASSERT_EQ(Create(Widget("w")).code, 201);
  const Result going = Delete("CustomResourceDefinition", "widgets.example.io");
  EXPECT_EQ(Condition(going.body, "Terminating"), "True");
  const Result refused = Create(Widget("x"));
  EXPECT_EQ(refused.code, 405);
  EXPECT_EQ(refused.message(),
            "create not allowed while custom resource definition is terminating");
  EXPECT_EQ(Get("Widget", "w").code, 200);
  EXPECT_EQ(Delete("Widget", "w").code, 200);
}

}  // namespace
}  // namespace rekindle::apiserver
