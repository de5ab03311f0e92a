#include "absl/strings/match.h"
#include <nlohmann/json.hpp>

#include "tests/cli/cli_fixture.h"
#include "tests/fakes/golden.h"

namespace rekindle::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using RestartCommand = CliTest;

v1::Operation Op(const std::string& container, v1::Phase phase) {
  return SampleOperation(container, phase);
}

TEST_F(RestartCommand, WaitsAndTellsTheOutcome) {
  service_.WillRestart(Stream({Op("app", v1::PHASE_ACCEPTED), Op("app", v1::PHASE_STOPPING),
                               Op("app", v1::PHASE_STARTING), Op("app", v1::PHASE_DONE)}));
  const Result result = Run({"node", "restart", "web"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  ExpectGolden("cli/restart.txt", result.out);
  EXPECT_EQ(result.err, "");
  EXPECT_EQ(service_.last_restart().request_id(), "cli-1");
  EXPECT_EQ(service_.last_restart().containers(0).name(), "app");
}

TEST_F(RestartCommand, NamedContainersAreTakenAsTheyAre) {
  service_.WillRestart(Stream({Op("app", v1::PHASE_DONE), Op("proxy", v1::PHASE_DONE)}));
  const Result result = Run({"node", "restart", "shop/cart", "-c", "app", "-c", "proxy",
                             "--ordered", "--env", "A=1", "--env", "B=2"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(service_.requests().size(), 2u);  // who owns the pod, and the restart
  EXPECT_EQ(service_.last_restart().containers_size(), 2);
  EXPECT_EQ(service_.last_restart().containers(1).env_size(), 2);
  EXPECT_FALSE(service_.last_restart().has_kubernetes_pod());
}

TEST_F(RestartCommand, FailedOperationIsExitOne) {
  service_.WillRestart(Stream({Op("app", v1::PHASE_DONE), Op("job", v1::PHASE_FAILED)}));
  const Result result = Run({"node", "restart", "web", "-c", "app", "-c", "job"});
  EXPECT_EQ(result.code, kExitFailed);
  EXPECT_THAT(result.out, HasSubstr("SERVICE DOWN"));
  EXPECT_THAT(result.out, Not(HasSubstr("\x1b")));
}

TEST_F(RestartCommand, CancelledOperationIsExitOne) {
  service_.WillRestart(Stream({Op("app", v1::PHASE_CANCELLED)}));
  EXPECT_EQ(Run({"node", "restart", "web"}).code, kExitFailed);
}

TEST_F(RestartCommand, SeveralContainersNeedAChoice) {
  const Result result = Run({"node", "restart", "shop/cart"});
  EXPECT_EQ(result.code, kExitUsage);
  EXPECT_THAT(result.err, HasSubstr("has several containers (app, proxy)"));
  service_.WillRestart(Stream({Op("app", v1::PHASE_DONE), Op("proxy", v1::PHASE_DONE)}));
  EXPECT_EQ(Run({"node", "restart", "shop/cart", "--all"}).code, kExitOk);
  EXPECT_EQ(service_.last_restart().containers_size(), 2);
}

TEST_F(RestartCommand, ForceAlsoSeesExitedContainers) {
  service_.WillRestart(Stream({Op("app", v1::PHASE_DONE)}));
  EXPECT_EQ(Run({"node", "restart", "shop/cart", "--all", "--force"}).code, kExitOk);
  EXPECT_EQ(service_.last_restart().containers_size(), 3);
}

TEST_F(RestartCommand, UnknownPodOffersTheNearest) {
  const Result result = Run({"node", "restart", "shop/cat"});
  EXPECT_EQ(result.code, kExitNotFound);
  EXPECT_THAT(result.err, HasSubstr("no pod shop/cat runs on this node; did you mean shop/cart?"));
}

TEST_F(RestartCommand, UnknownContainerOffersTheNearest) {
  service_.WillRestart(
      FailingStream(grpc::StatusCode::NOT_FOUND, "containers[0].name: no container prxy"));
  const Result result = Run({"node", "restart", "shop/cart", "-c", "prxy"});
  EXPECT_EQ(result.code, kExitNotFound);
  EXPECT_THAT(result.err, HasSubstr("no container prxy; did you mean proxy?"));
}

TEST_F(RestartCommand, StaleIdShowsWhatRunsInstead) {
  service_.WillRestart(
      FailingStream(grpc::StatusCode::FAILED_PRECONDITION, "expected_container_id is stale"));
  const Result result = Run({"node", "restart", "web", "--expect-id", "123"});
  EXPECT_EQ(result.code, kExitRefused);
  EXPECT_THAT(result.err, HasSubstr("Container app is now " + std::string(64, 'a')));
  EXPECT_THAT(result.err, HasSubstr("(attempt 2, running)"));
  EXPECT_EQ(service_.last_restart().containers(0).expected_container_id(), "123");
}

TEST_F(RestartCommand, NoWaitReturnsWhenEverythingIsAccepted) {
  Restart script = Stream({Op("app", v1::PHASE_ACCEPTED), Op("proxy", v1::PHASE_ACCEPTED)});
  script.stay_open = true;
  service_.WillRestart(script);
  const Result result = Run({"node", "restart", "shop/cart", "--all", "--no-wait"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_EQ(result.out, "cli-1/app\ncli-1/proxy\n");
}

TEST_F(RestartCommand, JsonIsOneDocumentWithoutProgress) {
  service_.WillRestart(Stream({Op("app", v1::PHASE_STOPPING), Op("app", v1::PHASE_DONE)}));
  const Result result = Run({"node", "restart", "web", "-o", "json"});
  EXPECT_EQ(result.code, kExitOk);
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["operations"][0]["phase"], "PHASE_DONE");
  EXPECT_EQ(json["operations"][0]["gap"], "0.137s");
}

TEST_F(RestartCommand, InterruptedWaitSaysThatTheRestartGoesOn) {
  Restart script = Stream({Op("app", v1::PHASE_STOPPING)});
  script.stay_open = true;
  script.then = [this] { interrupted_.store(true); };
  service_.WillRestart(script);
  const Result result = Run({"node", "restart", "web"});
  EXPECT_EQ(result.code, kExitInterrupted);
  EXPECT_THAT(result.err, HasSubstr("interrupted\n"));
  // The interrupt may come before the first answer was taken up; both endings say how to look.
  EXPECT_THAT(result.err, HasSubstr("rekindle node ops cli-1"));
}

TEST_F(RestartCommand, InterruptedAfterProgressNamesTheOperation) {
  Restart script = Stream({Op("app", v1::PHASE_STOPPING)});
  script.stay_open = true;
  service_.WillRestart(script);
  tty_ = true;
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in;
  // The clock is read for each redraw, which comes after the first answer.
  Io io{.out = out,
        .err = err,
        .in = in,
        .out_is_tty = true,
        .width = 100,
        .getenv = [this](const std::string& name) -> std::optional<std::string> {
          if (name == "REKINDLE_SOCKET") return service_.socket();
          return std::nullopt;
        },
        .now =
            [&] {
              if (absl::StrContains(out.str(), "stopping")) interrupted_.store(true);
              return kStart + absl::Seconds(2);
            },
        .new_request_id = [] { return "cli-1"; },
        .interrupted = interrupted_};
  EXPECT_EQ(cli::Run({"node", "restart", "web"}, io), kExitInterrupted);
  EXPECT_EQ(err.str(),
            "interrupted\nThe restart goes on; look at it with: rekindle node ops cli-1/app\n");
}

TEST_F(RestartCommand, TimesOutWithItsOwnCode) {
  Restart script = Stream({Op("app", v1::PHASE_STOPPING)});
  script.stay_open = true;
  service_.WillRestart(script);
  const Result result = Run({"node", "restart", "web", "--timeout", "300ms"});
  EXPECT_EQ(result.code, kExitTimedOut);
  EXPECT_THAT(result.err, HasSubstr("timed out waiting"));
  EXPECT_THAT(result.err, HasSubstr("rekindle node ops cli-1/app"));
}

TEST_F(RestartCommand, AttachesAgainWhenTheConnectionIsLost) {
  Restart lost = Stream({Op("app", v1::PHASE_STOPPING)});
  lost.status = grpc::Status(grpc::StatusCode::UNAVAILABLE, "Socket closed");
  service_.WillRestart(lost);
  service_.WillRestart(Stream({Op("app", v1::PHASE_DONE)}));
  const Result result = Run({"node", "restart", "web", "-c", "app"});
  EXPECT_EQ(result.code, kExitOk) << result.err;
  EXPECT_THAT(result.err, HasSubstr("connection to the daemon lost"));
  const auto requests = service_.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[1], requests[2]) << "another request would be another restart";
}

TEST_F(RestartCommand, DoesNotRepeatWhatMayNotHaveBeenAccepted) {
  service_.WillRestart(FailingStream(grpc::StatusCode::UNAVAILABLE, "the journal is full"));
  const Result result = Run({"node", "restart", "web", "-c", "app"});
  EXPECT_EQ(result.code, kExitUnreachable);
  EXPECT_THAT(result.err, HasSubstr("the journal is full"));
  EXPECT_EQ(service_.requests().size(), 2u);
}

TEST_F(RestartCommand, LiveViewIsRedrawnInPlaceAndTakenAway) {
  tty_ = true;
  service_.WillRestart(Stream({Op("app", v1::PHASE_STOPPING), Op("app", v1::PHASE_DONE)}));
  const Result result = Run({"node", "restart", "web"});
  EXPECT_EQ(result.code, kExitOk);
  EXPECT_THAT(result.out, HasSubstr("\x1b[1A\r\x1b[J"));
  EXPECT_THAT(result.out, HasSubstr("\x1b[32mrestarted\x1b[0m"));
  environment_["NO_COLOR"] = "1";
  service_.WillRestart(Stream({Op("app", v1::PHASE_DONE)}));
  EXPECT_THAT(Run({"node", "restart", "web"}).out, Not(HasSubstr("\x1b[32m")));
}

TEST_F(RestartCommand, RefusalsHaveTheirCodes) {
  const struct {
    grpc::StatusCode code;
    int want;
  } kRows[] = {
      {grpc::StatusCode::INVALID_ARGUMENT, kExitUsage},
      {grpc::StatusCode::PERMISSION_DENIED, kExitRefused},
      {grpc::StatusCode::UNAUTHENTICATED, kExitRefused},
      {grpc::StatusCode::RESOURCE_EXHAUSTED, kExitRefused},
      {grpc::StatusCode::UNAVAILABLE, kExitUnreachable},
      {grpc::StatusCode::DEADLINE_EXCEEDED, kExitTimedOut},
      {grpc::StatusCode::INTERNAL, kExitFailed},
  };
  for (const auto& row : kRows) {
    service_.WillRestart(FailingStream(row.code, "because"));
    const Result result = Run({"node", "restart", "web", "-c", "app"});
    EXPECT_EQ(result.code, row.want) << row.code;
    EXPECT_THAT(result.err, HasSubstr("because"));
  }
}

}  // namespace
}  // namespace rekindle::cli
