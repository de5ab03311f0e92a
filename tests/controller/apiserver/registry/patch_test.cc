// PATCH: JSON, merge and strategic (spec kubernetes-api 7.4, 7.5).
#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::HasSubstr;

class PatchTest : public RegistryTest {
 protected:
  PatchTest() { made_ = Create(ConfigMap("a")); }
  Result Json_(const std::string& body) { return Patch("ConfigMap", "a", PatchType::kJson, body); }
  Result Merge(const std::string& body) { return Patch("ConfigMap", "a", PatchType::kMerge, body); }
  Result made_;
};

// Scenario 23.
TEST_F(PatchTest, MergePatch) {
  EXPECT_EQ(Merge(R"({"data":{"b":"2"}})").body["data"], J(R"({"a":"1","b":"2"})"));
  EXPECT_EQ(Merge(R"({"data":{"a":null}})").body["data"], J(R"({"b":"2"})"));
  const Result same = Merge("{}");
  EXPECT_EQ(same.code, 200);
  EXPECT_EQ(same.rv(), Get("ConfigMap", "a").rv());
  EXPECT_EQ(Merge("[]").code, 422);
}

TEST_F(PatchTest, JsonPatch) {
  const Result patched = Json_(R"([{"op":"add","path":"/metadata/annotations","value":{}},
    {"op":"add","path":"/metadata/annotations/x.io~1y","value":"2"}])");
  ASSERT_EQ(patched.code, 200) << patched.message();
  EXPECT_EQ(patched.body["metadata"]["annotations"], J(R"({"x.io/y":"2"})"));
}

// Scenario 24.
TEST_F(PatchTest, JsonPatchThatDoesNotApply) {
  for (const char* patch :
       {R"([{"op":"test","path":"/data/a","value":"9"}])", R"([{"op":"remove","path":"/data/z"}])",
        R"([{"op":"foo","path":"/data/a"}])"}) {
    const Result refused = Json_(patch);
    EXPECT_EQ(refused.code, 422) << patch;
    EXPECT_EQ(refused.error.reason, "Invalid");
    EXPECT_EQ(refused.message(), "the server rejected our request due to an error in our request");
    EXPECT_TRUE(refused.error.causes.empty());
    EXPECT_EQ(refused.error.name, "");
  }
  EXPECT_EQ(Json_(R"({"op":"remove"})").code, 400);
}

TEST_F(PatchTest, RevisionsArePreconditions) {
  const std::string rv = made_.rv();
  struct Row {
    PatchType type;
    std::string body;
    int code;
  };
  for (const Row& row : std::vector<Row>{
           {PatchType::kMerge, R"({"metadata":{"resourceVersion":"1"},"data":{"b":"1"}})", 409},
           {PatchType::kMerge, R"({"metadata":{"resourceVersion":""},"data":{"b":"1"}})", 200},
           {PatchType::kJson, R"([{"op":"replace","path":"/metadata/resourceVersion","value":"1"},
              {"op":"add","path":"/data/b","value":"2"}])",
            409},
           {PatchType::kJson, R"([{"op":"test","path":"/metadata/resourceVersion","value":"1"},
              {"op":"add","path":"/data/b","value":"2"}])",
            422},
           {PatchType::kStrategic, R"({"metadata":{"resourceVersion":"1"},"data":{"b":"3"}})",
            409}}) {
    EXPECT_EQ(Patch("ConfigMap", "a", row.type, row.body).code, row.code) << row.body;
  }
  const std::string current = Get("ConfigMap", "a").rv();
  EXPECT_EQ(Merge(R"({"metadata":{"resourceVersion":")" + current + R"("},"data":{"b":"9"}})").code,
            200);
}

TEST_F(PatchTest, IdentityStays) {
  EXPECT_EQ(Merge(R"({"metadata":{"name":"b"}})").code, 400);
  EXPECT_EQ(Merge(R"({"metadata":{"namespace":"b"}})").code, 400);
  const Result uid = Merge(R"({"metadata":{"uid":"b"}})");
  EXPECT_EQ(uid.code, 422);
  EXPECT_THAT(uid.message(), HasSubstr("field is immutable"));
  EXPECT_EQ(Merge(R"({"kind":"Secret"})").code, 400);
  EXPECT_EQ(Merge(R"({"apiVersion":"v2"})").code, 400);
}

TEST_F(PatchTest, MissingObjects) {
  EXPECT_EQ(Patch("ConfigMap", "z", PatchType::kMerge, "{}").code, 404);
}

TEST_F(PatchTest, RacesAreRunAgain) {
  int theirs = 0;
  between_->again = true;
  between_->before_commit = [&](const std::vector<Write>& writes) {
    if (theirs == 4) return;
    const auto stored = store_->Get(writes[0].key);
    std::vector<Write> more(1);
    more[0].key = writes[0].key;
    more[0].expected = stored->revision;
    Json object = Json::parse(*stored->text);
    object["data"]["theirs"] = std::to_string(++theirs);
    more[0].text = object.dump();
    ASSERT_TRUE(store_->Commit(std::move(more)).ok());
  };
  const Result patched = Merge(R"({"data":{"b":"2"}})");
  EXPECT_EQ(patched.code, 200) << patched.message();
  EXPECT_EQ(patched.body["data"], J(R"({"a":"1","b":"2","theirs":"4"})"));
}

TEST_F(PatchTest, UnknownFields) {
  const auto with = [&](FieldValidation validation) {
    return Patch("ConfigMap", "a", PatchType::kMerge, R"({"foo":1,"data":{"b":"2"}})",
                 [&](Call& call) { call.field_validation = validation; });
  };
  EXPECT_THAT(with(FieldValidation::kStrict).message(),
              HasSubstr("strict decoding error: unknown field \"foo\""));
  EXPECT_EQ(Get("ConfigMap", "a").body, made_.body);
  EXPECT_THAT(with(FieldValidation::kWarn).warnings, testing::ElementsAre("unknown field \"foo\""));
  EXPECT_TRUE(with(FieldValidation::kIgnore).warnings.empty());
}

// Scenario 76.
TEST_F(PatchTest, StrategicIsForBuiltInsOnly) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  const Result refused = Patch("CloneSet", "a", PatchType::kStrategic, "{}");
  EXPECT_EQ(refused.code, 415);
  EXPECT_EQ(refused.message(),
            "the body of the request was in an unknown format - accepted media types include: "
            "application/json-patch+json, application/merge-patch+json, "
            "application/apply-patch+yaml");
}

TEST_F(PatchTest, StrategicMergesByKey) {
  ASSERT_EQ(Create(Pod("p")).code, 201);
  const Result patched = Patch("Pod", "p", PatchType::kStrategic,
                               R"({"spec":{"containers":[{"name":"main","image":"nginx:1.26"}]}})");
  ASSERT_EQ(patched.code, 200) << patched.message();
  ASSERT_EQ(patched.body["spec"]["containers"].size(), 1u);
  EXPECT_EQ(patched.body["spec"]["containers"][0]["image"], "nginx:1.26");
  EXPECT_EQ(patched.body["spec"]["containers"][0]["terminationMessagePolicy"], "File");
  const Result keyless =
      Patch("Pod", "p", PatchType::kStrategic, R"({"spec":{"containers":[{"image":"x"}]}})");
  EXPECT_EQ(keyless.code, 500);
  EXPECT_THAT(keyless.message(), HasSubstr("does not contain declared merge key: name"));
}

TEST_F(PatchTest, SchemaStillHolds) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  EXPECT_EQ(Patch("CloneSet", "a", PatchType::kMerge, R"({"spec":{"replicas":-1}})").code, 422);
  EXPECT_EQ(Patch("CloneSet", "a", PatchType::kMerge, R"({"spec":{"replicas":"x"}})").code, 422);
  EXPECT_EQ(Patch("CloneSet", "a", PatchType::kMerge, R"({"spec":7})").code, 422);
  EXPECT_EQ(Merge(R"({"data":7})").code, 422);
  EXPECT_EQ(Merge(R"({"metadata":null})").code, 400);
}

TEST_F(PatchTest, StatusPatch) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  const Result patched = Patch("CloneSet", "a", PatchType::kMerge,
                               R"({"metadata":{"labels":{"x":"y"}},"spec":{"replicas":7},
                                 "status":{"replicas":1,"readyReplicas":1,"availableReplicas":1,
                                 "updatedReplicas":1,"updatedReadyReplicas":1}})",
                               [](Call& call) { call.subresource = "status"; });
  ASSERT_EQ(patched.code, 200) << patched.message();
  EXPECT_EQ(patched.body["spec"]["replicas"], 2);
  EXPECT_EQ(patched.body["metadata"]["generation"], 1);
  EXPECT_FALSE(patched.body["metadata"].contains("labels"));
  EXPECT_EQ(patched.body["status"]["replicas"], 1);
  const Json managed = patched.body["metadata"]["managedFields"];
  ASSERT_EQ(managed.size(), 2u);
  EXPECT_EQ(managed[1]["subresource"], "status");
}

}  // namespace
}  // namespace rekindle::apiserver
