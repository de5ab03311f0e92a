#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <fstream>

#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "tests/cli/cli_fixture.h"
#include "tests/fakes/golden.h"

namespace rekindle::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Commands = CliTest;

TEST_F(Commands, PsListsRunningContainers) {
  const Result result = Run({"node", "ps"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_THAT(result.out, Not(HasSubstr("job")));
  EXPECT_THAT(Run({"node", "ps", "-a"}).out, HasSubstr("exited (137)"));
  EXPECT_THAT(Run({"node", "ps", "-o", "wide"}).out, HasSubstr("10.88.0.7"));
  EXPECT_THAT(Run({"node", "ps", "-n", "shop"}).out, Not(HasSubstr("web")));
}

TEST_F(Commands, PsOfOnePod) {
  EXPECT_THAT(Run({"node", "ps", "web"}).out, HasSubstr("default"));
  const Result unknown = Run({"node", "ps", "wbe"});
  EXPECT_EQ(unknown.code, kExitNotFound);
  EXPECT_THAT(unknown.err, HasSubstr("did you mean default/web?"));
  EXPECT_EQ(Run({"node", "ps", "a/b/c"}).code, kExitUsage);
}

TEST_F(Commands, PsForPrograms) {
  const auto json = nlohmann::json::parse(Run({"node", "ps", "-o", "json"}).out);
  EXPECT_EQ(json["pods"][1]["ref"]["namespace"], "shop");
  EXPECT_EQ(json["pods"][1]["containers"].size(), 2u);
  const YAML::Node yaml = YAML::Load(Run({"node", "ps", "-o", "yaml"}).out);
  EXPECT_EQ(yaml["pods"][0]["containers"][0]["state"].as<std::string>(), "CONTAINER_STATE_RUNNING");
}

TEST_F(Commands, OpsListsShowsAndFilters) {
  EXPECT_THAT(Run({"node", "ops"}).out, HasSubstr("cli-1/app"));
  EXPECT_THAT(Run({"node", "ops", "--active"}).out, Not(HasSubstr("cli-1/app")));
  EXPECT_THAT(Run({"node", "ops", "cli-1"}).out, HasSubstr("cli-1/proxy"));
  const Result one = Run({"node", "ops", "cli-1/app"});
  EXPECT_EQ(one.code, kExitOk);
  ExpectGolden("cli/op_done.txt", one.out);
  ExpectGolden("cli/op_done.json", Run({"node", "ops", "cli-1/app", "-o", "json"}).out);
  Run({"node", "ops", "--pod", "shop/cart", "--limit", "7"});
  EXPECT_THAT(service_.requests().back(), HasSubstr("name: \"cart\""));
  EXPECT_THAT(service_.requests().back(), HasSubstr("limit: 7"));
  EXPECT_EQ(Run({"node", "ops", "--limit", "0"}).code, kExitUsage);
}

TEST_F(Commands, UnknownOperations) {
  const Result one = Run({"node", "ops", "cli-1/ap"});
  EXPECT_EQ(one.code, kExitNotFound);
  EXPECT_THAT(one.err, HasSubstr("did you mean cli-1/app"));
  EXPECT_EQ(Run({"node", "ops", "nothing"}).code, kExitNotFound);
}

TEST_F(Commands, Cancel) {
  const Result result = Run({"node", "cancel", "cli-1/proxy"});
  EXPECT_EQ(result.code, kExitOk);
  EXPECT_THAT(result.out, HasSubstr("default/web proxy: cancelled"));
  EXPECT_EQ(Run({"node", "cancel", "cli-1/none"}).code, kExitNotFound);
  EXPECT_EQ(Run({"node", "cancel"}).code, kExitUsage);
  service_.Set([](auto& answers) {
    answers.cancel_status =
        grpc::Status(grpc::StatusCode::FAILED_PRECONDITION, "too late: it is in phase stopping");
  });
  const Result late = Run({"node", "cancel", "cli-1/proxy"});
  EXPECT_EQ(late.code, kExitRefused);
  EXPECT_THAT(late.err, HasSubstr("too late"));
}

TEST_F(Commands, Info) {
  ExpectGolden("cli/info.txt", Run({"node", "info"}).out);
  EXPECT_EQ(YAML::Load(Run({"node", "info", "-o", "yaml"}).out)["nodeName"].as<std::string>(),
            "node-7");
}

TEST_F(Commands, WatchPrintsChanges) {
  FakeNodeService::Script<v1::WatchOperationsResponse> script;
  *script.messages.emplace_back().mutable_operation() = SampleOperation("app", v1::PHASE_DONE);
  script.messages.emplace_back().set_synced(true);
  *script.messages.emplace_back().mutable_operation() = SampleOperation("app", v1::PHASE_STOPPING);
  for (int i = 0; i < 3; ++i) service_.WillWatch(script);
  const Result plain = Run({"node", "watch", "web", "--active"});
  EXPECT_EQ(plain.code, kExitOk) << plain.err;
  EXPECT_THAT(plain.out, StartsWith("default/web app: done ("));
  EXPECT_THAT(service_.requests().back(), HasSubstr("active_only: true"));
  const Result json = Run({"node", "watch", "-o", "json"});
  std::istringstream lines(json.out);
  std::string line;
  int count = 0;
  while (std::getline(lines, line)) {
    EXPECT_EQ(nlohmann::json::parse(line)["containerName"], "app");
    ++count;
  }
  EXPECT_EQ(count, 2);
  EXPECT_EQ(YAML::LoadAll(Run({"node", "watch", "-o", "yaml"}).out).size(), 2u);
}

TEST_F(Commands, WatchEndsWhenInterruptedOrCutOff) {
  FakeNodeService::Script<v1::WatchOperationsResponse> script;
  script.stay_open = true;
  script.then = [this] { interrupted_.store(true); };
  service_.WillWatch(script);
  EXPECT_EQ(Run({"node", "watch"}).code, kExitInterrupted);
  interrupted_.store(false);
  script.stay_open = false;
  script.then = nullptr;
  script.status = grpc::Status(grpc::StatusCode::RESOURCE_EXHAUSTED, "reader is too slow");
  service_.WillWatch(script);
  EXPECT_EQ(Run({"node", "watch"}).code, kExitRefused);
}

TEST_F(Commands, PullShowsProgressAndResult) {
  FakeNodeService::Script<v1::PullImageResponse> script;
  script.messages.emplace_back().mutable_progress()->set_done_bytes(1 << 20);
  auto& result = *script.messages.emplace_back().mutable_result();
  result.set_image_id("sha256:1234");
  *result.mutable_elapsed() = Span(absl::Seconds(3));
  for (int i = 0; i < 3; ++i) service_.WillPull(script);
  EXPECT_EQ(Run({"node", "pull", "app:1"}).out, "app:1: pulled in 3.0 s (sha256:1234)\n");
  const auto json = nlohmann::json::parse(Run({"node", "pull", "app:1", "-o", "json"}).out);
  EXPECT_EQ(json["imageId"], "sha256:1234");
  const Result secret =
      Run({"node", "pull", "app:1", "--username", "ci", "--password-stdin"}, "s3cret\r\nrest");
  EXPECT_EQ(secret.code, kExitOk);
  EXPECT_EQ(service_.last_pull().username(), "ci");
  EXPECT_EQ(service_.last_pull().password(), "s3cret");
  EXPECT_THAT(secret.out + secret.err, Not(HasSubstr("s3cret")));
}

TEST_F(Commands, PullMistakesAndFailures) {
  EXPECT_EQ(Run({"node", "pull"}).code, kExitUsage);
  EXPECT_EQ(Run({"node", "pull", "a", "--username", "x"}).code, kExitUsage);
  EXPECT_EQ(Run({"node", "pull", "a", "--password-stdin"}, "x").code, kExitUsage);
  const Result empty = Run({"node", "pull", "a", "--username", "x", "--password-stdin"}, "");
  EXPECT_EQ(empty.code, kExitUsage);
  EXPECT_THAT(empty.err, HasSubstr("--password-stdin: standard input is empty"));
  FakeNodeService::Script<v1::PullImageResponse> script;
  script.status = grpc::Status(grpc::StatusCode::NOT_FOUND, "image: no such tag");
  service_.WillPull(script);
  EXPECT_EQ(Run({"node", "pull", "app:none"}).code, kExitNotFound);
}

TEST_F(Commands, InterruptedPullIsGivenUp) {
  FakeNodeService::Script<v1::PullImageResponse> script;
  script.stay_open = true;
  script.then = [this] { interrupted_.store(true); };
  service_.WillPull(script);
  const Result result = Run({"node", "pull", "app:1"});
  EXPECT_EQ(result.code, kExitInterrupted);
  EXPECT_THAT(result.err, HasSubstr("the pull is given up"));
}

TEST_F(Commands, DaemonThatDoesNotRun) {
  service_.Stop();
  const Result result = Run({"node", "ps"});
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_THAT(result.err,
              HasSubstr("the daemon does not run: there is no socket " + service_.socket()));
  EXPECT_EQ(Run({"node", "restart", "web"}).code, kExitUnreachable);
}

TEST_F(Commands, SocketThatNobodyListensOn) {
  service_.Stop();
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  service_.socket().copy(address.sun_path, sizeof(address.sun_path) - 1);
  ASSERT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  const Result result = Run({"node", "info"});
  close(fd);
  unlink(service_.socket().c_str());
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_THAT(result.err, HasSubstr("nobody answers on " + service_.socket()));
}

TEST_F(Commands, PermissionDeniedSaysWhoMay) {
  service_.Set([](auto& answers) {
    answers.info_status = grpc::Status(grpc::StatusCode::PERMISSION_DENIED, "uid 1000 may not");
  });
  const Result result = Run({"node", "info"});
  EXPECT_EQ(result.code, kExitRefused);
  EXPECT_THAT(result.err, HasSubstr("as root"));
}

TEST_F(Commands, RuntimeDownIsToldAsItIs) {
  service_.Set([](auto& answers) {
    answers.pods_status =
        grpc::Status(grpc::StatusCode::UNAVAILABLE, "the container runtime does not answer");
  });
  const Result result = Run({"node", "ps"});
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_THAT(result.err, HasSubstr("the container runtime does not answer"));
}

TEST_F(Commands, AddressNeedsTlsFiles) {
  EXPECT_EQ(Run({"node", "ps", "--address", "127.0.0.1:1"}).code, kExitUsage);
  const Result missing = Run({"node", "ps", "--address", "127.0.0.1:1", "--tls-cert", "/none",
                              "--tls-key", "/none", "--tls-ca", "/none"});
  EXPECT_EQ(missing.code, kExitUnreachable);
  EXPECT_THAT(missing.err, HasSubstr("--tls-cert: /none: No such file or directory"));
}

TEST_F(Commands, SocketFlagWinsOverTheEnvironment) {
  environment_["REKINDLE_SOCKET"] = "/nowhere";
  EXPECT_EQ(Run({"node", "info", "--socket", service_.socket()}).code, kExitOk);
}

TEST_F(Commands, WrongArguments) {
  const struct {
    std::vector<std::string> args;
    const char* want;
  } kRows[] = {
      {{}, "a command is missing"},
      {{"node"}, "a command is missing\nSee rekindle node --help."},
      {{"node", "restrt"}, "unknown argument \"restrt\"; did you mean restart?"},
      {{"nod"}, "unknown argument \"nod\"; did you mean node?"},
      {{"node", "ps", "--al"}, "did you mean --all?\nSee rekindle node ps --help."},
      {{"node", "ps", "-o", "xml"}, "xml"},
      {{"node", "restart"}, "POD is required"},
      {{"node", "restart", "web", "--method", "slow"}, "slow"},
      {{"node", "restart", "web", "--grace", "30"}, "--grace: \"30\" has no unit"},
      {{"node", "info", "--timeout", "0s"}, "--timeout: must be more than 0s"},
      {{"completion", "tcsh"}, "tcsh"},
  };
  for (const auto& row : kRows) {
    const Result result = Run(row.args);
    EXPECT_EQ(result.code, kExitUsage) << row.want;
    EXPECT_THAT(result.err, HasSubstr(row.want));
    EXPECT_EQ(result.out, "");
  }
  EXPECT_TRUE(service_.requests().empty()) << "a wrong command line must reach no daemon";
}

TEST_F(Commands, HelpOfEveryCommandHasAnExample) {
  for (const char* name : {"ps", "restart", "ops", "cancel", "info", "pull", "watch"}) {
    const Result result = Run({"node", name, "--help"});
    EXPECT_EQ(result.code, kExitOk);
    EXPECT_THAT(result.out, HasSubstr(std::string("rekindle node ") + name));
    EXPECT_THAT(result.out, HasSubstr("Examples:"));
    EXPECT_THAT(result.out, HasSubstr("Exit codes:"));
    EXPECT_THAT(result.out, HasSubstr("--socket"));
    ExpectGolden(std::string("cli/help_") + name + ".txt", result.out);
  }
  EXPECT_THAT(Run({"--help"}).out, HasSubstr("node"));
  EXPECT_THAT(Run({"--version"}).out, StartsWith("rekindle "));
}

TEST_F(Commands, Completion) {
  const auto complete = [this](std::vector<std::string> words) {
    words.insert(words.begin(), "__complete");
    return Run(words).out;
  };
  EXPECT_EQ(complete({""}), "completion\ndescribe\nget\nnode\nplan\nrestart\n");
  EXPECT_EQ(complete({"node", "re"}), "restart\n");
  EXPECT_EQ(complete({"node", "restart", ""}), "default/web\nshop/cart\ntools/empty\nweb\n");
  EXPECT_EQ(complete({"node", "restart", "shop/cart", "-c", ""}), "app\nproxy\n");
  EXPECT_EQ(complete({"node", "restart", "web", "--method", ""}), "auto\ndelegate\nhot\nreplace\n");
  EXPECT_EQ(complete({"node", "restart", "web", "--restart-policy", ""}),
            "Always\nNever\nOnFailure\n");
  EXPECT_EQ(complete({"node", "restart", "web", "--skip-pre-stop", "--gr"}), "--grace\n");
  EXPECT_EQ(complete({"node", "cancel", "cli-1/a"}), "cli-1/app\n");
  EXPECT_EQ(complete({"node", "ops", "--pod", "sh"}), "shop/cart\n");
  EXPECT_EQ(complete({"completion", "f"}), "fish\n");
  EXPECT_EQ(complete({"node", "nothing", ""}), complete({"node", ""}));
  service_.Stop();
  EXPECT_EQ(complete({"node", "restart", ""}), "");
  for (const char* shell : {"bash", "zsh", "fish"}) {
    const Result script = Run({"completion", shell});
    EXPECT_EQ(script.code, kExitOk);
    EXPECT_THAT(script.out, HasSubstr("rekindle __complete"));
  }
}

}  // namespace
}  // namespace rekindle::cli
