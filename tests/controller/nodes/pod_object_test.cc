#include "controller/nodes/pod_object.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/api/kinds/admission.h"
#include "common/api/kinds/registry.h"
#include "common/json/tree.h"
#include "tests/controller/nodes/runtime_pods.h"

namespace rekindle::nodes {
namespace {

namespace pb = ::rekindle::node::v1;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The object as an API server keeps it: defaults set, every rule looked at.
absl::Status Admit(const PodObject& object) {
  Json whole = object.Whole();
  whole["status"] = object.status;
  whole["status"]["conditions"] = MergeConditions(nullptr, object.status["conditions"], kNow);
  whole["metadata"]["uid"] = "u";
  const api::AdmissionRequest request = {
      .kind = api::Kinds().Find("v1", "Pod"), .object = &whole, .now = kNow};
  if (absl::Status status = api::MakeDefaults(request); !status.ok()) return status;
  return api::Validate(request);
}

absl::StatusOr<PodObject> Make(const pb::Pod& pod, const std::string& host_ip = "192.168.1.5") {
  absl::StatusOr<PodObject> object = PodObjectOf(pod, {.node = "node-1", .host_ip = host_ip});
  if (object.ok()) {
    const absl::Status admitted = Admit(*object);
    EXPECT_TRUE(admitted.ok()) << admitted << "\n" << object->Whole().dump(1);
  }
  return object;
}

Json ConditionOf(const PodObject& object, const std::string& type) {
  for (const Json& condition : object.status["conditions"]) {
    if (condition["type"] == type) return condition;
  }
  return nullptr;
}

TEST(PodObjectTest, ARunningPod) {
  pb::Pod pod = RuntimePod("shop", "web-0");
  AddContainer(pod, "side");
  AddContainer(pod, "app", 2)
      .mutable_annotations()
      ->insert({"io.kubernetes.pod.terminationGracePeriod", "7"});
  (*pod.mutable_labels())["app"] = "web";
  (*pod.mutable_labels())["not a label"] = "x";
  (*pod.mutable_labels())["bad-value"] = "a b";
  const auto object = Make(pod);
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(
      object->metadata,
      (Json{{"name", "web-0"},
            {"namespace", "shop"},
            {"labels", {{"app", "web"}}},
            {"annotations",
             {{"rekindle.io/runtime-uid", "uid-of-web-0"}, {"rekindle.io/mirrored", "true"}}}}));
  EXPECT_EQ(object->spec, (Json{{"nodeName", "node-1"},
                                {"restartPolicy", "Always"},
                                {"terminationGracePeriodSeconds", 7},
                                {"containers",
                                 {{{"name", "app"}, {"image", "registry.test/app:1"}},
                                  {{"name", "side"}, {"image", "registry.test/side:1"}}}}}));
  EXPECT_THAT(object->ContainerNames(), ElementsAre("app", "side"));
  EXPECT_EQ(object->status["phase"], "Running");
  EXPECT_EQ(object->status["podIP"], "10.1.0.7");
  EXPECT_EQ(object->status["podIPs"], (Json::array({{{"ip", "10.1.0.7"}}})));
  EXPECT_EQ(object->status["hostIP"], "192.168.1.5");
  EXPECT_EQ(object->status["startTime"], "1970-01-01T00:16:40Z");
  EXPECT_EQ(object->status["containerStatuses"][0],
            (Json{{"name", "app"},
                  {"containerID", "containerd://app-2"},
                  {"image", "registry.test/app:1"},
                  {"imageID", "sha256:app"},
                  {"restartCount", 2},
                  {"ready", true},
                  {"started", true},
                  {"state", {{"running", {{"startedAt", "1970-01-01T00:16:44Z"}}}}}}));
  for (const char* type : {"PodScheduled", "Initialized", "ContainersReady", "Ready"}) {
    EXPECT_EQ(ConditionOf(*object, type)["status"], "True") << type;
  }
}

TEST(PodObjectTest, WhatOneContainerIs) {
  const struct {
    const char* what;
    std::vector<std::pair<uint32_t, pb::ContainerState>> attempts;
    int exit_code;
    const char* policy;  // annotation; empty: none
    const char* phase;
    const char* state;
    uint32_t restarts;
    bool last;
    bool ready;
  } kRows[] = {
      {"first", {{0, pb::CONTAINER_STATE_RUNNING}}, 0, "", "Running", "running", 0, false, true},
      {"created", {{0, pb::CONTAINER_STATE_CREATED}}, 0, "", "Pending", "waiting", 0, false, false},
      {"unknown", {{0, pb::CONTAINER_STATE_UNKNOWN}}, 0, "", "Pending", "waiting", 0, false, false},
      {"restarted",
       {{0, pb::CONTAINER_STATE_EXITED}, {1, pb::CONTAINER_STATE_RUNNING}},
       3,
       "",
       "Running",
       "running",
       1,
       true,
       true},
      // A replacement that is staged does not stand for the one that still serves.
      {"staged",
       {{1, pb::CONTAINER_STATE_RUNNING}, {2, pb::CONTAINER_STATE_CREATED}},
       0,
       "",
       "Running",
       "running",
       1,
       false,
       true},
      {"between",
       {{1, pb::CONTAINER_STATE_EXITED}, {2, pb::CONTAINER_STATE_CREATED}},
       0,
       "",
       "Running",
       "waiting",
       2,
       true,
       false},
      {"two run",
       {{1, pb::CONTAINER_STATE_RUNNING}, {2, pb::CONTAINER_STATE_RUNNING}},
       0,
       "",
       "Running",
       "running",
       2,
       false,
       true},
      {"ended", {{0, pb::CONTAINER_STATE_EXITED}}, 1, "", "Running", "terminated", 0, false, false},
      {"done",
       {{0, pb::CONTAINER_STATE_EXITED}},
       0,
       "Never",
       "Succeeded",
       "terminated",
       0,
       false,
       false},
      {"failed",
       {{0, pb::CONTAINER_STATE_EXITED}},
       1,
       "Never",
       "Failed",
       "terminated",
       0,
       false,
       false},
      {"again",
       {{0, pb::CONTAINER_STATE_EXITED}},
       1,
       "OnFailure",
       "Running",
       "terminated",
       0,
       false,
       false},
      {"nonsense",
       {{0, pb::CONTAINER_STATE_EXITED}},
       1,
       "Sometimes",
       "Running",
       "terminated",
       0,
       false,
       false},
  };
  for (const auto& row : kRows) {
    SCOPED_TRACE(row.what);
    pb::Pod pod = RuntimePod("shop", "web-0");
    for (const auto& [attempt, state] : row.attempts) {
      pb::Container& container =
          AddContainer(pod, "app", attempt, state != pb::CONTAINER_STATE_EXITED);
      container.set_state(state);
      if (state == pb::CONTAINER_STATE_EXITED) container.set_exit_code(row.exit_code);
    }
    if (*row.policy != '\0')
      (*pod.mutable_annotations())["rekindle.io/restart-policy"] = row.policy;
    const auto object = Make(pod);
    ASSERT_TRUE(object.ok()) << object.status();
    const Json& status = object->status["containerStatuses"][0];
    EXPECT_EQ(object->status["phase"], row.phase);
    EXPECT_TRUE(status["state"].contains(row.state)) << status;
    EXPECT_EQ(status["restartCount"], row.restarts);
    EXPECT_EQ(status.contains("lastState"), row.last);
    EXPECT_EQ(status["ready"], row.ready);
    EXPECT_EQ(ConditionOf(*object, "Ready")["status"], row.ready ? "True" : "False");
    EXPECT_EQ(ConditionOf(*object, "ContainersReady")["status"], row.ready ? "True" : "False");
  }
}

TEST(PodObjectTest, ReadinessGatesAreThoseOfTheSandboxThatTheApiAllows) {
  pb::Pod pod = RuntimePod("shop", "web-0");
  AddContainer(pod, "app", 0);
  EXPECT_FALSE(Make(pod)->spec.contains("readinessGates"));
  (*pod.mutable_annotations())["rekindle.io/readiness-gates"] =
      "KruisePodReady, no such name!,, example.com/traffic";
  const auto object = Make(pod);
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(object->spec["readinessGates"],
            Json::array({{{"conditionType", "KruisePodReady"}},
                         {{"conditionType", "example.com/traffic"}}}));
}

TEST(PodObjectTest, HowAContainerEnded) {
  pb::Pod pod = RuntimePod("shop", "web-0");
  pb::Container& ended = AddContainer(pod, "app", 0, false);
  ended.set_exit_code(137);
  ended.set_reason("OOMKilled");
  ended.set_message("too much");
  AddContainer(pod, "app", 1);
  const auto object = Make(pod);
  ASSERT_TRUE(object.ok());
  EXPECT_EQ(object->status["containerStatuses"][0]["lastState"]["terminated"],
            (Json{{"exitCode", 137},
                  {"reason", "OOMKilled"},
                  {"message", "too much"},
                  {"containerID", "containerd://app-0"},
                  {"startedAt", "1970-01-01T00:16:42Z"},
                  {"finishedAt", "1970-01-01T00:16:43Z"}}));
}

TEST(PodObjectTest, UnreadyNamesWhatItIs) {
  pb::Pod pod = RuntimePod("shop", "web-0");
  AddContainer(pod, "app");
  AddContainer(pod, "side", 0, false);
  EXPECT_THAT(ConditionOf(*Make(pod), "Ready")["message"].get<std::string>(), HasSubstr("[side]"));
  pod.set_ready(false);
  const auto object = Make(pod);
  EXPECT_EQ(ConditionOf(*object, "Ready")["reason"], "SandboxNotReady");
  EXPECT_EQ(object->status["podIP"], "10.1.0.7");
}

TEST(PodObjectTest, NetworkOfTheHost) {
  pb::Pod pod = RuntimePod("shop", "web-0");
  AddContainer(pod, "app");
  pod.clear_ip();
  EXPECT_FALSE(Make(pod)->status.contains("podIP"));
  pod.set_host_network(true);
  const auto object = Make(pod);
  EXPECT_EQ(object->spec["hostNetwork"], true);
  EXPECT_EQ(object->status["podIP"], "192.168.1.5");
  EXPECT_FALSE(Make(pod, "")->status.contains("hostIP"));
}

TEST(PodObjectTest, WhatTheApiDoesNotAllowIsNamed) {
  const struct {
    const char* ns;
    const char* name;
    const char* container;
    const char* image;
    const char* message;
  } kRows[] = {
      {"", "web", "app", "i", "namespace: \"\""},
      {"a.b", "web", "app", "i", "namespace: \"a.b\""},
      {"shop", "Web_0", "app", "i", "name: \"Web_0\""},
      {"shop", "we\nb", "app", "i", "name: \"we"},
      {"shop", "web", "App", "i", "container: \"App\""},
      {"shop", "web", "app", "", "image of container app"},
      {"shop", "web", "app", " i", "image of container app"},
  };
  for (const auto& row : kRows) {
    pb::Pod pod = RuntimePod(row.ns, row.name);
    AddContainer(pod, row.container).set_image(row.image);
    const absl::Status status = Make(pod).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << row.message;
    EXPECT_THAT(std::string(status.message()), HasSubstr(row.message));
  }
  EXPECT_EQ(Make(RuntimePod("shop", "web")).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(PodObjectTest, TheNewestSandboxThatIsReady) {
  pb::Pod old = RuntimePod("shop", "web", "old", 10);
  pb::Pod young = RuntimePod("shop", "web", "young", 20);
  EXPECT_EQ(NewestSandbox({&old, &young}).sandbox_id(), "young");
  young.set_ready(false);
  EXPECT_EQ(NewestSandbox({&young, &old}).sandbox_id(), "old");
  old.set_ready(false);
  EXPECT_EQ(NewestSandbox({&old, &young}).sandbox_id(), "young");
}

TEST(PodObjectTest, ConditionsKeepTheirTimesAndOthersTheirPlace) {
  const Json current = {
      {{"type", "KruisePodReady"}, {"status", "False"}, {"lastTransitionTime", "T1"}},
      {{"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", "T2"}}};
  const Json same = MergeConditions(
      &current, Json::array({{{"type", "Ready"}, {"status", "True"}, {"reason", "R"}}}), kNow);
  ASSERT_EQ(same.size(), 2u);
  EXPECT_EQ(same[0], current[0]);
  EXPECT_EQ(same[1]["lastTransitionTime"], "T2");
  EXPECT_EQ(same[1]["reason"], "R");
  const Json other =
      MergeConditions(&current, Json::array({{{"type", "Ready"}, {"status", "False"}}}), kNow);
  EXPECT_EQ(other[1]["lastTransitionTime"], "2027-01-15T08:00:00Z");
}

}  // namespace
}  // namespace rekindle::nodes
