// How simulations end and what they record.

#include "controller/plan/simulate.h"

#include <gmock/gmock.h>

#include "tests/controller/plan/cloneset_fixture.h"
#include "tests/controller/plan/statefulset_fixture.h"

namespace rekindle::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class SimulateCloneSetTest : public CloneSetTest {
 protected:
  Timeline Simulate(const std::string& pods, ModelOptions model_options = {}) {
    Pods(pods);
    const CloneSetSpec spec = Spec();
    ModelCluster model(model_options, At(0), spec.hooks, spec.uid);
    for (const PodPtr& pod : pods_) model.Add(pod);
    CloneSetIndex index(spec, Revisions(), options_);
    return SimulateCloneSet(index, model, {});
  }
};

TEST_F(SimulateCloneSetTest, EndsAsTheSpecAsks) {
  Rolling() = {{"maxUnavailable", 2}, {"podUpdatePolicy", "InPlaceIfPossible"}};
  Timeline t = Simulate("3O");
  EXPECT_EQ(t.ending, Ending::kFinished);
  EXPECT_EQ(t.kept, 0);
  EXPECT_EQ(t.restarts, 3);
  Rolling()["partition"] = 2;
  t = Simulate("3O");
  EXPECT_EQ(t.ending, Ending::kFinished);
  EXPECT_EQ(t.kept, 2);
  Rolling()["paused"] = true;
  t = Simulate("3O");
  EXPECT_EQ(t.ending, Ending::kAtRest);
  EXPECT_THAT(t.stuck, ElementsAre(HasSubstr("paused")));
  object_["spec"]["updateStrategy"]["type"] = "OnDelete";
  EXPECT_EQ(Simulate("3O").ending, Ending::kAtRest);
}

TEST_F(SimulateCloneSetTest, WhatIsWrongIsNotFinished) {
  Rolling() = {{"maxUnavailable", 1}, {"podUpdatePolicy", "InPlaceIfPossible"}};
  Timeline t = Simulate("3O", {.never_ready = {{"web:2", true}}});
  EXPECT_EQ(t.ending, Ending::kStandsStill);
  EXPECT_EQ(t.stuck.size(), 3U);
  Rolling()["partition"] = 3;  // nobody is updated, but one is broken for good
  Pods("2O");
  PodDesc down{.name = "web-down0", .ready = false};
  Json tree = world_.PodTree(old_, down);
  tree["status"]["containerStatuses"][0]["state"] = {{"waiting", {{"reason", "CrashLoopBackOff"}}}};
  pods_.push_back(std::make_shared<api::PodRecord>(*world_.parser().Parse(tree)));
  const CloneSetSpec spec = Spec();
  ModelCluster model({}, At(0), spec.hooks, spec.uid);
  for (const PodPtr& pod : pods_) model.Add(pod);
  CloneSetIndex index(spec, Revisions(), options_);
  t = SimulateCloneSet(index, model, {});
  EXPECT_EQ(t.ending, Ending::kStandsStill);
  EXPECT_THAT(t.stuck, ElementsAre(HasSubstr("partition keeps 3 of 3 pods")));
}

TEST_F(SimulateCloneSetTest, APodThatNeedsAHumanIsStuckForThatReason) {
  Pods("2N");
  const PodDesc odd{
      .name = "web-odd00",
      .annotations = {{"apps.kruise.io/inplace-update-grace", R"({"main":"web:2"})"}}};
  pods_.push_back(
      std::make_shared<api::PodRecord>(*world_.parser().Parse(world_.PodTree(new_, odd))));
  const CloneSetSpec spec = Spec();
  ModelCluster model({}, At(0), spec.hooks, spec.uid);
  for (const PodPtr& pod : pods_) model.Add(pod);
  CloneSetIndex index(spec, Revisions(), options_);
  const Timeline t = SimulateCloneSet(index, model, {});
  EXPECT_EQ(t.ending, Ending::kStandsStill);
  EXPECT_THAT(t.stuck, ElementsAre(HasSubstr(Words(Because(Code::kGraceWithoutState)))));
}

TEST_F(SimulateCloneSetTest, PassesOfOneSecondStayApart) {
  Json tree = TemplateOf({"main=web:1"});
  tree["metadata"]["labels"]["team"] = "blue";
  new_ = world_.Rev("web-new", tree, 2);
  Rolling() = {{"maxUnavailable", 2}, {"podUpdatePolicy", "InPlaceIfPossible"}};
  const Timeline t = Simulate("3O");
  std::vector<int64_t> passes;
  for (const TimelineEvent& event : t.events) {
    if (event.action != "UpdateInPlace") continue;
    EXPECT_EQ(event.second, 0);
    passes.push_back(event.pass);
  }
  ASSERT_EQ(passes.size(), 3U);
  EXPECT_EQ(passes[0], passes[1]);
  EXPECT_LT(passes[1], passes[2]);
}

// The webhook gives pods the gate KruisePodReady, so markPodNotReady takes them out of service.
TEST_F(SimulateCloneSetTest, MarkedPodsAreNotAvailable) {
  object_["spec"]["replicas"] = 2;
  object_["spec"]["lifecycle"]["preDelete"] = {{"labelsHandler", {{"hold", "yes"}}},
                                               {"markPodNotReady", true}};
  PodDesc desc{.pod_ready_gate = true};
  desc.labels["hold"] = "yes";
  const CloneSetSpec spec = Spec();
  ModelCluster model({.pod_ready_gate = true}, At(0), spec.hooks, spec.uid);
  for (const char* name : {"web-aaaaa", "web-bbbbb", "web-ccccc"}) {
    desc.name = name;
    model.Add(world_.Pod(new_, desc));
  }
  CloneSetIndex index(spec, Revisions(), options_);
  int marked = 0;
  const auto watch = [&](const CloneSetPlan&, const ModelCluster& cluster) {
    for (const PodPtr& pod : cluster.pods()) {
      if (pod == nullptr || pod->lifecycle != api::Lifecycle::kPreparingDelete) continue;
      ++marked;
      EXPECT_EQ(pod->ready, api::Tri::kFalse);
      EXPECT_EQ(pod->pod_ready, api::Tri::kFalse);
    }
  };
  EXPECT_EQ(SimulateCloneSet(index, model, {}, watch).ending, Ending::kFinished);
  EXPECT_GT(marked, 0);
}

TEST_F(SimulateCloneSetTest, NewPodsHaveTheGateOfTheWebhook) {
  const CloneSetSpec spec = Spec();
  ModelCluster model({.pod_ready_gate = true}, At(0), spec.hooks, spec.uid);
  CloneSetIndex index(spec, Revisions(), options_);
  EXPECT_EQ(SimulateCloneSet(index, model, {}).ending, Ending::kFinished);
  ASSERT_EQ(model.pods().size(), 3U);
  EXPECT_TRUE(model.pods()[0]->shape->gate_pod_ready);
}

using SimulateStatefulSetTest = StatefulSetTest;

TEST_F(SimulateStatefulSetTest, ActionsAndCreationsComeInTheOrderOfTheirPass) {
  object_["spec"]["ordinals"]["start"] = 2;
  Pods("0-1n 2nF");
  const StatefulSetSpec spec = *ParseStatefulSet(object_, gates_);
  ModelCluster model({}, At(0), spec.hooks, spec.uid);
  for (const PodPtr& pod : pods_) model.Add(pod);
  const Timeline t = SimulateStatefulSet(spec, {new_, new_, {new_}}, options_, model, {});
  std::vector<std::string> order;
  for (const TimelineEvent& event : t.events) {
    if (event.second == 0 && event.action != "OpenGate") {
      order.push_back(absl::StrCat(event.action, " ", event.pod));
    }
  }
  EXPECT_THAT(order, ElementsAre("Delete web-2", "Create web-3", "Create web-4", "Delete web-1",
                                 "Delete web-0"));
  EXPECT_EQ(t.ending, Ending::kFinished);
}

TEST_F(SimulateStatefulSetTest, RefusedClaimIsNotFinished) {
  gates_.resize_claims = true;
  Field("/replicas") = 1;
  object_["spec"]["volumeClaimUpdateStrategy"]["type"] = "OnPodRollingUpdate";
  object_["spec"]["volumeClaimTemplates"] =
      J(R"([{"metadata":{"name":"data"},"spec":{"resources":{"requests":{"storage":"2Gi"}}}}])");
  const StatefulSetSpec spec = *ParseStatefulSet(object_, gates_);
  ModelCluster model({}, At(0), spec.hooks, spec.uid);
  Json tree = TemplateOf({"main=web:2"});
  tree["spec"]["volumes"] =
      J(R"([{"name":"data","persistentVolumeClaim":{"claimName":"data-web-0"}}])");
  const Revision own = world_.Rev("web-new", tree);
  model.Add(world_.Pod(own, {.name = "web-0"}));
  SetClaim claim;
  claim.name = "data-web-0";
  claim.requested = claim.capacity = *api::Quantity::Parse("1Gi");
  claim.has_class = true;  // and nobody says that it can grow
  const Timeline t =
      SimulateStatefulSet(spec, {own, own, {own}}, options_, model, {}, nullptr, {claim});
  EXPECT_EQ(t.ending, Ending::kStandsStill);
  EXPECT_THAT(t.stuck, ElementsAre(HasSubstr("does not allow expansion")));
}

TEST(SimulateRestart, CountsWhatRunsAlready) {
  testing::World world;
  const Revision revision = world.Rev("web-1", TemplateOf({"main=web:1", "side=log:1"}));
  std::vector<PodPtr> pods;
  for (const char* name : {"web-0", "web-1", "web-2"}) {
    pods.push_back(world.Pod(revision, {.name = name}));
  }
  using Phase = RestartState::Phase;
  const Timeline t = SimulateRestart(
      {}, pods, {{"web-0", {Phase::kSucceeded, ""}}, {"web-1", {Phase::kRunning, ""}}}, {}, {},
      At(0));
  EXPECT_EQ(t.restarts, 4);  // two containers of web-1 and two of web-2
  EXPECT_EQ(t.ending, Ending::kFinished);
  EXPECT_EQ(SimulateRestart({.paused = true}, pods, {}, {}, {}, At(0)).ending, Ending::kAtRest);
}

}  // namespace
}  // namespace rekindle::plan
