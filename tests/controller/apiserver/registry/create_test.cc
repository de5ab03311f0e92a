// POST (spec kubernetes-api 2.1, 4.4, 4.5, 7.2).
#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::MatchesRegex;

using CreateTest = RegistryTest;

TEST_F(CreateTest, ServerSetsWhatIsItsOwn) {
  Json object = ConfigMap("a");
  object["metadata"]["uid"] = "mine";
  object["metadata"]["creationTimestamp"] = "2001-01-01T00:00:00Z";
  object["metadata"]["deletionTimestamp"] = "2001-01-01T00:00:00Z";
  object["metadata"]["generation"] = 7;
  const Result made = Create(object);
  ASSERT_EQ(made.code, 201) << made.message();
  const Json& metadata = made.body["metadata"];
  EXPECT_THAT(metadata["uid"].get<std::string>(),
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(metadata["creationTimestamp"], "2027-01-15T08:00:00Z");
  EXPECT_EQ(metadata["namespace"], "default");
  EXPECT_FALSE(metadata.contains("deletionTimestamp"));
  EXPECT_FALSE(metadata.contains("generation"));
  EXPECT_EQ(made.rv(), std::to_string(store_->revision()));
  EXPECT_EQ(Get("ConfigMap", "a").body, made.body);
}

TEST_F(CreateTest, GenerationBeginsAtOneWhereItCounts) {
  Json object = CloneSet("a");
  object["metadata"]["generation"] = 9;
  const Result made = Create(object);
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["metadata"]["generation"], 1);
}

TEST_F(CreateTest, TypeIsFilledInForBuiltInsOnly) {
  const auto without_type = [](Call& call) {
    Json body = Json::parse(call.body);
    body.erase("apiVersion");
    body.erase("kind");
    call.body = body.dump();
  };
  const Result made = Create(ConfigMap("a"), without_type);
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["kind"], "ConfigMap");
  EXPECT_EQ(made.body["apiVersion"], "v1");
  EXPECT_EQ(Create(CloneSet("a"), without_type).code, 400);
}

TEST_F(CreateTest, WrongTypes) {
  struct Row {
    const char* path;
    Json value;
    bool custom;
    int code;
    const char* message;
  };
  for (const Row& row : std::vector<Row>{
           {"/apiVersion", "apps/v1", false, 400,
            "the API version in the data (apps/v1) does not match the expected API version (v1)"},
           {"/kind", "Secret", false, 400, "cannot be handled as a ConfigMap"},
           {"/kind", "Foo", true, 422, "kind: Invalid value: \"Foo\": must be CloneSet"},
           {"/data", Json::array(), false, 400, "cannot be handled as a ConfigMap"},
           {"/data", {{"a", 1}}, false, 400, "cannot be handled as a ConfigMap"},
           {"/spec/replicas", "three", true, 422, "spec.replicas"},
           {"/metadata/namespace", "other", false, 400,
            "the namespace of the provided object does not match the namespace sent on the "
            "request"},
           {"/metadata", "x", false, 400, "metadata"},
           {"/metadata/resourceVersion", "5", false, 500,
            "resourceVersion should not be set on objects to be created"}}) {
    Json object = row.custom ? CloneSet("a") : ConfigMap("a");
    const Json original = object;
    object[Json::json_pointer(row.path)] = row.value;
    const Result refused = Create(original, [&](Call& call) { call.body = object.dump(); });
    EXPECT_EQ(refused.code, row.code) << row.path << " " << refused.message();
    EXPECT_THAT(refused.message(), HasSubstr(row.message)) << row.path;
  }
}

TEST_F(CreateTest, BodiesThatAreNoObjects) {
  for (const char* body : {"", "  ", "{", "[]", "3", "null", "\"x\""}) {
    const Result refused = Create(ConfigMap("a"), [&](Call& call) { call.body = body; });
    EXPECT_EQ(refused.code, 400) << body;
    EXPECT_EQ(refused.error.reason, "BadRequest");
  }
}

TEST_F(CreateTest, NamesAreNeeded) {
  Json object = ConfigMap("");
  object["metadata"].erase("name");
  const Result refused = Create(object);
  EXPECT_EQ(refused.code, 422);
  EXPECT_THAT(refused.causes(),
              ElementsAre("FieldValueRequired metadata.name: Required value: name "
                          "or generateName is required"));
  EXPECT_EQ(refused.error.kind, "ConfigMap");
  EXPECT_EQ(Create(ConfigMap("Bad_Name")).code, 422);
}

TEST_F(CreateTest, GeneratedNames) {
  Json object = ConfigMap("");
  object["metadata"] = {{"generateName", std::string(70, 'a')}};
  const Result made = Create(object);
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_THAT(made.name(), MatchesRegex("a{58}[bcdfghjklmnpqrstvwxz2456789]{5}"));
  EXPECT_EQ(made.body["metadata"]["generateName"], std::string(70, 'a'));
  const Result second = Create(object);
  EXPECT_NE(second.name(), made.name());
}

TEST_F(CreateTest, GeneratedNameThatIsTakenIsMadeAnew) {
  Json object = ConfigMap("");
  object["metadata"] = {{"generateName", "x-"}};
  int taken = 0;
  between_->again = true;
  between_->before_commit = [&](const std::vector<Write>& writes) {
    if (writes[0].key.resource != "configmaps" || taken >= 3) return;
    ++taken;
    std::vector<Write> theirs(1);
    theirs[0].key = writes[0].key;
    theirs[0].text = R"({"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"x","uid":"u"}})";
    ASSERT_TRUE(store_->Commit(std::move(theirs)).ok());
  };
  EXPECT_EQ(Create(object).code, 201);
  EXPECT_EQ(taken, 3);
}

TEST_F(CreateTest, GeneratedNamesThatAreAllTakenAskToTryAgain) {
  Json object = ConfigMap("");
  object["metadata"] = {{"generateName", "x-"}};
  between_->refuse = [] { return absl::AlreadyExistsError("taken"); };
  const Result refused = Create(object);
  EXPECT_EQ(refused.code, 409);
  EXPECT_EQ(refused.error.reason, "AlreadyExists");
  EXPECT_EQ(refused.error.retry_after_seconds, 1);
}

TEST_F(CreateTest, TakenNames) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  const Result refused = Create(ConfigMap("a"));
  EXPECT_EQ(refused.code, 409);
  EXPECT_EQ(refused.error.reason, "AlreadyExists");
  EXPECT_EQ(refused.message(), "configmaps \"a\" already exists");
  EXPECT_EQ(refused.error.kind, "configmaps");
  EXPECT_EQ(refused.error.name, "a");
}

// Scenario 33.
TEST_F(CreateTest, NameOfAnObjectThatIsGoing) {
  Json object = ConfigMap("a");
  object["metadata"]["finalizers"] = {"x.io/y"};
  ASSERT_EQ(Create(object).code, 201);
  ASSERT_EQ(Delete("ConfigMap", "a").code, 200);
  EXPECT_EQ(Create(ConfigMap("a")).message(),
            "object is being deleted: configmaps \"a\" already exists");
}

TEST_F(CreateTest, NamespaceMustBeThere) {
  name_space_ = "nowhere";
  const Result refused = Create(ConfigMap("a"));
  EXPECT_EQ(refused.code, 404);
  EXPECT_EQ(refused.message(), "namespaces \"nowhere\" not found");
  EXPECT_EQ(refused.error.kind, "namespaces");
  EXPECT_EQ(List("ConfigMap").code, 200);
  EXPECT_EQ(List("ConfigMap").body["items"], Json::array());
}

// Scenario 37.
TEST_F(CreateTest, NothingNewInANamespaceThatIsGoing) {
  ASSERT_EQ(
      Create({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "n"}}}}).code,
      201);
  ASSERT_EQ(Delete("Namespace", "n").body["status"]["phase"], "Terminating");
  name_space_ = "n";
  const Result refused = Create(ConfigMap("a"));
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "configmaps \"a\" is forbidden: unable to create new content in namespace n because it "
            "is being terminated");
  EXPECT_THAT(refused.causes(), ElementsAre("NamespaceTerminating metadata.namespace: namespace n "
                                            "is being terminated"));
}

TEST_F(CreateTest, InitialNamespaces) {
  EXPECT_THAT(Names(List("Namespace")),
              ElementsAre("default", "kube-node-lease", "kube-public", "kube-system"));
  EXPECT_EQ(Get("Namespace", "default").body["status"]["phase"], "Active");
}

TEST_F(CreateTest, ClusterScopedObjectsLoseTheirNamespace) {
  const Result made = Create({{"apiVersion", "v1"},
                              {"kind", "Node"},
                              {"metadata", {{"name", "n1"}, {"namespace", "default"}}}});
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_FALSE(made.body["metadata"].contains("namespace"));
}

TEST_F(CreateTest, StatusIsNotTheClients) {
  Json set = CloneSet("a");
  set["status"] = {{"replicas", 5}};
  EXPECT_FALSE(Create(set).body.contains("status"));
  Json pod = Pod("a");
  pod["status"] = {{"phase", "Running"}};
  EXPECT_EQ(Create(pod).body["status"], J(R"({"phase":"Pending","qosClass":"BestEffort"})"));
  // A node says itself how it is.
  const Json node = {{"apiVersion", "v1"},
                     {"kind", "Node"},
                     {"metadata", {{"name", "n1"}}},
                     {"status", {{"capacity", {{"cpu", "4"}}}}}};
  EXPECT_EQ(Create(node).body["status"]["capacity"]["cpu"], "4");
}

TEST_F(CreateTest, DefaultsAreThose) {
  const Json spec = Create(Pod("a")).body["spec"];
  EXPECT_EQ(spec["restartPolicy"], "Always");
  EXPECT_EQ(spec["terminationGracePeriodSeconds"], 30);
  EXPECT_EQ(spec["containers"][0]["imagePullPolicy"], "IfNotPresent");
}

TEST_F(CreateTest, DryRunStoresNothing) {
  const Revision before = store_->revision();
  const Result made = Create(ConfigMap("a"), [](Call& call) { call.dry_run = true; });
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_NE(made.uid(), "");
  EXPECT_FALSE(made.body["metadata"].contains("resourceVersion"));
  EXPECT_EQ(Get("ConfigMap", "a").code, 404);
  EXPECT_EQ(store_->revision(), before);
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  EXPECT_EQ(Create(ConfigMap("a"), [](Call& call) { call.dry_run = true; }).code, 409);
}

// Scenario 58.
TEST_F(CreateTest, UnknownAndDuplicateFields) {
  struct Row {
    FieldValidation validation;
    int code;
    size_t warnings;
  };
  for (const Row& row : std::vector<Row>{{FieldValidation::kStrict, 400, 0},
                                         {FieldValidation::kWarn, 201, 2},
                                         {FieldValidation::kIgnore, 201, 0}}) {
    const Result made = Create(CloneSet("a"), [&](Call& call) {
      call.body.replace(call.body.find("\"replicas\":2"), 12,
                        R"("foo":1,"replicas":1,"replicas":2)");
      call.field_validation = row.validation;
      call.dry_run = true;
    });
    EXPECT_EQ(made.code, row.code);
    EXPECT_EQ(made.warnings.size(), row.warnings);
    if (row.code == 400) {
      EXPECT_EQ(made.message(),
                "CloneSet in version \"v1beta1\" cannot be handled as a CloneSet: strict decoding "
                "error: unknown field \"spec.foo\", duplicate field \"spec.replicas\"");
    } else {
      EXPECT_FALSE(made.body["spec"].contains("foo"));
      EXPECT_EQ(made.body["spec"]["replicas"], 2);
    }
    if (row.warnings > 0) {
      EXPECT_THAT(made.warnings,
                  ElementsAre("unknown field \"spec.foo\"", "duplicate field \"spec.replicas\""));
    }
  }
}

TEST_F(CreateTest, WhatKubectlGeneratesPassesStrictly) {
  Json set = CloneSet("a");
  set["metadata"]["creationTimestamp"] = nullptr;
  set["status"] = Json::object();
  EXPECT_EQ(Create(set, [](Call& call) { call.field_validation = FieldValidation::kStrict; }).code,
            201);
}

TEST_F(CreateTest, Options) {
  const Result longer =
      Create(ConfigMap("a"), [](Call& call) { call.field_manager = std::string(129, 'm'); });
  EXPECT_EQ(longer.code, 422);
  EXPECT_THAT(longer.message(), HasSubstr("fieldManager: Too long: "));
  const Result forced = Create(ConfigMap("a"), [](Call& call) { call.force = true; });
  EXPECT_EQ(forced.code, 422);
  EXPECT_THAT(forced.message(),
              HasSubstr("force: Forbidden: may not be specified for non-apply patch"));
}

TEST_F(CreateTest, ManagersComeFromTheAgentOrTheParameter) {
  EXPECT_EQ(Create(ConfigMap("a")).body["metadata"]["managedFields"][0]["manager"], "kubectl");
  const Json managed = Create(ConfigMap("b"), [](Call& call) {
                         call.field_manager = "me";
                       }).body["metadata"]["managedFields"];
  ASSERT_EQ(managed.size(), 1u);
  EXPECT_EQ(managed[0]["manager"], "me");
  EXPECT_EQ(managed[0]["operation"], "Update");
  EXPECT_EQ(managed[0]["fieldsV1"], J(R"({"f:data":{".":{},"f:a":{}}})"));
}

TEST_F(CreateTest, DiskThatTakesNothing) {
  between_->refuse = [] { return absl::ResourceExhaustedError("disk full"); };
  EXPECT_EQ(Create(ConfigMap("a")).code, 503);
  between_->refuse = [] { return absl::UnavailableError("closing"); };
  EXPECT_EQ(Create(ConfigMap("a")).code, 503);
}

}  // namespace
}  // namespace rekindle::apiserver
