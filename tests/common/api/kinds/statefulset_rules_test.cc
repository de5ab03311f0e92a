// StatefulSet of apps.kruise.io: scenarios 1 to 13 of spec statefulset 23.
#include "tests/common/api/kinds/admission_fixture.h"

namespace rekindle::api {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class StatefulSetTest : public AdmissionTest {
 protected:
  Json Set(const char* more = "{}", const char* version = "v1beta1") {
    Json out = J(R"({"kind":"StatefulSet","metadata":{"name":"demo","namespace":"ns"},
      "spec":{"selector":{"matchLabels":{"app":"x"}},
        "template":{"metadata":{"labels":{"app":"x"}},"spec":{
          "readinessGates":[{"conditionType":"InPlaceUpdateReady"}],
          "containers":[{"name":"main","image":"x:1.2"}]}}}})");
    out["apiVersion"] = absl::StrCat("apps.kruise.io/", version);
    out["spec"].merge_patch(J(more));
    return out;
  }
  std::vector<std::string> Fields(const std::string& more) {
    return Write(Set(more.c_str())).fields();
  }
  std::vector<std::string> Rolling(const std::string& members, bool parallel = false) {
    return Fields(absl::StrCat(parallel ? R"({"podManagementPolicy":"Parallel",)" : "{",
                               R"("updateStrategy":{"rollingUpdate":)", members, "}}"));
  }
  const std::string at_ = "spec.updateStrategy.rollingUpdate.";
};

TEST_F(StatefulSetTest, S1Defaults) {
  const Result got = Write(Set(R"({"updateStrategy":null})"));
  ASSERT_EQ(got.code(), 200) << got.status;
  const Json& spec = got.object["spec"];
  EXPECT_EQ(spec["podManagementPolicy"], "OrderedReady");
  EXPECT_EQ(spec["updateStrategy"],
            J(R"({"type":"RollingUpdate","rollingUpdate":{"partition":0,"maxUnavailable":1,
                  "podUpdatePolicy":"ReCreate","minReadySeconds":0}})"));
  EXPECT_EQ(spec["persistentVolumeClaimRetentionPolicy"],
            J(R"({"whenDeleted":"Retain","whenScaled":"Retain"})"));
  EXPECT_EQ(spec["replicas"], 1);
  EXPECT_EQ(spec["revisionHistoryLimit"], 10);
  EXPECT_FALSE(spec.contains("volumeClaimUpdateStrategy"));
  // Unlike with CloneSets, the tag decides.
  EXPECT_EQ(spec["template"]["spec"]["containers"][0]["imagePullPolicy"], "IfNotPresent");
  gates_.auto_delete_claims = false;
  gates_.auto_resize_claims = true;
  const Result other = Write(Set(R"({"status":{}})"));
  EXPECT_FALSE(other.object["spec"].contains("persistentVolumeClaimRetentionPolicy"));
  EXPECT_EQ(other.object["spec"]["volumeClaimUpdateStrategy"]["type"], "OnDelete");
  // v1alpha1 has the common part alone.
  const Result alpha = Write(Set("{}", "v1alpha1"));
  ASSERT_EQ(alpha.code(), 200) << alpha.status;
  EXPECT_EQ(alpha.object["spec"]["updateStrategy"], spec["updateStrategy"]);
  EXPECT_FALSE(alpha.object["spec"].contains("volumeClaimUpdateStrategy"));
}

TEST_F(StatefulSetTest, S2OnDeleteWithoutRollingUpdate) {
  EXPECT_THAT(Fields(R"({"updateStrategy":{"type":"OnDelete","rollingUpdate":{}}})"),
              ElementsAre("spec.updateStrategy.rollingUpdate"));
  EXPECT_THAT(Fields(R"({"updateStrategy":{"type":"OnDelete"}})"), IsEmpty());
  EXPECT_THAT(Fields(R"({"updateStrategy":{"type":"Odd"}})"), ElementsAre("spec.updateStrategy"));
}

TEST_F(StatefulSetTest, S3AndS4MaxUnavailable) {
  const auto at = ElementsAre(at_ + "maxUnavailable");
  EXPECT_THAT(Rolling(R"({"maxUnavailable":2})"), at);
  EXPECT_THAT(Rolling(R"({"maxUnavailable":1})"), IsEmpty());
  EXPECT_THAT(Rolling(R"({"maxUnavailable":"1%"})"), at);
  for (const char* bad : {R"("5")", R"("0%")", "0", R"("x%")", "-1"}) {
    EXPECT_THAT(Rolling(absl::StrCat(R"({"maxUnavailable":)", bad, "}"), true), at) << bad;
  }
  EXPECT_THAT(Rolling(R"({"maxUnavailable":"250%"})", true), IsEmpty());
  EXPECT_THAT(Fields(R"({"scaleStrategy":{"maxUnavailable":"5"},
                         "podManagementPolicy":"Parallel"})"),
              ElementsAre("spec.scaleStrategy.maxUnavailable"));
  EXPECT_THAT(Fields(R"({"scaleStrategy":{"maxUnavailable":3}})"),
              ElementsAre("spec.scaleStrategy.maxUnavailable"));
}

TEST_F(StatefulSetTest, S5ToS7RollingUpdate) {
  EXPECT_THAT(Rolling(R"({"minReadySeconds":301})"), ElementsAre(at_ + "minReadySeconds"));
  EXPECT_THAT(Rolling(R"({"minReadySeconds":300})"), IsEmpty());
  EXPECT_THAT(Rolling(R"({"partition":-1})"), ElementsAre(at_ + "partition"));
  EXPECT_THAT(Rolling(R"({"unorderedUpdate":{}})"), ElementsAre(at_ + "unorderedUpdate"));
  EXPECT_THAT(Rolling(R"({"unorderedUpdate":{}})", true), IsEmpty());
  const std::string priority = at_ + "unorderedUpdate.priorityStrategy";
  EXPECT_THAT(Rolling(R"({"unorderedUpdate":{"priorityStrategy":{
      "orderPriority":[{"orderedKey":"k"}],
      "weightPriority":[{"weight":1,"matchSelector":{"matchLabels":{"a":"b"}}}]}}})",
                      true),
              ElementsAre(priority));
  EXPECT_THAT(Rolling(R"({"unorderedUpdate":{"priorityStrategy":{
      "weightPriority":[{"weight":1,"matchSelector":{}}]}}})",
                      true),
              ElementsAre(priority + ".weightPriority"));
  EXPECT_THAT(Rolling(R"({"podUpdatePolicy":"Odd"})"), ElementsAre(at_ + "podUpdatePolicy"));
}

TEST_F(StatefulSetTest, S8ReservedOrdinals) {
  for (const char* bad : {"[-1]", R"(["5-3"])", R"(["7"])", R"(["a-b"])", R"(["-1-3"])"}) {
    EXPECT_THAT(Fields(absl::StrCat(R"({"reserveOrdinals":)", bad, "}")), ElementsAre("spec"))
        << bad;
  }
  EXPECT_THAT(Fields(R"({"reserveOrdinals":[4,"7-11","9-9"]})"), IsEmpty());
}

TEST_F(StatefulSetTest, S9ReadinessGate) {
  const Result got = Write(Set(R"({"template":{"spec":{"readinessGates":null}},
      "updateStrategy":{"rollingUpdate":{"podUpdatePolicy":"InPlaceIfPossible"}}})"));
  EXPECT_THAT(got.fields(), ElementsAre("spec.template.spec.readinessGates"));
  EXPECT_THAT(got.message(), HasSubstr("must contain InPlaceUpdateReady when podUpdatePolicy is "
                                       "InPlaceIfPossible"));
  EXPECT_THAT(Rolling(R"({"podUpdatePolicy":"InPlaceIfPossible"})"), IsEmpty());
}

TEST_F(StatefulSetTest, S10WhatMayChange) {
  const Json old = Write(Set()).object;
  const auto change = [&](const char* more) {
    Json now = old;
    now["spec"].merge_patch(J(more));
    return Update(now, old).fields();
  };
  for (const char* bad :
       {R"({"selector":{"matchLabels":{"b":"c"}},"template":{"metadata":{"labels":{"b":"c"}}}})",
        R"({"serviceName":"s"})", R"({"podManagementPolicy":"Parallel"})"}) {
    EXPECT_THAT(change(bad), ElementsAre("spec")) << bad;
  }
  for (const char* fine :
       {R"({"replicas":4})", R"({"scaleStrategy":{"maxUnavailable":1}})",
        R"({"reserveOrdinals":[1]})", R"({"ordinals":{"start":3}})",
        R"({"template":{"spec":{"containers":[{"name":"main","image":"x:3"}]}}})",
        R"({"persistentVolumeClaimRetentionPolicy":{"whenScaled":"Delete"}})",
        R"({"volumeClaimTemplates":[{"metadata":{"name":"d"},"spec":{}}]})",
        R"({"revisionHistoryLimit":1})"}) {
    EXPECT_THAT(change(fine), IsEmpty()) << fine;
  }
}

TEST_F(StatefulSetTest, S11InPlaceOnly) {
  const Json old =
      Write(Set(R"({"updateStrategy":{"rollingUpdate":{"podUpdatePolicy":"InPlaceOnly"}}})"))
          .object;
  Json now = old;
  now["spec"]["template"]["spec"]["containers"][0]["image"] = "x:2";
  EXPECT_THAT(Update(now, old).fields(), IsEmpty());
  now["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"] = "Always";
  const Result got = Update(now, old);
  EXPECT_EQ(got.code(), 422);
  EXPECT_THAT(got.message(),
              HasSubstr("invalid template modified with InPlaceOnly strategy: replace "
                        "/containers/0/imagePullPolicy, currently only image update is allowed"));
}

TEST_F(StatefulSetTest, S13Delete) {
  gates_.deletion_protection = true;
  Json set = Set();
  set["metadata"]["labels"]["policy.kruise.io/delete-protection"] = "Cascading";
  const KindInfo& kind = *Kinds().Find("apps.kruise.io/v1beta1", "StatefulSet");
  set["spec"]["replicas"] = 2;
  EXPECT_EQ((Result{AdmitDelete(kind, set, gates_), {}}.code()), 403);
  set["spec"]["replicas"] = 0;
  EXPECT_EQ((Result{AdmitDelete(kind, set, gates_), {}}.code()), 200);
}

TEST_F(StatefulSetTest, OtherRules) {
  EXPECT_THAT(Fields(R"({"replicas":-1})"), ElementsAre("spec.replicas"));
  EXPECT_THAT(Fields(R"({"podManagementPolicy":"Odd"})"), ElementsAre("spec.podManagementPolicy"));
  EXPECT_THAT(Fields(R"({"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Odd"}})"),
              ElementsAre("spec.persistentVolumeClaimRetentionPolicy.whenDeleted"));
  EXPECT_THAT(Fields(R"({"selector":{"matchLabels":null}})"), ElementsAre("spec.selector"));
  EXPECT_THAT(Fields(R"({"ordinals":{"start":-1}})"), ElementsAre("spec.ordinals.start"));
  Json set = Set();
  set["metadata"]["name"] = "a.b";  // a label, because pods are called after it
  EXPECT_THAT(Write(set).fields(), ElementsAre("metadata.name"));
  // A bad template that is stored already does not stop a scale.
  Json stored = Write(Set()).object;
  stored["spec"]["template"]["spec"]["containers"][0].erase("image");
  Json scaled = stored;
  scaled["spec"]["replicas"] = 9;
  EXPECT_THAT(Update(scaled, stored).fields(), IsEmpty());
  scaled["spec"]["template"]["spec"]["containers"][0]["tty"] = true;
  EXPECT_THAT(Update(scaled, stored).fields(), Contains("spec.template.spec.containers[0].image"));
}

}  // namespace
}  // namespace rekindle::api
