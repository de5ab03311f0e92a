// Spec container-recreate 13; scenarios 39, 41, 43.
#include "controller/readiness/ready_keys.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/json/patch.h"

namespace rekindle::readiness {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const absl::Time kNow = absl::FromUnixSeconds(1'800'000'000);
const ReadyKey kOurs = {.user_agent = kRecreateAgent, .key = "shop/r"};
const ReadyKey kTheirs = {.user_agent = "Lifecycle", .key = "x"};

Json Pod(const Json& conditions, bool gate = true) {
  Json pod = {{"metadata", {{"name", "p"}, {"resourceVersion", "42"}}},
              {"spec", Json::object()},
              {"status", {{"conditions", conditions}}}};
  if (gate) pod["spec"]["readinessGates"] = {{{"conditionType", "KruisePodReady"}}};
  return pod;
}
Json Ready(const std::string& containers_ready, const Json& gate) {
  Json out = {{{"type", "Ready"}, {"status", "True"}, {"lastTransitionTime", "old"}},
              {{"type", "ContainersReady"}, {"status", containers_ready}}};
  if (!gate.is_null()) out.push_back(gate);
  return out;
}
Json Gate(const std::string& status, const std::string& message) {
  return {{"type", "KruisePodReady"}, {"status", status}, {"message", message}};
}
// What the pod's condition becomes.
Json After(const Json& pod, const std::optional<Json>& patch, const std::string& type) {
  if (!patch.has_value()) return "nothing";
  const Json after = json::ApplyMergePatch(pod, *patch);
  for (const Json& condition : after["status"]["conditions"]) {
    if (condition["type"] == type) return condition;
  }
  return {};
}

TEST(ReadyKeys, TextIsSortedCompactAndReadsBack) {
  const std::string text = RenderReadyKeys({kTheirs, kOurs});
  EXPECT_EQ(
      text,
      R"([{"userAgent":"ContainerRecreateRequest","key":"shop/r"},{"userAgent":"Lifecycle","key":"x"}])");
  EXPECT_THAT(ParseReadyKeys(text), ElementsAre(kOurs, kTheirs));
  EXPECT_THAT(ParseReadyKeys("no list"), IsEmpty());
  EXPECT_THAT(ParseReadyKeys(""), IsEmpty());
  EXPECT_EQ(RenderReadyKeys({}), "[]");
}

TEST(ReadyKeys, AddTakesThePodOutOfServiceAtOnce) {
  const Json pod = Pod(Ready("True", Gate("True", "")));
  const auto patch = AddReadyKey(pod, kOurs, kNow);
  EXPECT_EQ((*patch)["metadata"]["resourceVersion"], "42") << "a writer in between is not undone";
  EXPECT_EQ(After(pod, patch, "KruisePodReady"),
            Json({{"type", "KruisePodReady"},
                  {"status", "False"},
                  {"message", RenderReadyKeys({kOurs})},
                  {"lastTransitionTime", "2027-01-15T08:00:00Z"}}));
  const Json ready = After(pod, patch, "Ready");
  EXPECT_EQ(ready["status"], "False");
  EXPECT_EQ(ready["reason"], "ReadinessGatesNotReady");
  EXPECT_EQ(ready["message"],
            "the status of pod readiness gate \"KruisePodReady\" is not \"True\", but False");
  EXPECT_EQ(ready["lastTransitionTime"], "2027-01-15T08:00:00Z") << "13.4 FIX";
}

TEST(ReadyKeys, N41MissingConditionBecomesFalse) {
  const Json pod = Pod(Ready("True", nullptr));
  EXPECT_EQ(After(pod, AddReadyKey(pod, kOurs, kNow), "KruisePodReady")["status"], "False");
}

TEST(ReadyKeys, N43ReadyIsLeftAloneWhileContainersAreNotReady) {
  const Json pod = Pod(Ready("False", Gate("True", "")));
  EXPECT_EQ(After(pod, AddReadyKey(pod, kOurs, kNow), "Ready")["lastTransitionTime"], "old");
}

TEST(ReadyKeys, OtherGatesAreNamed) {
  Json pod = Pod(Ready("True", Gate("True", "")));
  pod["spec"]["readinessGates"].push_back({{"conditionType", "Mine"}});
  EXPECT_EQ(After(pod, AddReadyKey(pod, kOurs, kNow), "Ready")["message"],
            "corresponding condition of pod readiness gate \"Mine\" does not exist., the status of "
            "pod readiness gate \"KruisePodReady\" is not \"True\", but False");
}

TEST(ReadyKeys, NothingToDo) {
  EXPECT_FALSE(AddReadyKey(Pod(Json::array(), /*gate=*/false), kOurs, kNow).has_value());
  EXPECT_FALSE(
      AddReadyKey(Pod(Json::array({Gate("False", RenderReadyKeys({kOurs}))})), kOurs, kNow));
  EXPECT_FALSE(
      RemoveReadyKey(Pod(Json::array({Gate("False", RenderReadyKeys({kTheirs}))})), kOurs, kNow));
  EXPECT_FALSE(RemoveReadyKey(Pod(Json::array()), kOurs, kNow));
}

TEST(ReadyKeys, N39HoldersAreIndependent) {
  const Json pod = Pod(Json::array({Gate("False", RenderReadyKeys({kTheirs, kOurs}))}));
  const Json condition = After(pod, RemoveReadyKey(pod, kOurs, kNow), "KruisePodReady");
  EXPECT_EQ(condition["status"], "False");
  EXPECT_EQ(condition["message"], RenderReadyKeys({kTheirs}));
}

TEST(ReadyKeys, TheLastOneOpensThePod) {
  const Json pod = Pod(Json::array({Gate("False", RenderReadyKeys({kOurs}))}));
  const Json condition = After(pod, RemoveReadyKey(pod, kOurs, kNow), "KruisePodReady");
  EXPECT_EQ(condition["status"], "True");
  EXPECT_EQ(condition["message"], "[]");
}

TEST(ReadyKeys, DefaultCondition) {  // 13.2
  const Json pod = Pod(Ready("True", nullptr));
  const auto patch = DefaultReadyCondition(pod, kNow);
  EXPECT_EQ((*patch)["metadata"]["resourceVersion"], "42");
  EXPECT_EQ(After(pod, patch, "KruisePodReady")["status"], "True");
  EXPECT_EQ((*patch)["status"]["conditions"].size(), 3U) << "the others stay";
  EXPECT_FALSE(DefaultReadyCondition(Pod(Json::array({Gate("False", "")})), kNow))
      << "never changes one";
  EXPECT_FALSE(DefaultReadyCondition(Pod(Json::array(), /*gate=*/false), kNow));
  Json deleting = pod;
  deleting["metadata"]["deletionTimestamp"] = "2027-01-15T08:00:00Z";
  EXPECT_FALSE(DefaultReadyCondition(deleting, kNow));
}

}  // namespace
}  // namespace rekindle::readiness
