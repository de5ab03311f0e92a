#include <fstream>
#include <optional>

#include "absl/strings/str_replace.h"
#include "cli/api_session.h"

#include "tests/cli/api_fixture.h"
#include "tests/fakes/fake_api.h"
#include "tests/fakes/fake_api_server.h"
#include "tests/fakes/golden.h"

namespace rekindle::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kPods[] = "/api/v1/pods";
constexpr char kRequests[] = "/apis/apps.kruise.io/v1beta1/containerrecreaterequests";

std::string KubeconfigFor(const std::string& url) {
  return absl::StrCat(
      "apiVersion: v1\nkind: Config\ncurrent-context: c\n"
      "contexts: [{name: c, context: {cluster: c, user: u, namespace: shop}}]\n"
      "clusters: [{name: c, cluster: {server: \"",
      url, "\"}}]\nusers: [{name: u, user: {}}]\n");
}

// The tool against an API server of the mind, which can misbehave.
class ApiFaults : public ::testing::Test {
 protected:
  ApiFaults() {
    std::ofstream(dir_ / "kubeconfig") << KubeconfigFor(server_.url());
    api_.Put(kPods, {{"apiVersion", "v1"},
                     {"kind", "Pod"},
                     {"metadata", {{"name", "web"}, {"namespace", "shop"}}},
                     {"spec", {{"containers", {{{"name", "app"}}}}}}});
  }
  // The code; what was printed is in `out_` and `err_`.
  int RunTool(const std::vector<std::string>& args) {
    ToolRun run(args, {{"KUBECONFIG", dir_ / "kubeconfig"}}, false);
    const int code = run.Wait();
    out_ = run.out();
    err_ = run.err();
    return code;
  }

  TempDir dir_;
  FakeApi api_;
  FakeApiServer server_{api_};
  std::string out_;
  std::string err_;
};

TEST_F(ApiFaults, TheNamespaceIsThatOfTheContext) {
  EXPECT_EQ(RunTool({"restart", "pod/web", "--no-wait", "--name", "mine"}), kExitOk) << err_;
  EXPECT_TRUE(api_.Find(kRequests, "shop", "mine").has_value());
}

TEST_F(ApiFaults, AMissingDefinitionSaysHowToInstallIt) {
  api_.Fail("", "containerrecreaterequests", false, FakeApi::Plain(404, "404 page not found\n"),
            100);
  for (const std::vector<std::string>& args : {std::vector<std::string>{"restart", "pod/web"},
                                               {"get", "restarts"},
                                               {"get", "restarts", "-w"},
                                               {"describe", "restart", "x"}}) {
    EXPECT_EQ(RunTool(args), kExitRefused) << args[0];
    EXPECT_THAT(err_, AllOf(HasSubstr("does not know containerrecreaterequests.apps.kruise.io"),
                            HasSubstr("kubectl apply -k deploy/crds")));
  }
}

TEST_F(ApiFaults, ACreationWhoseAnswerGotLostIsLookedForAndNotRepeated) {
  api_.Intercept([this](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (request.method != "POST") return std::nullopt;
    api_.Intercept(nullptr);
    Json object = Json::parse(request.body);
    api_.Put(kRequests, object);
    return FakeApi::Answer{.status = 0, .after = FakeApi::After::kBreak};
  });
  EXPECT_EQ(RunTool({"restart", "pod/web", "--no-wait"}), kExitOk) << err_;
  EXPECT_EQ(api_.Count(kRequests), 1u);
}

TEST_F(ApiFaults, ACreationThatDidNotArriveIsReported) {
  api_.Fail("POST", "containerrecreaterequests", false,
            {.status = 0, .after = FakeApi::After::kBreak}, 2);
  EXPECT_EQ(RunTool({"restart", "pod/web", "--no-wait"}), kExitUnreachable);
  EXPECT_THAT(err_, HasSubstr("\nNothing was made.\n"));
  EXPECT_EQ(api_.Count(kRequests), 0u);
}

TEST_F(ApiFaults, AnInterruptedCreationSaysThatItMayHaveArrived) {
  api_.Fail("POST", "containerrecreaterequests", false,
            {.status = 0, .after = FakeApi::After::kHang});
  ToolRun run({"restart", "pod/web", "--name", "mine"}, {{"KUBECONFIG", dir_ / "kubeconfig"}},
              false);
  const absl::Time limit = absl::Now() + absl::Seconds(30);
  while (api_.CountRequests("POST", "containerrecreaterequests", false) == 0 &&
         absl::Now() < limit) {
    std::this_thread::yield();
  }
  run.Interrupt();
  EXPECT_EQ(run.Wait(), kExitInterrupted);
  EXPECT_EQ(run.err(),
            "Whether request mine was made is not known; look with: rekindle get restarts mine -n "
            "shop\ninterrupted\n");
}

TEST_F(ApiFaults, ARequestThatIsGoneBeforeTheFirstLookIsNotWaitedFor) {
  api_.Intercept([this](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (request.method == "GET") api_.Remove(kRequests, "shop", "mine");
    return std::nullopt;
  });
  EXPECT_EQ(RunTool({"restart", "pod/web", "--name", "mine"}), kExitFailed) << err_;
  EXPECT_THAT(out_, HasSubstr("request mine was deleted before its end was seen"));
}

TEST_F(ApiFaults, AnUntrustedServerIsUnreachable) {
  std::ofstream(dir_ / "kubeconfig")
      << KubeconfigFor(absl::StrReplaceAll(server_.url(), {{"http://", "https://"}}));
  EXPECT_EQ(RunTool({"get", "restarts"}), kExitUnreachable);
  EXPECT_THAT(err_, HasSubstr("cannot be reached: "));
}

TEST_F(ApiFaults, ATakenNameIsReplacedByAnother) {
  int refused = 0;
  api_.Intercept([&](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
    if (request.method != "POST" || refused++ > 0) return std::nullopt;
    Json object = Json::parse(request.body);
    object["spec"]["podName"] = "other";
    api_.Put(kRequests, object);
    return FakeApi::Status(409, "AlreadyExists", "exists");
  });
  EXPECT_EQ(RunTool({"restart", "pod/web", "--no-wait"}), kExitOk) << err_;
  EXPECT_EQ(api_.Count(kRequests), 2u);
}

TEST_F(ApiFaults, WatchingWithoutTheRightSaysThatTheRestartGoesOn) {
  api_.Fail("GET", "containerrecreaterequests", false,
            FakeApi::Status(403, "Forbidden",
                            "containerrecreaterequests.apps.kruise.io is forbidden: User \"bob\" "
                            "cannot list resource"),
            100);
  EXPECT_EQ(RunTool({"restart", "pod/web", "--name", "mine"}), kExitRefused);
  EXPECT_THAT(err_, AllOf(HasSubstr("cannot list resource"),
                          HasSubstr("The restart goes on; look at it with: rekindle get restarts "
                                    "mine -n shop")));
}

TEST_F(ApiFaults, WithoutTheRightToReadEventsTheGapIsLeftOut) {
  api_.Fail("GET", "/events", false,
            FakeApi::Status(403, "Forbidden", "events is forbidden: User \"bob\" cannot list"),
            100);
  api_.Put(kRequests, {{"apiVersion", "apps.kruise.io/v1beta1"},
                       {"kind", "ContainerRecreateRequest"},
                       {"metadata", {{"name", "other"}, {"namespace", "shop"}}}});
  ToolRun run({"restart", "pod/web", "--name", "mine"}, {{"KUBECONFIG", dir_ / "kubeconfig"}},
              false);
  ASSERT_TRUE(run.AwaitOut("requested"));
  Json request = *api_.Find(kRequests, "shop", "mine");
  request["status"] = CompletedStatus(StatesOf(request, "Succeeded", true));
  api_.Put(kRequests, request);
  EXPECT_EQ(run.Wait(), kExitOk) << run.err();
  EXPECT_THAT(run.out(),
              ::testing::MatchesRegex("(.*\n)*shop/web app: restarted in [0-9.]+ (ms|s)\n"));
}

class FindsApi : public ::testing::Test {
 protected:
  absl::StatusOr<client::ClientConfig> Find(const ApiOptions& options) {
    const Io io{.out = stream_,
                .err = stream_,
                .in = in_,
                .getenv = [this](const std::string& name) -> std::optional<std::string> {
                  const auto it = environment_.find(name);
                  if (it == environment_.end()) return std::nullopt;
                  return it->second;
                },
                .interrupted = interrupted_};
    return FindApi(options, io, dir_ / "admin");
  }
  void Write(const std::string& file, const std::string& server) {
    std::ofstream(dir_ / file) << KubeconfigFor("http://" + server);
  }

  TempDir dir_;
  std::ostringstream stream_;
  std::istringstream in_;
  std::atomic<bool> interrupted_{false};
  std::map<std::string, std::string> environment_;
};

TEST_F(FindsApi, TheAdminsFileOnlyWhenNothingElseIsSet) {
  const auto server = [&](const ApiOptions& options) {
    const auto found = Find(options);
    return found.ok() ? found->cluster.server : std::string(found.status().message());
  };
  EXPECT_EQ(Find({}).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(server({}), AllOf(HasSubstr("and there is no "), HasSubstr("rekindle-controller")));
  Write("admin", "admin");
  EXPECT_EQ(server({}), "http://admin");
  EXPECT_EQ(Find({.context = "other"}).status().code(), absl::StatusCode::kInvalidArgument);
  std::filesystem::create_directory(dir_ / ".kube");
  Write(".kube/config", "home");
  environment_["HOME"] = dir_.path();
  EXPECT_EQ(server({}), "http://home");
  Write("env", "env");
  environment_["KUBECONFIG"] = dir_ / "env";
  EXPECT_EQ(server({}), "http://env");
  Write("flag", "flag");
  EXPECT_EQ(server({.kubeconfig = dir_ / "flag"}), "http://flag");
  EXPECT_EQ(Find({.kubeconfig = dir_ / "none"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(FindsApi, HelpOfEveryCommandHasAnExample) {
  for (const std::vector<std::string>& command :
       {std::vector<std::string>{"restart"}, {"get", "restarts"}, {"describe", "restart"}}) {
    std::vector<std::string> args = command;
    args.emplace_back("--help");
    ToolRun run(args, {}, false);
    EXPECT_EQ(run.Wait(), kExitOk);
    EXPECT_THAT(run.out(), AllOf(HasSubstr("Examples:"), HasSubstr("Exit codes:"),
                                 HasSubstr("--kubeconfig"), HasSubstr("--namespace")));
    ExpectGolden("cli/help_api_" + command[0] + ".txt", run.out());
  }
}

}  // namespace
}  // namespace rekindle::cli
