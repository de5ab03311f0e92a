// The controller is killed in the middle, at every millisecond of a restart, and another one goes
// on (spec container-recreate 12.9, scenario 58).
#include "absl/strings/str_cat.h"

#include "tests/controller/recreate/recreate_fixture.h"

namespace rekindle::recreate {
namespace {

class Resume : public RecreateFixture {
 protected:
  // Runs one request with a kill after `after`, and says what became of it.
  void Run(int after, const Json& strategy, const std::vector<std::string>& containers,
           const Json& pod_spec = Json::object()) {
    SCOPED_TRACE(absl::StrCat("killed after ", after, " ms"));
    const std::string pod = absl::StrCat("p-", after);
    const std::string name = absl::StrCat("r-", after);
    AddPod(pod, containers, pod_spec);
    StartController();
    AddRequest(name, pod, containers, strategy);
    loop_.Advance(absl::Milliseconds(after));
    process_.reset();
    // Another process takes some time, in which the daemon goes on.
    loop_.Advance(absl::Milliseconds(after % 3 == 0 ? 1 : after % 3 == 1 ? 60 : 5000));
    StartController();
    ASSERT_TRUE(AwaitEnd(name)) << Request(name);
    EXPECT_EQ(Message(name), "");
    for (size_t i = 0; i < containers.size(); ++i) {
      EXPECT_EQ(nodes_.StopsOf(pod + "/" + containers[i]), 1) << containers[i];
      EXPECT_EQ(StatePhase(name, i), "Succeeded") << Request(name);
      EXPECT_EQ(nodes_.Find("shop", pod, containers[i])->attempt, 1U);
    }
    EXPECT_EQ(Request(name)["status"]["containerStatusSnapshot"].size(), containers.size());
    process_.reset();
    nodes_.pods.clear();
    api_.Remove(kPods, "shop", pod);
    api_.Remove(kRequests, "shop", name);
  }
};

TEST_F(Resume, N58OneContainer) {
  for (int after = 0; after <= 130; ++after) Run(after, Json::object(), {"a"});
}

TEST_F(Resume, N58Probed) {
  probed = true;
  ready_after = absl::Milliseconds(100);
  for (int after = 0; after <= 420; after += 3) Run(after, Json::object(), {"a"});
}

TEST_F(Resume, N58OrderedTwo) {
  for (int after = 0; after <= 260; after += 3) {
    Run(after, {{"orderedRecreate", true}}, {"a", "b"});
  }
}

TEST_F(Resume, N58UnorderedTwo) {
  for (int after = 0; after <= 190; after += 3) Run(after, Json::object(), {"a", "b"});
}

TEST_F(Resume, N58Forced) {
  for (int after = 0; after <= 130; after += 2) Run(after, {{"forceRecreate", true}}, {"a"});
}

TEST_F(Resume, N58Draining) {
  const Json gate = {{"readinessGates", {{{"conditionType", "KruisePodReady"}}}}};
  for (int after = 0; after <= 1150; after += 7) {
    Run(after, {{"unreadyGracePeriodSeconds", 1}}, {"a"}, gate);
  }
}

// What happened while no controller was there is learnt from the daemon.
TEST_F(Resume, ASuccessorLearnsOfAFailure) {
  nodes_.fails_start["a"] = "exit code 1";
  for (int after = 10; after <= 130; after += 8) {
    SCOPED_TRACE(after);
    const std::string pod = absl::StrCat("p-", after);
    const std::string name = absl::StrCat("r-", after);
    AddPod(pod, {"a"});
    StartController();
    AddRequest(name, pod, {"a"});
    loop_.Advance(absl::Milliseconds(after));
    process_.reset();
    loop_.Advance(absl::Seconds(1));
    StartController();
    ASSERT_TRUE(AwaitEnd(name)) << Request(name);
    EXPECT_EQ(State(name, 0), Json({{"name", "a"},
                                    {"phase", "Failed"},
                                    {"message", "restart failed: exit code 1"},
                                    {"isKilled", true}}));
    process_.reset();
  }
}

// At a change of leaders two may be alive for a moment.
TEST_F(Resume, TwoControllersAtOnceRestartOnce) {
  constexpr int kCount = 30;
  StartController();
  auto other = std::make_unique<Process>(loop_, transport_, credentials_, nodes_);
  loop_.AdvanceUntil([&] { return other->pods.synced() && other->controller.synced(); },
                     absl::Minutes(5));
  other->controller.Start();
  for (int i = 0; i < kCount; ++i) {
    AddPod(absl::StrCat("p-", i), {"a", "b"});
    AddRequest(absl::StrCat("r-", i), absl::StrCat("p-", i), {"a", "b"},
               {{"orderedRecreate", i % 2 == 0}, {"forceRecreate", i % 3 == 0}});
    loop_.Advance(absl::Milliseconds(7));
  }
  for (int i = 0; i < kCount; ++i) {
    const std::string name = absl::StrCat("r-", i);
    ASSERT_TRUE(AwaitEnd(name)) << Request(name);
    for (const char* container : {"a", "b"}) {
      EXPECT_EQ(nodes_.StopsOf(absl::StrCat("p-", i, "/", container)), 1);
    }
    EXPECT_EQ(StatePhase(name, 0) + StatePhase(name, 1), "SucceededSucceeded") << Request(name);
  }
  other.reset();
}

TEST_F(Resume, TheApiServerMayFailInBetween) {
  for (int fault = 0; fault < 40; ++fault) {
    SCOPED_TRACE(fault);
    const std::string pod = absl::StrCat("p-", fault);
    const std::string name = absl::StrCat("r-", fault);
    AddPod(pod, {"a"});
    if (process_ == nullptr) StartController();
    loop_.Advance(absl::Seconds(1));
    AddRequest(name, pod, {"a"});
    loop_.Advance(absl::Milliseconds(fault * 3));
    transport_.refuse = true;
    loop_.Advance(absl::Seconds(20));
    transport_.refuse = false;
    ASSERT_TRUE(AwaitEnd(name)) << Request(name);
    EXPECT_EQ(nodes_.StopsOf(pod + "/a"), 1);
    EXPECT_EQ(StatePhase(name, 0), "Succeeded") << Request(name);
  }
}

}  // namespace
}  // namespace rekindle::recreate
