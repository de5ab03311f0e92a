// DELETE (spec kubernetes-api 8).
#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DeleteTest : public RegistryTest {
 protected:
  static Tune Options(const std::string& body) {
    return [body](Call& call) { call.body = body; };
  }
  Result CreateWith(const std::vector<std::string>& finalizers) {
    Json object = ConfigMap("a");
    object["metadata"]["finalizers"] = finalizers;
    return Create(object);
  }
};

TEST_F(DeleteTest, GoneAtOnce) {
  const Result made = Create(CloneSet("a"));
  const Result gone = Delete("CloneSet", "a");
  EXPECT_EQ(gone.code, 200);
  EXPECT_EQ(gone.body, Json({{"kind", "Status"},
                             {"apiVersion", "v1"},
                             {"metadata", Json::object()},
                             {"status", "Success"},
                             {"details",
                              {{"name", "a"},
                               {"group", "apps.kruise.io"},
                               {"kind", "clonesets"},
                               {"uid", made.uid()}}}}));
  EXPECT_EQ(Get("CloneSet", "a").code, 404);
  EXPECT_EQ(Delete("CloneSet", "a").code, 404);
}

// Scenario 31.
TEST_F(DeleteTest, Finalizers) {
  CreateWith({"x.io/a", "x.io/b"});
  const Result going = Delete("ConfigMap", "a");
  EXPECT_EQ(going.body["kind"], "ConfigMap");
  EXPECT_EQ(going.body["metadata"]["deletionTimestamp"], "2027-01-15T08:00:00Z");
  EXPECT_EQ(going.body["metadata"]["deletionGracePeriodSeconds"], 0);
  seconds_ += 5;
  const Result second = Delete("ConfigMap", "a", Options(R"({"gracePeriodSeconds":0})"));
  EXPECT_EQ(second.code, 200);
  EXPECT_EQ(second.body, going.body);
  Json object = going.body;
  object["metadata"]["finalizers"] = {"x.io/b"};
  object = Update(object).body;
  EXPECT_EQ(object["metadata"]["finalizers"], J(R"(["x.io/b"])"));
  const Result last = Patch("ConfigMap", "a", PatchType::kJson,
                            R"([{"op":"test","path":"/metadata/finalizers/0","value":"x.io/b"},
                                {"op":"remove","path":"/metadata/finalizers/0"}])");
  EXPECT_EQ(last.code, 200) << last.message();
  EXPECT_EQ(last.body["kind"], "ConfigMap");
  EXPECT_EQ(Get("ConfigMap", "a").code, 404);
}

// Scenario 32.
TEST_F(DeleteTest, NoNewFinalizersOnceItGoes) {
  CreateWith({"x.io/a"});
  Json object = Delete("ConfigMap", "a").body;
  object["metadata"]["finalizers"] = {"x.io/a", "x.io/new"};
  const Result refused = Update(object);
  EXPECT_EQ(refused.code, 422);
  EXPECT_THAT(refused.causes(),
              ElementsAre("FieldValueForbidden metadata.finalizers: Forbidden: no new finalizers "
                          "can be added if the object is being deleted, found new finalizers "
                          "[]string{\"x.io/new\"}"));
}

// Pitfall 18.
TEST_F(DeleteTest, GenerationMoves) {
  Json set = CloneSet("a");
  set["metadata"]["finalizers"] = {"x.io/a"};
  ASSERT_EQ(Create(set).body["metadata"]["generation"], 1);
  EXPECT_EQ(Delete("CloneSet", "a").body["metadata"]["generation"], 2);
}

// Scenario 34.
TEST_F(DeleteTest, Preconditions) {
  const Result made = Create(ConfigMap("a"));
  const Result other = Delete("ConfigMap", "a", Options(R"({"preconditions":{"uid":"u1"}})"));
  EXPECT_EQ(other.code, 409);
  EXPECT_EQ(other.message(),
            "Operation cannot be fulfilled on ConfigMap \"a\": the UID in the precondition (u1) "
            "does not match the UID in record (" +
                made.uid() + "). The object might have been deleted and then recreated");
  EXPECT_EQ(other.error.kind, "ConfigMap");
  const Result stale =
      Delete("ConfigMap", "a", Options(R"({"preconditions":{"resourceVersion":"1"}})"));
  EXPECT_EQ(stale.code, 409);
  EXPECT_THAT(stale.message(), HasSubstr("the ResourceVersion in the precondition (1) does not "
                                         "match the ResourceVersion in record (" +
                                         made.rv() + "). The object might have been modified"));
  EXPECT_EQ(Delete("ConfigMap", "a",
                   Options(R"({"preconditions":{"uid":")" + made.uid() +
                           R"(","resourceVersion":")" + made.rv() + R"("}})"))
                .code,
            200);
}

TEST_F(DeleteTest, Policies) {
  struct Row {
    const char* policy;
    const char* finalizer;
  };
  for (const Row& row :
       std::vector<Row>{{"Orphan", "orphan"}, {"Foreground", "foregroundDeletion"}}) {
    ASSERT_EQ(Create(ConfigMap(row.finalizer == std::string("orphan") ? "o" : "f")).code, 201);
    const Result going =
        Delete("ConfigMap", row.finalizer == std::string("orphan") ? "o" : "f",
               Options(std::string(R"({"propagationPolicy":")") + row.policy + "\"}"));
    EXPECT_EQ(going.body["metadata"]["finalizers"], Json::array({row.finalizer}));
    EXPECT_TRUE(going.body["metadata"].contains("deletionTimestamp"));
  }
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  EXPECT_EQ(Delete("ConfigMap", "a", [](Call& call) { call.propagation_policy = "Background"; })
                .body["status"],
            "Success");
}

TEST_F(DeleteTest, BackgroundTakesTheOtherPoliciesBack) {
  CreateWith({"foregroundDeletion"});
  EXPECT_EQ(
      Delete("ConfigMap", "a", Options(R"({"propagationPolicy":"Background"})")).body["status"],
      "Success");
  // Who says nothing leaves them.
  CreateWith({"foregroundDeletion"});
  EXPECT_EQ(Delete("ConfigMap", "a").body["kind"], "ConfigMap");
}

TEST_F(DeleteTest, BadOptions) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  struct Row {
    const char* body;
    int code;
    const char* message;
  };
  for (const Row& row : std::vector<Row>{
           {R"({"propagationPolicy":"Bogus"})", 422,
            "Unsupported value: \"Bogus\": supported values: \"Foreground\", \"Background\", "
            "\"Orphan\", \"nil\""},
           {R"({"propagationPolicy":"Orphan","orphanDependents":true})", 422,
            "orphanDependents and deletionPropagation cannot be both set"},
           {R"({"dryRun":["Some"]})", 422, "supported values: \"All\""},
           {R"({"gracePeriodSeconds":"x"})", 400, "gracePeriodSeconds"},
           {R"({"preconditions":{"uid":5}})", 400, "preconditions.uid"},
           {R"({"kind":"Pod"})", 400, "DeleteOptions"},
           {"[]", 400, "DeleteOptions"},
           {"{", 400, ""}}) {
    const Result refused = Delete("ConfigMap", "a", Options(row.body));
    EXPECT_EQ(refused.code, row.code) << row.body;
    EXPECT_THAT(refused.message(), HasSubstr(row.message)) << row.body;
  }
  EXPECT_EQ(Delete("ConfigMap", "a", Options(R"({"kind":"DeleteOptions","apiVersion":"v1"})")).code,
            200);
}

TEST_F(DeleteTest, DryRun) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  EXPECT_EQ(Delete("ConfigMap", "a", Options(R"({"dryRun":["All"]})")).body["status"], "Success");
  EXPECT_EQ(Get("ConfigMap", "a").code, 200);
}

// Scenario 39.
TEST_F(DeleteTest, UnscheduledPodsGoAtOnce) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  const Result gone = Delete("Pod", "a");
  EXPECT_EQ(gone.body["kind"], "Pod");
  EXPECT_EQ(Get("Pod", "a").code, 404);
}

// Scenario 38.
TEST_F(DeleteTest, GraceGetsShorterOnly) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  RunPod("a");
  const auto ask = [&](int grace) {
    return Delete("Pod", "a", Options(R"({"gracePeriodSeconds":)" + std::to_string(grace) + "}"))
        .body["metadata"];
  };
  Json metadata = ask(20);
  EXPECT_EQ(metadata["deletionTimestamp"], "2027-01-15T08:00:20Z");
  EXPECT_EQ(metadata["deletionGracePeriodSeconds"], 20);
  seconds_ += 3;
  metadata = ask(5);
  EXPECT_EQ(metadata["deletionTimestamp"], "2027-01-15T08:00:05Z");
  EXPECT_EQ(metadata["deletionGracePeriodSeconds"], 5);
  EXPECT_EQ(ask(50), metadata);
  EXPECT_EQ(Delete("Pod", "a").body["metadata"], metadata);
  // The daemon's last word.
  EXPECT_EQ(ask(0)["deletionGracePeriodSeconds"], 0);
  EXPECT_EQ(Get("Pod", "a").code, 404);
}

TEST_F(DeleteTest, GraceOfThePodAndNegativeOnes) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  RunPod("a");
  EXPECT_EQ(Delete("Pod", "a").body["metadata"]["deletionGracePeriodSeconds"], 30);
  ASSERT_EQ(Create(Pod("b")).code, 201);
  RunPod("b");
  EXPECT_EQ(Delete("Pod", "b", Options(R"({"gracePeriodSeconds":-5})"))
                .body["metadata"]["deletionGracePeriodSeconds"],
            1);
  ASSERT_EQ(Create(Pod("c")).code, 201);
  RunPod("c");
  EXPECT_EQ(Delete("Pod", "c", [](Call& call) { call.grace_period_seconds = 7; })
                .body["metadata"]["deletionGracePeriodSeconds"],
            7);
}

TEST_F(DeleteTest, PodsWithFinalizersStayAfterTheirGrace) {
  Json pod = Pod("a");
  pod["metadata"]["finalizers"] = {"x.io/a"};
  ASSERT_EQ(Create(pod).code, 201);
  RunPod("a");
  ASSERT_EQ(Delete("Pod", "a").code, 200);
  const Result ended = Delete("Pod", "a", Options(R"({"gracePeriodSeconds":0})"));
  EXPECT_EQ(ended.body["metadata"]["deletionGracePeriodSeconds"], 0);
  EXPECT_EQ(Get("Pod", "a").code, 200);
  ASSERT_EQ(Patch("Pod", "a", PatchType::kMerge, R"({"metadata":{"finalizers":null}})").code, 200);
  EXPECT_EQ(Get("Pod", "a").code, 404);
}

TEST_F(DeleteTest, FinalizersThatAreGoneBeforeTheGraceDoNotKillThePod) {
  Json pod = Pod("a");
  pod["metadata"]["finalizers"] = {"x.io/a"};
  ASSERT_EQ(Create(pod).code, 201);
  RunPod("a");
  ASSERT_EQ(Delete("Pod", "a").code, 200);
  ASSERT_EQ(Patch("Pod", "a", PatchType::kMerge, R"({"metadata":{"finalizers":null}})").code, 200);
  EXPECT_EQ(Get("Pod", "a").code, 200);
}

TEST_F(DeleteTest, Collections) {
  for (int i = 0; i < 450; ++i) {
    Json object = ConfigMap("c" + std::to_string(i));
    object["metadata"]["labels"] = {{"odd", i % 2 == 1 ? "yes" : "no"}};
    if (i == 1) object["metadata"]["finalizers"] = {"x.io/a"};
    ASSERT_EQ(Create(object).code, 201);
  }
  Call call = CallOf(Verb::kDeleteCollection, "v1", "ConfigMap", name_space_, "");
  call.label_selector = "odd=yes";
  const Result gone = Handle(call);
  ASSERT_EQ(gone.code, 200) << gone.message();
  EXPECT_EQ(gone.body["kind"], "ConfigMapList");
  EXPECT_EQ(gone.body["items"].size(), 225u);
  EXPECT_EQ(Names(List("ConfigMap")).size(), 226u);
  EXPECT_TRUE(Get("ConfigMap", "c1").body["metadata"].contains("deletionTimestamp"));
  call.label_selector = "odd=never";
  EXPECT_EQ(Handle(call).body["items"], Json::array());
}

TEST_F(DeleteTest, RacesAreRunAgain) {
  ASSERT_EQ(Create(ConfigMap("a")).code, 201);
  between_->before_commit = [&](const std::vector<Write>& writes) {
    const auto stored = store_->Get(writes[0].key);
    Json object = Json::parse(*stored->text);
    object["metadata"]["finalizers"] = {"x.io/late"};
    std::vector<Write> more(1);
    more[0].key = writes[0].key;
    more[0].expected = stored->revision;
    more[0].text = object.dump();
    ASSERT_TRUE(store_->Commit(std::move(more)).ok());
  };
  // Somebody put a finalizer in between: the object must stay.
  EXPECT_EQ(Delete("ConfigMap", "a").body["kind"], "ConfigMap");
  EXPECT_EQ(Get("ConfigMap", "a").code, 200);
}

TEST_F(DeleteTest, LastingNamespaces) {
  const Result refused = Delete("Namespace", "default");
  EXPECT_EQ(refused.code, 403);
  EXPECT_EQ(refused.message(),
            "namespaces \"default\" is forbidden: this namespace may not be deleted");
}

TEST_F(DeleteTest, WatchersSeeTheLastState) {
  Json object = ConfigMap("a");
  object["metadata"]["finalizers"] = {"x.io/a"};
  Create(object);
  Delete("ConfigMap", "a");
  const auto recorder = std::make_shared<Recorder>();
  const auto handle = Watch("ConfigMap", recorder, [&](Call& call) {
    call.resource_version = Get("ConfigMap", "a").rv();
  });
  Patch("ConfigMap", "a", PatchType::kMerge,
        R"({"data":{"z":"9"},"metadata":{"finalizers":null}})");
  ASSERT_THAT(recorder->Await(1), ElementsAre("DELETED a"));
  const Json last = *recorder->events()[0].object;
  EXPECT_EQ(last["data"]["z"], "9");
  EXPECT_FALSE(last["metadata"].contains("finalizers"));
  EXPECT_EQ(last["metadata"]["resourceVersion"], std::to_string(store_->revision()));
}

}  // namespace
}  // namespace rekindle::apiserver
