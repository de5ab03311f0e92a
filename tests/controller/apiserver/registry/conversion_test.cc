// Versions of one kind (spec kubernetes-api 13.5, cloneset 5, statefulset 1.1).
#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

using testing::HasSubstr;

class ConversionTest : public RegistryTest {
 protected:
  Result GetAs(const std::string& version, const std::string& kind, const std::string& name) {
    return Handle(CallOf(Verb::kGet, "apps.kruise.io/" + version, kind, name_space_, name));
  }
};

TEST_F(ConversionTest, ReadInEachVersion) {
  Json set = CloneSet("a", "v1alpha1");
  set["spec"]["updateStrategy"] = {{"type", "InPlaceIfPossible"}, {"maxUnavailable", 1}};
  const Result made = Create(set);
  ASSERT_EQ(made.code, 201) << made.message();
  EXPECT_EQ(made.body["apiVersion"], "apps.kruise.io/v1alpha1");
  const Result beta = GetAs("v1beta1", "CloneSet", "a");
  EXPECT_EQ(beta.body["apiVersion"], "apps.kruise.io/v1beta1");
  EXPECT_EQ(beta.body["spec"]["updateStrategy"]["rollingUpdate"]["podUpdatePolicy"],
            "InPlaceIfPossible");
  EXPECT_EQ(beta.rv(), made.rv());
  EXPECT_EQ(beta.uid(), made.uid());
  EXPECT_EQ(GetAs("v1alpha1", "CloneSet", "a").body, made.body);
  const auto stored = store_->Get({"clonesets.apps.kruise.io", "default", "a"});
  ASSERT_TRUE(stored.ok());
  EXPECT_EQ(Json::parse(*stored->text)["apiVersion"], "apps.kruise.io/v1beta1");
}

TEST_F(ConversionTest, SameObjectThroughBothVersionsIsNoChange) {
  const Result made = Create(CloneSet("a", "v1alpha1"));
  ASSERT_EQ(made.code, 201) << made.message();
  const Revision before = store_->revision();
  EXPECT_EQ(Update(made.body).code, 200);
  EXPECT_EQ(Update(GetAs("v1beta1", "CloneSet", "a").body).code, 200);
  EXPECT_EQ(store_->revision(), before);
}

TEST_F(ConversionTest, ChangesThroughOneAreSeenThroughTheOther) {
  Json set = Create(CloneSet("a")).body;
  Json alpha = GetAs("v1alpha1", "CloneSet", "a").body;
  alpha["spec"]["replicas"] = 7;
  const Result updated = Update(alpha);
  ASSERT_EQ(updated.code, 200) << updated.message();
  EXPECT_EQ(updated.body["metadata"]["generation"], 2);
  EXPECT_EQ(GetAs("v1beta1", "CloneSet", "a").body["spec"]["replicas"], 7);
  // The other one's revision is old now.
  set["spec"]["replicas"] = 8;
  EXPECT_EQ(Update(set).code, 409);
}

TEST_F(ConversionTest, WhatAWriteLosesIsSaid) {
  const Json set = {{"apiVersion", "apps.kruise.io/v1beta1"},
                    {"kind", "StatefulSet"},
                    {"metadata", {{"name", "s"}}},
                    {"spec",
                     {{"selector", {{"matchLabels", {{"app", "web"}}}}},
                      {"template", CloneSet("s")["spec"]["template"]},
                      {"reserveOrdinals", {1, 2}}}}};
  ASSERT_EQ(Create(set).code, 201) << Create(set).message();
  Json alpha = GetAs("v1alpha1", "StatefulSet", "s").body;
  EXPECT_FALSE(alpha["spec"].contains("reserveOrdinals"));
  // Nothing is lost where nothing changes.
  EXPECT_TRUE(Update(alpha).warnings.empty());
  EXPECT_TRUE(GetAs("v1beta1", "StatefulSet", "s").body["spec"].contains("reserveOrdinals"));
  alpha["spec"]["replicas"] = 3;
  const Result updated = Update(alpha);
  ASSERT_EQ(updated.code, 200) << updated.message();
  EXPECT_THAT(updated.warnings, testing::Contains(HasSubstr("spec.reserveOrdinals")));
}

TEST_F(ConversionTest, ListsInTheVersionThatIsAskedFor) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  ASSERT_EQ(Create(CloneSet("b", "v1alpha1")).code, 201);
  for (const bool text : {false, true}) {
    for (const char* version : {"v1alpha1", "v1beta1"}) {
      Call call = CallOf(Verb::kList, std::string("apps.kruise.io/") + version, "CloneSet",
                         name_space_, "");
      call.as_text = text;
      const Result list = Handle(call);
      const Json body = list.text.empty() ? list.body : Json::parse(list.text);
      ASSERT_EQ(body["items"].size(), 2u);
      for (const Json& item : body["items"]) {
        EXPECT_EQ(item["apiVersion"], std::string("apps.kruise.io/") + version);
      }
    }
  }
}

// What is kept in another version than the one of the call is converted, not spliced.
TEST_F(ConversionTest, WatchesInTheVersionThatIsAskedFor) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    const auto recorder = std::make_shared<Recorder>();
    Call call =
        CallOf(Verb::kWatch, std::string("apps.kruise.io/") + version, "CloneSet", name_space_, "");
    call.as_text = true;
    const auto handle = registry_->Watch(call, recorder);
    ASSERT_TRUE(handle.ok()) << handle.status();
    ASSERT_EQ(Patch("CloneSet", "a", PatchType::kMerge,
                    std::string(R"({"metadata":{"annotations":{"at":")") + version + "\"}}}")
                  .code,
              200);
    EXPECT_THAT(recorder->Await(2), testing::ElementsAre("ADDED a", "MODIFIED a"));
    for (const WatchEvent& event : recorder->events()) {
      const Json object = event.text != nullptr ? Json::parse(*event.text) : *event.object;
      EXPECT_EQ(object["apiVersion"], std::string("apps.kruise.io/") + version);
    }
  }
}

TEST_F(ConversionTest, AnswersToWritesInTheVersionThatIsAskedFor) {
  const auto as_text = [](Call& call) { call.as_text = true; };
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    const std::string name = std::string("w-") + version;
    const Result created = Create(CloneSet(name, version), as_text);
    ASSERT_EQ(created.code, 201) << created.message();
    Json object = created.text.empty() ? created.body : Json::parse(created.text);
    EXPECT_EQ(object, GetAs(version, "CloneSet", name).body);
    object["spec"]["replicas"] = 4;
    const Result updated = Update(object, as_text);
    ASSERT_EQ(updated.code, 200) << updated.message();
    EXPECT_EQ(updated.text.empty() ? updated.body : Json::parse(updated.text),
              GetAs(version, "CloneSet", name).body);
  }
}

TEST_F(ConversionTest, ManagersOfBothVersions) {
  ASSERT_EQ(Create(CloneSet("a")).code, 201);
  Json config = CloneSet("a", "v1alpha1");
  config["spec"]["replicas"] = 5;
  const Result refused = Apply(config, "m");
  EXPECT_EQ(refused.code, 409) << refused.message();
  EXPECT_THAT(refused.message(), HasSubstr(".spec.replicas"));
  const Result forced = Apply(config, "m", /*force=*/true);
  ASSERT_EQ(forced.code, 200) << forced.message();
  EXPECT_EQ(forced.body["spec"]["replicas"], 5);
}

}  // namespace
}  // namespace rekindle::apiserver
