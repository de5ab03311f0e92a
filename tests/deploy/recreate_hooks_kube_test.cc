// preStop hooks, methods, and the command line (spec container-recreate 19.6, docs/recreate.md).
#include "tests/deploy/recreate_fixture.h"

namespace rekindle::deploy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void SetHook(json& pod, const json& hook) {
  pod["spec"]["containers"][0]["lifecycle"] = {{"preStop", hook}};
}

}  // namespace

// Scenario 45.
TEST_F(RecreateKubeTest, AHookThatFailsDoesNotKeepTheContainerFromBeingRestarted) {
  json spec = MakePod("failing-hook", {"a"});
  SetHook(
      spec,
      {{"exec",
        {{"command", {"sh", "-c", "echo the-secret; /testserver append /diary/ran x; exit 3"}}}}});
  const json pod = Run(spec);
  Create("failing-hook", pod, {"a"});
  ExpectSuccess("failing-hook", {"a"});
  ExpectRestarted(pod, "a", 1);
  EXPECT_EQ(bed::ReadFile(DiaryFile("failing-hook", "ran")), "x\n") << "once";
  EXPECT_TRUE(AwaitEvent("Pod", "failing-hook", "FailedPreStopHook", "container a"));
  EXPECT_TRUE(AwaitRequestEvent("failing-hook", "Restarted", "its preStop hook failed"));
  for (const json& event : Events()) {
    if (event["involvedObject"]["name"] != "failing-hook") continue;
    EXPECT_FALSE(absl::StrContains(event.value("message", ""), "the-secret")) << event.dump();
  }
}

// Scenario 46: without a host the pod itself is asked; a name is one of the container's ports.
TEST_F(RecreateKubeTest, AnHttpHookReachesThePod) {
  for (const bool served : {true, false}) {
    SCOPED_TRACE(served);
    const std::string name = served ? "http-hook" : "http-hook-nobody";
    json spec = MakePod(name, {"a"});
    spec["spec"]["containers"][0]["ports"].push_back({{"name", "silent"}, {"containerPort", 8099}});
    SetHook(spec, {{"httpGet", {{"path", "/healthz"}, {"port", served ? "web-a" : "silent"}}}});
    const json pod = Run(spec);
    Create(name, pod, {"a"});
    ExpectSuccess(name, {"a"});
    ExpectRestarted(pod, "a", 1);
    ASSERT_TRUE(AwaitRequestEvent(name, "Restarted"));
    EXPECT_EQ(HasEvent("ContainerRecreateRequest", name, "Restarted", "preStop hook failed"),
              !served);
    if (!served) {
      EXPECT_TRUE(AwaitEvent("Pod", name, "FailedPreStopHook"));
    }
  }
}

TEST_F(RecreateKubeTest, DelegateLeavesTheStartToTheKubelet) {
  const json pod = RunPlain("delegated");
  Create("delegated", pod, {"a"}, json::object(), {{"rekindle.io/method", "delegate"}});
  const json ended = ExpectSuccess("delegated", {"a"});
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  ExpectRestarted(pod, "a", 1);
  EXPECT_TRUE(AwaitRequestEvent("delegated", "Restarted", "(delegate"));
}

// A new value of a ConfigMap is known to the kubelet alone, so the request finds the method itself.
TEST_F(RecreateKubeTest, NewValuesOfAConfigMapComeWithTheRestart) {
  const auto write = [](const char* value) {
    const absl::Status applied = cluster_->Apply(json{{"apiVersion", "v1"},
                                                      {"kind", "ConfigMap"},
                                                      {"metadata", {{"name", "colours"}}},
                                                      {"data", {{"COLOUR", value}}}});
    EXPECT_TRUE(applied.ok()) << applied;
  };
  write("red");
  json spec = MakePod("coloured", {"a"});
  spec["spec"]["containers"][0]["envFrom"] =
      json::array({{{"configMapRef", {{"name", "colours"}}}}});
  const json pod = Run(spec);
  write("blue");
  Create("coloured", pod, {"a"});
  ExpectSuccess("coloured", {"a"});
  ExpectRestarted(pod, "a", 1);
  const auto colour =
      cluster_->Kubectl({"exec", "coloured", "-c", "a", "--", "sh", "-c", "echo $COLOUR"});
  EXPECT_EQ(colour.value_or(std::string(colour.status().message())), "blue\n");
  EXPECT_TRUE(AwaitRequestEvent("coloured", "Restarted", "(delegate"));
}

TEST_F(RecreateKubeTest, AnAnnotationThatMeansNothingEndsTheRequest) {
  const json pod = RunPlain("typo");
  Create("typo", pod, {"a"}, json::object(), {{"rekindle.io/method", "hott"}});
  EXPECT_THAT(MessageOf(AwaitEnd("typo")), HasSubstr("hott"));
  ExpectUntouched(pod, "a");
}

// Kubernetes 1.20 does not serve the budgets that are asked for: the request says so, and waits.
TEST_F(RecreateKubeTest, ABudgetThatCannotBeReadIsWaitedForWithTheReason) {
  const json pod = RunPlain("budget");
  Create("budget", pod, {"a"}, {{"activeDeadlineSeconds", 20}},
         {{"rekindle.io/respect-budget", "true"}});
  EXPECT_TRUE(Await("budget", [](const json& now) {
    return PhaseOf(now) == "Pending" &&
           absl::StrContains(MessageOf(now), "list of PodDisruptionBudgets: ");
  })) << requests_->Newest("budget").dump(1);
  EXPECT_EQ(MessageOf(AwaitEnd("budget")), "recreating has exceeded the activeDeadlineSeconds");
  ExpectUntouched(pod, "a");
}

TEST_F(RecreateKubeTest, TheCommandLineRestartsAndLists) {
  const json pod = RunPlain("by-cli", {"a", "b"});
  const std::string kubeconfig = cluster_->Kubeconfig();
  const auto cli = [&](std::vector<std::string> words) {
    words.insert(words.begin(), REKINDLE_PROGRAM);
    words.insert(words.end(), {"--kubeconfig", kubeconfig});
    return bed::RunCommand(words, absl::Minutes(3));
  };
  const auto unclear = cli({"restart", "pod/by-cli"});
  EXPECT_THAT(std::string(unclear.status().message()), HasSubstr("a, b"));
  const auto restarted = cli({"restart", "pod/by-cli", "-c", "a", "--name", "by-cli-1"});
  ASSERT_TRUE(restarted.ok()) << restarted.status();
  EXPECT_THAT(*restarted, HasSubstr("default/by-cli a: restarted in "));
  EXPECT_THAT(*restarted, HasSubstr("(replace"));
  ExpectSuccess("by-cli-1", {"a"});
  ExpectRestarted(pod, "a", 1);
  ExpectUntouched(pod, "b");
  const auto listed = cli({"get", "restarts"});
  ASSERT_TRUE(listed.ok()) << listed.status();
  EXPECT_THAT(*listed, HasSubstr("by-cli-1"));
  EXPECT_THAT(*listed, HasSubstr("Succeeded"));
  const auto described = cli({"describe", "restart", "by-cli-1"});
  ASSERT_TRUE(described.ok()) << described.status();
  EXPECT_THAT(*described, HasSubstr("restarted in"));
  EXPECT_THAT(*described, Not(HasSubstr("Failed")));
  // By labels, and a refusal of admission.
  const auto all = cli({"restart", "-l", "app=by-cli", "--all", "--ordered"});
  EXPECT_TRUE(all.ok()) << all.status();
  ExpectRestarted(pod, "a", 2);
  ExpectRestarted(pod, "b", 1);
  EXPECT_FALSE(cli({"restart", "pod/nobody"}).ok());
}

}  // namespace rekindle::deploy
