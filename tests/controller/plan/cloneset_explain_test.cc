// What is said about the pods of a CloneSet that a plan leaves alone.

#include <set>

#include "tests/controller/plan/cloneset_fixture.h"

namespace rekindle::plan {
namespace {

class CloneSetExplainTest : public CloneSetTest {
 protected:
  // "TargetUnavailable 2, KeptByPartition 3": the pods without action, by the code of their reason.
  std::string Left(const CloneSetPlan& plan) {
    std::set<int32_t> acted;
    for (const PodAction& action : plan.actions) acted.insert(action.pod);
    std::map<std::string, int> counts;
    for (size_t i = 0; i < pods_.size(); ++i) {
      const auto slot = static_cast<int32_t>(i);
      if (acted.contains(slot)) continue;
      last_ = index_->Explain(slot, plan);
      ++counts[std::string(CodeName(last_.code))];
    }
    std::vector<std::string> parts;
    for (const auto& [code, count] : counts) parts.push_back(absl::StrCat(code, " ", count));
    return absl::StrJoin(parts, ", ");
  }
  std::string LeftOf(const std::string& pods) {
    Pods(pods);
    return Left(Plan());
  }

  Reason last_;
};

// Spec 18.1, step 1: candidates are cut to what the partition lets go, only those wait.
TEST_F(CloneSetExplainTest, PodsBeyondThePartitionDoNotWait) {
  object_["spec"]["replicas"] = 7;
  Rolling() = {{"partition", 3}, {"maxUnavailable", 2}, {"podUpdatePolicy", "InPlaceIfPossible"}};
  EXPECT_EQ(LeftOf("7O"), "KeptByPartition 3, TargetUnavailable 2");
  EXPECT_EQ(Words(index_->Explain(6, index_->Plan(At(0)))),
            "stays on its revision: partition keeps 3 of 7 pods");
  EXPECT_EQ(LeftOf("5O 2N!"), "KeptByPartition 3, NotReady 2, TargetUnavailable 2");
  EXPECT_EQ(LeftOf("3O 4N"), "KeptByPartition 3, UpToDate 4");
  Rolling()["paused"] = true;
  EXPECT_EQ(LeftOf("7O"), "KeptByPartition 3, Paused 4");
  Rolling()["paused"] = false;
  EXPECT_EQ(LeftOf("6O"), "KeptByPartition 3, ScalingFirst 3");
  Rolling()["scatterStrategy"] = {{{"key", "app"}, {"value", "web"}}};
  EXPECT_EQ(LeftOf("7O"), "KeptByPartition 3, TargetUnavailable 2");
}

TEST_F(CloneSetExplainTest, PodsThatAreBeingDeletedArePartOfTheMove) {
  object_["spec"]["replicas"] = 10;  // trace T1, pass 2
  Rolling() = {{"partition", 4}, {"maxUnavailable", 2}};
  EXPECT_EQ(LeftOf("8O 2O*"), "KeptByPartition 4, ScalingFirst 4");
}

TEST_F(CloneSetExplainTest, BrokenPodThatThePartitionKeepsIsNamed) {
  object_["spec"]["replicas"] = 5;
  Rolling() = {{"partition", 5}};
  EXPECT_EQ(LeftOf("4O 1O!"), "KeptBroken 1, KeptByPartition 4");
  EXPECT_EQ(Words(last_),
            "not ready (starting) and not updated: partition keeps 5 of 5 pods on their revision");
}

// A raised partition with its gate (E11): what goes back waits, what is kept is said to be kept.
TEST_F(CloneSetExplainTest, PartitionRollback) {
  options_.partition_rollback = true;
  object_["spec"]["replicas"] = 8;
  Rolling() = {{"partition", 6}, {"maxUnavailable", 2}, {"podUpdatePolicy", "InPlaceIfPossible"}};
  EXPECT_EQ(LeftOf("2O 6N"), "KeptByPartition 2, TargetUnavailable 2, UpToDate 2");
}

// Spec 13.3 and 14, step 7: who goes by scale-in is not told that the partition keeps it.
TEST_F(CloneSetExplainTest, ScaleInSaysWhoGoes) {
  object_["spec"]["replicas"] = 6;
  Rolling() = {{"maxUnavailable", 0}, {"maxSurge", 2}};
  EXPECT_EQ(LeftOf("2O 2N! 4N"), "DeleteBudget 2, NotReady 2, UpToDate 4");  // T2, pass 10
  object_["spec"]["replicas"] = 4;
  object_["spec"]["minReadySeconds"] = 9999;
  Rolling() = {{"maxUnavailable", "25%"}};
  EXPECT_EQ(LeftOf("7N"), "DeleteBudget 3, MinReady 4");  // E9
  const CloneSetPlan plan = index_->Plan(At(0));
  for (int32_t slot = 0; slot < 7; ++slot) {
    const Reason why = index_->Explain(slot, plan);
    if (why.code != Code::kDeleteBudget) continue;
    EXPECT_EQ(Words(why),
              "waits to be deleted: 0 ready pods may go now (maxUnavailable 1, unavailable 7)");
  }
}

TEST_F(CloneSetExplainTest, ScaleInWaitsForTheWaveBefore) {
  object_["spec"]["replicas"] = 3;
  object_["spec"]["lifecycle"]["preDelete"]["labelsHandler"]["hold"] = "yes";
  Rolling() = {{"maxUnavailable", 1}};
  for (int i = 0; i < 6; ++i) {
    PodDesc desc{.name = absl::StrCat("web-0000", i),
                 .lifecycle = i < 2 ? "PreparingDelete" : "Normal"};
    desc.labels["hold"] = "yes";
    Add(desc, true);
  }
  EXPECT_EQ(Left(Plan()), "PlannedDeletions 1, PreDeleteHook 2, UpToDate 3");
  object_["spec"]["replicas"] = 4;
  EXPECT_EQ(Left(Plan()), "PreDeleteHook 2, UpToDate 4");
}

TEST_F(CloneSetExplainTest, SurgePodsTakeThePlaceOfOthers) {
  object_["spec"]["replicas"] = 4;  // trace T3, pass 3
  Rolling() = {{"maxUnavailable", 1}, {"maxSurge", 1}, {"podUpdatePolicy", "InPlaceIfPossible"}};
  EXPECT_EQ(LeftOf("3O 2N!"), "NotReady 2, ReplacedBySurge 1, TargetUnavailable 2");
}

TEST_F(CloneSetExplainTest, LimitOfGrowthHasItsFigures) {
  object_["spec"]["replicas"] = 7;
  object_["spec"]["scaleStrategy"]["maxUnavailable"] = 3;
  Pods("1N 2N!");
  const CloneSetPlan plan = Plan();
  ASSERT_TRUE(plan.scale_limited);
  EXPECT_EQ(Words(ScaleLimit(plan, Spec())),
            "waits: scaleStrategy.maxUnavailable 3 allows 1 creation now, 2 pods not available");
}

TEST(Reasons, WordsFillEveryField) {
  for (int i = 0; i < static_cast<int>(Code::kCount); ++i) {
    Reason reason{.code = static_cast<Code>(i), .figures = {1, 2, 3}, .detail = api::Text("it")};
    const std::string words = Words(reason);
    EXPECT_FALSE(words.empty());
    EXPECT_EQ(words.find_first_of("{}"), std::string::npos) << words;
    EXPECT_EQ(words.find("1 pods"), std::string::npos) << words;
  }
  EXPECT_EQ(Counted(1, "pod"), "1 pod");
  EXPECT_EQ(Counted(0, "pod"), "0 pods");
  EXPECT_TRUE(IsRest(Code::kPaused) && IsRest(Code::kOnDelete));
  EXPECT_FALSE(IsRest(Code::kKeptBroken) || IsRest(Code::kMaxUnavailable));
}

}  // namespace
}  // namespace rekindle::plan
