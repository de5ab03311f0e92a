// PUT (spec kubernetes-api 2.4, 2.5, 7.3, 9.1).
#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using UpdateTest = RegistryTest;

TEST_F(UpdateTest, ReplacesAndMovesTheRevision) {
  const Result made = Create(ConfigMap("a"));
  Json object = made.body;
  object["data"] = {{"b", "2"}};
  const Result updated = Update(object);
  ASSERT_EQ(updated.code, 200) << updated.message();
  EXPECT_EQ(updated.body["data"], J(R"({"b":"2"})"));
  EXPECT_EQ(updated.rv(), std::to_string(store_->revision()));
  EXPECT_NE(updated.rv(), made.rv());
  EXPECT_EQ(Get("ConfigMap", "a").body, updated.body);
}

// Scenario 22.
TEST_F(UpdateTest, NoChangeKeepsTheRevision) {
  for (const Json& object : {ConfigMap("a"), CloneSet("a"), Pod("a")}) {
    const Result made = Create(object);
    ASSERT_EQ(made.code, 201) << made.message();
    const Revision before = store_->revision();
    const Result same = Update(made.body);
    EXPECT_EQ(same.code, 200) << same.message();
    EXPECT_EQ(same.rv(), made.rv());
    EXPECT_EQ(store_->revision(), before);
  }
  // Neither does one without anything that the server filled in.
  EXPECT_EQ(Update(ConfigMap("a")).rv(), Get("ConfigMap", "a").rv());
}

// Scenario 20.
TEST_F(UpdateTest, StaleRevisionConflicts) {
  const Result made = Create(ConfigMap("a"));
  Json first = made.body;
  first["data"]["a"] = "2";
  ASSERT_EQ(Update(first).code, 200);
  Json second = made.body;
  second["data"]["a"] = "3";
  const Result refused = Update(second);
  EXPECT_EQ(refused.code, 409);
  EXPECT_EQ(refused.error.reason, "Conflict");
  EXPECT_EQ(refused.message(),
            "Operation cannot be fulfilled on configmaps \"a\": the object has been modified; "
            "please apply your changes to the latest version and try again");
  EXPECT_EQ(refused.error.kind, "configmaps");
}

TEST_F(UpdateTest, WithoutRevisionBuiltInsAreOverwritten) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  EXPECT_EQ(Update(ConfigMap("a", "2")).body["data"]["a"], "2");
  Json empty = ConfigMap("a", "3");
  empty["metadata"]["resourceVersion"] = "";
  EXPECT_EQ(Update(empty).body["data"]["a"], "3");
}

// Scenario 21.
TEST_F(UpdateTest, WithoutRevisionCustomResourcesAreNot) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  const Result refused = Update(CloneSet("a"));
  EXPECT_EQ(refused.code, 422);
  EXPECT_EQ(refused.error.kind, "clonesets");
  EXPECT_THAT(refused.causes(), ElementsAre("FieldValueInvalid metadata.resourceVersion: Invalid "
                                            "value: 0x0: must be specified for an update"));
}

TEST_F(UpdateTest, BadRevisionIsTheClientsFault) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  Json object = ConfigMap("a", "2");
  object["metadata"]["resourceVersion"] = "abc";
  const Result refused = Update(object);
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.error.reason, "");
  EXPECT_EQ(refused.message(), "strconv.ParseUint: parsing \"abc\": invalid syntax");
}

TEST_F(UpdateTest, RacesWithoutRevisionAreRunAgain) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  int theirs = 0;
  between_->again = true;
  between_->before_commit = [&](const std::vector<Write>& writes) {
    if (theirs == 3) return;
    const auto stored = store_->Get(writes[0].key);
    std::vector<Write> more(1);
    more[0].key = writes[0].key;
    more[0].expected = stored->revision;
    Json object = Json::parse(*stored->text);
    object["data"]["theirs"] = std::to_string(++theirs);
    more[0].text = object.dump();
    ASSERT_TRUE(store_->Commit(std::move(more)).ok());
  };
  EXPECT_EQ(Update(ConfigMap("a", "2")).code, 200);
  EXPECT_EQ(theirs, 3);
  // With a revision the race is lost at once.
  theirs = 0;
  Json object = Get("ConfigMap", "a").body;
  object["data"]["a"] = "4";
  EXPECT_EQ(Update(object).code, 409);
  EXPECT_EQ(theirs, 1);
}

TEST_F(UpdateTest, RacesThatNeverEndAreConflicts) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  between_->refuse = [] { return absl::AbortedError("another revision"); };
  EXPECT_EQ(Update(ConfigMap("a", "2")).code, 409);
}

TEST_F(UpdateTest, NamesAndIdentity) {
  const Result made = Create(ConfigMap("a"));
  Json other = ConfigMap("b");
  const Result renamed = Update(ConfigMap("a"), [&](Call& call) { call.body = other.dump(); });
  EXPECT_EQ(renamed.code, 400);
  EXPECT_EQ(renamed.message(), "the name of the object (b) does not match the name on the URL (a)");
  Json mine = ConfigMap("a", "2");
  mine["metadata"]["uid"] = "u1";
  const Result conflict = Update(mine);
  EXPECT_EQ(conflict.code, 409);
  EXPECT_THAT(conflict.message(), HasSubstr("Precondition failed: UID in precondition: u1, UID in "
                                            "object meta: " +
                                            made.uid()));
}

TEST_F(UpdateTest, MissingObjects) {
  const Result missing = Update(ConfigMap("a"));
  EXPECT_EQ(missing.code, 404);
  EXPECT_EQ(missing.message(), "configmaps \"a\" not found");
  Json known = ConfigMap("a");
  known["metadata"]["uid"] = "u1";
  const Result gone = Update(known);
  EXPECT_EQ(gone.code, 409);
  EXPECT_THAT(gone.message(),
              HasSubstr("Precondition failed: UID in precondition: u1, UID in object meta: "));
}

TEST_F(UpdateTest, LeasesAreMadeByPut) {
  const Json lease = {{"apiVersion", "coordination.k8s.io/v1"},
                      {"kind", "Lease"},
                      {"metadata", {{"name", "a"}}},
                      {"spec", {{"holderIdentity", "x"}}}};
  const Result made = Update(lease);
  EXPECT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(Update(made.body).code, 200);
}

TEST_F(UpdateTest, GenerationCountsTheSpec) {
  Json object = Create(CloneSet("a")).body;
  object["metadata"]["labels"] = {{"x", "y"}};
  object["metadata"]["generation"] = 77;
  object = Update(object).body;
  EXPECT_EQ(object["metadata"]["generation"], 1);
  object["spec"]["replicas"] = 5;
  object = Update(object).body;
  EXPECT_EQ(object["metadata"]["generation"], 2);
}

// Scenario 25.
TEST_F(UpdateTest, StatusOfCustomResourcesIsAllThatItsEndpointChanges) {
  Json object = Create(CloneSet("a")).body;
  object["spec"]["replicas"] = 9;
  object["metadata"]["labels"] = {{"x", "y"}};
  object["status"] = J(R"({"replicas":1,"readyReplicas":1,"availableReplicas":1,
    "updatedReplicas":1,"updatedReadyReplicas":1})");
  const Result updated = Update(object, [](Call& call) { call.subresource = "status"; });
  ASSERT_EQ(updated.code, 200) << updated.message();
  EXPECT_EQ(updated.body["spec"]["replicas"], 2);
  EXPECT_FALSE(updated.body["metadata"].contains("labels"));
  EXPECT_EQ(updated.body["status"]["replicas"], 1);
  EXPECT_EQ(updated.body["metadata"]["generation"], 1);
  // And the other way round.
  object = updated.body;
  object["status"]["replicas"] = 99;
  object["spec"]["replicas"] = 3;
  object = Update(object).body;
  EXPECT_EQ(object["status"]["replicas"], 1);
  EXPECT_EQ(object["spec"]["replicas"], 3);
}

// Scenario 26.
TEST_F(UpdateTest, StatusOfPodsTakesLabelsAlong) {
  Json pod = Create(Pod("a")).body;
  pod["metadata"]["labels"]["x"] = "y";
  pod["spec"]["containers"][0]["image"] = "other";
  pod["status"]["phase"] = "Running";
  const Result updated = Update(pod, [](Call& call) { call.subresource = "status"; });
  ASSERT_EQ(updated.code, 200) << updated.message();
  EXPECT_EQ(updated.body["metadata"]["labels"]["x"], "y");
  EXPECT_EQ(updated.body["spec"]["containers"][0]["image"], "nginx:1.25");
  EXPECT_EQ(updated.body["status"]["phase"], "Running");
}

TEST_F(UpdateTest, PodSpecsHardlyChange) {
  Json pod = Create(Pod("a")).body;
  pod["spec"]["containers"][0]["image"] = "nginx:1.26";
  EXPECT_EQ(Update(pod).code, 200);
  pod = Get("Pod", "a").body;
  pod["spec"]["containers"][0]["command"] = {"sleep"};
  const Result refused = Update(pod);
  EXPECT_EQ(refused.code, 422);
  EXPECT_THAT(refused.message(),
              HasSubstr("spec: Forbidden: pod updates may not change fields other than"));
}

TEST_F(UpdateTest, DeletionTimeIsNotTheClients) {
  Json object = ConfigMap("a");
  object["metadata"]["finalizers"] = {"x.io/y"};
  object = Create(object).body;
  object["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z";
  EXPECT_FALSE(Update(object).body["metadata"].contains("deletionTimestamp"));
  ASSERT_EQ(Delete("ConfigMap", "a").code, 200);
  object = Get("ConfigMap", "a").body;
  const Json before = object["metadata"]["deletionTimestamp"];
  object["metadata"].erase("deletionTimestamp");
  object["data"]["a"] = "2";
  object = Update(object).body;
  EXPECT_EQ(object["metadata"]["deletionTimestamp"], before);
  EXPECT_EQ(object["data"]["a"], "2");
}

TEST_F(UpdateTest, DryRunStoresNothing) {
  const Result made = Create(ConfigMap("a"));
  const Result tried = Update(ConfigMap("a", "2"), [](Call& call) { call.dry_run = true; });
  EXPECT_EQ(tried.code, 200);
  EXPECT_EQ(tried.body["data"]["a"], "2");
  EXPECT_EQ(Get("ConfigMap", "a").body, made.body);
}

TEST_F(UpdateTest, PartsThatAreNotThere) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  const Result missing = Update(ConfigMap("a"), [](Call& call) { call.subresource = "status"; });
  EXPECT_EQ(missing.code, 404);
  EXPECT_EQ(missing.message(), "the server could not find the requested resource");
  EXPECT_EQ(Get("ConfigMap", "a", [](Call& call) { call.subresource = "scale"; }).code, 404);
}

TEST_F(UpdateTest, ManagedFieldsCanBeCleared) {
  Json object = Create(ConfigMap("a")).body;
  object["metadata"]["managedFields"] = J("[{}]");
  object["data"]["b"] = "2";
  EXPECT_FALSE(Update(object).body["metadata"].contains("managedFields"));
}

}  // namespace
}  // namespace rekindle::apiserver
