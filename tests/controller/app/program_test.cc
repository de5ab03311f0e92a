#include "controller/app/program.h"

#include <atomic>
#include <fstream>
#include <iterator>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>

#include "controller/app/controllers.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr absl::Duration kLimit = absl::Seconds(60);

// What is answered to a GET, head and body.
std::string HttpGet(uint16_t port, const std::string& path) {
  namespace asio = boost::asio;
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  boost::system::error_code error;
  socket.connect({asio::ip::address_v4::loopback(), port}, error);
  std::string answer;
  if (error) return answer;
  asio::write(socket,
              asio::buffer("GET " + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              error);
  asio::read(socket, asio::dynamic_buffer(answer), error);
  return answer;
}

template <typename Condition>
bool Await(Condition condition, absl::Duration limit = kLimit) {
  const absl::Time end = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

bool Says(const ControllerProgram& program, const std::string& path, const std::string& text) {
  return absl::StrContains(HttpGet(program.metrics_port(), path), text);
}

class ProgramTest : public ::testing::Test {
 protected:
  static RunOptions Options() {
    RunOptions run;
    run.metrics.port = 0;
    return run;
  }
  RunOptions Embedded() const {
    RunOptions run = Options();
    run.embedded = true;
    run.leader_elect = false;
    run.controllers = AvailableControllers(true);
    run.local_daemon = "unix:" + dir_ / "no-daemon.sock";
    return run;
  }
  EmbeddedOptions Data() const { return {.data_dir = dir_ / "data", .port = 0}; }
  // Of a cluster that is an embedded server of this process.
  RunOptions Cluster(const EmbeddedServer& server) const {
    RunOptions run = Options();
    run.kubeconfig = server.kubeconfig();
    // The webhooks want configurations of a cluster.
    run.controllers = {"readiness", "recreate"};
    run.lease_times = {.lease = absl::Seconds(8),
                       .renew_deadline = absl::Seconds(3),
                       .retry = absl::Milliseconds(100)};
    return run;
  }
  std::unique_ptr<ControllerProgram> Start(const RunOptions& run) {
    auto program = ControllerProgram::Start(run, Data(), [this] { ++ended_; });
    EXPECT_TRUE(program.ok()) << program.status();
    return program.ok() ? *std::move(program) : nullptr;
  }

  TempDir dir_;
  std::atomic<int> ended_{0};
};

TEST_F(ProgramTest, EmbeddedServesTheApiAndRunsOnIt) {
  for (int round = 0; round < 2; ++round) {  // the second on the same data
    const auto program = Start(Embedded());
    ASSERT_NE(program, nullptr);
    EXPECT_GT(program->api_port(), 0);
    ASSERT_TRUE(Await([&] { return Says(*program, "/readyz", "ready: leading\n"); }));
    EXPECT_THAT(HttpGet(program->metrics_port(), "/readyz"),
                AllOf(StartsWith("HTTP/1.1 200 "), HasSubstr("no election")));
    EXPECT_THAT(HttpGet(program->metrics_port(), "/healthz"), HasSubstr("\r\n\r\nok\n"));
    EXPECT_THAT(HttpGet(program->metrics_port(), "/livez"), HasSubstr("\r\n\r\nok\n"));
    EXPECT_THAT(HttpGet(program->metrics_port(), "/metrics"),
                AllOf(HasSubstr("version=0.0.4"), HasSubstr("\nrekindle_controller_leading 1\n")));
    for (const std::string& name : AvailableControllers(true)) {
      EXPECT_TRUE(Says(*program, "/readyz", absl::StrCat("[+] controller ", name, ": "))) << name;
      EXPECT_TRUE(Says(*program, "/metrics", absl::StrCat("controller=\"", name, "\""))) << name;
    }
    EXPECT_TRUE(Says(*program, "/readyz", "[+] recreate, cache containerrecreaterequests: 0"));
    EXPECT_TRUE(Says(*program, "/metrics", "\nrekindle_nodes_known "));
    EXPECT_EQ(program->status(), std::nullopt);
    EXPECT_TRUE(program->Stop("test").ok());
    EXPECT_EQ(program->status(), absl::OkStatus());
  }
  EXPECT_EQ(ended_, 0) << "it was asked to";
}

TEST_F(ProgramTest, OneOfTwoLeadsAndTheOtherFollowsAtOnce) {
  const auto server = EmbeddedServer::Start(Data());
  ASSERT_TRUE(server.ok()) << server.status();
  const auto one = Start(Cluster(**server));
  ASSERT_NE(one, nullptr);
  ASSERT_TRUE(Await([&] { return Says(*one, "/readyz", "ready: leading\n"); }));
  EXPECT_TRUE(Says(*one, "/readyz", "lease default/rekindle-controller: held by this process"));
  const auto two = Start(Cluster(**server));
  ASSERT_NE(two, nullptr);
  ASSERT_TRUE(Await([&] { return Says(*two, "/readyz", "ready: standby\n"); }));
  EXPECT_TRUE(Says(*two, "/metrics", "\nrekindle_controller_leading 0\n"));
  EXPECT_TRUE(one->Stop("test").ok());
  // Less than the lease's own time, which is what a loss without notice would take.
  EXPECT_TRUE(Await([&] { return Says(*two, "/readyz", "ready: leading\n"); }, absl::Seconds(7)));
  EXPECT_TRUE(two->Stop("test").ok());
}

TEST_F(ProgramTest, AnApiThatGoesEndsTheLeader) {
  auto server = EmbeddedServer::Start(Data());
  ASSERT_TRUE(server.ok()) << server.status();
  const auto program = Start(Cluster(**server));
  ASSERT_NE(program, nullptr);
  ASSERT_TRUE(Await([&] { return Says(*program, "/readyz", "ready: leading\n"); }));
  server->reset();
  ASSERT_TRUE(Await([&] { return ended_ == 1; }));
  ASSERT_TRUE(program->status().has_value());
  EXPECT_THAT(std::string(program->status()->message()), HasSubstr("not renewed"));
  EXPECT_THAT(HttpGet(program->metrics_port(), "/healthz"), StartsWith("HTTP/1.1 503 "));
}

TEST_F(ProgramTest, AnApiThatIsNotThereIsWaitedFor) {
  RunOptions run;
  {
    auto server = EmbeddedServer::Start(Data());
    ASSERT_TRUE(server.ok()) << server.status();
    run = Cluster(**server);
  }
  const auto program = Start(run);
  ASSERT_NE(program, nullptr);
  ASSERT_TRUE(Await([&] { return Says(*program, "/readyz", "no holder known; "); }));
  EXPECT_TRUE(program->Stop("test").ok());
}

TEST_F(ProgramTest, RefusalsNameWhatIsWrong) {
  const auto error = [&](const RunOptions& run) {
    const auto program = ControllerProgram::Start(run, Data(), [] {});
    EXPECT_FALSE(program.ok());
    return std::string(program.status().message());
  };
  RunOptions run = Options();
  run.kubeconfig = dir_ / "none";
  EXPECT_THAT(error(run), HasSubstr(run.kubeconfig));
  const auto server = EmbeddedServer::Start(Data());
  ASSERT_TRUE(server.ok()) << server.status();
  EXPECT_THAT(error(Embedded()), HasSubstr(dir_ / "data"));  // another process has it
  run = Cluster(**server);
  run.context = "nonsense";
  EXPECT_THAT(error(run), HasSubstr("nonsense"));
  run = Cluster(**server);
  run.metrics.host = "nowhere";
  EXPECT_THAT(error(run), StartsWith("--metrics-listen: "));
  const auto program = Start(Cluster(**server));
  ASSERT_NE(program, nullptr);
  run = Cluster(**server);
  run.metrics.port = program->metrics_port();
  EXPECT_THAT(error(run), StartsWith("--metrics-listen: "));
}

TEST_F(ProgramTest, MetricsOnEveryAddressOrNotAtAll) {
  const auto server = EmbeddedServer::Start(Data());
  ASSERT_TRUE(server.ok()) << server.status();
  RunOptions run = Cluster(**server);
  run.metrics.host = "";
  run.metrics_allow_remote = true;
  const auto open = Start(run);
  ASSERT_NE(open, nullptr);
  EXPECT_THAT(HttpGet(open->metrics_port(), "/healthz"), HasSubstr("ok\n"));
  run.serve_metrics = false;
  const auto closed = Start(run);
  ASSERT_NE(closed, nullptr);
  EXPECT_EQ(closed->metrics_port(), 0);
}

}  // namespace
}  // namespace rekindle
