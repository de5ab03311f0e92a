#include "controller/plan/cloneset.h"

#include <map>
#include <random>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/plan/cloneset_fixture.h"

namespace rekindle::plan {
namespace {

struct Pass {
  const char* before;
  const char* does;
};

TEST_F(CloneSetTest, TraceT1ReCreate) {
  object_["spec"]["replicas"] = 10;
  Rolling() = {{"partition", 4}, {"maxUnavailable", "20%"}};
  for (const Pass& pass : {Pass{"10O", "Recreate 2"},
                           {"8O 2O*", "Delete 2"},
                           {"8O", "Create 2"},
                           {"8O 2N!", ""},
                           {"8O 2N", "Recreate 2"},
                           {"6O 2O* 2N", "Delete 2"},
                           {"6O 2N", "Create 2"},
                           {"6O 4N", "Recreate 2"},
                           {"4O 4N", "Create 2"},
                           {"4O 6N", ""}}) {
    Pods(pass.before);
    const CloneSetPlan plan = Plan();
    EXPECT_EQ(Summary(plan), pass.does) << pass.before;
    EXPECT_EQ(plan.status.expected_updated, 6);
  }
}

TEST_F(CloneSetTest, TraceT2SurgeWithScaleInTail) {
  object_["spec"]["replicas"] = 6;
  Rolling() = {{"maxUnavailable", 0}, {"maxSurge", 2}};
  for (const Pass& pass : {Pass{"6O", "Create 2"},
                           {"6O 2N!", ""},
                           {"6O 2N", "Recreate 2"},
                           {"4O 2O* 2N", "Delete 2"},
                           {"4O 2N", "Create 2"},
                           {"4O 4N", "Recreate 2"},
                           {"2O 2N! 4N", ""},
                           {"2O 6N", "Delete 2"}}) {
    Pods(pass.before);
    EXPECT_EQ(Summary(Plan()), pass.does) << pass.before;
  }
}

TEST_F(CloneSetTest, TraceT3InPlaceWithSurge) {
  object_["spec"]["replicas"] = 4;
  Rolling() = {{"maxUnavailable", 1}, {"maxSurge", 1}, {"podUpdatePolicy", "InPlaceIfPossible"}};
  for (const Pass& pass : {Pass{"4O", "Create 1"},
                           {"4O 1N!", "UpdateInPlace 1"},
                           {"3O 2N!", ""},
                           {"3O 2N", "UpdateInPlace 2"},
                           {"1O 2N! 2N", ""},
                           {"1O 4N", "Delete 1"}}) {
    Pods(pass.before);
    EXPECT_EQ(Summary(Plan()), pass.does) << pass.before;
  }
}

TEST_F(CloneSetTest, TraceT4SpecifiedPods) {
  object_["spec"]["replicas"] = 6;
  Rolling() = {{"maxUnavailable", 1}};
  for (const Pass& pass : {Pass{"4N 2N*", "Delete 1"},
                           {"4N 1N*", "Create 1"},
                           {"4N 1N! 1N*", ""},
                           {"5N 1N*", "Delete 1"},
                           {"5N", "Create 1"},
                           {"6N", ""}}) {
    Pods(pass.before);
    EXPECT_EQ(Summary(Plan()), pass.does) << pass.before;
  }
  Rolling() = {{"maxUnavailable", 0}, {"maxSurge", 1}};
  for (const Pass& pass : {Pass{"4N 2N*", "Create 1"},
                           {"4N 1N! 2N*", ""},
                           {"5N 2N*", "Delete 1"},
                           {"5N 1N*", "Create 1"},
                           {"5N 1N! 1N*", ""},
                           {"6N 1N*", "Delete 1"}}) {
    Pods(pass.before);
    EXPECT_EQ(Summary(Plan()), pass.does) << pass.before;
  }
}

TEST_F(CloneSetTest, TraceT5PartitionRollback) {
  options_.partition_rollback = true;
  object_["spec"]["replicas"] = 8;
  Rolling() = {{"partition", 6}, {"maxUnavailable", 2}};
  for (const Pass& pass : {Pass{"2O 6N", "Recreate 2"},
                           {"2O 4N 2N*", "Delete 2"},
                           {"2O 4N", "Create 2 (2 old)"},
                           {"4O 4N", "Recreate 2"},
                           {"6O 2N", ""}}) {
    Pods(pass.before);
    EXPECT_EQ(Summary(Plan()), pass.does) << pass.before;
  }
  options_.partition_rollback = false;
  Pods("2O 6N");
  EXPECT_EQ(Summary(Plan()), "");
}

TEST_F(CloneSetTest, TraceT6AndT7RateLimitedScaleUp) {
  object_["spec"]["replicas"] = 7;
  object_["spec"]["scaleStrategy"]["maxUnavailable"] = 3;
  for (const Pass& pass :
       {Pass{"", "Create 3"}, {"3N!", ""}, {"3N", "Create 3"}, {"6N", "Create 1"}}) {
    Pods(pass.before);
    const CloneSetPlan plan = Plan();
    EXPECT_EQ(Summary(plan), pass.does) << pass.before;
    EXPECT_EQ(plan.scale_limited, std::string(pass.before) != "6N");
  }
  object_["spec"]["replicas"] = 10;
  object_["spec"]["scaleStrategy"]["maxUnavailable"] = 1;
  Rolling() = {{"partition", 5}};
  Pods("3O 3N");
  EXPECT_EQ(Summary(Plan()), "Create 1 (1 old)");
  Pods("5O 3N");
  EXPECT_EQ(Summary(Plan()), "Create 1");
}

TEST_F(CloneSetTest, LimitTableOf181) {
  struct Case {
    const char* pods;
    int64_t replicas;
    int64_t budget;
    const char* does;
  };
  for (const Case& c : {Case{"4O 1O! 1N!", 6, 2, "Recreate 1"}, Case{"6O!", 6, 2, "Recreate 2"},
                        Case{"4O! 2N!", 6, 2, ""}}) {
    object_["spec"]["replicas"] = c.replicas;
    Rolling() = {{"maxUnavailable", c.budget}};
    Pods(c.pods);
    EXPECT_EQ(Summary(Plan()), c.does) << c.pods;
  }
}

TEST_F(CloneSetTest, ABrokenPodPassesAPrioritisedOneThatHasToWait) {
  // Row 4 of 18.1 mended (P16): replacing the broken pod costs nothing.
  object_["spec"]["replicas"] = 5;
  Rolling() = {{"maxUnavailable", 1},
               {"priorityStrategy",
                {{"weightPriority",
                  {{{"weight", 50}, {"matchSelector", {{"matchLabels", {{"vip", "1"}}}}}}}}}}};
  Pods("3O 1O!");
  PodDesc vip;
  vip.name = "web-vip00";
  vip.labels["vip"] = "1";
  Add(vip, false);
  const CloneSetPlan plan = Plan();
  ASSERT_EQ(plan.actions.size(), 1U);
  EXPECT_EQ(Name(plan.actions[0]), "web-o0003");
  const Reason why = index_->Explain(index_->SlotOf("web-vip00"), plan);
  EXPECT_EQ(why.code, Code::kMaxUnavailable);
}

TEST_F(CloneSetTest, ReasonsNameTheFiguresAndThePodsInTheWay) {
  object_["spec"]["replicas"] = 6;
  Rolling() = {{"maxUnavailable", 2}, {"podUpdatePolicy", "InPlaceIfPossible"}};
  Pods("4O 2N!");
  const CloneSetPlan plan = Plan();
  const Reason why = index_->Explain(0, plan);
  EXPECT_EQ(
      Words(why),
      "waits: at most 2 pods of the target revision may be unavailable, now 2: web-n0004 (not "
      "ready), web-n0005 (not ready)");
  EXPECT_EQ(CodeName(why.code), "TargetUnavailable");
  EXPECT_EQ(index_->Explain(4, plan).code, Code::kNotReady);
}

TEST_F(CloneSetTest, DeletionOrderOfSection16) {
  object_["spec"]["replicas"] = 1;
  Rolling() = {{"maxUnavailable", "100%"}};
  const auto pod = [&](const std::string& name, auto change) {
    PodDesc desc;
    desc.name = name;
    desc.node = name;
    change(desc);
    Add(desc, true);
  };
  pod("web-keep0", [](PodDesc&) {});
  pod("web-young", [](PodDesc& d) { d.ready_for = 60; });
  pod("web-cheap",
      [](PodDesc& d) { d.annotations["controller.kubernetes.io/pod-deletion-cost"] = "-5"; });
  pod("web-count", [](PodDesc& d) { d.restarts = 4; });
  pod("web-notre", [](PodDesc& d) { d.ready = false; });
  pod("web-pend0", [](PodDesc& d) {
    d.ready = false;
    d.phase = "Pending";
  });
  pod("web-nonod", [](PodDesc& d) {
    d.ready = false;
    d.phase = "Pending";
    d.node = "";
    d.lifecycle = "PreparingNormal";
  });
  const CloneSetPlan plan = Plan();
  std::vector<std::string> names;
  for (const PodAction& action : plan.actions) {
    if (action.action == Action::kDelete) names.push_back(Name(action));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"web-nonod", "web-pend0", "web-notre", "web-cheap",
                                             "web-young", "web-count"}));
}

TEST_F(CloneSetTest, SpreadShrinksCrowdedDomainsFirst) {
  object_["spec"]["replicas"] = 3;
  Rolling() = {{"maxUnavailable", "100%"}};
  Json tree = TemplateOf({"main=web:2"});
  tree["spec"]["topologySpreadConstraints"] = {{{"topologyKey", "zone"}}};
  new_ = world_.Rev("web-new", tree, 2);
  options_.node_label = [](absl::string_view node, absl::string_view) {
    return node == "n5" ? absl::string_view("z2") : absl::string_view("z1");
  };
  for (int i = 1; i <= 5; ++i) {
    PodDesc desc;
    desc.name = absl::StrCat("web-0000", i);
    desc.node = absl::StrCat("n", i);
    Add(desc, true);
  }
  for (const PodAction& action : Plan().actions) EXPECT_NE(Name(action), "web-00005");
}

TEST_F(CloneSetTest, ScaleInTakesOldPodsByPartitionBeforeBrokenNewOnes) {
  object_["spec"]["replicas"] = 5;
  Rolling() = {{"partition", 3}, {"maxUnavailable", "25%"}};
  Pods("5O 2N 1N!");  // E7, scenario 34
  const CloneSetPlan plan = Plan();
  EXPECT_EQ(Summary(plan), "Delete 3");
  EXPECT_EQ(std::count_if(plan.actions.begin(), plan.actions.end(),
                          [&](const PodAction& action) { return Name(action)[4] == 'o'; }),
            2);
}

TEST_F(CloneSetTest, MinReadySecondsDelaysAvailabilityAndWakesUp) {
  object_["spec"]["replicas"] = 2;
  object_["spec"]["minReadySeconds"] = 30;
  PodDesc young;
  young.name = "web-young";
  young.ready_for = 10;
  Add(young, true);
  Add({.name = "web-old00"}, true);
  const CloneSetPlan plan = Plan();
  EXPECT_EQ(plan.status.ready, 2);
  EXPECT_EQ(plan.status.available, 1);
  EXPECT_EQ(*plan.requeue, absl::Seconds(20));
  const Reason why = index_->Explain(0, plan);
  EXPECT_EQ(why.code, Code::kMinReady);
  EXPECT_EQ(why.figures[0], 20);
  EXPECT_EQ(index_->Plan(At(20)).status.available, 2);
}

TEST_F(CloneSetTest, StatusExampleOfSection22) {
  object_["spec"]["replicas"] = 6;
  object_["spec"]["minReadySeconds"] = 30;
  Rolling() = {{"partition", "50%"}};
  Add({.name = "web-p1", .ready_for = 90}, true);
  Add({.name = "web-p2", .ready_for = 10}, true);
  Add({.name = "web-p3", .lifecycle = "Updated", .ready_for = 90}, true);
  Add({.name = "web-p4", .lifecycle = "PreparingDelete", .ready_for = 90}, false);
  Add({.name = "web-p5", .ready_for = 90}, false);
  Add({.name = "web-p6", .ready = false}, false);
  const StatusCounters s = Plan().status;
  EXPECT_EQ(s.replicas, 6);
  EXPECT_EQ(s.ready, 5);
  EXPECT_EQ(s.available, 2);
  EXPECT_EQ(s.updated, 3);
  EXPECT_EQ(s.updated_ready, 3);
  EXPECT_EQ(s.updated_available, 1);
  EXPECT_EQ(s.expected_updated, 3);
  EXPECT_EQ(s.observed_generation, 3);
  EXPECT_EQ(s.label_selector, "app=web");
  EXPECT_EQ(s.current_revision, "web-old");
}

TEST_F(CloneSetTest, PausedAndOnDeleteRefreshButDoNotUpdate) {
  Rolling() = {{"paused", true}};
  Pods("3O");
  CloneSetPlan plan = Plan();
  EXPECT_EQ(Summary(plan), "");
  EXPECT_EQ(index_->Explain(0, plan).code, Code::kPaused);
  PodDesc fresh{.name = "web-fresh", .lifecycle = "PreparingNormal", .gate_condition = false};
  Pods("2O");
  Add(fresh, true);
  EXPECT_EQ(Summary(Plan()), "Lifecycle 1, OpenGate 1");
  object_["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  Pods("3O");
  plan = Plan();
  EXPECT_EQ(Summary(plan), "");
  EXPECT_EQ(index_->Explain(0, plan).code, Code::kOnDelete);
  Pods("2O");
  EXPECT_EQ(Summary(Plan()), "Create 1");
}

TEST_F(CloneSetTest, InPlaceOnlyMisfitDoesNotStopTheOthers) {
  Rolling() = {{"podUpdatePolicy", "InPlaceOnly"}, {"maxUnavailable", 2}};
  Json other = TemplateOf({"main=web:1"});
  other["spec"]["hostNetwork"] = true;
  const Revision odd = world_.Rev("web-odd", other, 0);
  pods_ = {world_.Pod(odd, {.name = "web-aaaaa", .ready_for = 1}),
           world_.Pod(old_, {.name = "web-bbbbb"}), world_.Pod(old_, {.name = "web-ccccc"})};
  RevisionSet revisions = Revisions();
  revisions.history.push_back(odd);
  index_ = std::make_unique<CloneSetIndex>(Spec(), revisions, options_);
  index_->Load(pods_);
  const CloneSetPlan plan = index_->Plan(At(0));
  EXPECT_EQ(Summary(plan), "Error 1, UpdateInPlace 2");  // P26
  EXPECT_NE(Words(plan.actions[0].why).find("remove of /spec/hostNetwork"), std::string::npos)
      << Words(plan.actions[0].why);
}

TEST_F(CloneSetTest, RevisionThatIsNoLongerStoredRecreates) {
  Rolling() = {{"podUpdatePolicy", "InPlaceIfPossible"}};
  const Revision gone = world_.Rev("web-gone", TemplateOf({"main=web:0"}));
  pods_ = {world_.Pod(gone, {.name = "web-aaaaa"}), world_.Pod(new_, {.name = "web-bbbbb"}),
           world_.Pod(new_, {.name = "web-ccccc"})};
  const CloneSetPlan plan = Plan();
  EXPECT_EQ(Summary(plan), "Recreate 1");
  EXPECT_EQ(plan.actions[0].why.code, Code::kOldRevisionUnknown);
}

TEST_F(CloneSetTest, PreDeleteHookHoldsAndRegretBringsBack) {
  object_["spec"]["lifecycle"]["preDelete"]["labelsHandler"]["hold"] = "yes";
  object_["spec"]["replicas"] = 3;
  const auto add = [&](int i, const char* state, bool held = true) {
    PodDesc desc{.name = absl::StrCat("web-0000", i), .lifecycle = state, .pod_ready_gate = true};
    if (held) desc.labels["hold"] = "yes";
    Add(desc, true);
  };
  Rolling() = {{"maxUnavailable", "100%"}};
  for (int i = 0; i < 5; ++i) add(i, "Normal");
  CloneSetPlan plan = Plan();
  EXPECT_EQ(Summary(plan), "Lifecycle 2");
  EXPECT_EQ(plan.actions[0].lifecycle->to, api::Lifecycle::kPreparingDelete);
  pods_.clear();
  for (int i = 0; i < 5; ++i) add(i, i < 2 ? "PreparingDelete" : "Normal");
  plan = Plan();
  EXPECT_EQ(Summary(plan), "");
  EXPECT_EQ(Words(index_->Explain(0, plan)),
            "waits for the preDelete hook to release it: label hold=yes");
  object_["spec"]["replicas"] = 4;
  plan = Plan();
  EXPECT_EQ(Summary(plan), "Lifecycle 1");
  EXPECT_EQ(plan.actions[0].lifecycle->to, api::Lifecycle::kPreparingNormal);
  object_["spec"]["lifecycle"]["preDelete"]["markPodNotReady"] = true;  // scenario 66
  EXPECT_EQ(Summary(Plan()), "Lifecycle 2");  // the mark is asserted again
  object_["spec"]["lifecycle"]["preDelete"].erase("markPodNotReady");
  object_["spec"]["replicas"] = 3;
  pods_.clear();
  for (int i = 0; i < 5; ++i) add(i, i < 2 ? "PreparingDelete" : "Normal", i != 0);
  EXPECT_EQ(Summary(Plan()), "Delete 1");
}

TEST_F(CloneSetTest, InPlaceHookStates) {
  object_["spec"]["lifecycle"]["inPlaceUpdate"]["finalizersHandler"] = {"f/hook"};
  object_["spec"]["replicas"] = 1;
  Rolling() = {{"podUpdatePolicy", "InPlaceIfPossible"}, {"maxUnavailable", 1}};
  const auto once = [&](PodDesc desc, bool fresh) {
    pods_.clear();
    desc.name = "web-aaaaa";
    Add(desc, fresh);
    const CloneSetPlan plan = Plan();
    if (plan.actions.empty())
      return absl::StrCat("waits ", CodeName(index_->Explain(0, plan).code));
    return absl::StrCat(ActionName(plan.actions[0].action), " ",
                        plan.actions[0].lifecycle
                            ? api::LifecycleName(plan.actions[0].lifecycle->to)
                            : absl::string_view());
  };
  EXPECT_EQ(once({.finalizers = {"f/hook"}}, false), "Lifecycle PreparingUpdate");
  EXPECT_EQ(once({.lifecycle = "PreparingUpdate", .finalizers = {"f/hook"}}, false),
            "waits PreUpdateHook");
  EXPECT_EQ(once({.lifecycle = "PreparingUpdate"}, false), "UpdateInPlace ");
  EXPECT_EQ(once({.lifecycle = "Updating"}, true), "Lifecycle Updated");
  EXPECT_EQ(once({.lifecycle = "Updated"}, true), "waits PostUpdateHook");
  EXPECT_EQ(once({.lifecycle = "Updated", .finalizers = {"f/hook"}}, true), "Lifecycle Normal");
  // A newer template while Updated: back to PreparingUpdate with the handlers put back.
  EXPECT_EQ(once({.lifecycle = "Updated"}, false), "Lifecycle PreparingUpdate");
  // The template was rolled back while the pod prepared its update.
  EXPECT_EQ(once({.lifecycle = "PreparingUpdate", .finalizers = {"f/hook"}}, true),
            "Lifecycle Normal");
}

TEST_F(CloneSetTest, ClaimsFollowTheReusePolicy) {
  object_["spec"]["replicas"] = 2;
  object_["spec"]["volumeClaimTemplates"] = J(R"([{"metadata":{"name":"data"},"spec":{}}])");
  object_["spec"]["scaleStrategy"]["enablePVCReuse"] = true;
  Add({.name = "web-aaaaa"}, true);
  claims_ = {{"data-web-aaaaa", "aaaaa"}, {"data-web-bbbbb", "bbbbb"}};
  CloneSetPlan plan = Plan();
  ASSERT_EQ(plan.creations.size(), 1U);
  EXPECT_EQ(plan.creations[0].name, "web-bbbbb");  // scenario 24
  EXPECT_TRUE(plan.claims.empty());
  Add({.name = "web-bbbbb", .terminating = true}, true);  // P29: the name is still taken
  plan = Plan();
  ASSERT_EQ(plan.creations.size(), 1U);
  EXPECT_NE(plan.creations[0].name, "web-bbbbb");
  object_["spec"]["scaleStrategy"]["enablePVCReuse"] = false;
  plan = Plan();
  ASSERT_EQ(plan.claims.size(), 1U);
  EXPECT_EQ(plan.claims[0].kind, ClaimAction::Kind::kGiveToPod);  // scenario 26
  claims_.push_back({"data-web-ccccc", "ccccc"});
  plan = Plan();
  ASSERT_EQ(plan.claims.size(), 2U);
  EXPECT_EQ(plan.claims[1].kind, ClaimAction::Kind::kDelete);  // scenario 27
  object_["spec"]["replicas"] = 0;
  object_["spec"]["scaleStrategy"]["enablePVCReuse"] = true;
  Rolling() = {{"maxUnavailable", "100%"}};
  plan = Plan();
  ASSERT_EQ(plan.claims.size(), 1U);  // scenario 28: the pod's own claim goes with it
  EXPECT_EQ(plan.claims[0].claim, "data-web-aaaaa");
}

TEST_F(CloneSetTest, PodsToDeleteLosesNamesThatAreGone) {
  object_["spec"]["replicas"] = 3;
  object_["spec"]["scaleStrategy"]["podsToDelete"] = {"web-n0001", "web-zzzzz"};
  Pods("4N");
  const CloneSetPlan plan = Plan();  // scenario 38
  ASSERT_EQ(Summary(plan), "Delete 1");
  EXPECT_EQ(Name(plan.actions[0]), "web-n0001");
  EXPECT_EQ(plan.pods_to_delete, std::vector<std::string>{"web-n0001"});
}

TEST_F(CloneSetTest, BlockedGrowthDoesNotKeepReleasedPods) {
  // P14: a hook has let go, but growth is blocked by scaleStrategy.maxUnavailable.
  object_["spec"]["replicas"] = 6;
  object_["spec"]["scaleStrategy"]["maxUnavailable"] = 1;
  object_["spec"]["scaleStrategy"]["excludePreparingDelete"] = true;
  object_["spec"]["lifecycle"]["preDelete"] = {{"labelsHandler", {{"hold", "yes"}}},
                                               {"markPodNotReady", true}};
  Pods("3N 1N! 1NPD");
  EXPECT_EQ(Summary(Plan()), "Delete 1");
  Pods("3N 1N! 1N*!");
  EXPECT_EQ(Summary(Plan()), "Delete 1");
}
TEST_F(CloneSetTest, InterruptedUpdateIsRepairedUnderTheBudget) {
  object_["spec"]["replicas"] = 2;
  Rolling() = {{"podUpdatePolicy", "InPlaceIfPossible"}, {"maxUnavailable", 1}};
  Revision mislabelled = old_;
  mislabelled.name = "web-new";
  pods_ = {world_.Pod(mislabelled, {.name = "web-aaaaa"}),
           world_.Pod(mislabelled, {.name = "web-bbbbb"})};
  const CloneSetPlan plan = Plan();
  EXPECT_EQ(Summary(plan), "UpdateInPlace 1");
  EXPECT_EQ(plan.actions[0].why.code, Code::kRepair);
}
TEST_F(CloneSetTest, DisruptionBudgetHoldsOnlyItsPod) {
  options_.budget_allows = [](const api::PodRecord& pod) { return pod.name != "web-o0000"; };
  Rolling() = {{"podUpdatePolicy", "InPlaceIfPossible"}, {"maxUnavailable", 1}};
  Pods("3O");
  const CloneSetPlan plan = Plan();
  EXPECT_EQ(Summary(plan), "UpdateInPlace 1");
  EXPECT_EQ(index_->Explain(0, plan).code, Code::kDisruptionBudget);
  EXPECT_EQ(*plan.requeue, absl::Seconds(1));
}
TEST_F(CloneSetTest, IncrementalPlanEqualsAFreshOne) {
  object_["spec"]["replicas"] = 8;
  Rolling() = {{"podUpdatePolicy", "InPlaceIfPossible"}, {"maxUnavailable", 3}, {"partition", 2}};
  std::mt19937 random(11);
  CloneSetIndex index(Spec(), Revisions(), options_);
  std::map<std::string, PodPtr> pods;
  for (int i = 0; i < 400; ++i) {
    PodDesc desc;
    desc.name = absl::StrCat("web-a000", random() % 10);
    desc.ready = random() % 3 != 0;
    desc.ready_for = static_cast<double>(random() % 100);
    desc.specified = random() % 8 == 0;
    desc.terminating = random() % 12 == 0;
    constexpr const char* kStates[] = {"Normal", "Normal", "Updating", "PreparingUpdate",
                                       "PreparingDelete"};
    desc.lifecycle = kStates[random() % 5];
    if (random() % 5 == 0) {
      index.Erase(desc.name);
      pods.erase(desc.name);
    } else {
      pods[desc.name] = world_.Pod(random() % 2 ? old_ : new_, desc);
      index.Upsert(pods[desc.name]);
    }
    CloneSetIndex fresh(Spec(), Revisions(), options_);
    std::vector<PodPtr> list;
    for (const auto& [name, pod] : pods) list.push_back(pod);
    fresh.Load(list);
    const CloneSetPlan a = index.Plan(At(0), 3);
    const CloneSetPlan b = fresh.Plan(At(0), 3);
    const auto text = [](const CloneSetPlan& plan, const CloneSetIndex& in) {
      std::multiset<std::string> out;
      for (const PodAction& action : plan.actions) {
        out.insert(absl::StrCat(in.pods()[static_cast<size_t>(action.pod)]->name, " ",
                                ActionName(action.action), " ", CodeName(action.why.code)));
      }
      for (const Creation& creation : plan.creations) out.insert(creation.name);
      return absl::StrJoin(out, "\n");
    };
    ASSERT_EQ(text(a, index), text(b, fresh)) << "step " << i;
    ASSERT_EQ(a.status.available, b.status.available);
    ASSERT_EQ(a.update, b.update);
    ASSERT_EQ(a.scale, b.scale);
    ASSERT_EQ(text(index.Plan(At(0), 3), index), text(a, index)) << "planning twice differs";
  }
}

}  // namespace
}  // namespace rekindle::plan
