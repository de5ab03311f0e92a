#include "controller/plan/recreate/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/pod_record.h"
#include "common/api/time.h"
#include "common/json/patch.h"
#include "controller/plan/recreate/status.h"

namespace rekindle::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// The object of spec container-recreate 3.5.
Json Sample() {
  return Json::parse(R"({
    "apiVersion": "apps.kruise.io/v1beta1", "kind": "ContainerRecreateRequest",
    "metadata": {"namespace": "shop", "name": "restart-cart", "uid": "u", "resourceVersion": "7",
      "creationTimestamp": "2026-03-01T09:00:00Z",
      "labels": {"crr.apps.kruise.io/active": "true", "crr.apps.kruise.io/node-name": "n-17",
                 "crr.apps.kruise.io/pod-uid": "3d0f-u1"},
      "annotations": {"rekindle.io/method": "hot", "rekindle.io/skip-pre-stop": "true",
                      "rekindle.io/respect-budget": "false"},
      "finalizers": ["other", "crr.apps.kruise.io/unready-acquired"]},
    "spec": {"podName": "cart-0",
      "containers": [{"name": "cart", "preStop": {"exec": {"command": ["/bin/drain"]}},
        "statusContext": {"containerID": "containerd://aa11", "restartCount": 2}}],
      "strategy": {"failurePolicy": "Fail", "terminationGracePeriodSeconds": 45,
                   "unreadyGracePeriodSeconds": 0},
      "activeDeadlineSeconds": 240, "ttlSecondsAfterFinished": 900},
    "status": {"phase": "Recreating",
      "conditions": [{"type": "Mine", "status": "True"},
        {"type": "PreRecreateGrace", "status": "True", "reason": "PreRecreateGrace",
         "lastTransitionTime": "2026-03-01T09:00:02Z"}],
      "containerRecreateStates": [{"name": "cart", "phase": "Recreating", "isKilled": true}],
      "containerStatusSnapshot": [{"name": "cart", "ready": false, "restartCount": 3,
                                   "containerID": "containerd://bb22"}]}})");
}

TEST(RecreateRequest, ReadsAll) {
  const auto read = ParseRecreateRequest(Sample());
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->pod_name, "cart-0");
  EXPECT_EQ(read->pod_uid, "3d0f-u1");
  EXPECT_EQ(read->node, "n-17");
  EXPECT_TRUE(read->active);
  EXPECT_TRUE(read->HasFinalizer());
  ASSERT_EQ(read->containers.size(), 1U);
  EXPECT_EQ(read->containers[0].id, "containerd://aa11");
  EXPECT_EQ(read->containers[0].restarts, 2);
  EXPECT_FALSE(read->ignore_failures);
  EXPECT_EQ(read->grace, absl::Seconds(45));
  EXPECT_EQ(read->unready_grace, absl::ZeroDuration()) << "0 is not absent (10.4)";
  EXPECT_EQ(read->min_started, absl::ZeroDuration());
  EXPECT_EQ(read->active_deadline, absl::Seconds(240));
  EXPECT_EQ(read->ttl, absl::Seconds(900));
  EXPECT_EQ(read->method, RestartMethod::kHot);
  EXPECT_TRUE(read->skip_pre_stop);
  EXPECT_FALSE(read->respect_budget);
  EXPECT_EQ(read->problem, "");
  EXPECT_EQ(read->phase, RecreatePhase::kRecreating);
  EXPECT_EQ(read->drain_since, api::ParseTime("2026-03-01T09:00:02Z"));
  EXPECT_TRUE(read->states[0].killed);
  EXPECT_EQ(read->snapshot[0].id, "containerd://bb22");
  EXPECT_EQ(read->created, api::ParseTime("2026-03-01T09:00:00Z"));
}

TEST(RecreateRequest, AbsentAndEmptyPhaseAreAlike) {
  Json object = Sample();
  object["status"] = {{"phase", ""}};
  EXPECT_EQ(ParseRecreateRequest(object)->phase, RecreatePhase::kNone);
  object.erase("status");
  EXPECT_EQ(ParseRecreateRequest(object)->phase, RecreatePhase::kNone);
}

TEST(RecreateRequest, OneThatHasEndedIsSmall) {
  Json object = Sample();
  object["status"]["phase"] = "Completed";
  object["status"]["completionTime"] = "2026-03-01T09:01:00Z";
  const auto read = ParseRecreateRequest(object);
  EXPECT_TRUE(read->Completed());
  EXPECT_THAT(read->containers, IsEmpty());
  EXPECT_THAT(read->states, IsEmpty());
  EXPECT_THAT(read->made, ElementsAre(api::Fingerprint("containerd://bb22")));
}

TEST(RecreateRequest, TimesStayFinite) {
  Json object = Sample();
  object["spec"]["activeDeadlineSeconds"] = INT64_MAX;
  object["spec"]["ttlSecondsAfterFinished"] = -1;
  EXPECT_EQ(ParseRecreateRequest(object)->active_deadline, absl::Hours(24) * 3650);
  EXPECT_EQ(ParseRecreateRequest(object)->ttl, absl::ZeroDuration());
}

TEST(RecreateRequest, WrongAnnotationsAreNamed) {
  Json object = Sample();
  object["metadata"]["annotations"] = {{"rekindle.io/respect-budget", "yes"}};
  EXPECT_THAT(ParseRecreateRequest(object)->problem, HasSubstr("rekindle.io/respect-budget"));
}

TEST(RecreateRequest, RuntimeProblems) {  // 8.5
  RecreateRequest request;
  EXPECT_EQ(RuntimeProblem(request), "no runtime type found in Pod");
  request.containers = {{.name = "a"}};
  EXPECT_EQ(RuntimeProblem(request), "no statusContext or empty containerID in a container");
  request.containers[0].id = "aa";
  EXPECT_THAT(RuntimeProblem(request), HasSubstr("failed to parse containerID aa in a container"));
  request.containers[0].id = "containerd://aa";
  EXPECT_EQ(RuntimeProblem(request), "");
  request.containers.push_back({.name = "b", .id = "docker://bb"});
  EXPECT_EQ(RuntimeProblem(request), "has different runtime types containerd, docker in Pod");
}

TEST(RecreateRequest, Ids) {
  EXPECT_EQ(BareContainerId("containerd://aa"), "aa");
  EXPECT_EQ(BareContainerId("aa"), "aa");
  EXPECT_EQ(WithRuntimeOf("containerd://aa", "bb"), "containerd://bb");
}

TEST(RecreateStatus, PatchKeepsWhatIsNotOurs) {
  Json object = Sample();
  object["status"]["message"] = "waits";
  const RecreateRequest stored = *ParseRecreateRequest(object);
  RecreateStatus wanted = StatusOf(stored);
  wanted.phase = RecreatePhase::kCompleted;
  wanted.completed = api::ParseTime("2026-03-01T09:01:00Z");
  wanted.message.clear();
  wanted.states[0].phase = ContainerPhase::kSucceeded;
  const Json patch = RecreateStatusPatch(stored, wanted);
  EXPECT_EQ(patch["metadata"], Json({{"resourceVersion", "7"}}));
  const Json after = json::ApplyMergePatch(object, patch);
  EXPECT_EQ(after["status"]["conditions"], object["status"]["conditions"]);
  EXPECT_FALSE(after["status"].contains("message"));
  EXPECT_EQ(after["status"]["completionTime"], "2026-03-01T09:01:00Z");
  EXPECT_EQ(after["status"]["containerRecreateStates"],
            Json::parse(R"([{"name":"cart","phase":"Succeeded","isKilled":true}])"));
  // What was written reads back.
  EXPECT_EQ(ParseRecreateRequest(after)->phase, RecreatePhase::kCompleted);
}

TEST(RecreateStatus, DrainBeginsOnce) {
  Json object = Sample();
  object["status"]["conditions"].erase(1);
  const RecreateRequest stored = *ParseRecreateRequest(object);
  RecreateStatus wanted = StatusOf(stored);
  wanted.drain_since = api::ParseTime("2026-03-01T09:00:05Z");
  const Json conditions = RecreateStatusPatch(stored, wanted)["status"]["conditions"];
  ASSERT_EQ(conditions.size(), 2U);
  EXPECT_EQ(conditions[0]["type"], "Mine");
  EXPECT_EQ(conditions[1]["lastTransitionTime"], "2026-03-01T09:00:05Z");
  const RecreateRequest before = *ParseRecreateRequest(Sample());
  EXPECT_FALSE(RecreateStatusPatch(before, wanted)["status"].contains("conditions"));
}

}  // namespace
}  // namespace rekindle::plan
