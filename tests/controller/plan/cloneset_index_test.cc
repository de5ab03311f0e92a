#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using testing::At;
using testing::J;

class CloneSetIndexTest : public testing::TwoRevisionsTest {
 protected:
  CloneSetIndex Index(int64_t replicas, Json rolling) {
    Json object = J(R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"CloneSet",
      "metadata":{"name":"web","uid":"set-uid"},
      "spec":{"selector":{"matchLabels":{"app":"web"}},"template":{"spec":{"containers":[]}}}})");
    object["spec"]["replicas"] = replicas;
    object["spec"]["updateStrategy"]["rollingUpdate"] = std::move(rolling);
    const auto spec = ParseCloneSet(object);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return CloneSetIndex(*spec, {new_, old_, {old_, new_}}, {});
  }
};

TEST_F(CloneSetIndexTest, PodWhoseGateIsClosedIsNotReadyWhateverItsConditionSays) {
  CloneSetIndex index = Index(2, Json::object());
  auto closed = std::make_shared<api::PodRecord>(world_.Record(new_, {.name = "web-aaaaa"}));
  closed->in_place_ready = api::Tri::kFalse;  // the condition Ready follows a moment later
  index.Load({closed, world_.Pod(new_, {.name = "web-bbbbb"})});
  const StatusCounters status = index.Plan(At(0)).status;
  EXPECT_EQ(status.replicas, 2);
  EXPECT_EQ(status.ready, 1);
  EXPECT_EQ(status.available, 1);
}

TEST_F(CloneSetIndexTest, CurrentRevisionIsPromotedOnceEveryReplicaIsUpdated) {
  CloneSetIndex index = Index(2, Json::object());
  index.Load({world_.Pod(new_, {.name = "web-aaaaa"})});
  EXPECT_EQ(index.Plan(At(0)).status.current_revision, "web-old");  // one is missing
  index.Upsert(world_.Pod(new_, {.name = "web-bbbbb"}));
  EXPECT_EQ(index.Plan(At(0)).status.current_revision, "web-new");
}

TEST_F(CloneSetIndexTest, ParkedPodIsLookedAtInTheSecondItsGraceEnds) {
  CloneSetIndex index = Index(1, {{"podUpdatePolicy", "InPlaceIfPossible"},
                                  {"maxUnavailable", 1},
                                  {"inPlaceUpdateStrategy", {{"gracePeriodSeconds", 30}}}});
  const PodPtr pod = world_.Pod(old_, {.name = "web-aaaaa"});
  index.Load({pod});
  const CloneSetPlan start = index.Plan(At(0));
  ASSERT_EQ(start.actions.size(), 1U);
  ASSERT_EQ(start.actions[0].action, Action::kUpdateInPlace);
  index.Upsert(std::make_shared<api::PodRecord>(ApplyStep(*pod, *start.actions[0].step)));
  const CloneSetPlan waiting = index.Plan(At(10));
  EXPECT_TRUE(waiting.actions.empty());
  EXPECT_EQ(waiting.requeue, absl::Seconds(20));
  const CloneSetPlan over = index.Plan(At(30));
  ASSERT_EQ(over.actions.size(), 1U);
  EXPECT_EQ(over.actions[0].action, Action::kContinueInPlace);
}

}  // namespace
}  // namespace rekindle::plan
