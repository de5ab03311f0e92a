#include "controller/apiserver/registry/budget_status.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/time.h"

namespace rekindle::apiserver {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'900'000'000);

std::vector<BudgetPod> Pods(int healthy, int sick, int going) {
  std::vector<BudgetPod> out;
  for (int i = 0; i < healthy; ++i) out.push_back({"h" + std::to_string(i), true, false});
  for (int i = 0; i < sick; ++i) out.push_back({"s" + std::to_string(i), false, false});
  for (int i = 0; i < going; ++i) out.push_back({"g" + std::to_string(i), true, true});
  return out;
}

Json Budget(const Json& spec) { return {{"metadata", {{"generation", 2}}}, {"spec", spec}}; }

TEST(BudgetStatus, Numbers) {
  struct Row {
    Json spec;
    std::vector<BudgetPod> pods;
    int64_t scale;
    int64_t expected, desired, healthy, allowed;
  };
  for (const Row& row :
       std::vector<Row>{{{{"minAvailable", 2}}, Pods(3, 0, 0), 0, 3, 2, 3, 1},
                        {{{"minAvailable", 2}}, Pods(2, 5, 1), 0, 8, 2, 2, 0},
                        {{{"minAvailable", 0}}, Pods(2, 0, 0), 0, 2, 0, 2, 2},
                        {{{"minAvailable", "50%"}}, Pods(5, 0, 0), 5, 5, 3, 5, 2},
                        {{{"maxUnavailable", 1}}, Pods(3, 0, 0), 3, 3, 2, 3, 1},
                        {{{"maxUnavailable", 1}}, Pods(2, 1, 0), 3, 3, 2, 2, 0},
                        {{{"maxUnavailable", "34%"}}, Pods(3, 0, 0), 3, 3, 1, 3, 2},
                        {{{"maxUnavailable", 5}}, Pods(3, 0, 0), 3, 3, 0, 3, 3},
                        {{{"maxUnavailable", 1}}, Pods(0, 0, 0), 0, 0, 0, 0, 0},
                        {Json::object(), Pods(3, 0, 0), 0, 0, 0, 3, 0}}) {
    Json budget = Budget(row.spec);
    EXPECT_FALSE(WorkOutBudget(row.pods, row.scale, "", kNow, budget).has_value());
    const Json& status = budget["status"];
    EXPECT_EQ(status["expectedPods"], row.expected) << row.spec;
    EXPECT_EQ(status["desiredHealthy"], row.desired) << row.spec;
    EXPECT_EQ(status["currentHealthy"], row.healthy) << row.spec;
    EXPECT_EQ(status["disruptionsAllowed"], row.allowed) << row.spec;
    EXPECT_EQ(status["observedGeneration"], 2);
    EXPECT_EQ(status["conditions"][0]["status"], row.allowed > 0 ? "True" : "False") << row.spec;
    EXPECT_EQ(status["conditions"][0]["reason"],
              row.allowed > 0 ? "SufficientPods" : "InsufficientPods");
  }
}

TEST(BudgetStatus, WithoutScaleNothingIsAllowed) {
  Json budget = Budget({{"maxUnavailable", 1}});
  (void)WorkOutBudget(Pods(3, 0, 0), std::nullopt, "no controller", kNow, budget);
  EXPECT_EQ(budget["status"]["disruptionsAllowed"], 0);
  EXPECT_EQ(budget["status"]["conditions"][0]["reason"], "SyncFailed");
  EXPECT_EQ(budget["status"]["conditions"][0]["message"], "no controller");
  // Where only those that there are count, it does not matter.
  budget = Budget({{"minAvailable", 1}});
  (void)WorkOutBudget(Pods(3, 0, 0), std::nullopt, "no controller", kNow, budget);
  EXPECT_EQ(budget["status"]["disruptionsAllowed"], 2);
}

TEST(BudgetStatus, DisruptionsCountUntilTheyAreDoneOrTooOld) {
  Json budget = Budget({{"minAvailable", 1}});
  budget["status"]["disruptedPods"] = {{"h0", api::FormatTime(kNow - absl::Seconds(30))},
                                       {"h1", api::FormatTime(kNow - absl::Seconds(121))},
                                       {"g0", api::FormatTime(kNow)},
                                       {"gone", api::FormatTime(kNow)}};
  const auto again = WorkOutBudget(Pods(3, 0, 1), 0, "", kNow, budget);
  EXPECT_EQ(again, kNow + absl::Seconds(90));
  EXPECT_EQ(budget["status"]["disruptedPods"],
            Json({{"h0", api::FormatTime(kNow - absl::Seconds(30))}}));
  EXPECT_EQ(budget["status"]["currentHealthy"], 2);
  EXPECT_EQ(budget["status"]["disruptionsAllowed"], 1);
}

TEST(BudgetStatus, ConditionsKeepTheirTime) {
  Json budget = Budget({{"minAvailable", 1}});
  (void)WorkOutBudget(Pods(2, 0, 0), 0, "", kNow, budget);
  const Json first = budget;
  (void)WorkOutBudget(Pods(2, 0, 0), 0, "", kNow + absl::Seconds(5), budget);
  EXPECT_EQ(budget, first);
  (void)WorkOutBudget(Pods(1, 0, 0), 0, "", kNow + absl::Seconds(9), budget);
  EXPECT_EQ(budget["status"]["conditions"].size(), 1u);
  EXPECT_EQ(budget["status"]["conditions"][0]["lastTransitionTime"],
            api::FormatTime(kNow + absl::Seconds(9)));
}

}  // namespace
}  // namespace rekindle::apiserver
