// Garbage collection (spec kubernetes-api 8.5).
#include "tests/controller/apiserver/registry/registry_fixture.h"

namespace rekindle::apiserver {
namespace {

class CollectorTest : public BackgroundTest {
 protected:
  static Json Owned(const std::string& name, const Result& owner, bool blocks = false) {
    Json out = ConfigMap(name);
    out["metadata"]["ownerReferences"] = Json::array({Reference(owner, blocks)});
    return out;
  }
  static Json Reference(const Result& owner, bool blocks = false) {
    return {{"apiVersion", owner.body["apiVersion"]},
            {"kind", owner.body["kind"]},
            {"name", owner.name()},
            {"uid", owner.uid()},
            {"blockOwnerDeletion", blocks}};
  }
  static Tune Policy(const std::string& policy) {
    return [policy](Call& call) { call.propagation_policy = policy; };
  }
  bool Lacks(const std::string& name, const std::string& member) {
    return Await([&] {
      const Result got = Get("ConfigMap", name);
      return got.code == 200 && !got.body["metadata"].contains(member);
    });
  }
};

TEST_F(CollectorTest, BackgroundTakesTheDependentsAlong) {
  const Result owner = Create(CloneSet("o"));
  ASSERT_EQ(Create(Owned("d", owner)).code, 201);
  const Result second = Get("ConfigMap", "d");
  ASSERT_EQ(Create(Owned("dd", second)).code, 201);
  ASSERT_EQ(Delete("CloneSet", "o", Policy("Background")).body["status"], "Success");
  EXPECT_TRUE(Gone("ConfigMap", "d"));
  EXPECT_TRUE(Gone("ConfigMap", "dd"));
}

TEST_F(CollectorTest, OwnerThatNeverWas) {
  const Result owner = Create(ConfigMap("o"));
  Json orphan = Owned("d", owner);
  orphan["metadata"]["ownerReferences"][0]["uid"] = "no-such-uid";
  ASSERT_EQ(Create(orphan).code, 201);
  EXPECT_TRUE(Gone("ConfigMap", "d"));
  EXPECT_EQ(Get("ConfigMap", "o").code, 200);
}

TEST_F(CollectorTest, SeveralOwners) {
  const Result one = Create(ConfigMap("one"));
  const Result two = Create(ConfigMap("two"));
  Json dependent = ConfigMap("d");
  dependent["metadata"]["ownerReferences"] = Json::array({Reference(one), Reference(two)});
  ASSERT_EQ(Create(dependent).code, 201);
  ASSERT_EQ(Delete("ConfigMap", "one").code, 200);
  EXPECT_TRUE(
      Await([&] { return Get("ConfigMap", "d").body["metadata"]["ownerReferences"].size() == 1; }));
  EXPECT_EQ(Get("ConfigMap", "d").body["metadata"]["ownerReferences"][0]["name"], "two");
  ASSERT_EQ(Delete("ConfigMap", "two").code, 200);
  EXPECT_TRUE(Gone("ConfigMap", "d"));
}

// Scenario 35.
TEST_F(CollectorTest, ForegroundWaitsForThoseThatBlock) {
  const Result owner = Create(ConfigMap("o"));
  Json blocking = Owned("b", owner, /*blocks=*/true);
  blocking["metadata"]["finalizers"] = {"x.io/hold"};
  ASSERT_EQ(Create(blocking).code, 201);
  Json free = Owned("f", owner);
  free["metadata"]["finalizers"] = {"x.io/hold"};
  ASSERT_EQ(Create(free).code, 201);
  const Result going = Delete("ConfigMap", "o", Policy("Foreground"));
  EXPECT_EQ(going.body["metadata"]["finalizers"], J(R"(["foregroundDeletion"])"));
  // Both are asked to go.
  for (const char* name : {"b", "f"}) {
    EXPECT_TRUE(Await([&] {
      return Get("ConfigMap", name).body["metadata"].contains("deletionTimestamp");
    })) << name;
  }
  EXPECT_EQ(Get("ConfigMap", "o").code, 200);
  ASSERT_EQ(Patch("ConfigMap", "b", PatchType::kMerge, R"({"metadata":{"finalizers":null}})").code,
            200);
  EXPECT_TRUE(Gone("ConfigMap", "o"));
  EXPECT_EQ(Get("ConfigMap", "f").code, 200);
}

TEST_F(CollectorTest, ForegroundWithoutDependents) {
  ASSERT_EQ(Create(ConfigMap("o")).code, 201);
  ASSERT_EQ(Delete("ConfigMap", "o", Policy("Foreground")).code, 200);
  EXPECT_TRUE(Gone("ConfigMap", "o"));
}

TEST_F(CollectorTest, ForegroundGoesDownTheTree) {
  const Result owner = Create(ConfigMap("o"));
  const Result middle = Create(Owned("m", owner, true));
  ASSERT_EQ(Create(Owned("leaf", middle, true)).code, 201);
  ASSERT_EQ(Delete("ConfigMap", "o", Policy("Foreground")).code, 200);
  EXPECT_TRUE(Gone("ConfigMap", "o"));
  EXPECT_EQ(Get("ConfigMap", "m").code, 404);
  EXPECT_EQ(Get("ConfigMap", "leaf").code, 404);
}

// Scenario 36.
TEST_F(CollectorTest, OrphansSurvive) {
  const Result owner = Create(ConfigMap("o"));
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(Create(Owned("d" + std::to_string(i), owner, true)).code, 201);
  }
  ASSERT_EQ(Delete("ConfigMap", "o", Policy("Orphan")).code, 200);
  EXPECT_TRUE(Gone("ConfigMap", "o"));
  for (int i = 0; i < 20; ++i) EXPECT_TRUE(Lacks("d" + std::to_string(i), "ownerReferences"));
}

TEST_F(CollectorTest, CirclesEnd) {
  const Result one = Create(ConfigMap("one"));
  const Result two = Create(Owned("two", one, true));
  Json again = Get("ConfigMap", "one").body;
  again["metadata"]["ownerReferences"] = Json::array({Reference(two, true)});
  ASSERT_EQ(Update(again).code, 200);
  ASSERT_EQ(Delete("ConfigMap", "one", Policy("Foreground")).code, 200);
  EXPECT_TRUE(Gone("ConfigMap", "one"));
  EXPECT_TRUE(Gone("ConfigMap", "two"));
}

TEST_F(CollectorTest, OwnerInAnotherNamespaceIsNone) {
  name_space_ = "kube-system";
  const Result owner = Create(ConfigMap("o"));
  name_space_ = "default";
  ASSERT_EQ(Create(Owned("d", owner)).code, 201);
  EXPECT_TRUE(Gone("ConfigMap", "d"));
}

TEST_F(CollectorTest, KindsThatNobodyKnowsAreLeftAlone) {
  Json dependent = ConfigMap("d");
  dependent["metadata"]["ownerReferences"] =
      J(R"([{"apiVersion":"example.io/v1","kind":"Widget","name":"w","uid":"u1"}])");
  ASSERT_EQ(Create(dependent).code, 201);
  // One that is made later and collected shows that the first was looked at.
  const Result owner = Create(ConfigMap("o"));
  ASSERT_EQ(Create(Owned("later", owner)).code, 201);
  ASSERT_EQ(Delete("ConfigMap", "o").code, 200);
  ASSERT_TRUE(Gone("ConfigMap", "later"));
  EXPECT_EQ(Get("ConfigMap", "d").code, 200);
  // Once the kind is known its object can be missed.
  ASSERT_EQ(Create(WidgetDefinition()).code, 201);
  EXPECT_TRUE(Gone("ConfigMap", "d"));
}

TEST_F(CollectorTest, ObjectsOfUsersKindsOwnToo) {
  ASSERT_EQ(Create(WidgetDefinition()).code, 201);
  const Result owner = Create(Widget("w"));
  ASSERT_EQ(owner.code, 201) << owner.message();
  ASSERT_EQ(Create(Owned("d", owner)).code, 201);
  ASSERT_EQ(Delete("Widget", "w").code, 200);
  EXPECT_TRUE(Gone("ConfigMap", "d"));
}

TEST_F(CollectorTest, ManyDependents) {
  const Result owner = Create(ConfigMap("o"));
  for (int i = 0; i < 200; ++i) {
    ASSERT_EQ(Create(Owned("d" + std::to_string(i), owner)).code, 201);
  }
  ASSERT_EQ(Delete("ConfigMap", "o").code, 200);
  EXPECT_TRUE(Await([&] { return Names(List("ConfigMap")).empty(); }));
}

}  // namespace
}  // namespace rekindle::apiserver
