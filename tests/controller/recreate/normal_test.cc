// Numbers: spec container-recreate 19.3, 19.4.
#include "tests/controller/recreate/recreate_fixture.h"

namespace rekindle::recreate {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;

using Recreate = RecreateFixture;

TEST_F(Recreate, N20OneContainerInTwoWrites) {
  AddPod("cart-0", {"a", "b"});
  StartController();
  api_.ForgetRequests();
  AddRequest("r", "cart-0", {"a"});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_THAT(nodes_.stops, ElementsAre("cart-0/a"));
  EXPECT_EQ(State("r", 0), Json({{"name", "a"}, {"phase", "Succeeded"}, {"isKilled", true}}));
  const Json request = Request("r");
  EXPECT_EQ(
      request["status"]["containerStatusSnapshot"],
      Json::parse(
          R"([{"name":"a","ready":true,"restartCount":1,"containerID":"containerd://new1"}])"));
  EXPECT_FALSE(request["status"].contains("message"));
  EXPECT_TRUE(request["status"].contains("completionTime"));
  // Recreating, Completed; then the label.
  EXPECT_EQ(StatusWrites("r"), 2U);
  EXPECT_EQ(api_.CountRequests("PATCH", "/containerrecreaterequests/", false), 3U);
  EXPECT_EQ(api_.CountRequests("GET", "/pods/cart-0", false), 1U);
  EXPECT_EQ(nodes_.lists, 1);
  loop_.Advance(absl::Seconds(5));
  EXPECT_THAT(
      Events(),
      ElementsAre("Pod Killing: Stopping container a by ContainerRecreateRequest r",
                  "ContainerRecreateRequest Restarted: container a: restarted in 212 ms, gap "
                  "84 ms (replace: chosen)"));
  EXPECT_EQ(process_->controller.working(), 0U);
}

TEST_F(Recreate, WhatTakesLongIsToldOf) {
  nodes_.stop_takes = absl::Seconds(30);
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  loop_.Advance(absl::Seconds(1));
  EXPECT_THAT(Events(), Not(Contains(HasSubstr("Accepted"))));
  loop_.Advance(absl::Seconds(2));
  EXPECT_THAT(
      Events(),
      Contains("ContainerRecreateRequest Accepted: node n-1 is asked to restart container a"));
  ASSERT_TRUE(AwaitEnd("r"));
  loop_.Advance(absl::Seconds(5));
  EXPECT_THAT(Events(), SizeIs(4));  // that it waits for the stop, too
}

TEST_F(Recreate, CompletesAsSoonAsTheDaemonIsDone) {
  AddPod("cart-0", {"a"});
  kubelet_notices = absl::Seconds(30);
  StartController();
  const absl::Duration begun = loop_.Monotonic();
  AddRequest("r", "cart-0", {"a"});
  ASSERT_TRUE(AwaitPhase("r", "Completed"));
  // 101 ms of the runtime's; the rest are hops of 1 ms.
  EXPECT_LT(loop_.Monotonic() - begun, absl::Milliseconds(115));
}

TEST_F(Recreate, TheDaemonIsToldWhatThePodSays) {
  AddPod("cart-0", {"a"},
         {{"terminationGracePeriodSeconds", 45},
          {"containers",
           {{{"name", "a"},
             {"image", "i:1"},
             {"lifecycle", {{"preStop", {{"sleep", {{"seconds", 4}}}}}}},
             {"livenessProbe", {{"tcpSocket", {{"port", 80}}}}},
             {"env",
              {{{"name", "T"},
                {"valueFrom", {{"fieldRef", {{"fieldPath", "metadata.labels['app']"}}}}}},
               {{"name", "S"},
                {"valueFrom", {{"secretKeyRef", {{"name", "s"}, {"key", "k"}}}}}}}}}}}});
  StartController();
  AddRequest("r", "cart-0", {"a"},
             {{"terminationGracePeriodSeconds", 12}, {"minStartedSeconds", 5}}, {},
             {{"rekindle.io/method", "replace"}});
  ASSERT_TRUE(AwaitEnd("r"));
  ASSERT_EQ(nodes_.requests.size(), 1U);
  const FakeNodes::Request& asked = nodes_.requests[0];
  EXPECT_EQ(asked.request_id(), Request("r")["metadata"]["uid"]);
  EXPECT_EQ(asked.pod().uid(), "uid-of-cart-0");
  EXPECT_EQ(asked.kubernetes_pod().restart_policy(), node::v1::RESTART_POLICY_ALWAYS);
  const node::v1::ContainerRestart& container = asked.containers(0);
  EXPECT_EQ(container.expected_container_id(), "cart-0-a-0");
  EXPECT_EQ(container.grace().seconds(), 12);
  EXPECT_EQ(container.min_started().seconds(), 5);
  EXPECT_EQ(container.method(), node::v1::METHOD_REPLACE);
  EXPECT_EQ(container.pre_stop().sleep().duration().seconds(), 4);
  EXPECT_TRUE(container.kubelet_health_checks());
  EXPECT_TRUE(container.env_from_references());
  ASSERT_EQ(container.env_size(), 1);
  EXPECT_EQ(container.env(0).name(), "T");
  EXPECT_EQ(container.env(0).value(), "cart");
}

TEST_F(Recreate, SkipsTheHookAndGoesHotWhenAsked) {
  AddPod("cart-0", {"a"},
         {{"containers",
           {{{"name", "a"},
             {"image", "i:1"},
             {"lifecycle", {{"preStop", {{"exec", {{"command", {"/bin/drain"}}}}}}}},
             {"ports", {{{"name", "web"}, {"containerPort", 8080}}}},
             {"readinessProbe",
              {{"httpGet", {{"port", "web"}, {"path", "/ok"}}}, {"successThreshold", 2}}}}}}});
  StartController();
  AddRequest("r", "cart-0", {"a"}, {}, {},
             {{"rekindle.io/method", "hot"}, {"rekindle.io/skip-pre-stop", "true"}});
  ASSERT_TRUE(AwaitEnd("r"));
  const node::v1::ContainerRestart& container = nodes_.requests.at(0).containers(0);
  EXPECT_TRUE(container.skip_pre_stop());
  EXPECT_FALSE(container.has_pre_stop());
  EXPECT_EQ(container.method(), node::v1::METHOD_HOT);
  EXPECT_EQ(container.ready_check().handler().http_get().port(), 8080U);
  EXPECT_EQ(container.ready_check().handler().http_get().path(), "/ok");
  EXPECT_EQ(container.ready_check().success_threshold(), 2U);
}

TEST_F(Recreate, AnnotationsThatMeanNothingEndTheRequest) {
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"}, {}, {}, {{"rekindle.io/method", "fast"}});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Message("r"),
            "annotation rekindle.io/method: \"fast\" is none of auto, replace, hot, delegate");
  EXPECT_EQ(StatePhase("r", 0), "Failed");
  EXPECT_TRUE(nodes_.stops.empty());
}

TEST_F(Recreate, N21UnorderedStopsTheNextWhenTheOldOneIsStopped) {
  probed = true;
  ready_after = absl::Seconds(5);
  AddPod("cart-0", {"a", "b"});
  StartController();
  api_.ForgetRequests();
  AddRequest("r", "cart-0", {"a", "b"});
  ASSERT_TRUE(AwaitEnd("r"));
  ASSERT_THAT(nodes_.stops, ElementsAre("cart-0/a", "cart-0/b"));
  const absl::Duration between = nodes_.stopped_at[1] - nodes_.stopped_at[0];
  EXPECT_GE(between, nodes_.stop_takes) << "stops of one pod must not overlap";
  EXPECT_LT(between, absl::Seconds(3));
  EXPECT_EQ(StatePhase("r", 1), "Succeeded");
  EXPECT_EQ(StatusWrites("r"), 2U);
}

TEST_F(Recreate, N21OrderedWaitsForReadiness) {
  probed = true;
  ready_after = absl::Seconds(5);
  AddPod("cart-0", {"a", "b"});
  StartController();
  api_.ForgetRequests();
  AddRequest("r", "cart-0", {"a", "b"}, {{"orderedRecreate", true}});
  ASSERT_TRUE(AwaitEnd("r"));
  ASSERT_THAT(nodes_.stops, ElementsAre("cart-0/a", "cart-0/b"));
  EXPECT_GE(nodes_.stopped_at[1] - nodes_.stopped_at[0], absl::Seconds(5));
  EXPECT_EQ(nodes_.requests[0].request_id() + "|" + nodes_.requests[1].request_id(),
            std::string(json::String(Request("r"), {"metadata", "uid"})) + ".0|" +
                std::string(json::String(Request("r"), {"metadata", "uid"})) + ".1");
  EXPECT_EQ(StatusWrites("r"), 3U) << "one at the end of each, one at the beginning";
}

TEST_F(Recreate, N23NeverReadyEndsAtTheDeadline) {
  probed = true;
  ready_after = absl::InfiniteDuration();
  AddPod("cart-0", {"a"});
  StartController();
  const absl::Duration begun = loop_.Monotonic();
  AddRequest("r", "cart-0", {"a"}, {}, {{"activeDeadlineSeconds", 20}});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_GE(loop_.Monotonic() - begun, absl::Seconds(20));
  EXPECT_LT(loop_.Monotonic() - begun, absl::Seconds(21));
  EXPECT_EQ(Message("r"), "recreating has exceeded the activeDeadlineSeconds");
  EXPECT_EQ(StatePhase("r", 0), "Failed");
  loop_.Advance(absl::Seconds(5));
  EXPECT_THAT(Events(),
              Contains("ContainerRecreateRequest Waiting: waits until container a is ready"));
}

TEST_F(Recreate, N25TimeToLive) {
  AddPod("cart-0", {"a"});
  AddPod("cart-1", {"a"});
  AddPod("cart-2", {"a"});
  StartController();
  AddRequest("kept", "cart-0", {"a"});
  AddRequest("three", "cart-1", {"a"}, {}, {{"ttlSecondsAfterFinished", 3}});
  AddRequest("zero", "cart-2", {"a"}, {}, {{"ttlSecondsAfterFinished", 0}});
  ASSERT_TRUE(AwaitEnd("kept"));
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return Request("zero").is_null(); }, absl::Seconds(1)));
  ASSERT_TRUE(loop_.AdvanceUntil([&] { return Request("three").is_null(); }, absl::Seconds(6)));
  loop_.Advance(absl::Hours(24));
  EXPECT_EQ(Phase("kept"), "Completed");
}

TEST_F(Recreate, N26N27ClocksOfServerAndNodeDoNotMatter) {
  for (const absl::Duration ahead : {absl::Minutes(-5), absl::Minutes(5)}) {
    SCOPED_TRACE(ahead);
    server_clock_ahead = ahead;
    const std::string pod = ahead > absl::ZeroDuration() ? "ahead" : "behind";
    AddPod(pod, {"a"});
    if (process_ == nullptr) StartController();
    loop_.Settle();
    AddRequest("r-" + pod, pod, {"a"}, {}, {{"activeDeadlineSeconds", 20}});
    ASSERT_TRUE(AwaitEnd("r-" + pod));
    EXPECT_EQ(Message("r-" + pod), "");
    EXPECT_EQ(nodes_.StopsOf(pod + "/a"), 1);
    EXPECT_EQ(State("r-" + pod, 0)["isKilled"], true);
  }
}

TEST_F(Recreate, N28StaleContainerIdCountsAsRestarted) {
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest(
      "r", "cart-0", {"a"}, {},
      {{"containers",
        {{{"name", "a"},
          {"statusContext", {{"containerID", "containerd://before"}, {"restartCount", 0}}}}}}});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(StatePhase("r", 0), "Succeeded");
  EXPECT_TRUE(nodes_.stops.empty());
  EXPECT_EQ(Request("r")["status"]["containerStatusSnapshot"][0]["containerID"],
            "containerd://cart-0-a-0");
}

TEST_F(Recreate, N29FailureStopsOrIsIgnored) {
  nodes_.fails["a"] = "the runtime does not answer";
  AddPod("cart-0", {"a", "b"});
  AddPod("cart-1", {"a", "b"});
  StartController();
  AddRequest("fail", "cart-0", {"a", "b"});
  AddRequest("ignore", "cart-1", {"a", "b"}, {{"failurePolicy", "Ignore"}});
  ASSERT_TRUE(AwaitEnd("fail"));
  ASSERT_TRUE(AwaitEnd("ignore"));
  EXPECT_EQ(State("fail", 0)["message"], "kill container error: the runtime does not answer");
  EXPECT_EQ(StatePhase("fail", 0), "Failed");
  EXPECT_EQ(State("fail", 1), Json({{"name", "b"}, {"phase", "Pending"}}));
  EXPECT_EQ(Message("fail"), "");
  EXPECT_EQ(nodes_.StopsOf("cart-0/b"), 0);
  EXPECT_EQ(StatePhase("ignore", 0), "Failed");
  EXPECT_EQ(StatePhase("ignore", 1), "Succeeded");
}

TEST_F(Recreate, N30ForceKillsOnceWhatHasChanged) {
  AddPod("cart-0", {"a"});
  StartController();
  const Json changed = {
      {"containers",
       {{{"name", "a"},
         {"statusContext", {{"containerID", "containerd://before"}, {"restartCount", 0}}}}}}};
  AddRequest("r", "cart-0", {"a"}, {{"forceRecreate", true}}, changed);
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(nodes_.StopsOf("cart-0/a"), 1);
  EXPECT_EQ(StatePhase("r", 0), "Succeeded");
  EXPECT_EQ(nodes_.requests.at(0).containers(0).expected_container_id(), "cart-0-a-0");
}

TEST_F(Recreate, N31ForceAndOrder) {
  AddPod("cart-0", {"a", "b", "c"});
  StartController();
  AddRequest("r", "cart-0", {"c", "a", "b"}, {{"forceRecreate", true}, {"orderedRecreate", true}});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_THAT(nodes_.stops, ElementsAre("cart-0/c", "cart-0/a", "cart-0/b"));
}

TEST_F(Recreate, N32ExitedIsNotStoppedAndWaitsForItsOwnStart) {
  AddPod("cart-0", {"a"});
  StartController();
  nodes_.Find("shop", "cart-0", "a")->exited = true;
  AddRequest("r", "cart-0", {"a"});
  loop_.Advance(absl::Minutes(3));
  EXPECT_EQ(Phase("r"), "Recreating");
  EXPECT_EQ(State("r", 0), Json({{"name", "a"}, {"phase", "Recreating"}, {"isKilled", true}}));
  const FakeNodes::Container next = {.name = "a", .id = "kubelets", .attempt = 1};
  Show("cart-0", next, /*ready=*/false);
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(Phase("r"), "Recreating");
  Show("cart-0", next, /*ready=*/true);
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_TRUE(nodes_.stops.empty());
  EXPECT_EQ(StatePhase("r", 0), "Succeeded");
  EXPECT_EQ(Request("r")["status"]["containerStatusSnapshot"][0]["containerID"],
            "containerd://kubelets");
}

TEST_F(Recreate, N33WhatTheDaemonRefusesIsSaid) {
  nodes_.refuse = [](const FakeNodes::Request& request) -> absl::Status {
    if (request.kubernetes_pod().restart_policy() != node::v1::RESTART_POLICY_NEVER) {
      return absl::OkStatus();
    }
    return absl::FailedPreconditionError("restart policy Never: a stop would end it for good");
  };
  AddPod("job-0", {"a"}, {{"restartPolicy", "Never"}});
  StartController();
  AddRequest("r", "job-0", {"a"});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(State("r", 0)["message"],
            "kill container error: restart policy Never: a stop would end it for good");
  EXPECT_TRUE(nodes_.stops.empty());
  loop_.Advance(absl::Seconds(5));
  EXPECT_THAT(Events(), Contains(StartsWith("ContainerRecreateRequest Failed: container a: kill")));
}

TEST_F(Recreate, N33AFinalPodEndsTheRequest) {
  AddPod("job-0", {"a"}, {{"restartPolicy", "Never"}});
  StartController();
  nodes_.Find("shop", "job-0", "a")->exited = true;
  AddRequest("r", "job-0", {"a"});
  loop_.Advance(absl::Seconds(10));
  EXPECT_EQ(Phase("r"), "Recreating");
  Json pod = *api_.Find(kPods, "shop", "job-0");
  pod["status"]["phase"] = "Succeeded";
  api_.Put(kPods, pod);
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Message("r"), "pod has ended with phase Succeeded");
  EXPECT_EQ(StatePhase("r", 0), "Failed");
}

TEST_F(Recreate, N34AbsentContainerBlocksThoseBehindIt) {
  AddPod("cart-0", {"a", "b", "c"});
  StartController();
  auto& containers = nodes_.pods["n-1"][0].containers;
  std::erase_if(containers, [](const auto& container) { return container.name == "b"; });
  AddRequest("r", "cart-0", {"a", "b", "c"}, {}, {{"activeDeadlineSeconds", 30}});
  loop_.Advance(absl::Seconds(20));
  EXPECT_THAT(nodes_.stops, ElementsAre("cart-0/a"));
  EXPECT_EQ(State("r", 1)["message"], "not found container on Node");
  EXPECT_EQ(StatePhase("r", 1), "Pending");
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(StatePhase("r", 0), "Succeeded");
  EXPECT_EQ(StatePhase("r", 1), "Failed");
  EXPECT_THAT(std::string(State("r", 1)["message"]), HasSubstr("not found container on Node"));
  EXPECT_EQ(StatePhase("r", 2), "Failed");
}

TEST_F(Recreate, N35TwoRuntimes) {
  AddPod("cart-0", {"a", "b"});
  StartController();
  AddRequest("r", "cart-0", {}, {},
             {{"containers",
               {{{"name", "a"},
                 {"statusContext", {{"containerID", "containerd://x"}, {"restartCount", 0}}}},
                {{"name", "b"},
                 {"statusContext", {{"containerID", "docker://y"}, {"restartCount", 0}}}}}}});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(
      Message("r"),
      "failed to find runtime service: has different runtime types containerd, docker in Pod");
}

TEST_F(Recreate, AContainerThatChangesBetweenLookAndCallIsJudgedAnew) {
  AddPod("cart-0", {"a"});
  StartController();
  nodes_.refuse = [this](const FakeNodes::Request&) {
    // The kubelet restarted it in this moment.
    FakeNodes::Container& container = *nodes_.Find("shop", "cart-0", "a");
    if (container.attempt == 0) {
      container.id = "kubelets";
      container.attempt = 1;
    }
    return absl::OkStatus();
  };
  AddRequest("r", "cart-0", {"a"});
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(StatePhase("r", 0), "Succeeded");
  EXPECT_TRUE(nodes_.stops.empty());
}

TEST_F(Recreate, SomebodyElsesWriteInBetweenIsNotUndone) {
  AddPod("cart-0", {"a"});
  StartController();
  AddRequest("r", "cart-0", {"a"});
  ASSERT_TRUE(AwaitPhase("r", "Recreating"));
  Json request = Request("r");
  request["metadata"]["labels"]["mine"] = "yes";
  api_.Put(kRequests, request);
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Request("r")["metadata"]["labels"]["mine"], "yes");
  EXPECT_EQ(nodes_.StopsOf("cart-0/a"), 1);
}

TEST_F(Recreate, BudgetIsRespectedWhenAsked) {
  constexpr char kBudgets[] = "/apis/policy/v1/poddisruptionbudgets";
  const auto budget = [](int allowed) {
    return Json{{"metadata", {{"name", "cart"}, {"namespace", "shop"}}},
                {"spec", {{"selector", {{"matchLabels", {{"app", "cart"}}}}}}},
                {"status", {{"disruptionsAllowed", allowed}}}};
  };
  api_.Put(kBudgets, budget(0));
  AddPod("cart-0", {"a"});
  AddPod("cart-1", {"a"});
  StartController();
  EXPECT_EQ(api_.CountRequests("GET", "poddisruptionbudgets", false), 0U);
  AddRequest("plain", "cart-0", {"a"});
  ASSERT_TRUE(AwaitEnd("plain"));
  EXPECT_EQ(api_.CountRequests("GET", "poddisruptionbudgets", false), 0U);
  AddRequest("r", "cart-1", {"a"}, {}, {}, {{"rekindle.io/respect-budget", "true"}});
  loop_.Advance(absl::Minutes(3));
  EXPECT_EQ(Phase("r"), "Pending");
  EXPECT_EQ(Message("r"), "waits: PodDisruptionBudget cart allows 0 disruptions now");
  EXPECT_EQ(nodes_.StopsOf("cart-1/a"), 0);
  api_.Put(kBudgets, budget(1));
  ASSERT_TRUE(AwaitEnd("r"));
  EXPECT_EQ(Message("r"), "");
  EXPECT_EQ(nodes_.StopsOf("cart-1/a"), 1);
}

TEST_F(Recreate, BudgetsThatCannotBeListedAreWaitedForWithTheReason) {
  AddPod("cart-0", {"a"});
  StartController();
  api_.Fail("GET", "poddisruptionbudgets", /*watch=*/false,
            FakeApi::Status(404, "NotFound", "the server has no such kind"), 1000);
  AddRequest("r", "cart-0", {"a"}, {}, {}, {{"rekindle.io/respect-budget", "true"}});
  loop_.Advance(absl::Minutes(1));
  EXPECT_EQ(Phase("r"), "Pending");
  EXPECT_THAT(Message("r"), testing::StartsWith("waits for the list of PodDisruptionBudgets: "));
  EXPECT_THAT(Message("r"), testing::HasSubstr("the server has no such kind"));
  EXPECT_EQ(nodes_.StopsOf("cart-0/a"), 0);
}

TEST_F(Recreate, ABudgetOfOneLetsOneRestartGoAtATime) {
  api_.Put("/apis/policy/v1/poddisruptionbudgets",
           {{"metadata", {{"name", "cart"}, {"namespace", "shop"}}},
            {"spec", {{"selector", {{"matchLabels", {{"app", "cart"}}}}}}},
            {"status", {{"disruptionsAllowed", 1}}}});
  for (const char* pod : {"cart-0", "cart-1", "cart-2"}) AddPod(pod, {"a"});
  StartController();
  const Json asked = {{"rekindle.io/respect-budget", "true"}};
  for (const char* pod : {"cart-0", "cart-1", "cart-2"}) {
    AddRequest(std::string("r-") + pod, pod, {"a"}, {}, {}, asked);
  }
  for (const char* pod : {"cart-0", "cart-1", "cart-2"}) {
    ASSERT_TRUE(AwaitEnd(std::string("r-") + pod)) << pod;
  }
  ASSERT_EQ(nodes_.stopped_at.size(), 3U);
  for (size_t i = 1; i < 3; ++i) {
    EXPECT_GE(nodes_.stopped_at[i] - nodes_.stopped_at[i - 1],
              nodes_.stop_takes + nodes_.start_takes);
  }
}

}  // namespace
}  // namespace rekindle::recreate
