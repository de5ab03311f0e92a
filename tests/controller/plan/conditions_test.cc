#include "controller/plan/conditions.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using testing::At;
using testing::J;
using testing::kStart;

CloneSetSpec Spec(int64_t replicas, std::optional<int64_t> deadline) {
  CloneSetSpec spec;
  spec.replicas = replicas;
  spec.progress_deadline = deadline;
  return spec;
}

StatusCounters Counters(int64_t replicas, int64_t updated, int64_t updated_available,
                        int64_t expected, bool one_revision = false) {
  StatusCounters s;
  s.replicas = replicas;
  s.updated = updated;
  s.updated_available = updated_available;
  s.expected_updated = expected;
  s.update_revision = "web-2";
  s.current_revision = one_revision ? "web-2" : "web-1";
  return s;
}

// "status reason" of Progressing; "" without one.
std::string Progressing(const ConditionPlan& plan) {
  const Condition* c = FindCondition(plan.conditions, "Progressing");
  return c == nullptr ? "" : std::string(c->status ? "True " : "False ") + c->reason;
}

TEST(Progressing, TableOfSection23) {
  const Condition updating{"Progressing", true, "CloneSetUpdated", "", kStart - 5, kStart - 5};
  const Condition due{"Progressing", true, "CloneSetUpdated", "", kStart - 10, kStart - 10};
  const Condition late{"Progressing", true, "CloneSetUpdated", "", kStart - 11, kStart - 11};
  const Condition exceeded{"Progressing", false, "ProgressDeadlineExceeded", "", kStart, kStart};
  const Condition available{"Progressing", true, "CloneSetAvailable", "", kStart - 9999, 0};
  const Condition paused{"Progressing", true, "CloneSetPaused", "", kStart - 9999, 0};
  const struct {
    const char* rule;
    StatusCounters status;
    bool pause;
    std::vector<Condition> stored;
    const char* want;
  } kRows[] = {
      {"1: all updated and available",
       Counters(4, 4, 4, 4, true),
       false,
       {late},
       "True CloneSetAvailable"},
      {"1 needs one revision", Counters(4, 4, 4, 4, false), false, {}, "True CloneSetUpdated"},
      {"1 needs every pod", Counters(5, 5, 4, 4, true), false, {}, "True CloneSetUpdated"},
      {"2: paused", Counters(4, 1, 1, 4), true, {late}, "True CloneSetPaused"},
      {"1 before 2", Counters(4, 4, 4, 4, true), true, {}, "True CloneSetAvailable"},
      {"3: partition reached",
       Counters(4, 2, 2, 2),
       false,
       {late},
       "True ProgressPartitionAvailable"},
      {"3 holds trivially at 100%",
       Counters(4, 0, 0, 0),
       false,
       {},
       "True ProgressPartitionAvailable"},
      {"3 needs a partition", Counters(4, 4, 4, 4), false, {}, "True CloneSetUpdated"},
      {"3 needs availability", Counters(4, 2, 1, 2), false, {}, "True CloneSetUpdated"},
      {"4: the deadline has passed",
       Counters(4, 1, 0, 4),
       false,
       {late},
       "False ProgressDeadlineExceeded"},
      {"4: not in the very second", Counters(4, 1, 0, 4), false, {due}, "True CloneSetUpdated"},
      {"4: not yet", Counters(4, 1, 0, 4), false, {updating}, "True CloneSetUpdated"},
      {"4 is sticky", Counters(4, 3, 3, 4), false, {exceeded}, "False ProgressDeadlineExceeded"},
      {"4 ends with 1", Counters(4, 4, 4, 4, true), false, {exceeded}, "True CloneSetAvailable"},
      {"the clock starts on entering Updated",
       Counters(4, 1, 0, 4),
       false,
       {available},
       "True CloneSetUpdated"},
      {"paused time does not count", Counters(4, 1, 0, 4), false, {paused}, "True CloneSetUpdated"},
      {"5: the first pass", Counters(4, 0, 0, 4), false, {}, "True CloneSetUpdated"},
  };
  for (const auto& row : kRows) {
    CloneSetSpec spec = Spec(4, 10);
    spec.paused = row.pause;
    const ConditionPlan plan =
        PlanCloneSetConditions(spec, row.status, row.stored, "web-2", {}, At(0));
    EXPECT_EQ(Progressing(plan), row.want) << row.rule;
    EXPECT_EQ(plan.requeue.has_value(), std::string(row.want) == "True CloneSetUpdated")
        << row.rule;
  }
}

TEST(Progressing, LooksAgainOneSecondAfterTheDeadline) {
  const Condition begun{"Progressing", true, "CloneSetUpdated", "", kStart - 4, kStart - 4};
  const ConditionPlan plan =
      PlanCloneSetConditions(Spec(4, 10), Counters(4, 1, 0, 4), {begun}, "web-2", {}, At(0));
  EXPECT_EQ(plan.requeue, absl::Seconds(7));
  const ConditionPlan later =
      PlanCloneSetConditions(Spec(4, 10), Counters(4, 1, 0, 4), {begun}, "web-2", {}, At(7));
  EXPECT_EQ(Progressing(later), "False ProgressDeadlineExceeded");
  EXPECT_EQ(FindCondition(later.conditions, "Progressing")->message,
            "CloneSet revision web-2 has timed out progressing");
}

TEST(Progressing, WithoutDeadlineTheConditionGoes) {
  const Condition begun{"Progressing", true, "CloneSetUpdated", "", kStart - 4, kStart - 4};
  EXPECT_EQ(Progressing(PlanCloneSetConditions(Spec(4, std::nullopt), Counters(4, 1, 0, 4), {begun},
                                               "web-2", {}, At(0))),
            "");
}

TEST(Progressing, ANewRevisionStartsTheClockAnewP23) {
  const Condition late{"Progressing", true, "CloneSetUpdated", "", kStart - 99, kStart - 99};
  const Condition exceeded{"Progressing", false,      "ProgressDeadlineExceeded", "",
                           kStart - 50,   kStart - 50};
  for (const Condition& stored : {late, exceeded}) {
    const ConditionPlan plan =
        PlanCloneSetConditions(Spec(4, 10), Counters(4, 1, 0, 4), {stored}, "web-1", {}, At(0));
    EXPECT_EQ(Progressing(plan), "True CloneSetUpdated") << stored.reason;
    const Condition& now = plan.conditions.back();
    EXPECT_EQ(now.last_update, kStart);
    EXPECT_EQ(now.last_transition, stored.status ? stored.last_transition : kStart);
    EXPECT_EQ(plan.requeue, absl::Seconds(11));
  }
}

TEST(SetCondition, RuleOfSection84) {
  std::vector<Condition> list = {{"A", true, "x", "old", 1, 1}, {"B", true, "", "", 2, 2}};
  SetCondition(list, "A", true, "x", "new words", 50);
  EXPECT_EQ(list[0].last_update, 1);  // same status and reason: times stay, words do not (P22)
  EXPECT_EQ(list[0].message, "new words");
  SetCondition(list, "A", true, "y", "", 60);
  EXPECT_EQ(list.back().type, "A");  // what changed moves to the end
  EXPECT_EQ(list.back().last_update, 60);
  EXPECT_EQ(list.back().last_transition, 1);
  SetCondition(list, "A", false, "y", "", 70);
  EXPECT_EQ(list.back().last_transition, 70);
  EXPECT_EQ(list.size(), 2U);
}

TEST(Failures, AreSetRefreshedAndClearedP22) {
  const CloneSetSpec spec = Spec(4, std::nullopt);
  const StatusCounters status = Counters(4, 4, 4, 4, true);
  auto plan = PlanCloneSetConditions(spec, status, {}, "web-2", {}, At(0));
  EXPECT_TRUE(plan.conditions.empty());  // nothing ever failed
  plan = PlanCloneSetConditions(spec, status, {}, "web-2", {"quota", "no space"}, At(1));
  EXPECT_EQ(FindCondition(plan.conditions, "FailedScale")->message, "quota");
  EXPECT_TRUE(FindCondition(plan.conditions, "FailedUpdate")->status);
  plan = PlanCloneSetConditions(spec, status, plan.conditions, "web-2", {"", "other"}, At(2));
  EXPECT_FALSE(FindCondition(plan.conditions, "FailedScale")->status);
  EXPECT_EQ(FindCondition(plan.conditions, "FailedUpdate")->message, "other");
  const auto set = PlanStatefulSetConditions({}, {"cannot create", ""}, At(0));
  ASSERT_EQ(set.size(), 1U);
  EXPECT_EQ(set[0].type, "FailedCreatePod");
  EXPECT_FALSE(PlanStatefulSetConditions(set, {}, At(3))[0].status);
}

TEST(Failures, ErrorsOfAPlanNameTheFirst) {
  PodAction bad;
  bad.action = Action::kError;
  bad.pod = 1;
  bad.why.code = Code::kGraceWithoutState;
  PodAction good;
  good.action = Action::kDelete;
  const auto name = [](int32_t slot) { return "web-" + std::to_string(slot); };
  EXPECT_EQ(ErrorsOf({good}, name), "");
  EXPECT_EQ(ErrorsOf({good, bad}, name), "web-1: " + Words(bad.why));
  EXPECT_EQ(ErrorsOf({bad, bad, bad}, name), "web-1: " + Words(bad.why) + " (and 2 more pods)");
}

TEST(Conditions, SurviveTheirText) {
  const std::vector<Condition> list = {{"A", true, "r", "m", kStart, kStart - 1},
                                       {"B", false, "", "", api::kNoTime, api::kNoTime}};
  const Json json = RenderConditions(list);
  const std::vector<Condition> again = ParseConditions(&json);
  ASSERT_EQ(again.size(), 2U);
  EXPECT_EQ(again[0].last_transition, kStart - 1);
  EXPECT_EQ(again[1].last_update, api::kNoTime);
  const Json odd = J(R"([{"status":"True"}, 3])");
  EXPECT_TRUE(ParseConditions(&odd).empty());
  EXPECT_TRUE(ParseConditions(nullptr).empty());
}

TEST(StatusDiffers, EveryFieldCountsP19) {
  const Json stored = J(
      R"({"observedGeneration":3,"replicas":4,"updatedReadyReplicas":1,"collisionCount":0,
          "conditions":[{"type":"FailedUpdatePod","status":"True","message":"a","lastUpdateTime":"x"}],
          "volumeClaims":[]})");
  EXPECT_FALSE(StatusDiffers(stored, stored));
  Json same = stored;
  same.erase("volumeClaims");
  same["updatedAvailableReplicas"] = 0;
  same["conditions"][0]["lastUpdateTime"] = "y";
  EXPECT_FALSE(StatusDiffers(stored, same)) << "zeros and times are no difference";
  const struct {
    const char* field;
    Json value;
    bool differs;
  } kRows[] = {{"observedGeneration", 4, true},
               {"observedGeneration", 2, false},
               {"updatedReadyReplicas", 2, true},
               {"updatedAvailableReplicas", 1, true},
               {"collisionCount", 1, true},
               {"conditions", Json::array(), true},
               {"volumeClaims", Json{Json{{"volumeClaimName", "d"}}}, true}};
  for (const auto& row : kRows) {
    Json other = stored;
    other[row.field] = row.value;
    EXPECT_EQ(StatusDiffers(stored, other), row.differs) << row.field << " " << row.value;
  }
  Json message = stored;
  message["conditions"][0]["message"] = "b";
  EXPECT_TRUE(StatusDiffers(stored, message));
}

}  // namespace
}  // namespace rekindle::plan
