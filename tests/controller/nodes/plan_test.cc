// What is to be written of pods and nodes: pure.
#include <string>

#include <gmock/gmock.h>

#include "common/api/kinds/admission.h"
#include "common/api/kinds/registry.h"
#include "common/json/patch.h"
#include "controller/nodes/node_object.h"
#include "controller/nodes/pod_plan.h"
#include "tests/controller/nodes/runtime_pods.h"

namespace rekindle::nodes {
namespace {

using ::testing::HasSubstr;
using Action = PodPlan::Action;

class PodPlanTest : public ::testing::Test {
 protected:
  PodPlanTest() {
    pod_ = RuntimePod("shop", "web-0");
    AddContainer(pod_, "app");
    (*pod_.mutable_labels())["app"] = "web";
    current_ = Object().Whole();
    current_["status"] = InitialStatus(Object(), current_, kNow)["status"];
    current_["metadata"]["resourceVersion"] = "7";
    current_["metadata"]["uid"] = "u";
  }
  PodObject Object() const {
    return *PodObjectOf(pod_, {.node = "node-1", .host_ip = "192.168.1.5"});
  }
  PodPlan Plan(bool left = false) const {
    const PodObject object = Object();
    return PlanPod(&current_, &object, left, kNow + absl::Hours(1));
  }

  node::v1::Pod pod_;
  Json current_;
};

TEST_F(PodPlanTest, NothingWhenAllIsRight) {
  EXPECT_EQ(Plan().action, Action::kNothing);
  EXPECT_EQ(PlanPod(nullptr, nullptr, false, kNow).action, Action::kNothing);
  // What others add to our object stays, and is no difference.
  current_["metadata"]["labels"]["team"] = "a";
  current_["metadata"]["annotations"]["note"] = "b";
  current_["spec"]["containers"][0]["imagePullPolicy"] = "IfNotPresent";
  current_["status"]["conditions"].push_back({{"type", "KruisePodReady"}, {"status", "True"}});
  EXPECT_EQ(Plan().action, Action::kNothing);
}

TEST_F(PodPlanTest, CreatesDeletesAndLeavesOthersAlone) {
  const PodObject object = Object();
  EXPECT_EQ(PlanPod(nullptr, &object, false, kNow).action, Action::kCreate);
  EXPECT_EQ(PlanPod(&current_, nullptr, false, kNow).action, Action::kDelete);
  current_["metadata"]["annotations"].erase("rekindle.io/mirrored");
  EXPECT_EQ(PlanPod(&current_, nullptr, false, kNow).action, Action::kNothing);
  EXPECT_EQ(Plan().action, Action::kForeign);
}

TEST_F(PodPlanTest, APodOfAnotherNodeIsTakenOverOnlyWhenThatHasItNoMore) {
  current_["spec"]["nodeName"] = "node-2";
  EXPECT_EQ(Plan(false).action, Action::kForeign);
  EXPECT_EQ(Plan(true).action, Action::kReplace);
}

TEST_F(PodPlanTest, WhatCannotBeChangedIsReplaced) {
  const Json good = current_;
  current_["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_EQ(Plan().action, Action::kReplace);
  current_ = good;
  current_["metadata"]["annotations"]["rekindle.io/runtime-uid"] = "another";
  EXPECT_EQ(Plan().action, Action::kReplace);
  current_ = good;
  current_["spec"]["containers"].push_back({{"name", "old"}, {"image", "i"}});
  EXPECT_EQ(Plan().action, Action::kReplace);
  current_ = good;
  current_["spec"]["terminationGracePeriodSeconds"] = 5;
  EXPECT_EQ(Plan().action, Action::kReplace);
}

TEST_F(PodPlanTest, PatchesHoldWhatDiffersAndTheVersionItWasReadAt) {
  pod_.mutable_containers(0)->set_image("registry.test/app:2");
  (*pod_.mutable_labels())["app"] = "web2";
  current_["spec"]["containers"][0]["imagePullPolicy"] = "Always";
  const PodPlan plan = Plan();
  ASSERT_EQ(plan.action, Action::kPatch);
  EXPECT_EQ(plan.patch,
            (Json{{"metadata", {{"labels", {{"app", "web2"}}}, {"resourceVersion", "7"}}},
                  {"spec",
                   {{"containers", Json::array({{{"name", "app"},
                                                 {"image", "registry.test/app:2"},
                                                 {"imagePullPolicy", "Always"}}})}}}}));
  EXPECT_EQ(plan.status["metadata"]["resourceVersion"], "7");
  EXPECT_EQ(plan.status["status"].size(), 1u);  // the image of the container's status
  EXPECT_TRUE(plan.status["status"].contains("containerStatuses"));
}

TEST_F(PodPlanTest, ReadyWaitsForTheGates) {
  // A pod that gets a gate is another one.
  (*pod_.mutable_annotations())["rekindle.io/readiness-gates"] = "KruisePodReady";
  EXPECT_EQ(Plan().action, Action::kReplace);

  const auto ready = [](const Json& status) {
    for (const Json& one : status["conditions"]) {
      if (one["type"] == "Ready") return one;
    }
    return Json();
  };
  current_["spec"]["readinessGates"] = {{{"conditionType", "KruisePodReady"}}};
  current_["status"] = InitialStatus(Object(), current_, kNow)["status"];
  EXPECT_EQ(ready(current_["status"])["status"], "False");
  EXPECT_THAT(ready(current_["status"])["message"].get<std::string>(),
              HasSubstr("\"KruisePodReady\" does not exist"));
  EXPECT_EQ(Plan().action, Action::kNothing);

  // Opened: the other condition stays as it is.
  current_["status"]["conditions"].push_back({{"type", "KruisePodReady"}, {"status", "True"}});
  PodPlan plan = Plan();
  ASSERT_EQ(plan.action, Action::kPatch);
  EXPECT_EQ(ready(plan.status["status"])["status"], "True");
  EXPECT_FALSE(ready(plan.status["status"]).contains("message"));
  EXPECT_EQ(plan.status["status"]["conditions"].back()["type"], "KruisePodReady");

  // Closed: Ready follows, and is then left alone.
  current_["status"]["conditions"] = plan.status["status"]["conditions"];
  current_["status"]["conditions"].back()["status"] = "False";
  plan = Plan();
  ASSERT_EQ(plan.action, Action::kPatch);
  EXPECT_EQ(ready(plan.status["status"])["status"], "False");
  EXPECT_EQ(ready(plan.status["status"])["reason"], "ReadinessGatesNotReady");
  current_["status"]["conditions"] = plan.status["status"]["conditions"];
  EXPECT_EQ(Plan().action, Action::kNothing);
}

// Feature gate KruisePodReadinessGate: the object has a gate that the runtime's pod has not.
TEST_F(PodPlanTest, AGateThatAdmissionAddedStaysAndCounts) {
  const auto ready = [](const Json& status) {
    for (const Json& one : status["conditions"]) {
      if (one["type"] == "Ready") return one["status"];
    }
    return Json();
  };
  for (const std::string own : {"", "example.com/mine"}) {
    SCOPED_TRACE(own);
    if (!own.empty()) (*pod_.mutable_annotations())["rekindle.io/readiness-gates"] = own;
    current_["spec"]["readinessGates"] = Json::array();
    Json opened = Json::array();
    if (!own.empty()) {
      current_["spec"]["readinessGates"].push_back({{"conditionType", own}});
      opened.push_back({{"type", own}, {"status", "True"}});
    }
    current_["spec"]["readinessGates"].push_back({{"conditionType", "KruisePodReady"}});
    current_["status"] = InitialStatus(Object(), current_, kNow)["status"];
    EXPECT_EQ(ready(current_["status"]), "False");
    opened.push_back({{"type", "KruisePodReady"}, {"status", "True"}});
    for (const Json& condition : opened) current_["status"]["conditions"].push_back(condition);
    const PodPlan plan = Plan();
    ASSERT_EQ(plan.action, Action::kPatch);
    EXPECT_TRUE(plan.patch.is_null());
    EXPECT_EQ(ready(plan.status["status"]), "True");
  }
  // Any other gate that the runtime's pod has not makes it another pod.
  current_["spec"]["readinessGates"].push_back({{"conditionType", "example.com/other"}});
  EXPECT_EQ(Plan().action, Action::kReplace);
}

TEST_F(PodPlanTest, ASilentNodesPodIsNotReady) {
  const auto ready = [](const Json& status) {
    for (const Json& one : status["conditions"]) {
      if (one["type"] == "Ready") return one;
    }
    return Json();
  };
  const auto unheard = [&] { return PlanUnheard(&current_, "why", kNow + absl::Hours(1)); };
  // Of pods that are known and of those that are not: the same.
  const PodObject object =
      *PodObjectOf(pod_, {.node = "node-1", .host_ip = "192.168.1.5", .silence = "why"});
  const PodPlan known = PlanPod(&current_, &object, false, kNow + absl::Hours(1));
  for (const PodPlan& plan : {known, unheard()}) {
    ASSERT_EQ(plan.action, Action::kPatch);
    EXPECT_TRUE(plan.silenced);
    EXPECT_TRUE(plan.patch.is_null());
    EXPECT_EQ(plan.status["metadata"]["resourceVersion"], "7");
    EXPECT_EQ(plan.status["status"].size(), 1u);
    EXPECT_EQ(plan.status["status"]["conditions"].size(), 4u);
    EXPECT_EQ(ready(plan.status["status"]), (Json{{"type", "Ready"},
                                                  {"status", "False"},
                                                  {"reason", "NodeNotReady"},
                                                  {"message", "why"},
                                                  {"lastTransitionTime", "2027-01-15T09:00:00Z"}}));
  }
  const Json good = current_;
  current_["status"]["conditions"] = known.status["status"]["conditions"];
  EXPECT_EQ(unheard().action, Action::kNothing);
  EXPECT_EQ(PlanPod(&current_, &object, false, kNow).action, Action::kNothing);
  EXPECT_EQ(Plan().action, Action::kPatch) << "heard again";
  EXPECT_FALSE(Plan().silenced);
  // Nothing that is not ours, and nothing without a reason.
  current_ = good;
  EXPECT_EQ(PlanUnheard(&current_, "", kNow).action, Action::kNothing);
  EXPECT_EQ(PlanUnheard(nullptr, "why", kNow).action, Action::kNothing);
  current_["status"].erase("conditions");
  EXPECT_EQ(unheard().action, Action::kNothing);
  current_ = good;
  current_["metadata"]["annotations"].erase("rekindle.io/mirrored");
  EXPECT_EQ(unheard().action, Action::kNothing);
}

TEST_F(PodPlanTest, StatusThatIsNoLongerTrueGoes) {
  pod_.clear_ip();
  pod_.mutable_containers(0)->set_state(node::v1::CONTAINER_STATE_EXITED);
  const PodPlan plan = Plan();
  ASSERT_EQ(plan.action, Action::kPatch);
  EXPECT_TRUE(plan.patch.is_null());
  EXPECT_TRUE(plan.status["status"]["podIP"].is_null());
  const Json after = json::ApplyMergePatch(current_, plan.status);
  EXPECT_FALSE(after["status"].contains("podIPs"));
  for (const Json& condition : after["status"]["conditions"]) {
    const bool changed = condition["status"] == "False";
    EXPECT_EQ(condition["lastTransitionTime"],
              changed ? "2027-01-15T09:00:00Z" : "2027-01-15T08:00:00Z");
  }
}

class NodeObjectTest : public ::testing::Test {
 protected:
  NodeObjectTest() {
    view_ = {.name = "node-1", .address = "", .info = RuntimeInfo("node-1"), .alive = true};
    view_.heard = kNow;
    current_ = NodeObjectOf(view_);
  }
  // What is to be written at `now`, written.
  NodePatches Write(absl::Time now) {
    const NodePatches patches = PatchesOf(current_, view_, now);
    for (const Json* patch : {&patches.metadata, &patches.status}) {
      if (!patch->is_null()) current_ = json::ApplyMergePatch(current_, *patch);
    }
    Json whole = current_;
    whole["metadata"]["uid"] = "u";
    const api::AdmissionRequest request = {
        .kind = api::Kinds().Find("v1", "Node"), .object = &whole, .now = now};
    EXPECT_TRUE(api::MakeDefaults(request).ok());
    EXPECT_TRUE(api::Validate(request).ok()) << api::Validate(request);
    return patches;
  }
  const Json& Ready() { return current_["status"]["conditions"][0]; }

  NodeView view_;
  Json current_;
};

TEST_F(NodeObjectTest, WhatANewNodeSays) {
  EXPECT_EQ(current_["metadata"]["labels"], (Json{{"kubernetes.io/hostname", "node-1"},
                                                  {"kubernetes.io/os", "linux"},
                                                  {"kubernetes.io/arch", "amd64"}}));
  EXPECT_TRUE(IsMirrored(current_));
  Write(kNow);
  EXPECT_EQ(Ready()["status"], "True");
  EXPECT_EQ(Ready()["lastHeartbeatTime"], "2027-01-15T08:00:00Z");
  EXPECT_EQ(current_["status"]["addresses"],
            (Json::array({{{"type", "InternalIP"}, {"address", "192.168.1.5"}},
                          {{"type", "Hostname"}, {"address", "node-1.example"}}})));
  EXPECT_EQ(current_["status"]["nodeInfo"]["containerRuntimeVersion"], "containerd://1.6.20");
  EXPECT_EQ(current_["status"]["nodeInfo"]["kubeletVersion"], "rekindled-1.2.3");
  EXPECT_EQ(current_["status"]["capacity"], (Json{{"cpu", "4"}, {"memory", "2097152Ki"}}));
  view_.address = "10.0.0.9";  // where it is reached comes first
  EXPECT_EQ(InternalIp(view_), "10.0.0.9");
}

TEST_F(NodeObjectTest, HeartbeatsAloneAreWrittenEveryFiveMinutes) {
  Write(kNow);
  NodePatches patches = Write(kNow + absl::Minutes(4));
  EXPECT_TRUE(patches.metadata.is_null());
  EXPECT_TRUE(patches.status.is_null());
  patches = Write(kNow + absl::Minutes(5));
  EXPECT_FALSE(patches.status.is_null());
  EXPECT_EQ(Ready()["lastHeartbeatTime"], "2027-01-15T08:05:00Z");
  EXPECT_EQ(Ready()["lastTransitionTime"], "2027-01-15T08:00:00Z");
}

TEST_F(NodeObjectTest, ReadyFollowsTheRuntimeAndTheDaemon) {
  Write(kNow);
  view_.info->set_runtime_ready(false);
  view_.info->set_runtime_reason("it is away");
  Write(kNow + absl::Minutes(1));
  EXPECT_EQ(Ready()["status"], "False");
  EXPECT_EQ(Ready()["message"], "it is away");
  EXPECT_EQ(Ready()["lastTransitionTime"], "2027-01-15T08:01:00Z");

  view_.alive = false;
  view_.silent = true;
  view_.trouble = "connection refused";
  Write(kNow + absl::Minutes(2));
  EXPECT_EQ(Ready()["status"], "Unknown");
  EXPECT_THAT(Ready()["message"].get<std::string>(), HasSubstr("connection refused"));
  EXPECT_EQ(Ready()["lastHeartbeatTime"], "2027-01-15T08:01:00Z");
  // Another reason of the same silence is not worth a write.
  view_.trouble = "no route";
  EXPECT_TRUE(Write(kNow + absl::Hours(2)).status.is_null());

  view_.alive = true;
  view_.info->set_runtime_ready(true);
  Write(kNow + absl::Hours(3));
  EXPECT_EQ(Ready()["status"], "True");
}

TEST_F(NodeObjectTest, LabelsAreKeptRightAndOthersLeft) {
  Write(kNow);
  current_["metadata"]["labels"]["zone"] = "a";
  current_["metadata"]["labels"].erase("kubernetes.io/arch");
  const NodePatches patches = Write(kNow);
  EXPECT_EQ(patches.metadata,
            (Json{{"metadata", {{"labels", {{"kubernetes.io/arch", "amd64"}}}}}}));
  EXPECT_EQ(current_["metadata"]["labels"]["zone"], "a");
}

TEST(NodeLeaseTest, IsAValidLease) {
  Json lease = NewNodeLease("node-1", kNow);
  EXPECT_EQ(lease["spec"], LeasePatch("node-1", kNow)["spec"]);
  EXPECT_EQ(lease["spec"]["holderIdentity"], "node-1");
  EXPECT_EQ(lease["spec"]["renewTime"], "2027-01-15T08:00:00.000000Z");
  lease["metadata"]["uid"] = "u";
  const api::AdmissionRequest request = {
      .kind = api::Kinds().Find("coordination.k8s.io/v1", "Lease"), .object = &lease, .now = kNow};
  EXPECT_TRUE(api::MakeDefaults(request).ok());
  EXPECT_TRUE(api::Validate(request).ok());
}

}  // namespace
}  // namespace rekindle::nodes
