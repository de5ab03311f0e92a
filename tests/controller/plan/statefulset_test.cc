#include "tests/controller/plan/statefulset_fixture.h"

namespace rekindle::plan {
namespace {

TEST_F(StatefulSetTest, OrderedScaleUpOneAfterTheOther) {
  Ordered();  // scenario 21
  EXPECT_EQ(Once(""), "+0");
  EXPECT_EQ(Once("0n!"), "");
  EXPECT_EQ(Once("0n"), "+1");
  EXPECT_EQ(Once("0-1n"), "+2");
  EXPECT_EQ(Once("0n 2n"), "+1");     // scenario 23
  EXPECT_EQ(Once("0n 1nT"), "");      // scenario 28
  EXPECT_EQ(Once("0nF 1-2n"), "-0");  // scenario 27
}

TEST_F(StatefulSetTest, MinReadySecondsWakesAtTheRemainder) {
  Ordered();
  Rolling()["minReadySeconds"] = 20;  // scenario 22
  ready_for_ = 5;
  Pods("0n");
  StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "");
  EXPECT_EQ(*plan.requeue, absl::Seconds(15));
  EXPECT_EQ(plan.reasons[0].code, Code::kMinReady);
  EXPECT_EQ(plan.status.available, 0);
  plan = Plan(15);
  EXPECT_EQ(Does(plan), "+1");
}

TEST_F(StatefulSetTest, ParallelScaling) {
  Field("/replicas") = 7;
  EXPECT_EQ(Once(""), "+0 +1 +2 +3 +4 +5 +6");  // scenario 29
  Field("/replicas") = 4;
  EXPECT_EQ(Once("0-9n!"), "-9 -8 -7 -6 -5 -4");  // scenario 30
}

TEST_F(StatefulSetTest, OrderedScaleDown) {
  Ordered();
  EXPECT_EQ(Once("0-3n 4n! 5n"), "-5");  // scenario 24
  EXPECT_EQ(Once("0-3n 4n! 5nT"), "");
  EXPECT_EQ(Once("0-3n 4n!"), "-4");
  EXPECT_EQ(Once("0-3n"), "-3");
  EXPECT_EQ(Once("0-2n 3n! 4n 5n!"), "");  // scenario 25
  EXPECT_EQ(Once("0n 1n! 2-4n"), "");      // scenario 26
}

TEST_F(StatefulSetTest, ThrottleOf104) {
  Field("/replicas") = 11;
  Field("/scaleStrategy/maxUnavailable") = 3;
  EXPECT_EQ(Once("0-3n"), "+4 +5 +6");  // scenario 31
  EXPECT_EQ(Once("0-4n 5-6n!"), "+7");
  Field("/replicas") = 1;
  Field("/scaleStrategy/maxUnavailable") = 1;
  EXPECT_EQ(Once("0nF"), "-0");  // scenario 33, P-7
  Field("/replicas") = 12;
  Field("/scaleStrategy/maxUnavailable") = "20%";
  EXPECT_EQ(ParseStatefulSet(object_, gates_)->Throttle(), 2);
  Field("/replicas") = 4;
  EXPECT_EQ(ParseStatefulSet(object_, gates_)->Throttle(), 1);
}

TEST_F(StatefulSetTest, ReservedOrdinals) {
  Field("/replicas") = 4;
  Field("/reserveOrdinals") = {1};
  EXPECT_EQ(Once("0-3n"), "-1 +4");  // scenario 35
  Field("/replicas") = 3;
  EXPECT_EQ(Once("0-3n"), "-1");  // scenario 36
  Field("/reserveOrdinals") = Json::array();
  EXPECT_EQ(Once("0n 2-3n"), "-3 +1");  // scenario 38
}

TEST_F(StatefulSetTest, MovingTheStartInOrder) {
  Ordered();
  Field("/ordinals/start") = 2;  // scenario 39
  for (const auto& [before, does] : {std::pair<const char*, const char*>{"0-2n", "+3"},
                                     {"0-3n", "+4"},
                                     {"0-4n", "-1"},
                                     {"0n 2-4n", "-0"},
                                     {"2-4n", ""}}) {
    EXPECT_EQ(Once(before), does) << before;
  }
  gates_.start_ordinal = false;  // scenario 40
  EXPECT_EQ(Once("0-2n"), "");
}

TEST_F(StatefulSetTest, BudgetTableOf111) {
  struct Case {
    int64_t replicas;
    Json value;
    int64_t budget;
  };
  for (const Case& c : {Case{9, "25%", 2},
                        {3, "25%", 1},
                        {3, "66%", 1},
                        {5, "300%", 15},
                        {0, "50%", 1},
                        {9, 4, 4}}) {
    Field("/replicas") = c.replicas;
    Rolling()["maxUnavailable"] = c.value;
    EXPECT_EQ(ParseStatefulSet(object_, gates_)->Budget(), c.budget) << c.replicas << c.value;
  }
}

TEST_F(StatefulSetTest, OrderedRollout77) {
  Ordered();  // scenario 42 with the counters of 7.7
  struct Row {
    const char* before;
    const char* does;
    int64_t replicas, ready, current, updated;
  };
  for (const Row& row : {Row{"0-2o", "-2", 3, 3, 2, 0}, Row{"0-1o 2oT", "", 3, 3, 2, 0},
                         Row{"0-1o", "+2", 2, 2, 2, 0}, Row{"0-1o 2n!P", "", 3, 2, 2, 1},
                         Row{"0-1o 2n", "-1", 3, 3, 1, 1}, Row{"0o 1-2n", "-0", 3, 3, 0, 2},
                         Row{"0-2n", "", 3, 3, 3, 3}}) {
    Pods(row.before);
    const StatefulSetPlan plan = Plan();
    EXPECT_EQ(Does(plan), row.does) << row.before;
    EXPECT_EQ(plan.status.replicas, row.replicas) << row.before;
    EXPECT_EQ(plan.status.ready, row.ready) << row.before;
    EXPECT_EQ(plan.current_replicas, row.current) << row.before;
    EXPECT_EQ(plan.status.updated, row.updated) << row.before;
    EXPECT_EQ(plan.status.current_revision, row.updated == 3 ? "web-new" : "web-old");
  }
}

TEST_F(StatefulSetTest, ParallelTracesOf115) {
  Field("/replicas") = 8;
  Rolling()["maxUnavailable"] = "30%";  // 2
  EXPECT_EQ(Once("0-7o"), "-7 -6");     // scenario 43
  EXPECT_EQ(Once("0-1o 2o! 3-7o"),
            "-7 -2");  // trace 1: the broken pod costs nothing, so it goes too
  Rolling()["maxUnavailable"] = 1;
  EXPECT_EQ(Once("0-1o 2o! 3-7o"), "-2");  // trace 2, scenario 45: no deadlock (P-9)
  EXPECT_EQ(Once("0-6o 7o!"), "-7");       // trace 3
  Field("/replicas") = 7;
  Rolling() = {{"maxUnavailable", 2}, {"partition", 4}};
  EXPECT_EQ(Once("0-6o"), "-6 -5");  // trace 4
  EXPECT_EQ(Once("0-4o 5n! 6n"), "-4");
  EXPECT_EQ(Once("0-3o 4-6n"), "");
}

TEST_F(StatefulSetTest, PartitionKeepsTheLowestAndCreationsFollowIt) {
  Field("/replicas") = 6;
  Rolling() = {{"maxUnavailable", 6}, {"partition", 4}};
  EXPECT_EQ(Once("0-5o"), "-5 -4");         // scenario 46
  EXPECT_EQ(Once("0o 2-4o 5n"), "-4 +1o");  // scenario 48
  EXPECT_EQ(Once("0-3o 4n"), "+5");
  Field("/replicas") = 4;
  Field("/reserveOrdinals") = {1};
  Rolling()["partition"] = 2;
  EXPECT_EQ(Once("0o 2-4o"), "-4 -3");  // scenario 49
  Rolling()["partition"] = 9;
  EXPECT_EQ(Once("0o 2-4o"), "");
}

TEST_F(StatefulSetTest, PausedAndOnDelete) {
  Field("/replicas") = 4;
  Rolling()["paused"] = true;
  Pods("0-2o");
  StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "+3");  // scenario 50
  EXPECT_EQ(plan.reasons[0].code, Code::kPaused);
  object_["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  plan = Plan();
  EXPECT_EQ(Does(plan), "+3");  // scenario 51
  EXPECT_EQ(plan.reasons[0].code, Code::kOnDelete);
}

TEST_F(StatefulSetTest, PodBelowACreationSaysWhatItWaitsFor) {
  Ordered();
  Field("/replicas") = 4;
  Pods("0-2o");
  StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "+3");
  for (const Reason& why : plan.reasons) {
    EXPECT_EQ(Words(why), "waits: web-3 must be available first");
  }
  Rolling()["paused"] = true;
  plan = Plan();
  for (const Reason& why : plan.reasons) EXPECT_EQ(why.code, Code::kPaused);
  object_["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  plan = Plan();
  for (const Reason& why : plan.reasons) EXPECT_EQ(why.code, Code::kOnDelete);
}

TEST_F(StatefulSetTest, UnorderedByWeight114) {
  Field("/replicas") = 6;
  Rolling() = {{"partition", 2},
               {"maxUnavailable", 3},
               {"unorderedUpdate",
                {{"priorityStrategy",
                  {{"weightPriority",
                    {{{"weight", 20}, {"matchSelector", {{"matchLabels", {{"zone", "b"}}}}}},
                     {{"weight", 50}, {"matchSelector", {{"matchLabels", {{"zone", "a"}}}}}}}}}}}}};
  Pods("0o 2n 3oT 5o");
  PodDesc one{.name = "web-1", .labels = {{"zone", "b"}}};
  PodDesc four{.name = "web-4", .labels = {{"zone", "a"}}};
  Add(one, false);
  Add(four, false);
  EXPECT_EQ(Does(Plan()), "-4 -1");  // scenario 52
}

TEST_F(StatefulSetTest, UnorderedByOrderedKey114) {
  Field("/replicas") = 5;
  Rolling() = {{"maxUnavailable", 5},
               {"unorderedUpdate",
                {{"priorityStrategy",
                  {{"orderPriority", {{{"orderedKey", "tier"}}, {{"orderedKey", "rack"}}}}}}}}};
  const std::pair<const char*, const char*> labels[] = {
      {"tier", "gold7"}, {"rack", "r12"}, {"", ""}, {"tier", "gold31"}, {"rack", "r3"}};
  for (int i = 0; i < 5; ++i) {
    PodDesc desc;
    desc.name = absl::StrCat("web-", i);
    if (*labels[i].first != 0) desc.labels[labels[i].first] = labels[i].second;
    Add(desc, false);
  }
  EXPECT_EQ(Does(Plan()), "-2 -3 -0 -1 -4");
}

TEST_F(StatefulSetTest, SpecifiedDeletionOf113) {
  Field("/replicas") = 7;
  Rolling()["maxUnavailable"] = 2;
  EXPECT_EQ(Once("0n 1n!* 2n 3n* 4n 5n* 6n"), "-5 -1");
  Rolling()["maxUnavailable"] = 1;
  Field("/replicas") = 5;
  EXPECT_EQ(Once("0n* 1-3n 4n*"), "-4");   // scenario 54
  EXPECT_EQ(Once("0n* 1-3n 4nT*"), "");    // P-24
  EXPECT_EQ(Once("0n!* 1n! 2-4n"), "-0");  // scenario 55
}

// Spec 3 and 9.6: a terminating pod that still serves counts.
TEST_F(StatefulSetTest, TerminatingPodsThatServeAreAvailable) {
  const StatefulSetPlan plan = [&] {
    Pods("0-1n 2nT");
    return Plan();
  }();
  EXPECT_EQ(plan.status.available, 3);
  EXPECT_EQ(plan.status.updated_ready, 3);
  EXPECT_EQ(plan.status.updated_available, 3);
  EXPECT_EQ(plan.status.updated, 2);
  EXPECT_EQ(plan.current_replicas, 0);
  Rolling()["minReadySeconds"] = 30;
  ready_for_ = 10;
  Pods("0-1n 2nT");
  EXPECT_EQ(Plan().status.available, 0);
}

TEST_F(StatefulSetTest, OrdinalsThatAPassDoesNotComeToHaveAReason) {
  Ordered();
  Field("/replicas") = 5;
  Pods("0n 1n!");
  StatefulSetPlan plan = Plan();
  EXPECT_EQ(plan.later, (std::vector<int32_t>{2, 3, 4}));
  EXPECT_EQ(Words(plan.later_why), "waits: web-1 must be available first");
  object_["spec"]["podManagementPolicy"] = "Parallel";
  object_["spec"]["scaleStrategy"]["maxUnavailable"] = 2;
  plan = Plan();
  EXPECT_EQ(Does(plan), "+2");
  EXPECT_EQ(plan.later, (std::vector<int32_t>{3, 4}));
  EXPECT_EQ(Words(plan.later_why),
            "waits: scaleStrategy.maxUnavailable 2 allows 1 creation now, 1 pod not available");
  Pods("0-4n");
  EXPECT_TRUE(Plan().later.empty());
}

TEST_F(StatefulSetTest, PodsBeyondThePartitionOfAnUnorderedUpdateDoNotWait) {
  Field("/replicas") = 5;
  Rolling() = {{"partition", 2}, {"maxUnavailable", 1}, {"unorderedUpdate", Json::object()}};
  Pods("0-4o");
  const StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "-4");
  EXPECT_EQ(CodeOf(plan, "web-3"), Code::kMaxUnavailable);
  EXPECT_EQ(CodeOf(plan, "web-2"), Code::kMaxUnavailable);
  EXPECT_EQ(CodeOf(plan, "web-1"), Code::kKeptByPartition);
  Rolling() = {{"partition", 2}};
  Pods("0o 1o! 2-4n");
  EXPECT_EQ(CodeOf(Plan(), "web-1"), Code::kKeptBroken);
}

TEST_F(StatefulSetTest, InPlaceUpdateMovesTheLabelOnly) {
  Rolling() = {{"podUpdatePolicy", "InPlaceIfPossible"}, {"maxUnavailable", 2}};
  Pods("0-2o");
  StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "~2 ~1");
  EXPECT_EQ(Words(plan.reasons[2]), "update in place: image of main to web:2; restarts main");
  EXPECT_EQ(Words(plan.reasons[0]),
            "waits: maxUnavailable 2, 2 in use by web-2 (updating now), web-1 (updating now)");
  EXPECT_EQ(*plan.actions[0].step->lifecycle, api::Lifecycle::kUpdating);
  lifecycle_ = "";
  Pods("0-2o");
  EXPECT_FALSE(Plan().actions[0].step->lifecycle.has_value());  // unlabelled stays unlabelled
}

TEST_F(StatefulSetTest, IncompleteInPlaceUpdateUsesTheBudget) {
  Rolling() = {{"podUpdatePolicy", "InPlaceIfPossible"}};
  Pods("0-1o");
  PodDesc desc{
      .name = "web-2",
      .annotations = {
          {"apps.kruise.io/inplace-update-state",
           R"({"revision":"web-new","updateTimestamp":"2030-01-01T00:00:00Z","lastContainerStatuses":{"main":{"imageID":"id:web:2"}},"updateImages":true})"}}};
  pods_.push_back(world_.Pod(new_, desc));
  EXPECT_EQ(Does(Plan()), "~1");  // same ID under the wanted name: complete
  Json tree = world_.PodTree(new_, desc);
  tree["status"]["containerStatuses"][0]["image"] = "web:1";
  pods_.back() = std::make_shared<api::PodRecord>(*world_.parser().Parse(tree));
  const StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "");
  EXPECT_EQ(plan.reasons[2].code, Code::kImageUnchanged);
}

TEST_F(StatefulSetTest, OrderedBrokenPodIsRepairedByANewTemplate) {
  Ordered();
  EXPECT_EQ(Once("0-1o 2o!"), "-2");  // P-10: the broken outdated pod is in nobody's way
  EXPECT_EQ(Once("0o! 1-2n"), "-0");
  EXPECT_EQ(Once("0o 1o! 2o"), "-1");
  EXPECT_EQ(Once("0-1o 2n!"), "");
  options_.replace_broken = false;  // the native behaviour (scenario 78)
  EXPECT_EQ(Once("0-1o 2o!"), "");
  options_.replace_broken = true;
  Rolling()["partition"] = 3;
  EXPECT_EQ(Once("0-1o 2o!"), "");  // kept by the partition
}

TEST_F(StatefulSetTest, OutdatedPodThatOnlyHasToWaitIsNotReplaced) {
  Ordered();
  Rolling()["minReadySeconds"] = 20;
  ready_for_ = 5;
  Pods("0-2o");
  const StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "");
  EXPECT_EQ(*plan.requeue, absl::Seconds(15));
}

TEST_F(StatefulSetTest, TwoHeldCondemnedPodsDoNotDeadlock) {
  Ordered();  // scenario 62, P-11
  object_["spec"]["lifecycle"]["preDelete"]["labelsHandler"]["hold"] = "yes";
  const auto add = [&](int ordinal, const char* state, bool held) {
    PodDesc desc{.name = absl::StrCat("web-", ordinal), .lifecycle = state};
    if (held) desc.labels["hold"] = "yes";
    Add(desc, true);
  };
  for (int i = 0; i < 3; ++i) add(i, "Normal", true);
  add(3, "Normal", true);
  add(4, "Normal", true);
  EXPECT_EQ(Does(Plan()), "4>PreparingDelete");
  // While it is held, the lower one is not asked: in order one after the other leaves (10.3). The
  // update goes on.
  pods_.resize(4);
  add(4, "PreparingDelete", true);
  const StatefulSetPlan held = Plan();
  EXPECT_EQ(Does(held), "");
  EXPECT_EQ(Words(held.reasons[3]), "waits: web-4 must be gone first");
  EXPECT_EQ(CodeOf(held, "web-4"), Code::kPreDeleteHook);
  pods_.resize(3);
  add(3, "PreparingDelete", false);
  add(4, "PreparingDelete", false);
  EXPECT_EQ(Does(Plan()), "-4");
  pods_.resize(4);
  EXPECT_EQ(Does(Plan()), "-3");
  // Wanted again: back into service (P-12).
  object_["spec"]["replicas"] = 4;
  EXPECT_EQ(Does(Plan()), "3>Normal");
}

TEST_F(StatefulSetTest, LifecycleHooksAroundAnUpdate) {
  object_["spec"]["replicas"] = 1;
  object_["spec"]["lifecycle"]["inPlaceUpdate"]["finalizersHandler"] = {"f/hook"};
  Rolling() = {{"podUpdatePolicy", "InPlaceIfPossible"}};
  const auto once = [&](PodDesc desc, bool fresh) {
    pods_.clear();
    desc.name = "web-0";
    Add(desc, fresh);
    return Does(Plan());
  };
  EXPECT_EQ(once({.finalizers = {"f/hook"}}, false), "0>PreparingUpdate");
  EXPECT_EQ(once({.lifecycle = "PreparingUpdate", .finalizers = {"f/hook"}}, false), "");
  EXPECT_EQ(once({.lifecycle = "PreparingUpdate"}, false), "~0");
  EXPECT_EQ(once({.lifecycle = "Updating"}, true), "0>Updated");
  EXPECT_EQ(once({.lifecycle = "Updated", .finalizers = {"f/hook"}}, true), "0>Normal");
  EXPECT_EQ(once({.lifecycle = "PreparingUpdate", .finalizers = {"f/hook"}}, true), "0>Normal");
}

TEST_F(StatefulSetTest, CombinedChangesOf119) {
  Rolling() = {{"maxUnavailable", 1}};
  Field("/replicas") = 7;
  EXPECT_EQ(Once("0-4o"), "+5 +6");
  Rolling()["partition"] = 7;
  EXPECT_EQ(Once("0-4o"), "+5o +6o");
  Rolling()["partition"] = 0;
  Field("/replicas") = 3;
  EXPECT_EQ(Once("0-4o"), "-4 -3 -2");  // condemned pods use no budget
  Ordered();
  EXPECT_EQ(Once("0-4o"), "-4");
  Field("/replicas") = 7;
  EXPECT_EQ(Once("0-4o 5n"), "+6");
}

TEST_F(StatefulSetTest, CompletionNeedsAllWantedPods) {
  Field("/replicas") = 4;
  Rolling()["partition"] = 2;
  pods_.clear();
  StatefulSetPlan plan = Plan();  // scenario 77, P-18: no pod at all completes nothing
  EXPECT_EQ(plan.status.current_revision, "web-old");
  EXPECT_EQ(Does(plan), "+0o +1o +2 +3");
  object_["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
  Pods("0-3n");
  EXPECT_EQ(Plan().status.current_revision, "web-new");  // P-22
}

TEST_F(StatefulSetTest, DeletingSetIsLeftAlone) {
  object_["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z";  // scenario 80
  Pods("0-1o");
  const StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "");
  EXPECT_EQ(plan.reasons[0].code, Code::kSetDeleting);
}

TEST_F(StatefulSetTest, IdentityAndOwnership) {
  Pods("0-2n");
  api::PodRecord wrong = *pods_[1];
  wrong.name_label_ok = false;
  pods_[1] = std::make_shared<api::PodRecord>(wrong);
  EXPECT_EQ(Does(Plan()), "=1");  // scenario 17
  PodDesc foreign{.name = "web-eu-0"};
  Add(foreign, false);
  PodDesc other{.name = "web-9", .owner = "somebody"};
  Add(other, false);
  const StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "=1");  // scenario 18
  EXPECT_EQ(plan.reasons[4].code, Code::kNotActive);
}

class NativeTest : public StatefulSetTest {
 protected:
  NativeTest() {
    object_["apiVersion"] = "apps/v1";
    options_.replace_broken = false;
    lifecycle_ = "";
  }
};

TEST_F(NativeTest, OnePodAtATimeEvenInParallel) {
  Field("/replicas") = 4;
  EXPECT_EQ(Once("0-3o"), "-3");
  EXPECT_EQ(Once("0-2o 3n!"), "");
  EXPECT_EQ(Once("0o! 1-2o 3n"), "-2");  // a broken low pod does not block
  Rolling()["partition"] = 3;
  EXPECT_EQ(Once("0-2o 3n"), "");
  EXPECT_EQ(Once("1-2o 3n"), "+0o");
}

TEST_F(NativeTest, MaxUnavailableGate) {
  gates_.native_max_unavailable = true;
  Field("/replicas") = 5;
  Rolling()["maxUnavailable"] = 2;
  EXPECT_EQ(Once("0-4o"), "-4 -3");
  EXPECT_EQ(Once("0o! 1-4o"), "-4");
  EXPECT_EQ(Once("0-1o! 2-4o"), "");
  options_.replace_broken = true;
  EXPECT_EQ(Once("0-1o! 2-4o"), "-1 -0");
}

TEST(ParseStatefulSet, FieldsAreNamedInErrors) {
  const Json object = J(R"({"apiVersion":"apps.kruise.io/v1beta1","metadata":{"name":"web"},"spec":{
    "selector":{"matchLabels":{"a":"b"}},"template":{},"updateStrategy":{"rollingUpdate":{}}}})");
  const auto error = [&](const char* pointer, Json value) {
    Json changed = object;
    changed["spec"][Json::json_pointer(pointer)] = std::move(value);
    const auto parsed = ParseStatefulSet(changed, {});
    return parsed.ok() ? std::string("accepted") : std::string(parsed.status().message());
  };
  EXPECT_NE(error("/replicas", -1).find("spec.replicas"), std::string::npos);
  EXPECT_NE(error("/ordinals", Json{{"start", -2}}).find("spec.ordinals.start"),
            std::string::npos);  // P-2
  EXPECT_NE(error("/updateStrategy/rollingUpdate/partition", -1).find("partition"),
            std::string::npos);
  EXPECT_NE(error("/updateStrategy/rollingUpdate/maxUnavailable", "0%").find("maxUnavailable"),
            std::string::npos);
  EXPECT_NE(error("/updateStrategy/rollingUpdate/unorderedUpdate", Json::object())
                .find("unorderedUpdate"),
            std::string::npos);
  EXPECT_EQ(error("/minReadySeconds", 3), "accepted");
}

}  // namespace
}  // namespace rekindle::plan
