// scale, binding, eviction, finalize (spec kubernetes-api 9, 8.6).
#include "absl/strings/str_cat.h"

#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class PartsTest : public RegistryTest {
 protected:
  static Tune Part(const std::string& name, const std::string& body = "") {
    return [=](Call& call) {
      call.subresource = name;
      if (!body.empty()) call.body = body;
    };
  }
  Result Scale(const std::string& kind, const std::string& name, const std::string& body,
               PatchType type = PatchType::kMerge) {
    return Patch(kind, name, type, body, Part("scale"));
  }
  Result PutScale(const std::string& kind, const std::string& name, const std::string& body) {
    Call call = CallOf(Verb::kUpdate, VersionOf(kind), kind, name_space_, name);
    call.subresource = "scale";
    call.body = body;
    return Handle(call);
  }
  Result Post(const std::string& part, const std::string& name, const std::string& body) {
    Call call = CallOf(Verb::kCreate, "v1", "Pod", name_space_, name);
    call.subresource = part;
    call.body = body;
    return Handle(call);
  }
  Result Evict(const std::string& name, const std::string& options = "{}") {
    return Post("eviction", name,
                absl::StrCat(R"({"apiVersion":"policy/v1","kind":"Eviction","metadata":{"name":")",
                             name, R"("},"deleteOptions":)", options, "}"));
  }
  void Budget(const std::string& name, int allowed, int desired = 1) {
    const Json budget = {
        {"apiVersion", "policy/v1"},
        {"kind", "PodDisruptionBudget"},
        {"metadata", {{"name", name}}},
        {"spec", {{"minAvailable", desired}, {"selector", {{"matchLabels", {{"app", "web"}}}}}}}};
    ASSERT_EQ(Create(budget).code, 201);
    const Result status =
        Patch("PodDisruptionBudget", name, PatchType::kMerge,
              absl::StrCat(R"({"status":{"observedGeneration":1,"disruptionsAllowed":)", allowed,
                           R"(,"currentHealthy":)", allowed + desired, R"(,"desiredHealthy":)",
                           desired, R"(,"expectedPods":2}})"),
              Part("status"));
    ASSERT_EQ(status.code, 200) << status.message();
  }
};

TEST_F(PartsTest, ScaleShowsNumbersAndSelector) {
  Json set = CloneSet("a");
  ASSERT_EQ(Create(set).code, 201);
  ASSERT_EQ(Patch("CloneSet", "a", PatchType::kMerge,
                  R"({"status":{"replicas":3,"readyReplicas":1,"availableReplicas":1,
                    "updatedReplicas":1,"updatedReadyReplicas":1,"labelSelector":"app=web"}})",
                  Part("status"))
                .code,
            200);
  const Json object = Get("CloneSet", "a").body;
  const Result scale = Get("CloneSet", "a", Part("scale"));
  ASSERT_EQ(scale.code, 200) << scale.message();
  const Json& metadata = object["metadata"];
  EXPECT_EQ(scale.body, Json({{"kind", "Scale"},
                              {"apiVersion", "autoscaling/v1"},
                              {"metadata",
                               {{"name", "a"},
                                {"namespace", "default"},
                                {"uid", metadata["uid"]},
                                {"resourceVersion", metadata["resourceVersion"]},
                                {"creationTimestamp", metadata["creationTimestamp"]}}},
                              {"spec", {{"replicas", 2}}},
                              {"status", {{"replicas", 3}, {"selector", "app=web"}}}}));
}

// Scenarios 27 and 82.
TEST_F(PartsTest, ScalingIsAChangeOfTheSpec) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  const Result scaled = Scale("CloneSet", "a", R"({"spec":{"replicas":5}})");
  ASSERT_EQ(scaled.code, 200) << scaled.message();
  EXPECT_EQ(scaled.body["kind"], "Scale");
  EXPECT_EQ(scaled.body["spec"]["replicas"], 5);
  const Json object = Get("CloneSet", "a").body;
  EXPECT_EQ(object["spec"]["replicas"], 5);
  EXPECT_EQ(object["metadata"]["generation"], 2);
  EXPECT_EQ(scaled.rv(), object["metadata"]["resourceVersion"]);
  EXPECT_EQ(PutScale("CloneSet", "a",
                     R"({"kind":"Scale","apiVersion":"autoscaling/v1","metadata":{"name":"a",
                       "resourceVersion":"1"},"spec":{"replicas":6}})")
                .code,
            409);
  EXPECT_EQ(PutScale("CloneSet", "a", R"({"metadata":{"name":"a"},"spec":{"replicas":6}})")
                .body["spec"]["replicas"],
            6);
  EXPECT_EQ(Scale("CloneSet", "a", R"([{"op":"replace","path":"/spec/replicas","value":7}])",
                  PatchType::kJson)
                .body["spec"]["replicas"],
            7);
  EXPECT_EQ(Scale("CloneSet", "z", R"({"spec":{"replicas":5}})").code, 404);
  EXPECT_EQ(Scale("CloneSet", "a", R"({"spec":{"replicas":0}})").body["spec"], Json::object());
  // A patch of something else leaves it.
  EXPECT_EQ(Scale("CloneSet", "a", "{}").code, 200);
  EXPECT_EQ(Get("CloneSet", "a").body["spec"]["replicas"], 0);
}

TEST_F(PartsTest, NegativeScales) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  const Result refused = Scale("CloneSet", "a", R"({"spec":{"replicas":-1}})");
  EXPECT_EQ(refused.code, 422);
  ASSERT_EQ(refused.causes().size(), 2u);
  EXPECT_THAT(refused.causes()[0], HasSubstr("should be greater than or equal to 0"));
  EXPECT_THAT(refused.causes()[1], HasSubstr(".spec.replicas"));
  EXPECT_EQ(Scale("CloneSet", "a", R"({"spec":{"replicas":"x"}})").code, 400);
  EXPECT_EQ(Scale("CloneSet", "a", "{}", PatchType::kApply).code, 415);
  EXPECT_EQ(Scale("CloneSet", "a", "{}", PatchType::kStrategic).code, 415);
}

TEST_F(PartsTest, ScaleOfAPlatformSet) {
  const Json set = {{"apiVersion", "apps/v1"},
                    {"kind", "StatefulSet"},
                    {"metadata", {{"name", "s"}}},
                    {"spec", CloneSet("s")["spec"]}};
  ASSERT_EQ(Create(set).code, 201);
  EXPECT_EQ(Get("StatefulSet", "s", Part("scale")).body["status"],
            J(R"({"replicas":0,"selector":"app=web"})"));
  EXPECT_EQ(Scale("StatefulSet", "s", R"({"spec":{"replicas":4}})", PatchType::kStrategic)
                .body["spec"]["replicas"],
            4);
  // None asked for is 0, which the answer leaves out.
  EXPECT_EQ(PutScale("StatefulSet", "s", R"({"metadata":{"name":"s"},"spec":{}})").body["spec"],
            Json::object());
  EXPECT_EQ(Get("StatefulSet", "s").body["spec"]["replicas"], 0);
}

// Pitfall 20.
TEST_F(PartsTest, UsersScalePaths) {
  ASSERT_EQ(Create(WidgetDefinition()).code, 201);
  Json widget = Widget("w");
  widget["spec"].erase("size");
  ASSERT_EQ(Create(widget).code, 201);
  const Result missing = Get("Widget", "w", Part("scale"));
  EXPECT_EQ(missing.code, 500);
  EXPECT_EQ(missing.message(),
            "Internal error occurred: the spec replicas field \".spec.size\" does not exist");
  EXPECT_EQ(Scale("Widget", "w", R"({"spec":{"replicas":4}})").code, 200);
  EXPECT_EQ(Get("Widget", "w").body["spec"]["size"], 4);
  EXPECT_EQ(Get("Widget", "w", Part("scale")).body["spec"]["replicas"], 4);
  EXPECT_EQ(PutScale("Widget", "w", R"({"metadata":{"name":"w"},"spec":{}})").code, 200);
  EXPECT_FALSE(Get("Widget", "w").body["spec"].contains("size"));
}

TEST_F(PartsTest, Binding) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  const Result bound = Post("binding", "a", R"({"target":{"kind":"Node","name":"n1"}})");
  EXPECT_EQ(bound.code, 201);
  EXPECT_EQ(bound.body["status"], "Success");
  const Json pod = Get("Pod", "a").body;
  EXPECT_EQ(pod["spec"]["nodeName"], "n1");
  EXPECT_EQ(pod["status"]["conditions"][0]["type"], "PodScheduled");
  EXPECT_EQ(pod["status"]["conditions"][0]["status"], "True");
  const Result again = Post("binding", "a", R"({"target":{"name":"n2"}})");
  EXPECT_EQ(again.code, 409);
  EXPECT_THAT(again.message(), HasSubstr("pod a is already assigned to node \"n1\""));
  EXPECT_EQ(Post("binding", "z", R"({"target":{"name":"n2"}})").code, 404);
  EXPECT_EQ(Post("binding", "a", R"({"target":{}})").code, 422);
  EXPECT_EQ(Post("binding", "a", R"({"target":{"kind":"Pod","name":"x"}})").code, 422);
}

TEST_F(PartsTest, EvictionWithoutBudget) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  RunPod("a");
  const Result evicted = Evict("a");
  EXPECT_EQ(evicted.code, 201);
  EXPECT_EQ(evicted.body, J(R"({"kind":"Status","apiVersion":"v1","metadata":{},
    "status":"Success","code":201})"));
  EXPECT_TRUE(Get("Pod", "a").body["metadata"].contains("deletionTimestamp"));
  EXPECT_EQ(Evict("z").code, 404);
  EXPECT_EQ(Post("eviction", "a", R"({"metadata":{"name":"b"}})").message(),
            "name in URL does not match name in Eviction object");
}

// Scenario 40.
TEST_F(PartsTest, ExhaustedBudget) {
  for (const char* name : {"a", "b"}) {
    ASSERT_EQ(Create(Pod(name)).code, 201);
    RunPod(name);
  }
  Budget("pdb", 1);
  EXPECT_EQ(Evict("a").code, 201);
  const Json status = Get("PodDisruptionBudget", "pdb").body["status"];
  EXPECT_EQ(status["disruptionsAllowed"], 0);
  EXPECT_TRUE(status["disruptedPods"].contains("a"));
  const Result refused = Evict("b");
  EXPECT_EQ(refused.code, 429);
  EXPECT_EQ(refused.error.reason, "TooManyRequests");
  EXPECT_EQ(refused.message(), "Cannot evict pod as it would violate the pod's disruption budget.");
  EXPECT_EQ(refused.error.retry_after_seconds, 0);
  EXPECT_THAT(refused.causes(), ElementsAre("DisruptionBudget : The disruption budget pdb needs 1 "
                                            "healthy pods and has 2 currently"));
  EXPECT_FALSE(Get("Pod", "b").body["metadata"].contains("deletionTimestamp"));
}

// Scenario 41.
TEST_F(PartsTest, FailedDeleteLeavesTheDebit) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  RunPod("a");
  Budget("pdb", 1);
  EXPECT_EQ(Evict("a", R"({"preconditions":{"uid":"u1"}})").code, 409);
  EXPECT_EQ(Evict("a").code, 429);
}

TEST_F(PartsTest, PodsThatNoBudgetCounts) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  Budget("pdb", 0);
  EXPECT_EQ(Evict("a").code, 201);
  EXPECT_EQ(Get("Pod", "a").code, 404);
}

TEST_F(PartsTest, TwoBudgets) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  RunPod("a");
  Budget("one", 1);
  Budget("two", 1);
  const Result refused = Evict("a");
  EXPECT_EQ(refused.code, 500);
  EXPECT_EQ(refused.message(),
            "This pod has more than one PodDisruptionBudget, which the eviction "
            "subresource does not support.");
}

TEST_F(PartsTest, EvictionDryRun) {
  ASSERT_EQ(Create(Pod("a")).code, 201);
  RunPod("a");
  Budget("pdb", 1);
  const Revision before = store_->revision();
  EXPECT_EQ(Evict("a", R"({"dryRun":["All"]})").code, 201);
  EXPECT_EQ(store_->revision(), before);
}

TEST_F(PartsTest, BudgetOfAnotherNamespaceDoesNotCount) {
  name_space_ = "kube-system";
  Budget("pdb", 0);
  name_space_ = "default";
  ASSERT_EQ(Create(Pod("a")).code, 201);
  RunPod("a");
  EXPECT_EQ(Evict("a").code, 201);
}

TEST_F(PartsTest, FinalizeLetsANamespaceGo) {
  ASSERT_EQ(
      Create({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", "n"}}}}).code,
      201);
  Json object = Delete("Namespace", "n").body;
  EXPECT_EQ(object["status"]["phase"], "Terminating");
  object["spec"]["finalizers"] = Json::array();
  EXPECT_EQ(Update(object, Part("finalize")).code, 200);
  EXPECT_EQ(Get("Namespace", "n").code, 404);
}

}  // namespace
}  // namespace rekindle::apiserver
