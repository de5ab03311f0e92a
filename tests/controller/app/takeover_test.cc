// Real processes that compete for the lease of one API server.
#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

#include "controller/app/embedded_server.h"
#include "tests/bed/http.h"
#include "tests/bed/process.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {
namespace {

constexpr absl::Duration kLimit = absl::Minutes(1);
constexpr absl::Duration kLease = absl::Seconds(7);

// rekindle-controller as a program of its own.
class Replica {
 public:
  Replica(const std::string& kubeconfig, const std::string& log) : log_(log) {
    auto process = bed::ChildProcess::Start(
        {REKINDLE_CONTROLLER_PROGRAM, "--kubeconfig", kubeconfig, "--metrics-listen", "127.0.0.1:0",
         "--controllers=*,-webhooks,-recreate", "--leader-elect-lease-duration", "7s",
         "--leader-elect-renew-deadline", "2s", "--leader-elect-retry-period", "200ms"},
        log);
    EXPECT_TRUE(process.ok()) << process.status();
    process_ = *std::move(process);
    static constexpr absl::string_view kPort = "health and metrics: port ";
    EXPECT_TRUE(bed::WaitUntil(
        [&] {
          const std::string text = bed::ReadFile(log_);
          const size_t at = text.find(std::string(kPort));
          if (at == std::string::npos) return !process_->Running();
          const size_t from = at + kPort.size();
          const size_t end = text.find('\n', from);
          return end != std::string::npos &&
                 absl::SimpleAtoi(text.substr(from, end - from), &port_);
        },
        kLimit))
        << bed::ReadFile(log_);
  }

  bool Is(const std::string& phase) const {
    const auto text = bed::HttpGet("127.0.0.1", port_, "/readyz");
    return text.ok() && absl::StartsWith(*text, absl::StrCat("ready: ", phase, "\n"));
  }
  bool Becomes(const std::string& phase, absl::Duration limit = kLimit) const {
    const bool is = bed::WaitUntil([&] { return Is(phase); }, limit);
    if (!is) ADD_FAILURE() << phase << " expected\n" << bed::ReadFile(log_);
    return is;
  }
  void Signal(int signal) const { process_->Signal(signal); }
  absl::StatusOr<int> WaitExit() { return process_->WaitExit(kLimit); }
  std::string Log() const { return bed::ReadFile(log_); }

 private:
  const std::string log_;
  std::unique_ptr<bed::ChildProcess> process_;
  int port_ = 0;
};

class TakeoverTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto server = EmbeddedServer::Start({.data_dir = dir_ / "data", .port = 0});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    one_ = Make();
    ASSERT_TRUE(one_->Becomes("leading"));
    two_ = Make();
    ASSERT_TRUE(two_->Becomes("standby"));
  }
  std::unique_ptr<Replica> Make() {
    return std::make_unique<Replica>(server_->kubeconfig(), dir_ / absl::StrCat("log", ++made_));
  }

  TempDir dir_;
  std::unique_ptr<EmbeddedServer> server_;
  int made_ = 0;
  std::unique_ptr<Replica> one_;
  std::unique_ptr<Replica> two_;
};

TEST_F(TakeoverTest, OfALeaderThatIsKilled) {
  one_->Signal(SIGKILL);
  const absl::Time killed = absl::Now();
  ASSERT_TRUE(two_->Becomes("leading"));
  const absl::Duration took = absl::Now() - killed;
  RecordProperty("takeover_ms", static_cast<int>(absl::ToInt64Milliseconds(took)));
  // Not before the dead one's lease is over, which began at most a retry before.
  EXPECT_GT(took, kLease - absl::Seconds(1));
  EXPECT_LT(took, kLease + absl::Seconds(10));
  const auto three = Make();
  EXPECT_TRUE(three->Becomes("standby"));
  EXPECT_TRUE(two_->Is("leading"));
}

TEST_F(TakeoverTest, OfALeaderThatIsAskedToEnd) {
  one_->Signal(SIGTERM);
  const absl::Time asked = absl::Now();
  ASSERT_TRUE(two_->Becomes("leading"));
  // The lease is given back: its time is not waited for.
  EXPECT_LT(absl::Now() - asked, kLease - absl::Seconds(1));
  const auto code = one_->WaitExit();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 0) << one_->Log();
}

// A machine that stands still for longer than the lease: what wakes up ends, whatever it believed.
TEST_F(TakeoverTest, OfALeaderThatStandsStill) {
  one_->Signal(SIGSTOP);
  ASSERT_TRUE(two_->Becomes("leading"));
  one_->Signal(SIGCONT);
  const auto code = one_->WaitExit();
  ASSERT_TRUE(code.ok()) << code.status();
  EXPECT_EQ(*code, 1);
  EXPECT_THAT(one_->Log(), ::testing::HasSubstr("the lease is lost"));
  EXPECT_TRUE(two_->Is("leading"));
}

}  // namespace
}  // namespace rekindle
