// Numbers: spec container-recreate 19.7.
#include "absl/strings/str_cat.h"

#include "tests/controller/recreate/recreate_fixture.h"

namespace rekindle::recreate {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

using Queue = RecreateFixture;

TEST_F(Queue, N51ThreeAtOnceOneAfterTheOther) {
  AddPod("cart-0", {"a"});
  StartController();
  for (const char* name : {"r3", "r1", "r2"})
    AddRequest(name, "cart-0", {"a"}, {{"forceRecreate", true}});
  std::vector<std::string> ended;
  ASSERT_TRUE(loop_.AdvanceUntil(
      [&] {
        int recreating = 0;
        for (const char* name : {"r1", "r2", "r3"}) {
          recreating += Phase(name) == "Recreating" ? 1 : 0;
          if (Phase(name) == "Completed" &&
              std::find(ended.begin(), ended.end(), name) == ended.end()) {
            ended.push_back(name);
          }
        }
        EXPECT_LE(recreating, 1);
        return ended.size() == 3;
      },
      absl::Minutes(1)));
  EXPECT_THAT(ended, ElementsAre("r1", "r2", "r3")) << "same second: by name";
  EXPECT_EQ(nodes_.StopsOf("cart-0/a"), 3);
}

TEST_F(Queue, TwoForTheSameContainerRestartItOnce) {  // 12.11
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r1", "cart-0", {"a"});
  AddRequest("r2", "cart-0", {"a"});
  ASSERT_TRUE(AwaitEnd("r1"));
  ASSERT_TRUE(AwaitEnd("r2"));
  EXPECT_EQ(nodes_.StopsOf("cart-0/a"), 1);
  EXPECT_EQ(StatePhase("r2", 0), "Succeeded");
}

TEST_F(Queue, N52DeletedOneLetsTheNextGo) {
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r1", "cart-0", {"a"});
  ASSERT_TRUE(AwaitPhase("r1", "Completed"));
  AddRequest("r2", "cart-0", {"a"});
  api_.Remove(kRequests, "shop", "r1");
  ASSERT_TRUE(AwaitEnd("r2"));
  EXPECT_EQ(nodes_.StopsOf("cart-0/a"), 2);
}

class MadeBefore : public Queue {
 protected:
  // Admission read the Pod before it showed the container that the last request made.
  void AddRequestOfOld(const std::string& name) {
    AddRequest(name, "cart-0", {"a"}, Json::object(),
               {{"containers",
                 {{{"name", "a"},
                   {"statusContext",
                    {{"containerID", "containerd://cart-0-a-0"}, {"restartCount", 0}}}}}}});
  }
};

TEST_F(MadeBefore, TheNextRequestRestartsWhatThePodDoesNotShowYet) {
  kubelet_notices = absl::Minutes(1);
  AddPod("cart-0", {"a"});
  StartController();
  for (int round = 1; round <= 3; ++round) {
    SCOPED_TRACE(round);
    const std::string name = absl::StrCat("r", round);
    AddRequestOfOld(name);
    ASSERT_TRUE(AwaitPhase(name, "Completed"));
    EXPECT_EQ(nodes_.StopsOf("cart-0/a"), round) << Request(name);
    EXPECT_EQ(State(name, 0)["isKilled"], true);
    // What it made is remembered when it is deleted, too.
    if (round == 2) api_.Remove(kRequests, "shop", name);
  }
}

TEST_F(MadeBefore, ASuccessorTellsByTheTimes) {
  kubelet_notices = absl::Minutes(1);
  AddPod("cart-0", {"a"});
  StartController();
  AddRequestOfOld("r1");
  ASSERT_TRUE(AwaitEnd("r1"));
  process_.reset();
  AddRequestOfOld("r2");
  StartController();
  ASSERT_TRUE(AwaitEnd("r2"));
  EXPECT_EQ(nodes_.StopsOf("cart-0/a"), 2);
}

TEST_F(MadeBefore, ARequestThatWasThereWhenAnotherRestartedTheContainerIsServed) {
  kubelet_notices = absl::Minutes(1);
  AddPod("cart-0", {"a"});
  StartController();
  AddRequestOfOld("r1");
  loop_.Advance(absl::Milliseconds(30));
  AddRequestOfOld("r2");
  ASSERT_TRUE(AwaitEnd("r1"));
  loop_.Advance(absl::Seconds(5));
  AddRequestOfOld("r3");
  ASSERT_TRUE(AwaitEnd("r2"));
  ASSERT_TRUE(AwaitEnd("r3"));
  EXPECT_FALSE(State("r2", 0).value("isKilled", false)) << Request("r2");
  EXPECT_EQ(State("r3", 0)["isKilled"], true);
  EXPECT_EQ(nodes_.StopsOf("cart-0/a"), 2);
}

TEST_F(Queue, N53WaitingIsAcknowledgedAtOnceAndNotHitByTheMinute) {
  nodes_.stop_takes = absl::Seconds(120);
  AddPod("cart-0", {"a", "b"});
  for (int i = 0; i < 40; ++i) AddPod(absl::StrCat("busy-", i), {"a"});
  StartController();
  AddRequest("r1", "cart-0", {"a"});
  for (int i = 0; i < 40; ++i) {
    AddRequest(absl::StrCat("busy-", i), absl::StrCat("busy-", i), {"a"});
  }
  loop_.Advance(absl::Seconds(5));
  AddRequest("r2", "cart-0", {"b"});
  loop_.Advance(absl::Milliseconds(50));
  EXPECT_EQ(Phase("r2"), "Pending");
  EXPECT_EQ(Message("r2"), "waits for ContainerRecreateRequest r1");
  loop_.Advance(absl::Seconds(100));
  EXPECT_EQ(Phase("r2"), "Pending");
  ASSERT_TRUE(AwaitEnd("r2"));
  EXPECT_EQ(Message("r2"), "");
  EXPECT_EQ(StatePhase("r2", 0), "Succeeded");
}

TEST_F(Queue, N54DaemonAwayForAMinute) {
  nodes_.away["n-1"] = absl::UnavailableError("connection refused");
  AddPod("cart-0", {"a"});
  StartController();
  const absl::Duration begun = loop_.Monotonic();
  AddRequest("r", "cart-0", {"a"});
  loop_.Advance(absl::Seconds(2));
  EXPECT_EQ(Phase("r"), "Pending");
  EXPECT_EQ(Message("r"), "connection refused");
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_GE(loop_.Monotonic() - begun, absl::Seconds(60));
  EXPECT_LT(loop_.Monotonic() - begun, absl::Seconds(62));
  EXPECT_EQ(Message("r"), "daemon has not responded for a long time");
  EXPECT_EQ(State("r", 0)["message"],
            "daemon has not responded for a long time: connection refused");
  EXPECT_LE(StatusWrites("r"), 2U);
  loop_.Advance(absl::Seconds(5));
  EXPECT_THAT(Events(), Contains("ContainerRecreateRequest Waiting: connection refused"));
}

TEST_F(Queue, AShortWaitIsNoWrite) {
  nodes_.away["n-1"] = absl::UnavailableError("connection refused");
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  loop_.Advance(absl::Milliseconds(600));
  EXPECT_EQ(Phase("r"), "");
  nodes_.away.clear();
  ASSERT_TRUE(AwaitEnd("r", absl::Seconds(10)));
  EXPECT_EQ(StatePhase("r", 0), "Succeeded");
  EXPECT_EQ(StatusWrites("r"), 2U);
}

TEST_F(Queue, ADaemonThatComesBackIsUsed) {
  nodes_.away["n-1"] = absl::UnavailableError("connection refused");
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  loop_.Advance(absl::Seconds(40));
  nodes_.away.clear();
  ASSERT_TRUE(AwaitEnd("r", absl::Seconds(10)));
  EXPECT_EQ(StatePhase("r", 0), "Succeeded");
  EXPECT_EQ(Message("r"), "");
}

TEST_F(Queue, ABusyFleetIsNoSilence) {
  nodes_.away["n-1"] = absl::ResourceExhaustedError("64 calls are under way");
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  loop_.Advance(absl::Minutes(5));
  EXPECT_EQ(Phase("r"), "Pending");
  EXPECT_EQ(Message("r"), "64 calls are under way");
  nodes_.away.clear();
  ASSERT_TRUE(AwaitEnd("r", absl::Seconds(10)));
  EXPECT_EQ(StatePhase("r", 0), "Succeeded");
}

TEST_F(Queue, ADaemonThatRefusesTheControllerIsNoSilenceEither) {
  nodes_.away["n-1"] = absl::PermissionDeniedError("certificate of another");
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Message("r"), "daemon refuses the controller");
  EXPECT_EQ(State("r", 0)["message"], "daemon refuses the controller: certificate of another");
}

TEST_F(Queue, N54DaemonGoneInTheMiddleEndsInSomethingTrue) {
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return !nodes_.stops.empty(); }, absl::Seconds(5)));
  loop_.Advance(absl::Milliseconds(5));
  nodes_.away["n-1"] = absl::UnavailableError("connection broke");
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return nodes_.Find("shop", "cart-0", "a")->attempt == 1; },
                                 absl::Seconds(5)));
  loop_.Advance(absl::Minutes(10));
  EXPECT_EQ(Phase("r"), "Recreating") << "it may still tell";
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Message("r"), "daemon has not responded for a long time");
  EXPECT_EQ(State("r", 0)["message"], "daemon has not responded for a long time: not heard of");
  EXPECT_EQ(nodes_.StopsOf("cart-0/a"), 1);
}

TEST_F(Queue, N56PodOfTheSameNameIsAnotherPod) {
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  // It was replaced before anything began.
  nodes_.pods.clear();
  api_.Remove(kPods, "shop", "cart-0");
  AddPod("cart-0", {"a"});
  Json pod = *api_.Find(kPods, "shop", "cart-0");
  api_.Remove(kPods, "shop", "cart-0");
  pod["metadata"]["uid"] = "another";
  nodes_.pods["n-1"].back().uid = "another";
  api_.Put(kPods, pod);
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Message("r"), "pod has gone");
  EXPECT_THAT(nodes_.stops, IsEmpty());
}

TEST_F(Queue, APodThatIsBeingDeletedHasGone) {
  AddPod("cart-0", {"a"});
  StartController();
  Json pod = *api_.Find(kPods, "shop", "cart-0");
  pod["metadata"]["deletionTimestamp"] = api::FormatTime(loop_.Now());
  api_.Put(kPods, pod);
  AddRequest("r", "cart-0", {"a"});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Message("r"), "pod has gone");
  EXPECT_THAT(nodes_.stops, IsEmpty());
}

TEST_F(Queue, ADaemonIsToldOfAPodThatIsDeletedDuringAStop) {
  nodes_.stop_takes = absl::Seconds(30);
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  loop_.Advance(absl::Seconds(5));
  ASSERT_EQ(nodes_.StopsOf("cart-0/a"), 1);
  Json pod = *api_.Find(kPods, "shop", "cart-0");
  pod["metadata"]["deletionTimestamp"] = api::FormatTime(loop_.Now());
  api_.Put(kPods, pod);
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Message("r"), "pod has gone");
  EXPECT_THAT(nodes_.ended_with_pod,
              ElementsAre(Request("r")["metadata"]["uid"].get<std::string>() + "/a"));
}

TEST_F(Queue, N57DeadlineDuringAStop) {
  nodes_.stop_takes = absl::Seconds(30);
  AddPod("cart-0", {"a", "b"});
  StartController();
  const absl::Duration begun = loop_.Monotonic();
  AddRequest("r", "cart-0", {"a", "b"}, {}, {{"activeDeadlineSeconds", 10}});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_LT(loop_.Monotonic() - begun, absl::Seconds(11));
  EXPECT_EQ(Message("r"), "recreating has exceeded the activeDeadlineSeconds");
  EXPECT_EQ(StatePhase("r", 0), "Failed");
  EXPECT_EQ(StatePhase("r", 1), "Failed");
  const Json before = Request("r")["status"];
  loop_.Advance(absl::Minutes(2));
  EXPECT_EQ(nodes_.Find("shop", "cart-0", "a")->attempt, 1U) << "what is being stopped is ended";
  EXPECT_EQ(nodes_.StopsOf("cart-0/b"), 0);
  EXPECT_THAT(nodes_.ended_with_pod, IsEmpty());
  EXPECT_EQ(Request("r")["status"], before) << "a completed request is not written again";
}

TEST_F(Queue, ADeadlineCountsInTheQueueToo) {
  nodes_.stop_takes = absl::Seconds(60);
  AddPod("cart-0", {"a", "b"});
  StartController();
  AddRequest("r1", "cart-0", {"a"});
  loop_.Advance(absl::Seconds(1));
  AddRequest("r2", "cart-0", {"b"}, {}, {{"activeDeadlineSeconds", 10}});
  ASSERT_TRUE(AwaitEnd("r2", absl::Seconds(12)));
  EXPECT_EQ(Message("r2"), "recreating has exceeded the activeDeadlineSeconds");
  EXPECT_EQ(nodes_.StopsOf("cart-0/b"), 0);
}

TEST_F(Queue, DeletedWhileItRuns) {  // 12.5
  nodes_.stop_takes = absl::Seconds(10);
  AddPod("cart-0", {"a", "b"});
  StartController();
  AddRequest("r", "cart-0", {"a", "b"});
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return !nodes_.stops.empty(); }, absl::Seconds(5)));
  api_.Remove(kRequests, "shop", "r");
  loop_.Advance(absl::Minutes(1));
  EXPECT_EQ(nodes_.Find("shop", "cart-0", "a")->attempt, 1U);
  EXPECT_EQ(nodes_.StopsOf("cart-0/b"), 0);
  EXPECT_EQ(nodes_.calls(), 0U);
  EXPECT_EQ(process_->controller.working(), 0U);
}

TEST_F(Queue, VirtualNodesAreLeftToTheirProvider) {
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  Json request = Request("r");
  api_.Remove(kRequests, "shop", "r");
  loop_.Advance(absl::Seconds(5));
  nodes_.stops.clear();
  request["metadata"]["name"] = "v";
  request["metadata"]["uid"] = "v";
  request["metadata"]["labels"]["type"] = "virtual-kubelet";
  api_.Put(kRequests, request);
  loop_.Advance(absl::Seconds(50));
  EXPECT_EQ(Phase("v"), "");
  ASSERT_TRUE(AwaitEnd("v"));
  EXPECT_EQ(Message("v"), "daemon has not responded for a long time");
  EXPECT_THAT(nodes_.stops, IsEmpty());
}

TEST_F(Queue, AThousandAtOnce) {
  constexpr int kCount = 1000;
  for (int i = 0; i < kCount; ++i) AddPod(absl::StrCat("p-", i), {"a"});
  StartController();
  api_.ForgetRequests();
  const absl::Duration begun = loop_.Monotonic();
  for (int i = 0; i < kCount; ++i) AddRequest(absl::StrCat("r-", i), absl::StrCat("p-", i), {"a"});
  ASSERT_TRUE(loop_.AdvanceUntil(
      [&] {
        if (process_->controller.working() > 0) return false;
        for (int i = 0; i < kCount; ++i) {
          if (Phase(absl::StrCat("r-", i)) != "Completed") return false;
        }
        return true;
      },
      absl::Minutes(5)));
  EXPECT_LT(loop_.Monotonic() - begun, absl::Seconds(2));
  EXPECT_EQ(nodes_.stops.size(), static_cast<size_t>(kCount));
  EXPECT_EQ(api_.CountRequests("PATCH", "/status", false), static_cast<size_t>(2 * kCount));
}

TEST_F(Queue, HundredsEndSoonAfterAnApiServerWasAway) {
  constexpr int kCount = 300;
  for (int i = 0; i < kCount; ++i) AddPod(absl::StrCat("p-", i), {"a"});
  StartController();
  for (int i = 0; i < kCount; ++i) AddRequest(absl::StrCat("r-", i), absl::StrCat("p-", i), {"a"});
  loop_.Advance(absl::Milliseconds(60));
  transport_.refuse = true;
  loop_.Advance(absl::Minutes(10));
  transport_.refuse = false;
  ASSERT_TRUE(loop_.AdvanceUntil(
      [&] {
        for (int i = 0; i < kCount; ++i) {
          if (Phase(absl::StrCat("r-", i)) != "Completed") return false;
        }
        return true;
      },
      absl::Seconds(20)));
  EXPECT_EQ(nodes_.stops.size(), static_cast<size_t>(kCount)) << "each once, none left out";
}

TEST_F(Queue, StopLeavesNothingBehind) {
  nodes_.stop_takes = absl::Seconds(10);
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return !nodes_.stops.empty(); }, absl::Seconds(5)));
  bool stopped = false;
  process_->controller.Stop(absl::Seconds(5), [&](const absl::Status& status) {
    EXPECT_TRUE(status.ok()) << status;
    stopped = true;
  });
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return stopped; }, absl::Seconds(6)));
  EXPECT_EQ(nodes_.calls(), 0U);
  process_.reset();
  loop_.Advance(absl::Minutes(1));
  EXPECT_EQ(nodes_.Find("shop", "cart-0", "a")->attempt, 1U);
}

}  // namespace
}  // namespace rekindle::recreate
