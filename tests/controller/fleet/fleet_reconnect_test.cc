// Daemons that go, come, move, or are not known yet.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <atomic>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tests/controller/fleet/fleet_fixture.h"

namespace rekindle::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FleetReconnectTest : public FleetTest {
 protected:
  FakeNodeService daemon_;
};

TEST_F(FleetReconnectTest, AStreamThatBreaksIsMadeAnewAndNothingIsToldTwice) {
  Make();
  daemon_.Start();
  SetSocket("n1", daemon_);
  daemon_.WillRestart({.messages = {State("r1", 1), State("r1", 2)}, .stay_open = true});
  const HeardPtr heard = Restart("n1", "r1");
  ASSERT_TRUE(AwaitProgress(heard, 2));
  daemon_.Stop();
  ASSERT_TRUE(AwaitReason(heard, "the daemon of node n1 at unix:"));
  // An older state first: a daemon that has read its journal.
  daemon_.WillRestart({.messages = {State("r1", 1), State("r1", 2), State("r1", 4)}});
  daemon_.Start();
  EXPECT_TRUE(heard->End().ok());
  EXPECT_THAT(heard->progress, ElementsAre("r1/c:ACCEPTED", "r1/c:STOPPING", "r1/c:DONE"));
  EXPECT_TRUE(heard->waiting.back().ok());
  EXPECT_FALSE(heard->waiting.front().ok());
  EXPECT_EQ(Stats().connected, 2);
  EXPECT_GE(Stats().repeated, 1);
  EXPECT_EQ(daemon_.last_restart().request_id(), "r1");
}

TEST_F(FleetReconnectTest, ADaemonThatCutsItsStreamsOffIsCalledAgain) {
  Make();
  daemon_.Start();
  SetSocket("n1", daemon_);
  daemon_.WillRestart(
      {.messages = {State("r1", 1)}, .status = {grpc::StatusCode::CANCELLED, "the daemon stops"}});
  daemon_.WillRestart({.messages = {State("r1", 1), State("r1", 4)}});
  const HeardPtr heard = Restart("n1", "r1");
  EXPECT_TRUE(heard->End().ok());
  EXPECT_THAT(heard->progress, ElementsAre("r1/c:ACCEPTED", "r1/c:DONE"));
  ASSERT_THAT(heard->waiting, SizeIs(2));
  EXPECT_THAT(std::string(heard->waiting[0].message()), HasSubstr("the daemon stops"));
}

TEST_F(FleetReconnectTest, ANodeThatIsKnownLater) {
  Make();
  daemon_.Start();
  daemon_.WillRestart(Whole("r1"));
  const HeardPtr heard = Restart("n1", "r1");
  ASSERT_TRUE(AwaitReason(heard, "no daemon is known on node n1"));
  EXPECT_EQ(Stats().waiting, 1);
  SetSocket("n1", daemon_);
  EXPECT_TRUE(heard->End().ok());
  EXPECT_THAT(heard->waiting, SizeIs(2));
}

TEST_F(FleetReconnectTest, ADaemonThatComesLater) {
  Make();
  SetSocket("n1", daemon_);
  daemon_.WillRestart(Whole("r1"));
  const HeardPtr heard = Restart("n1", "r1");
  ASSERT_TRUE(AwaitReason(heard, "cannot be reached: "));
  ASSERT_TRUE(AwaitStats([](const FleetStats& now) { return now.connect_failures >= 3; }));
  EXPECT_EQ(Stats().unreachable, 1);
  daemon_.Start();
  EXPECT_TRUE(heard->End().ok());
  EXPECT_THAT(heard->waiting, SizeIs(2));  // the same reason is told once
  EXPECT_EQ(Stats().unreachable, 0);
}

TEST_F(FleetReconnectTest, CallsLeaveAnEndpointThatIsNoLongerTheNodes) {
  Make();
  FakeNodeService other;
  daemon_.Start();
  other.Start();
  SetSocket("n1", daemon_);
  daemon_.WillRestart({.messages = {State("r1", 1)}, .stay_open = true});
  other.WillRestart({.messages = {State("r1", 1), State("r1", 4)}});
  const HeardPtr heard = Restart("n1", "r1");
  ASSERT_TRUE(AwaitProgress(heard, 1));
  SetSocket("n1", other);
  EXPECT_TRUE(heard->End().ok());
  EXPECT_THAT(heard->progress, ElementsAre("r1/c:ACCEPTED", "r1/c:DONE"));
  ASSERT_THAT(heard->waiting, SizeIs(2));
  EXPECT_THAT(std::string(heard->waiting[0].message()), HasSubstr("is now at unix:"));
}

TEST_F(FleetReconnectTest, ARemovedEndpointFinishesWhatItHas) {
  Make();
  daemon_.Start();
  SetSocket("n1", daemon_);
  auto go = std::make_shared<Latch>();
  Script script = Whole("r1");
  script.then = [go] { go->Wait(); };
  daemon_.WillRestart(std::move(script));
  daemon_.WillRestart(Whole("r2"));
  const HeardPtr running = Restart("n1", "r1");
  ASSERT_TRUE(AwaitProgress(running, 4));
  Remove("n1");
  Remove("n2");
  const HeardPtr later = Restart("n1", "r2");
  EXPECT_TRUE(AwaitReason(later, "no daemon is known on node n1"));
  go->Open();
  EXPECT_TRUE(running->End().ok());
  EXPECT_THAT(running->waiting, IsEmpty());
  SetSocket("n1", daemon_);
  EXPECT_TRUE(later->End().ok());
}

int Listen(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_EQ(listen(fd, 100), 0);
  return fd;
}

// Accepts connections and closes them at once.
class Slammer {
 public:
  explicit Slammer(const std::string& path) : fd_(Listen(path)) {
    thread_ = std::thread([this] {
      while (true) {
        const int peer = accept(fd_, nullptr, nullptr);
        if (peer < 0) return;
        close(peer);
        ++accepted_;
      }
    });
  }
  ~Slammer() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  uint64_t accepted() const { return accepted_; }

 private:
  const int fd_;
  std::atomic<uint64_t> accepted_ = 0;
  std::thread thread_;
};

TEST_F(FleetReconnectTest, OneAttemptAPauseHoweverManyCallsWait) {
  Make();
  const TempDir dir;
  Slammer slammer(dir / "s");
  ASSERT_TRUE(Set("n1", {.target = "unix:" + (dir / "s")}).ok());
  std::vector<HeardPtr> calls;
  for (int i = 0; i < 200; ++i) calls.push_back(Restart("n1", absl::StrCat("r", i)));
  ASSERT_TRUE(AwaitStats([](const FleetStats& now) { return now.connect_failures >= 5; }));
  FleetStats stats;
  uint64_t accepted = 0;
  RunOn(loop_, [&] {
    stats = fleet_->Stats();
    accepted = slammer.accepted();
  });
  EXPECT_GE(accepted, 5);
  EXPECT_LE(accepted, stats.connect_failures + 2);  // one under way, and one that gRPC repeats
  EXPECT_EQ(stats.waiting, 200);
  EXPECT_EQ(stats.under_way, 0);
  RunOn(loop_, [&] {
    // gRPC has two names for it.
    for (const HeardPtr& heard : calls) {
      ASSERT_GE(heard->waiting.size(), 1);
      ASSERT_LE(heard->waiting.size(), stats.connect_failures);
    }
  });
}

TEST_F(FleetReconnectTest, WhoSaysNothingIsNotWaitedForForEver) {
  FleetOptions options = Quick();
  options.link.connect_timeout = absl::Milliseconds(50);
  options.link.slow_after = absl::Milliseconds(10);
  options.most_connecting = 1;
  Make(options);
  const TempDir dir;
  const int silent = Listen(dir / "s");
  daemon_.Start();
  daemon_.WillRestart(Whole("r2"));
  ASSERT_TRUE(Set("n1", {.target = "unix:" + (dir / "s")}).ok());
  SetSocket("n2", daemon_);
  const HeardPtr waiting = Restart("n1", "r1");
  const HeardPtr other = Restart("n2", "r2");
  EXPECT_TRUE(AwaitReason(waiting, "cannot be reached: no connection within 50ms"));
  EXPECT_TRUE(other->End().ok());
  Discard();
  close(silent);
}

TEST_F(FleetReconnectTest, WhoeverIsSaidToBeThereIsTriedAtOnce) {
  FleetOptions options = Quick();
  options.link.pauses = {.initial = absl::Hours(1), .max = absl::Hours(1)};
  Make(options);
  SetSocket("n1", daemon_);
  const HeardPtr heard = Restart("n1", "r1");
  ASSERT_TRUE(AwaitReason(heard, "cannot be reached: "));
  daemon_.WillRestart(Whole("r1"));
  daemon_.Start();
  SetSocket("n1", daemon_);
  EXPECT_TRUE(heard->End().ok());
}

TEST_F(FleetReconnectTest, AConnectionThatEndedWhileNobodyUsedIt) {
  FleetOptions options = Quick();
  options.link.pauses = {.initial = absl::Milliseconds(1), .max = absl::Milliseconds(1)};
  Make(options);
  daemon_.Start();
  SetSocket("n1", daemon_);
  for (int i = 0; i < 3; ++i) {
    daemon_.WillRestart(Whole("r1"));
    EXPECT_TRUE(Restart("n1", "r1")->End().ok());
    daemon_.Stop();
    daemon_.Start();
  }
  EXPECT_EQ(Stats().connected, 3);
}

TEST_F(FleetReconnectTest, PausesGrowAndAreShortAgainAfterAnAnswer) {
  FleetOptions options = Quick();
  options.link.pauses = {
      .initial = absl::Milliseconds(10), .max = absl::Seconds(100), .factor = 10};
  Make(options);
  SetSocket("n1", daemon_);
  daemon_.WillRestart({.messages = {State("r1", 1)}, .stay_open = true});
  const HeardPtr heard = Restart("n1", "r1");
  // 10 ms, 100 ms; the next pause is 1 s, the one after that 10 s.
  ASSERT_TRUE(AwaitStats([](const FleetStats& now) { return now.connect_failures == 3; }));
  daemon_.Start();
  ASSERT_TRUE(AwaitProgress(heard, 1));
  daemon_.WillRestart({.messages = {State("r1", 4)}});
  daemon_.Stop();
  daemon_.Start();
  const absl::Duration before = loop_.Monotonic();
  EXPECT_TRUE(heard->End().ok());
  EXPECT_LT(loop_.Monotonic() - before, absl::Seconds(5));
}

}  // namespace
}  // namespace rekindle::fleet
