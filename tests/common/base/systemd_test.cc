#include "common/base/systemd.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/fakes/sim_loop.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// Stands in for the service manager: a datagram socket at NOTIFY_SOCKET.
class SystemdTest : public ::testing::Test {
 protected:
  SystemdTest() {
    fd_ = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    setenv("NOTIFY_SOCKET", path_.c_str(), 1);
  }
  ~SystemdTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) unsetenv(name);
    CloseManager();
  }

  void CloseManager() {
    if (fd_ < 0) return;
    close(fd_);
    fd_ = -1;
    unlink(path_.c_str());
  }

  // The next message; empty when there is none. Sending is done when sd_notify returns.
  std::string Receive() const {
    char buffer[512];
    const ssize_t size = recv(fd_, buffer, sizeof(buffer), 0);
    return size < 0 ? "" : std::string(buffer, static_cast<size_t>(size));
  }

  SimLoop loop_;
  TempDir directory_;
  std::string path_ = directory_ / "notify";
  int fd_ = -1;
};

TEST_F(SystemdTest, TellsTheStagesOfLife) {
  SystemdNotifier notifier(loop_, SystemdEnvironment::FromProcess());
  EXPECT_TRUE(notifier.Ready("serving").ok());
  EXPECT_EQ(Receive(), "READY=1\nSTATUS=serving");
  EXPECT_TRUE(notifier.Status("two\nlines").ok());
  EXPECT_EQ(Receive(), "STATUS=two lines");
  EXPECT_TRUE(notifier.Reloading().ok());
  EXPECT_THAT(Receive(), StartsWith("RELOADING=1\nMONOTONIC_USEC="));
  EXPECT_TRUE(notifier.Stopping("draining").ok());
  EXPECT_EQ(Receive(), "STOPPING=1\nSTATUS=draining");
}

TEST_F(SystemdTest, FeedsTheWatchdogAtHalfItsPeriodFromTheLoop) {
  setenv("WATCHDOG_USEC", "4000000", 1);
  setenv("WATCHDOG_PID", absl::StrCat(getpid()).c_str(), 1);
  const SystemdEnvironment environment = SystemdEnvironment::FromProcess();
  EXPECT_EQ(environment.watchdog, absl::Seconds(4));
  SystemdNotifier notifier(loop_, environment);
  loop_.Advance(absl::Seconds(10));
  EXPECT_EQ(Receive(), "") << "fed before the service was ready";
  ASSERT_TRUE(notifier.Ready("").ok());
  EXPECT_EQ(Receive(), "WATCHDOG=1");
  EXPECT_THAT(Receive(), StartsWith("READY=1"));
  loop_.Advance(absl::Milliseconds(1999));
  EXPECT_EQ(Receive(), "");
  loop_.Advance(absl::Milliseconds(1));
  EXPECT_EQ(Receive(), "WATCHDOG=1");
  loop_.Advance(absl::Seconds(2));
  EXPECT_EQ(Receive(), "WATCHDOG=1");
  EXPECT_EQ(Receive(), "");
}

TEST_F(SystemdTest, IgnoresAWatchdogMeantForAnotherProcess) {
  setenv("WATCHDOG_USEC", "4000000", 1);
  setenv("WATCHDOG_PID", absl::StrCat(getppid()).c_str(), 1);
  EXPECT_EQ(SystemdEnvironment::FromProcess().watchdog, absl::ZeroDuration());
}

TEST_F(SystemdTest, StopsFeedingWhenItGoesAway) {
  {
    SystemdNotifier notifier(loop_, {.notify = true, .watchdog = absl::Seconds(2)});
    ASSERT_TRUE(notifier.Ready("").ok());
  }
  EXPECT_EQ(loop_.pending_timers(), 0u);
}

TEST_F(SystemdTest, DoesNothingWithoutAManager) {
  unsetenv("NOTIFY_SOCKET");
  setenv("WATCHDOG_USEC", "4000000", 1);
  SystemdNotifier notifier(loop_, SystemdEnvironment::FromProcess());
  EXPECT_TRUE(notifier.Ready("serving").ok());
  EXPECT_TRUE(notifier.Reloading().ok());
  EXPECT_TRUE(notifier.Stopping("").ok());
  EXPECT_EQ(loop_.pending_timers(), 0u);
  EXPECT_EQ(Receive(), "");
}

TEST_F(SystemdTest, ReportsAManagerThatIsGone) {
  SystemdNotifier notifier(loop_, SystemdEnvironment::FromProcess());
  CloseManager();
  const absl::Status status = notifier.Ready("serving");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), HasSubstr("service manager"));
}

}  // namespace
}  // namespace rekindle
