#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "cli/follow_recreate.h"

#include "controller/app/commands.h"
#include "tests/cli/api_fixture.h"
#include "tests/fakes/golden.h"

namespace rekindle::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using ::testing::Not;
using ::testing::StartsWith;

class RestartPods : public ApiCliTest {};

TEST_F(RestartPods, MakesTheRequestAndShowsHowItGoes) {
  AddPod("web");
  StandIn controller(kubeconfig(), name_space_);
  const Result result = RunTool({"restart", "pod/web"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.err, "");
  // Progress comes as it is seen: a state that is over at once need not be shown.
  EXPECT_THAT(Steady(result.out),
              MatchesRegex("(shop/web app: (requested|recreating) .SPAN.\n)*"
                           "shop/web app: restarted in SPAN, gap 84 ms .replace, attempt 3, "
                           "container eeeeeeeeeeee.\n"));
  const std::vector<Json> requests = Requests();
  ASSERT_EQ(requests.size(), 1u);
  EXPECT_THAT(Admin::Text(requests[0], "name"), MatchesRegex("web-restart-[a-z0-9]{5}"));
  EXPECT_EQ(requests[0]["spec"]["ttlSecondsAfterFinished"], 3600);
  EXPECT_EQ(requests[0]["spec"]["activeDeadlineSeconds"], 330);
}

TEST_F(RestartPods, EveryFlagLandsInTheRequest) {
  AddPod("web", {"app", "proxy", "log"});
  const Result result = RunTool({"restart",
                                 "pod/web",
                                 "-c",
                                 "proxy",
                                 "-c",
                                 "app",
                                 "--method",
                                 "hot",
                                 "--grace",
                                 "10s",
                                 "--skip-pre-stop",
                                 "--unready-grace",
                                 "5s",
                                 "--min-started",
                                 "3s",
                                 "--ordered",
                                 "--on-failure",
                                 "ignore",
                                 "--force",
                                 "--deadline",
                                 "2m",
                                 "--ttl",
                                 "0",
                                 "--respect-budget",
                                 "--name",
                                 "mine",
                                 "--no-wait"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.out, "mine\n");
  const std::vector<Json> requests = Requests();
  ASSERT_EQ(requests.size(), 1u);
  Json spec = requests[0]["spec"];
  for (Json& container : spec["containers"]) container.erase("statusContext");  // the server's
  EXPECT_EQ(spec, Json({{"podName", "web"},
                        {"containers", {{{"name", "proxy"}}, {{"name", "app"}}}},
                        {"strategy",
                         {{"failurePolicy", "Ignore"},
                          {"orderedRecreate", true},
                          {"forceRecreate", true},
                          {"terminationGracePeriodSeconds", 10},
                          {"unreadyGracePeriodSeconds", 5},
                          {"minStartedSeconds", 3}}},
                        {"activeDeadlineSeconds", 120},
                        {"ttlSecondsAfterFinished", 0}}));
  EXPECT_EQ(requests[0]["metadata"]["annotations"], Json({{"rekindle.io/method", "hot"},
                                                          {"rekindle.io/skip-pre-stop", "true"},
                                                          {"rekindle.io/respect-budget", "true"}}));
  EXPECT_FALSE(requests[0]["metadata"]["labels"].contains("rekindle.io/batch"));
  // The name is taken now.
  const Result again = RunTool({"restart", "pod/web", "--all", "--name", "mine"});
  EXPECT_EQ(again.code, kExitRefused);
  EXPECT_THAT(again.err, HasSubstr("a request mine exists already; look at it with \"rekindle get "
                                   "restarts mine -n "));
}

TEST_F(RestartPods, DryRunChecksAndMakesNothing) {
  AddPod("web");
  const Result yaml = RunTool({"restart", "pod/web", "--dry-run"});
  EXPECT_EQ(yaml.code, kExitOk) << yaml.err;
  EXPECT_THAT(yaml.out,
              AllOf(HasSubstr("kind: ContainerRecreateRequest\n"),
                    HasSubstr("containerID: containerd://app\n"), Not(HasSubstr("managedFields"))));
  const Result json = RunTool({"restart", "pod/web", "--dry-run", "-o", "json"});
  EXPECT_EQ(Json::parse(json.out)["spec"]["podName"], "web");
  EXPECT_TRUE(Requests().empty());
}

TEST_F(RestartPods, SaysWhatItWaitsFor) {
  AddPod("web");
  auto run = Start({"restart", "pod/web"});
  ASSERT_TRUE(run->AwaitOut("app: requested ("));
  const Json request = Requests().at(0);
  ASSERT_TRUE(
      admin_
          .WriteStatus(request, {{"phase", "Pending"},
                                 {"message", "waits for request other, which is older"},
                                 {"containerRecreateStates", StatesOf(request, "Pending", false)}})
          .ok());
  ASSERT_TRUE(run->AwaitOut(") waits for request other, which is older\n")) << run->out();
  ASSERT_TRUE(admin_
                  .WriteStatus(request,
                               {{"phase", "Recreating"},
                                {"message", nullptr},
                                {"containerRecreateStates", StatesOf(request, "Recreating", true)}})
                  .ok());
  ASSERT_TRUE(run->AwaitOut(") stopped; its successor is not ready yet\n")) << run->out();
  StandIn::Succeed(admin_, request);
  EXPECT_EQ(run->Wait(), kExitOk);
}

TEST_F(RestartPods, LiveViewIsDrawnInPlaceAndTakenAway) {
  AddPod("web");
  tty_ = true;
  auto run = Start({"restart", "pod/web"});
  ASSERT_TRUE(run->AwaitOut("app  \x1b[33mrequested \x1b[0m"));
  const Json request = Requests().at(0);
  ASSERT_TRUE(admin_.WriteStatus(request, RecreatingStatus(request)).ok());
  ASSERT_TRUE(run->AwaitOut("\x1b[1A\r\x1b[Japp  \x1b[33mrecreating\x1b[0m"));
  StandIn::Succeed(admin_, request);
  EXPECT_EQ(run->Wait(), kExitOk);
  EXPECT_THAT(run->out(), HasSubstr(absl::StrCat("\x1b[1A\r\x1b[J", name_space_,
                                                 "/web app: \x1b[32mrestarted\x1b[0m in ")));
}

TEST_F(RestartPods, InterruptedWaitSaysThatTheRestartGoesOn) {
  AddPod("web");
  auto run = Start({"restart", "pod/web", "--name", "mine"});
  ASSERT_TRUE(run->AwaitOut("requested"));
  run->Interrupt();
  EXPECT_EQ(run->Wait(), kExitInterrupted);
  EXPECT_EQ(run->err(), absl::StrCat("interrupted\nThe restart goes on; look at it with: rekindle "
                                     "get restarts mine -n ",
                                     name_space_, "\n"));
  EXPECT_EQ(Requests().size(), 1u);
}

TEST_F(RestartPods, TimesOutWithItsOwnCode) {
  AddPod("web");
  const Result result = RunTool({"restart", "pod/web", "--timeout", "1s"});
  EXPECT_EQ(result.code, kExitTimedOut);
  EXPECT_THAT(result.err, HasSubstr("error: timed out waiting\nThe restart goes on; look at it"));
}

TEST_F(RestartPods, TheWatchIsResumedWhenTheServerComesBack) {
  AddPod("web");
  auto run = Start({"restart", "pod/web"});
  ASSERT_TRUE(run->AwaitOut("requested"));
  const uint16_t port = server_->port();
  server_.reset();
  ASSERT_TRUE(
      run->AwaitErr("connection to the API server lost; the restart goes on; trying again"));
  StartServer(port);
  Admin admin(kubeconfig());
  const auto all =
      admin.session().List({.resource = RecreateResource(), .name_space = name_space_});
  ASSERT_TRUE(all.ok()) << all.status();
  StandIn::Succeed(admin, *all->at(0));
  EXPECT_EQ(run->Wait(), kExitOk) << run->err();
  EXPECT_THAT(run->out(), HasSubstr("app: restarted in "));
}

TEST_F(RestartPods, FailuresAreExitOneAndSayWhy) {
  AddPod("web", {"app", "proxy"});
  StandIn controller(kubeconfig(), name_space_, [](Admin& admin, const Json& request) {
    Json states = StatesOf(request, "Failed", false);
    states[0]["message"] = "kill container error: the pre-stop hook hangs";
    states[1]["phase"] = "Pending";
    EXPECT_TRUE(admin.WriteStatus(request, CompletedStatus(states)).ok());
  });
  const Result result = RunTool({"restart", "pod/web", "--all"});
  EXPECT_EQ(result.code, kExitFailed) << result.err;
  EXPECT_THAT(Steady(result.out),
              HasSubstr("shop/web app: failed after SPAN: kill container error: the pre-stop hook "
                        "hangs\n"
                        "shop/web proxy: not restarted after SPAN: the request ended before\n"
                        "  see rekindle describe restart web-restart-xxxxx -n shop\n"));
}

TEST_F(RestartPods, AnEndBeforeItsTimeIsExitOne) {
  AddPod("web");
  StandIn controller(kubeconfig(), name_space_, [](Admin& admin, const Json& request) {
    Json status = CompletedStatus(StatesOf(request, "Failed", false));
    status["message"] = "recreating has exceeded the activeDeadlineSeconds";
    EXPECT_TRUE(admin.WriteStatus(request, status).ok());
  });
  const Result result = RunTool({"restart", "pod/web", "-o", "table"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(Steady(result.out), HasSubstr("app: failed after SPAN: recreating has exceeded the "
                                            "activeDeadlineSeconds\n"));
}

TEST_F(RestartPods, ADeletedRequestIsNotWaitedFor) {
  AddPod("web");
  auto run = Start({"restart", "pod/web", "--name", "mine"});
  ASSERT_TRUE(run->AwaitOut("requested"));
  ASSERT_TRUE(admin_.Delete(RecreateResource(), name_space_, "mine").ok());
  EXPECT_EQ(run->Wait(), kExitFailed);
  EXPECT_THAT(run->out(), HasSubstr("/web: request mine was deleted before its end was seen"));
}

TEST_F(RestartPods, JsonIsOneDocumentWithoutProgress) {
  AddPod("web");
  StandIn controller(kubeconfig(), name_space_);
  const Result result = RunTool({"restart", "pod/web", "-o", "json"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  const Json request = Json::parse(result.out);
  EXPECT_EQ(request["status"]["phase"], "Completed");
  EXPECT_FALSE(request["metadata"].contains("managedFields"));
}

TEST_F(RestartPods, SelectsPodsByTheirLabels) {
  for (const char* name : {"web-0", "web-1", "web-2"}) AddPod(name, {"app"}, {{"app", "web"}});
  AddPod("web-3", {"app"}, {{"app", "web"}}, "Pending");
  AddPod("db");
  StandIn controller(kubeconfig(), name_space_);
  const Result result = RunTool({"restart", "-l", "app=web"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.err, "note: pod web-3 is left out: it is Pending\n");
  EXPECT_THAT(
      Steady(result.out),
      HasSubstr("shop/web-0 app: restarted in SPAN, gap 84 ms (replace, attempt 3, container "
                "eeeeeeeeeeee)\n"
                "shop/web-1 app: restarted in SPAN, gap 84 ms (replace, attempt 3, container "
                "eeeeeeeeeeee)\n"
                "shop/web-2 app: restarted in SPAN, gap 84 ms (replace, attempt 3, container "
                "eeeeeeeeeeee)\n"
                "3 of 3 pods restarted\n"));
  const std::vector<Json> requests = Requests();
  ASSERT_EQ(requests.size(), 3u);
  const std::string batch = requests[0]["metadata"]["labels"]["rekindle.io/batch"];
  for (const Json& request : requests) {
    EXPECT_EQ(request["metadata"]["labels"]["rekindle.io/batch"], batch);
  }
  EXPECT_THAT(RunTool({"restart", "-l", "app=none"}).err,
              HasSubstr("-l: no running pod in namespace "));
}

TEST_F(RestartPods, OneOfTwoPodsIsRefusedAndTheOtherRestarted) {
  AddPod("web-0");
  AddPod("web-1", {"app"}, Json::object(), "Succeeded");
  StandIn controller(kubeconfig(), name_space_);
  const Result result = RunTool({"restart", "pod/web-1", "pod/web-0"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.err, HasSubstr("error: pod/web-1: refused: not allowed to recreate containers "
                                    "in an inactive Pod\n"));
  EXPECT_THAT(Steady(result.out), HasSubstr("shop/web-0 app: restarted in SPAN"));
}

TEST_F(RestartPods, SeveralContainersNeedAChoice) {
  AddPod("web", {"app", "proxy"});
  const Result result = RunTool({"restart", "pod/web"});
  EXPECT_EQ(result.code, kExitUsage);
  EXPECT_THAT(result.err, HasSubstr("pod web has several containers (app, proxy); name them with"));
  const Result wrong = RunTool({"restart", "pod/web", "-c", "prxy"});
  EXPECT_EQ(wrong.code, kExitNotFound);
  EXPECT_THAT(wrong.err, HasSubstr("pod web has no container prxy; did you mean proxy?"));
  EXPECT_TRUE(Requests().empty());
}

TEST_F(RestartPods, RefusalsHaveTheirCodesAndWords) {
  AddPod("web");
  AddPod("waits", {"app"}, Json::object(), "Pending");
  const Result pending = RunTool({"restart", "pod/waits"});
  EXPECT_EQ(pending.code, kExitRefused);
  EXPECT_THAT(pending.err, HasSubstr("not allowed to recreate containers in a pending Pod"));

  const Result missing = RunTool({"restart", "pod/wed"});
  EXPECT_EQ(missing.code, kExitNotFound);
  EXPECT_EQ(Steady(missing.err), "error: POD: there is no pod shop/wed; did you mean web?\n");

  const auto bob = RunControllerCommand({.action = ControllerCommandLine::Action::kKubeconfig,
                                         .embedded = {.data_dir = *dir_ / "data"},
                                         .user = "bob",
                                         .groups = {"rekindle:read-only"}},
                                        absl::Now());
  ASSERT_TRUE(bob.ok()) << bob.status();
  std::ofstream(*dir_ / "bob") << absl::StrReplaceAll(
      *bob, {{"127.0.0.1:6443", server_->url().substr(8)}});
  const Result forbidden = RunTool({"restart", "pod/web", "--kubeconfig", *dir_ / "bob"});
  EXPECT_EQ(forbidden.code, kExitRefused);
  EXPECT_THAT(Steady(forbidden.err),
              AllOf(HasSubstr("\"bob\" cannot create resource"),
                    HasSubstr("The right to create containerrecreaterequests.apps.kruise.io in "
                              "namespace shop is missing")));

  environment_["KUBECONFIG"] = *dir_ / "none";
  EXPECT_EQ(RunTool({"restart", "pod/web"}).code, kExitUsage);
  std::ofstream(*dir_ / "away") << R"(
apiVersion: v1
kind: Config
current-context: away
contexts: [{name: away, context: {cluster: away, user: away}}]
clusters: [{name: away, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: away, user: {}}]
)";
  environment_["KUBECONFIG"] = *dir_ / "away";
  const Result away = RunTool({"restart", "pod/web"});
  EXPECT_EQ(away.code, kExitUnreachable);
  EXPECT_THAT(away.err, HasSubstr("the API server http://127.0.0.1:1 ("));
  EXPECT_TRUE(Requests().empty());
}

}  // namespace
}  // namespace rekindle::cli
