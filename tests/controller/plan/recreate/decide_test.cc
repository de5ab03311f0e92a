// The tables of spec container-recreate 8.6 and 8.7, 10 and 6.3 with its FIX.
#include "controller/plan/recreate/decide.h"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/api/pod_record.h"

namespace rekindle::plan {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using At = HeardOperation::At;

class DecideTest : public ::testing::Test {
 public:
  DecideTest() {
    request_.name = "r";
    request_.pod_name = "cart-0";
    request_.pod_uid = "u";
    request_.containers = {{.name = "a", .id = "containerd://a0", .restarts = 3}};
    in_.request = &request_;
    in_.now = absl::FromUnixSeconds(1'800'000'000);
    in_.pod = PodView{};
    in_.live.emplace();
    AddLive("a", "a0", 3);
    Shown("a", "containerd://a0", 3);
  }

  void AddLive(const std::string& name, const std::string& id, int attempt, bool exited = false) {
    (*in_.live)[name] = {.id = id, .attempt = attempt, .exited = exited};
  }
  void Shown(const std::string& name, const std::string& id, int restarts, bool ready = true) {
    in_.pod->containers[name] = {.id = api::Fingerprint(id),
                                 .id_text = id,
                                 .restarts = restarts,
                                 .ready = ready,
                                 .running = true,
                                 .probed = in_.pod->containers[name].probed};
  }
  void Heard(const std::string& name, At at, const std::string& message = "") {
    RecreateCall& call = in_.calls[name];
    call.under_way = at < At::kDone;
    call.operation = HeardOperation{.at = at,
                                    .killed = at >= At::kStopping,
                                    .stopped = at == At::kStarting,
                                    .message = message,
                                    .new_id = "n1",
                                    .attempt = 4};
  }
  RecreatePlan Plan() { return PlanRecreate(in_); }

  RecreateRequest request_;
  RecreateInput in_;
};

TEST_F(DecideTest, ReadsPodAndNodeAtOnce) {
  in_.pod.reset();
  in_.live.reset();
  const RecreatePlan plan = Plan();
  EXPECT_TRUE(plan.read_pod);
  EXPECT_TRUE(plan.list_containers);
  EXPECT_FALSE(plan.write.has_value());
}

TEST_F(DecideTest, TableOfTheRuntime) {  // 8.6
  struct Case {
    const char* what;
    std::function<void(DecideTest&, RecreateInput&, RecreateRequest&)> set;
    ContainerPhase phase;
    bool killed;
    std::string message;
    bool called;
  };
  const std::vector<Case> cases = {
      {"6: unchanged", [](auto&, auto&, auto&) {}, ContainerPhase::kRecreating, false, "", true},
      {"1: succeeded stays",
       [](auto&, auto& in, auto&) {
         in.states = {{.name = "a", .phase = ContainerPhase::kSucceeded, .killed = true}};
         in.live->clear();
       },
       ContainerPhase::kSucceeded, true, "", false},
      {"1: failed stays",
       [](auto&, auto& in, auto&) {
         in.states = {{.name = "a", .phase = ContainerPhase::kFailed, .message = "m"}};
       },
       ContainerPhase::kFailed, false, "m", false},
      {"2: not there", [](auto&, auto& in, auto&) { in.live->clear(); }, ContainerPhase::kPending,
       false, "not found container on Node", false},
      {"3: exited", [](auto& test, auto&, auto&) { test.AddLive("a", "a0", 3, true); },
       ContainerPhase::kRecreating, true, "", false},
      {"3 before 4: exited although forced",
       [](auto& test, auto&, auto& request) {
         test.AddLive("a", "a0", 3, true);
         request.force = true;
       },
       ContainerPhase::kRecreating, true, "", false},
      {"4: forced, changed",
       [](auto& test, auto&, auto& request) {
         test.AddLive("a", "a1", 4);
         request.force = true;
       },
       ContainerPhase::kRecreating, false, "", true},
      {"6: other ID, of a request before",
       [](auto& test, auto& in, auto&) {
         test.AddLive("a", "a1", 4);
         in.made_before = {api::Fingerprint("containerd://a0"),
                           api::Fingerprint("containerd://a1")};
       },
       ContainerPhase::kRecreating, false, "", true},
      {"5: other ID than that of a request before",
       [](auto& test, auto& in, auto&) {
         test.AddLive("a", "a2", 5);
         in.made_before = {api::Fingerprint("containerd://a1")};
       },
       ContainerPhase::kSucceeded, false, "", false},
      {"5: other ID", [](auto& test, auto&, auto&) { test.AddLive("a", "a1", 3); },
       ContainerPhase::kSucceeded, false, "", false},
      {"5: higher restart count", [](auto& test, auto&, auto&) { test.AddLive("a", "a0", 4); },
       ContainerPhase::kSucceeded, false, "", false},
      {"5: probed and not shown yet",
       [](auto& test, auto& in, auto&) {
         test.AddLive("a", "a1", 4);
         in.pod->containers["a"].probed = true;
       },
       ContainerPhase::kRecreating, true, "", false},
      {"5: probed and shown ready",
       [](auto& test, auto& in, auto&) {
         test.AddLive("a", "a1", 4);
         in.pod->containers["a"].probed = true;
         test.Shown("a", "containerd://a1", 4);
       },
       ContainerPhase::kSucceeded, false, "", false},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.what);
    // A fresh fixture for each row.
    request_ = RecreateRequest();
    request_.name = "r";
    request_.pod_uid = "u";
    request_.containers = {{.name = "a", .id = "containerd://a0", .restarts = 3}};
    in_ = RecreateInput();
    in_.request = &request_;
    in_.pod = PodView{};
    in_.live.emplace();
    AddLive("a", "a0", 3);
    Shown("a", "containerd://a0", 3);
    one.set(*this, in_, request_);
    const RecreatePlan plan = Plan();
    ASSERT_EQ(plan.states.size(), 1U);
    EXPECT_EQ(plan.states[0].phase, one.phase);
    EXPECT_EQ(plan.states[0].killed, one.killed);
    EXPECT_EQ(plan.states[0].message, one.message);
    EXPECT_EQ(plan.call.has_value(), one.called);
  }
}

TEST_F(DecideTest, HandsOverWithTheFirstWrite) {
  const RecreatePlan plan = Plan();
  EXPECT_EQ(plan.call, 0U);
  ASSERT_TRUE(plan.write.has_value());
  EXPECT_EQ(plan.write->phase, RecreatePhase::kRecreating);
}

TEST_F(DecideTest, NoWriteWhileTheDaemonWorks) {
  request_.phase = RecreatePhase::kRecreating;
  request_.states = {{.name = "a", .phase = ContainerPhase::kRecreating}};
  for (const At at : {At::kBefore, At::kStopping, At::kStarting}) {
    Heard("a", at, "busy");
    const RecreatePlan plan = Plan();
    EXPECT_FALSE(plan.write.has_value());
    EXPECT_FALSE(plan.call.has_value());
    EXPECT_EQ(plan.waiting, "busy");
  }
}

TEST_F(DecideTest, OperationsEnds) {
  struct Case {
    At at;
    bool stopped;
    ContainerPhase phase;
    std::string message;
  };
  for (const Case& one :
       std::vector<Case>{{At::kDone, true, ContainerPhase::kSucceeded, ""},
                         {At::kFailed, false, ContainerPhase::kFailed, "kill container error: why"},
                         {At::kFailed, true, ContainerPhase::kFailed, "restart failed: why"},
                         {At::kCancelled, false, ContainerPhase::kFailed,
                          "cancelled before it was stopped: why"}}) {
    Heard("a", one.at, "why");
    in_.calls["a"].operation->stopped = one.stopped;
    const RecreatePlan plan = Plan();
    EXPECT_TRUE(plan.completes);
    EXPECT_EQ(plan.write->message, "");
    EXPECT_EQ(plan.states[0].phase, one.phase);
    EXPECT_EQ(plan.states[0].message, one.message);
  }
}

TEST_F(DecideTest, AFurtherStartIsTold) {
  Heard("a", At::kDone, "restarted as attempt 4, after 1 start that failed");
  EXPECT_EQ(Plan().states[0].message, "");
  in_.calls["a"].operation->start_failures = 1;
  EXPECT_EQ(Plan().states[0].phase, ContainerPhase::kSucceeded);
  EXPECT_EQ(Plan().states[0].message, "restarted as attempt 4, after 1 start that failed");
  // Also of a container whose pod's status was waited for.
  in_.pod->containers["a"].probed = true;
  EXPECT_EQ(Plan().states[0].message, "");
  Shown("a", "containerd://n1", 4, /*ready=*/true);
  EXPECT_EQ(Plan().states[0].message, "restarted as attempt 4, after 1 start that failed");
}

TEST_F(DecideTest, SnapshotIsTheOperationsContainer) {
  Heard("a", At::kDone);
  const RecreatePlan plan = Plan();
  ASSERT_EQ(plan.snapshot.size(), 1U);
  EXPECT_EQ(plan.snapshot[0],
            (SnapshotEntry{.name = "a", .ready = true, .restarts = 4, .id = "containerd://n1"}));
}

TEST_F(DecideTest, ProbedContainersWaitForThePodsStatus) {
  in_.pod->containers["a"].probed = true;
  Heard("a", At::kDone);
  EXPECT_FALSE(Plan().completes);
  EXPECT_EQ(Plan().waiting, "waits until container a is ready");
  Shown("a", "containerd://n1", 4, /*ready=*/false);
  EXPECT_FALSE(Plan().completes);
  Shown("a", "containerd://n1", 4, /*ready=*/true);
  EXPECT_TRUE(Plan().completes);
}

TEST_F(DecideTest, ALaterContainerCountsOnceItsIdIsKnown) {
  in_.pod->containers["a"].probed = true;
  Heard("a", At::kDone);
  Shown("a", "containerd://n2", 5);
  in_.pod->containers["a"].id_text.clear();
  EXPECT_TRUE(Plan().read_pod);
  EXPECT_FALSE(Plan().completes);
  in_.pod->containers["a"].id_text = "containerd://n2";
  const RecreatePlan plan = Plan();
  EXPECT_TRUE(plan.completes);
  EXPECT_EQ(plan.snapshot[0].id, "containerd://n2");
}

TEST_F(DecideTest, MinStartedCountsFromWhenItWasSeen) {  // 10.5, no clock of the node
  request_.min_started = absl::Seconds(5);
  AddLive("a", "a1", 4);
  RecreatePlan plan = Plan();
  EXPECT_FALSE(plan.completes);
  ASSERT_EQ(plan.watched.count("a"), 1U);
  EXPECT_GT(plan.wake, absl::Seconds(5)) << "strictly longer";
  in_.watched["a"] = {.id = plan.watched["a"], .known = absl::Seconds(5)};
  EXPECT_FALSE(Plan().completes);
  in_.watched["a"].known = absl::Seconds(5.1);
  EXPECT_TRUE(Plan().completes);
  // Another one begins anew.
  AddLive("a", "a2", 5);
  EXPECT_FALSE(Plan().completes);
}

class TwoContainers : public DecideTest {
 protected:
  TwoContainers() {
    request_.containers.push_back({.name = "b", .id = "containerd://b0"});
    AddLive("b", "b0", 0);
    Shown("b", "containerd://b0", 0);
  }
};

TEST_F(TwoContainers, WhoseTurnItIs) {  // 8.7
  struct Case {
    const char* what;
    At first;
    bool ordered;
    bool ignore;
    bool probed;
    int call;  // -1: nobody
    bool completes;
  };
  for (const Case& one : std::vector<Case>{
           {"stopping: nobody", At::kStopping, false, false, false, -1, false},
           {"before: nobody", At::kBefore, false, false, false, -1, false},
           {"stopped: the next", At::kStarting, false, false, false, 1, false},
           {"stopped, ordered: nobody", At::kStarting, true, false, false, -1, false},
           {"done: the next", At::kDone, true, false, false, 1, false},
           {"done and not ready, ordered: nobody", At::kDone, true, false, true, -1, false},
           {"done and not ready: the next", At::kDone, false, false, true, 1, false},
           {"failed: the end", At::kFailed, false, false, false, -1, true},
           {"failed, ignored: the next", At::kFailed, false, true, false, 1, false},
           {"failed, ignored, ordered: the next", At::kFailed, true, true, false, 1, false},
       }) {
    SCOPED_TRACE(one.what);
    request_.ordered = one.ordered;
    request_.ignore_failures = one.ignore;
    in_.pod->containers["a"].probed = one.probed;
    Heard("a", one.first, "why");
    const RecreatePlan plan = Plan();
    EXPECT_EQ(plan.call.has_value() ? static_cast<int>(*plan.call) : -1, one.call);
    EXPECT_EQ(plan.completes, one.completes);
  }
}

TEST_F(TwoContainers, AFailureWaitsForWhatHasBegun) {
  Heard("a", At::kStarting);
  Heard("b", At::kFailed, "why");
  EXPECT_FALSE(Plan().completes);
  Heard("a", At::kDone);
  EXPECT_TRUE(Plan().completes);
}

TEST_F(TwoContainers, OrderedStoresEachEnd) {
  request_.ordered = true;
  request_.phase = RecreatePhase::kRecreating;
  request_.states = {{.name = "a", .phase = ContainerPhase::kRecreating},
                     {.name = "b", .phase = ContainerPhase::kPending}};
  Heard("a", At::kDone);
  const RecreatePlan plan = Plan();
  ASSERT_TRUE(plan.write.has_value());
  EXPECT_EQ(plan.write->states[0].phase, ContainerPhase::kSucceeded);
  EXPECT_EQ(plan.call, 1U);
}

TEST_F(TwoContainers, AbortFailsWhatIsUnfinished) {  // 6.3 FIX
  request_.active_deadline = absl::Seconds(10);
  in_.age = absl::Seconds(10);
  in_.states = {{.name = "a", .phase = ContainerPhase::kSucceeded, .killed = true},
                {.name = "b", .phase = ContainerPhase::kRecreating}};
  Heard("b", At::kStopping, "stop signal sent");
  const RecreatePlan plan = Plan();
  EXPECT_TRUE(plan.completes);
  EXPECT_TRUE(plan.give_up);
  EXPECT_EQ(plan.write->message, "recreating has exceeded the activeDeadlineSeconds");
  EXPECT_EQ(plan.write->completed, in_.now);
  EXPECT_EQ(plan.write->states[0].phase, ContainerPhase::kSucceeded);
  EXPECT_EQ(plan.write->states[1].phase, ContainerPhase::kFailed);
  EXPECT_EQ(plan.write->states[1].message,
            "recreating has exceeded the activeDeadlineSeconds: stop signal sent");
}

TEST_F(DecideTest, TheMinuteIsForDaemonsThatCannotBeReached) {
  in_.live.reset();
  in_.unreachable = "node n: refused";
  in_.unreachable_for = absl::Seconds(59);
  RecreatePlan plan = Plan();
  EXPECT_FALSE(plan.completes);
  EXPECT_EQ(plan.wake, absl::Seconds(1));
  EXPECT_EQ(plan.write->phase, RecreatePhase::kPending);
  EXPECT_EQ(plan.write->message, "node n: refused");
  in_.unreachable_for = absl::Seconds(60);
  EXPECT_EQ(Plan().write->message, "daemon has not responded for a long time");
  // It has the work, and is away for a moment.
  Heard("a", At::kStarting);
  EXPECT_FALSE(Plan().completes);
  in_.calls.clear();
  in_.age = absl::Hours(5);
  in_.unreachable_for = absl::ZeroDuration();
  EXPECT_FALSE(Plan().completes) << "age alone means nothing";
}

TEST_F(DecideTest, RefusalHoldsForTheContainerThatWasRefused) {
  in_.calls["a"] = {.refusal = "no", .refused_id = "a0"};
  RecreatePlan plan = Plan();
  EXPECT_TRUE(plan.completes);
  EXPECT_EQ(plan.states[0].message, "kill container error: no");
  AddLive("a", "a1", 4);
  plan = Plan();
  EXPECT_TRUE(plan.completes);
  EXPECT_EQ(plan.states[0].phase, ContainerPhase::kSucceeded);
}

TEST_F(DecideTest, ASuccessorAttachesBeforeItJudges) {
  in_.resumed = true;
  request_.phase = RecreatePhase::kRecreating;
  AddLive("a", "n1", 4, /*exited=*/true);
  EXPECT_EQ(Plan().call, 0U);
  in_.calls["a"].not_taken = true;
  EXPECT_FALSE(Plan().call.has_value()) << "then what runs decides";
  EXPECT_TRUE(Plan().states[0].killed);
}

TEST_F(DecideTest, DrainStepByStep) {  // 7.4, 7.6
  request_.unready_grace = absl::Seconds(5);
  in_.pod->gate = true;
  RecreatePlan plan = Plan();
  EXPECT_TRUE(plan.take_finalizer);
  EXPECT_FALSE(plan.write.has_value());
  request_.finalizers = {"crr.apps.kruise.io/unready-acquired"};
  plan = Plan();
  EXPECT_TRUE(plan.take_key);
  EXPECT_FALSE(plan.write.has_value());
  in_.key_taken = true;
  plan = Plan();
  EXPECT_FALSE(plan.call.has_value());
  EXPECT_EQ(plan.write->drain_since, in_.now);
  EXPECT_EQ(plan.write->states[0].phase, ContainerPhase::kPending);
  in_.drained_for = absl::Seconds(2);
  plan = Plan();
  EXPECT_FALSE(plan.call.has_value());
  EXPECT_EQ(plan.wake, absl::Seconds(3));
  in_.drained_for = absl::Seconds(5);
  in_.fresh = false;
  EXPECT_TRUE(Plan().refresh) << "what was seen before the drain is old";
  in_.fresh = true;
  EXPECT_EQ(Plan().call, 0U);
}

TEST_F(DecideTest, NoDrainForNothing) {
  request_.unready_grace = absl::Seconds(5);
  in_.pod->gate = true;
  AddLive("a", "a1", 4);
  EXPECT_TRUE(Plan().completes) << "nothing is stopped, so the pod stays ready";
}

TEST_F(DecideTest, BudgetHoldsTheFirstContainerOnly) {
  in_.budget = "no disruption";
  RecreatePlan plan = Plan();
  EXPECT_FALSE(plan.call.has_value());
  EXPECT_EQ(plan.write->phase, RecreatePhase::kPending);
  EXPECT_EQ(plan.write->message, "no disruption");
  in_.drained_for = absl::Seconds(1);
  EXPECT_TRUE(Plan().call.has_value());
}

TEST(PlanWaiting, AcknowledgesOnceAndEnds) {
  RecreateRequest request;
  request.containers = {{.name = "a", .id = "containerd://a0"}};
  const absl::Time now = absl::FromUnixSeconds(1);
  WaitingPlan plan = PlanWaiting(request, "waits for r1", false, absl::Hours(1), now);
  ASSERT_TRUE(plan.write.has_value());
  EXPECT_EQ(plan.write->phase, RecreatePhase::kPending);
  EXPECT_EQ(plan.write->message, "waits for r1");
  EXPECT_FALSE(plan.completes);
  request.phase = RecreatePhase::kPending;
  request.message = "waits for r0";
  EXPECT_TRUE(PlanWaiting(request, "waits for r1", false, absl::Hours(1), now).write.has_value());
  request.message = "waits for r1";
  EXPECT_FALSE(PlanWaiting(request, "waits for r1", false, absl::Hours(1), now).write.has_value());
  EXPECT_EQ(PlanWaiting(request, "", true, absl::ZeroDuration(), now).write->message,
            "pod has gone");
  request.active_deadline = absl::Seconds(3);
  EXPECT_EQ(PlanWaiting(request, "", false, absl::Seconds(1), now).wake, absl::Seconds(2));
  plan = PlanWaiting(request, "", false, absl::Seconds(3), now);
  EXPECT_TRUE(plan.completes);
  EXPECT_EQ(plan.write->states[0].phase, ContainerPhase::kFailed);
}

}  // namespace
}  // namespace rekindle::plan
