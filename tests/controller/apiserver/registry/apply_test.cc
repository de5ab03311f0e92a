// Server-side apply through the registry (spec kubernetes-api 7.6).
#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;

using ApplyTest = RegistryTest;

TEST_F(ApplyTest, MakesWhatIsMissing) {
  const Result made = Apply(ConfigMap("a"), "m");
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["metadata"]["managedFields"][0]["operation"], "Apply");
  EXPECT_EQ(made.body["metadata"]["managedFields"][0]["manager"], "m");
  const Result again = Apply(ConfigMap("a"), "m");
  EXPECT_EQ(again.code, 200) << again.message();
  EXPECT_EQ(again.rv(), made.rv());
}

TEST_F(ApplyTest, DropsWhatIsNoLongerSaid) {
  Json config = ConfigMap("a");
  config["data"] = {{"a", "1"}, {"b", "2"}};
  ASSERT_EQ(Apply(config, "m").code, 201);
  const Result applied = Apply(ConfigMap("a"), "m");
  EXPECT_EQ(applied.body["data"], J(R"({"a":"1"})"));
}

// Scenario 29.
TEST_F(ApplyTest, Conflicts) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  const Result refused = Apply(ConfigMap("a", "2"), "m");
  EXPECT_EQ(refused.code, 409);
  EXPECT_EQ(refused.message(),
            "Apply failed with 1 conflict: conflict with \"kubectl\" using v1: .data.a");
  EXPECT_THAT(refused.causes(),
              ElementsAre("FieldManagerConflict .data.a: conflict with \"kubectl\" using v1"));
  const Result forced = Apply(ConfigMap("a", "2"), "m", /*force=*/true);
  ASSERT_EQ(forced.code, 200) << forced.message();
  EXPECT_EQ(forced.body["data"]["a"], "2");
  // Only the field itself has moved, not the map.
  for (const Json& entry : forced.body["metadata"]["managedFields"]) {
    EXPECT_EQ(entry["fieldsV1"]["f:data"].contains("f:a"), entry["manager"] == "m") << entry;
  }
}

// Scenario 30.
TEST_F(ApplyTest, NeedsAManager) {
  const Result refused = Apply(ConfigMap("a"), "");
  EXPECT_EQ(refused.code, 422);
  EXPECT_THAT(refused.causes(), ElementsAre("FieldValueRequired fieldManager: Required value: is "
                                            "required for apply patch"));
}

TEST_F(ApplyTest, BadConfigs) {
  struct Row {
    const char* path;
    Json value;
    int code;
    const char* message;
  };
  for (const Row& row : std::vector<Row>{
           {"/apiVersion", "", 400,
            "Incorrect version specified in apply patch. Specified patch version: , expected: v1"},
           {"/metadata/managedFields",
            {{{"manager", "x"}}},
            400,
            "metadata.managedFields must be nil"},
           {"/metadata/name", "b", 400,
            "the name of the object (b) does not match the name on the URL (a)"},
           {"/bogus", 1, 500,
            "failed to create typed patch object: .bogus: field not declared in schema"},
           {"/metadata/resourceVersion", "1", 409, ""},
           {"/metadata/uid", "u1", 409,
            "Operation cannot be fulfilled on configmaps \"a\": uid mismatch: the provided object "
            "specified uid u1, and no existing object was found"}}) {
    Json config = ConfigMap("a");
    config[Json::json_pointer(row.path)] = row.value;
    Call call = CallOf(Verb::kPatch, "v1", "ConfigMap", name_space_, "a");
    call.patch = PatchType::kApply;
    call.field_manager = "m";
    call.body = config.dump();
    const Result refused = Handle(call);
    EXPECT_EQ(refused.code, row.code) << row.path << " " << refused.message();
    if (*row.message != '\0') {
      EXPECT_EQ(refused.message(), row.message);
    }
  }
  EXPECT_EQ(Get("ConfigMap", "a").code, 404);
}

TEST_F(ApplyTest, StaleRevision) {
  const std::string rv = Apply(ConfigMap("a"), "m").rv();
  ASSERT_EQ(Apply(ConfigMap("a", "2"), "m").code, 200);
  Json config = ConfigMap("a", "3");
  config["metadata"]["resourceVersion"] = rv;
  EXPECT_EQ(Apply(config, "m").code, 409);
  config["metadata"]["resourceVersion"] = Get("ConfigMap", "a").rv();
  EXPECT_EQ(Apply(config, "m").code, 200);
}

TEST_F(ApplyTest, CustomResourcesToo) {
  const Result made = Apply(CloneSet("a"), "m");
  ASSERT_EQ(made.code, 201) << made.message();
  Json config = CloneSet("a");
  config["spec"]["replicas"] = 4;
  const Result applied = Apply(config, "m");
  ASSERT_EQ(applied.code, 200) << applied.message();
  EXPECT_EQ(applied.body["spec"]["replicas"], 4);
  EXPECT_EQ(applied.body["metadata"]["generation"], 2);
}

// Scenario 74: what kubectl sends for an object that was applied by the client before.
TEST_F(ApplyTest, MigrationOfClientSideApply) {
  Json object = ConfigMap("a");
  object["metadata"]["annotations"] = {
      {"kubectl.kubernetes.io/last-applied-configuration", ConfigMap("a").dump()}};
  const Result made =
      Create(object, [](Call& call) { call.field_manager = "kubectl-client-side-apply"; });
  ASSERT_EQ(made.code, 201);
  const Json annotation_only = {
      {"apiVersion", "v1"},
      {"kind", "ConfigMap"},
      {"metadata",
       {{"name", "a"},
        {"annotations",
         {{"kubectl.kubernetes.io/last-applied-configuration", ConfigMap("a").dump()}}}}}};
  ASSERT_EQ(Apply(ConfigMap("a"), "kubectl").code, 200);
  const Result second = Apply(annotation_only, "kubectl-last-applied", true);
  ASSERT_EQ(second.code, 200) << second.message();
  Json managed = second.body["metadata"]["managedFields"];
  for (Json& entry : managed) {
    if (entry["manager"] == "kubectl-client-side-apply") entry["manager"] = "kubectl";
  }
  const Json patch = Json::array(
      {{{"op", "replace"}, {"path", "/metadata/managedFields"}, {"value", managed}},
       {{"op", "replace"}, {"path", "/metadata/resourceVersion"}, {"value", second.rv()}}});
  const Result migrated = Patch("ConfigMap", "a", PatchType::kJson, patch.dump());
  EXPECT_EQ(migrated.code, 200) << migrated.message();
  EXPECT_EQ(Apply(ConfigMap("a", "2"), "kubectl").body["data"]["a"], "2");
}

}  // namespace
}  // namespace rekindle::apiserver
