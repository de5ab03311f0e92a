// Deletion of namespaces and definitions, expiry of events (spec kubernetes-api 8.6, 10.1, 13.1).
#include "common/api/time.h"
#include "tests/controller/apiserver/registry/registry_fixture.h"
#include "tests/fakes/await.h"

namespace rekindle::apiserver {
namespace {

class CleanersTest : public BackgroundTest {
 protected:
  void MakeNamespace(const std::string& name) {
    ASSERT_EQ(
        Create({{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}}).code,
        201);
    name_space_ = name;
  }
  Result MakeEvent(const std::string& name, absl::Time last) {
    return Create({{"apiVersion", "v1"},
                   {"kind", "Event"},
                   {"metadata", {{"name", name}}},
                   {"involvedObject", {{"kind", "Pod"}, {"namespace", name_space_}}},
                   {"lastTimestamp", api::FormatTime(last)}});
  }
};

TEST_F(CleanersTest, NamespaceGoesWithAllThatIsInIt) {
  MakeNamespace("n");
  for (int i = 0; i < 30; ++i) {
    ASSERT_EQ(Create(ConfigMap("c" + std::to_string(i))).code, 201);
  }
  ASSERT_EQ(Create(CloneSet("s")).code, 201);
  ASSERT_EQ(Create(Pod("p")).code, 201);
  ASSERT_EQ(Delete("Namespace", "n").body["status"]["phase"], "Terminating");
  EXPECT_TRUE(Gone("Namespace", "n"));
  EXPECT_TRUE(Names(List("ConfigMap")).empty());
  EXPECT_TRUE(Names(List("CloneSet")).empty());
  EXPECT_TRUE(Names(List("Pod")).empty());
  // The name can be used again.
  MakeNamespace("n");
  EXPECT_EQ(Create(ConfigMap("a")).code, 201);
}

TEST_F(CleanersTest, EmptyNamespace) {
  MakeNamespace("n");
  ASSERT_EQ(Delete("Namespace", "n").code, 200);
  EXPECT_TRUE(Gone("Namespace", "n"));
}

TEST_F(CleanersTest, WhatHoldsANamespaceUpIsSaid) {
  MakeNamespace("n");
  Json held = ConfigMap("held");
  held["metadata"]["finalizers"] = {"x.io/hold"};
  ASSERT_EQ(Create(held).code, 201);
  ASSERT_EQ(Delete("Namespace", "n").code, 200);
  EXPECT_TRUE(Await([&] {
    const Json status = Get("Namespace", "n").body["status"];
    return status.contains("conditions") &&
           status["conditions"][0]["type"] == "NamespaceContentRemaining" &&
           status["conditions"][0]["message"] ==
               "Some resources are remaining: configmaps has 1 resource instances";
  }));
  ASSERT_EQ(
      Patch("ConfigMap", "held", PatchType::kMerge, R"({"metadata":{"finalizers":null}})").code,
      200);
  EXPECT_TRUE(Gone("Namespace", "n"));
}

TEST_F(CleanersTest, DefinitionGoesWithItsObjects) {
  ASSERT_EQ(Create(WidgetDefinition()).code, 201);
  for (int i = 0; i < 10; ++i) {
    ASSERT_EQ(Create(Widget("w" + std::to_string(i))).code, 201);
  }
  Json held = Widget("held");
  held["metadata"]["finalizers"] = {"x.io/hold"};
  ASSERT_EQ(Create(held).code, 201);
  ASSERT_EQ(Delete("CustomResourceDefinition", "widgets.example.io").code, 200);
  EXPECT_TRUE(Await([&] { return Names(List("Widget")) == std::vector<std::string>{"held"}; }));
  EXPECT_EQ(Get("CustomResourceDefinition", "widgets.example.io").code, 200);
  ASSERT_EQ(Patch("Widget", "held", PatchType::kMerge, R"({"metadata":{"finalizers":null}})").code,
            200);
  EXPECT_TRUE(Gone("CustomResourceDefinition", "widgets.example.io"));
  EXPECT_TRUE(
      Await([&] { return registry_->catalog()->Find("example.io/v1", "Widget") == nullptr; }));
  // And it can come back.
  ASSERT_EQ(Create(WidgetDefinition()).code, 201);
  EXPECT_TRUE(Names(List("Widget")).empty());
}

TEST_F(CleanersTest, NamesThatBecomeFreeAreTaken) {
  ASSERT_EQ(Create(WidgetDefinition()).code, 201);
  Json rival = WidgetDefinition();
  rival["metadata"]["name"] = "gadgets.example.io";
  rival["spec"]["names"] = {{"plural", "gadgets"}, {"kind", "Widget"}};
  const Result made = Create(rival);
  ASSERT_EQ(made.code, 201) << made.message();
  const auto condition = [&](const char* type) -> std::string {
    const Json got = Get("CustomResourceDefinition", "gadgets.example.io").body;
    for (const Json& one : got["status"]["conditions"]) {
      if (one["type"] == type) return one["status"];
    }
    return "";
  };
  EXPECT_EQ(condition("NamesAccepted"), "False");
  ASSERT_EQ(Delete("CustomResourceDefinition", "widgets.example.io").code, 200);
  EXPECT_TRUE(Await([&] { return condition("NamesAccepted") == "True"; }));
  EXPECT_EQ(condition("Established"), "True");
}

// Scenario 40, from pods to evictions.
TEST_F(CleanersTest, BudgetsFollowTheirPods) {
  const Json budget = {
      {"apiVersion", "policy/v1"},
      {"kind", "PodDisruptionBudget"},
      {"metadata", {{"name", "pdb"}}},
      {"spec", {{"maxUnavailable", 1}, {"selector", {{"matchLabels", {{"app", "web"}}}}}}}};
  ASSERT_EQ(Create(budget).code, 201);
  const Result owner = Create(CloneSet("set"));
  ASSERT_EQ(owner.code, 201);
  for (const char* name : {"a", "b"}) {
    Json pod = Pod(name);
    pod["metadata"]["ownerReferences"] = Json::array();
    pod["metadata"]["ownerReferences"].push_back({{"apiVersion", "apps.kruise.io/v1beta1"},
                                                  {"kind", "CloneSet"},
                                                  {"name", "set"},
                                                  {"uid", owner.uid()},
                                                  {"controller", true}});
    ASSERT_EQ(Create(pod).code, 201);
    RunPod(name);
  }
  const auto allowed = [&] {
    return Get("PodDisruptionBudget", "pdb").body["status"].value("disruptionsAllowed", -1);
  };
  EXPECT_TRUE(Await([&] { return allowed() == 1; }));
  const auto evict = [&](const std::string& name) {
    Call call = CallOf(Verb::kCreate, "v1", "Pod", name_space_, name);
    call.subresource = "eviction";
    call.body = R"({"metadata":{"name":")" + name + "\"}}";
    return Handle(call).code;
  };
  EXPECT_EQ(evict("a"), 201);
  EXPECT_EQ(evict("b"), 429);
  // Its workload wants fewer now: the one that is left is enough and more.
  ASSERT_EQ(Patch("CloneSet", "set", PatchType::kMerge, R"({"spec":{"replicas":1}})").code, 200);
  EXPECT_TRUE(Await([&] { return allowed() == 1; }));
  EXPECT_EQ(evict("b"), 201);
}

TEST_F(CleanersTest, EventsGoAfterTheirTime) {
  const absl::Time now = absl::FromUnixSeconds(seconds_);
  ASSERT_EQ(MakeEvent("fresh", now).code, 201) << MakeEvent("fresh", now).message();
  seconds_ += 3590;
  ASSERT_EQ(MakeEvent("young", absl::FromUnixSeconds(seconds_)).code, 201);
  EXPECT_EQ(Get("Event", "fresh").code, 200);
  // The timer of the first runs by the loop's clock, so a new background is made that finds it due.
  seconds_ += 20;
  ASSERT_TRUE(Await([&] {
    if (!background_->idle()) return false;
    background_ = std::make_unique<Background>(*registry_, loop_, *pool_, Background::Options{});
    background_->Start();
    return true;
  }));
  EXPECT_TRUE(Gone("Event", "fresh"));
  EXPECT_EQ(Get("Event", "young").code, 200);
}

}  // namespace
}  // namespace rekindle::apiserver
