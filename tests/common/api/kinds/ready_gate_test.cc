// The readiness gate of new pods (spec container-recreate 13.1, scenario 42).
#include "common/api/kinds/ready_gate.h"

#include "tests/common/api/kinds/admission_fixture.h"

namespace rekindle::api {
namespace {

class ReadyGateTest : public AdmissionTest {
 protected:
  // A pod with that owner reference, unless empty.
  static Json Pod(const char* owner = "") {
    Json pod = J(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"web-0","namespace":"ns"},
      "spec":{"containers":[{"name":"app","image":"app:1"}]}})");
    if (*owner != '\0') pod["metadata"]["ownerReferences"] = Json::array({J(owner)});
    return pod;
  }
  static std::vector<std::string> Gates(const Json& pod) {
    std::vector<std::string> out;
    if (!pod["spec"].contains("readinessGates")) return out;
    for (const Json& gate : pod["spec"]["readinessGates"]) {
      out.push_back(gate["conditionType"].get<std::string>());
    }
    return out;
  }
  // Of the pod once it is made.
  std::vector<std::string> Made(const Json& pod) {
    const Result made = Write(pod);
    EXPECT_EQ(made.code(), 200) << made.status;
    return Gates(made.object);
  }

  static constexpr char kCloneSet[] = R"({"apiVersion":"apps.kruise.io/v1alpha1","kind":"CloneSet",
    "name":"web","uid":"u","controller":true})";
};

using testing::ElementsAre;
using testing::IsEmpty;

TEST_F(ReadyGateTest, S42PodsOfKruiseGetItAndOthersDoNot) {
  EXPECT_THAT(Made(Pod(kCloneSet)), ElementsAre("KruisePodReady"));
  EXPECT_THAT(Made(Pod()), IsEmpty());
  const struct {
    const char* owner;
    bool gets;
  } table[] = {
      {R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"StatefulSet","name":"w","uid":"u",
           "controller":true})",
       true},
      {R"({"apiVersion":"apps.kruise.io/v9","kind":"Anything","name":"w","uid":"u",
           "controller":true})",
       true},
      {R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"StatefulSet","name":"w","uid":"u"})",
       false},
      {R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"StatefulSet","name":"w","uid":"u",
           "controller":false})",
       false},
      {R"({"apiVersion":"apps/v1","kind":"StatefulSet","name":"w","uid":"u","controller":true})",
       false},
      {R"({"apiVersion":"apps.kruise.io.example/v1","kind":"X","name":"w","uid":"u",
           "controller":true})",
       false},
      {R"({"apiVersion":"apps.kruise.io","kind":"X","name":"w","uid":"u","controller":true})",
       false},
      {R"({"apiVersion":"v1","kind":"X","name":"w","uid":"u","controller":true})", false},
  };
  for (const auto& row : table) {
    EXPECT_EQ(WantsReadyGate(Pod(row.owner), gates_), row.gets) << row.owner;
  }
  // Of several the controller counts.
  Json pod = Pod(R"({"apiVersion":"v1","kind":"Node","name":"n","uid":"x"})");
  pod["metadata"]["ownerReferences"].push_back(J(kCloneSet));
  EXPECT_THAT(Made(pod), ElementsAre("KruisePodReady"));
}

TEST_F(ReadyGateTest, S42OnceAndBehindItsOwn) {
  Json pod = Pod(kCloneSet);
  pod["spec"]["readinessGates"] = J(R"([{"conditionType":"InPlaceUpdateReady"}])");
  EXPECT_THAT(Made(pod), ElementsAre("InPlaceUpdateReady", "KruisePodReady"));
  pod["spec"]["readinessGates"] =
      J(R"([{"conditionType":"KruisePodReady"},{"conditionType":"InPlaceUpdateReady"}])");
  EXPECT_THAT(Made(pod), ElementsAre("KruisePodReady", "InPlaceUpdateReady"));
  pod["spec"]["readinessGates"] = Json::array();
  EXPECT_THAT(Made(pod), ElementsAre("KruisePodReady"));
}

TEST_F(ReadyGateTest, S42FeatureGates) {
  gates_.ready_gate_for_all = true;
  EXPECT_THAT(Made(Pod()), ElementsAre("KruisePodReady"));
  EXPECT_THAT(Made(Pod(kCloneSet)), ElementsAre("KruisePodReady"));
  gates_.pod_webhook = false;
  EXPECT_THAT(Made(Pod()), IsEmpty());
  EXPECT_THAT(Made(Pod(kCloneSet)), IsEmpty());
}

TEST_F(ReadyGateTest, AMirrorOfAStaticPodGetsNone) {
  gates_.ready_gate_for_all = true;
  Json pod = Pod();
  pod["metadata"]["annotations"] = {{"kubernetes.io/config.mirror", "hash"}};
  EXPECT_THAT(Made(pod), IsEmpty());
}

// The gates of a pod cannot be changed, so an update must not try.
TEST_F(ReadyGateTest, PodsThatAreThereStayAsTheyAre) {
  const Json old = Write(Pod()).object;
  gates_.ready_gate_for_all = true;
  Json now = old;
  now["metadata"]["labels"] = {{"a", "b"}};
  const Result updated = Update(now, old);
  EXPECT_EQ(updated.code(), 200) << updated.status;
  EXPECT_THAT(Gates(updated.object), IsEmpty());
}

TEST_F(ReadyGateTest, WhatIsNoPodIsLeftAlone) {
  gates_.ready_gate_for_all = true;
  for (const char* odd :
       {"null", "[]", "7", "{}", R"({"spec":7})", R"({"spec":{"readinessGates":7}})",
        R"({"spec":{"readinessGates":{"a":1}},"metadata":[]})"}) {
    EXPECT_FALSE(WantsReadyGate(J(odd), gates_)) << odd;
  }
  gates_.ready_gate_for_all = false;
  for (const char* odd :
       {R"({"metadata":{"ownerReferences":7},"spec":{}})",
        R"({"metadata":{"ownerReferences":[7,null,{"controller":"yes"}]},"spec":{}})"}) {
    EXPECT_FALSE(WantsReadyGate(J(odd), gates_)) << odd;
  }
  Json odd = J(R"({"spec":{"readinessGates":[7,{"conditionType":3}]}})");
  gates_.ready_gate_for_all = true;
  EXPECT_TRUE(WantsReadyGate(odd, gates_));
  AddReadyGate(odd);
  EXPECT_EQ(odd["spec"]["readinessGates"].size(), 3U);
}

}  // namespace
}  // namespace rekindle::api
