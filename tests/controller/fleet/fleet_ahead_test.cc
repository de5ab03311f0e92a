// Connections that are made before anybody needs them.
#include <string>
#include <vector>

#include "tests/controller/fleet/fleet_fixture.h"
#include "tests/fakes/sim_daemons.h"

namespace rekindle::fleet {
namespace {

using ::testing::IsEmpty;

class FleetAheadTest : public FleetTest {
 protected:
  static FleetOptions Eager() {
    FleetOptions options = Quick();
    options.ahead_per_second = 10'000;
    options.ahead_again = absl::Milliseconds(20);
    return options;
  }
  void ConnectAhead() {
    RunOn(loop_, [&] { fleet_->ConnectAhead(); });
  }
  // As many daemons, each at a socket of its own: nodes "0", "1", ...
  void StartDaemons(int count) {
    daemons_ = std::make_unique<SimDaemons>(SimDaemons::Options{.nodes = count,
                                                                .shortest = absl::Milliseconds(5),
                                                                .longest = absl::Milliseconds(20),
                                                                .directory = dir_.path()});
  }
  void SetAll() {
    for (size_t i = 0; i < daemons_->targets().size(); ++i) {
      ASSERT_TRUE(Set(std::to_string(i), {.target = daemons_->targets()[i]}).ok());
    }
  }
  bool AwaitConnections(size_t count) {
    return AwaitStats([&](const FleetStats& now) { return now.connections == count; });
  }

  TempDir dir_;
  std::unique_ptr<SimDaemons> daemons_;
};

TEST_F(FleetAheadTest, NodesAreConnectedBeforeAndAfterTheirCalls) {
  FleetOptions options = Eager();
  options.idle_at_least = absl::Milliseconds(1);
  options.idle_after = absl::Milliseconds(2);
  Make(options);
  StartDaemons(20);
  SetAll();
  EXPECT_EQ(Stats().connected, 0);
  ConnectAhead();
  ConnectAhead();
  EXPECT_TRUE(AwaitConnections(20));
  FakeNodeService late;
  late.Start();
  SetSocket("late", late);
  EXPECT_TRUE(AwaitConnections(21));
  // Nobody is closed for having nothing to do, and nobody waits for a connection.
  for (int i = 0; i < 20; ++i) {
    const HeardPtr heard = Restart(std::to_string(i), absl::StrCat("r", i));
    EXPECT_TRUE(heard->End().ok());
    EXPECT_THAT(heard->waiting, IsEmpty());
  }
  EXPECT_EQ(Stats().connected, 21);
  EXPECT_EQ(Stats().connections, 21);
  Remove("7");
  EXPECT_TRUE(AwaitConnections(20));
  ASSERT_TRUE(Set("7", {.target = daemons_->targets()[7]}).ok());
  EXPECT_TRUE(AwaitConnections(21));
  Discard();
}

TEST_F(FleetAheadTest, NoMoreThanAreKept) {
  FleetOptions options = Eager();
  options.most_idle = 3;
  options.idle_at_least = absl::Milliseconds(1);
  Make(options);
  StartDaemons(6);
  SetAll();
  ConnectAhead();
  EXPECT_TRUE(AwaitConnections(3));
  // Others are connected to when they are called, and then it is they who are kept.
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 6; ++i) {
      const HeardPtr heard = Restart(std::to_string(i), absl::StrCat("r", round, ".", i));
      EXPECT_TRUE(heard->End().ok());
    }
  }
  EXPECT_TRUE(AwaitConnections(3));
  EXPECT_GE(Stats().connected, 6);
  Discard();
}

TEST_F(FleetAheadTest, OneAfterTheOtherAtAPace) {
  FleetOptions options = Eager();
  options.ahead_at_once = 1;
  options.ahead_per_second = 100;
  Make(options);
  StartDaemons(20);
  SetAll();
  const absl::Duration begin = loop_.Monotonic();
  ConnectAhead();
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) {
    EXPECT_LE(now.connecting, 1);
    return now.connections == 20;
  }));
  EXPECT_GE(loop_.Monotonic() - begin, absl::Milliseconds(180));
  Discard();
}

TEST_F(FleetAheadTest, AConnectionThatEndsIsMadeAgainThoughNobodyCalls) {
  Make(Eager());
  FakeNodeService daemon;
  daemon.Start();
  SetSocket("n1", daemon);
  ConnectAhead();
  for (uint64_t round = 1; round <= 3; ++round) {
    EXPECT_TRUE(AwaitConnections(1));
    EXPECT_EQ(Stats().connected, round);
    daemon.Stop();
    EXPECT_TRUE(AwaitConnections(0));
    daemon.Start();
  }
  EXPECT_TRUE(AwaitConnections(1));
  daemon.WillRestart(Whole("r1"));
  EXPECT_TRUE(Restart("n1", "r1")->End().ok());
}

TEST_F(FleetAheadTest, OneThatHasHeldForLongMayEndInPeace) {
  FleetOptions options = Eager();
  options.ahead_again = absl::Hours(1);
  options.link.pauses = {.initial = absl::Milliseconds(1), .max = absl::Milliseconds(1)};
  Make(options);
  FakeNodeService daemon;
  daemon.Start();
  SetSocket("n1", daemon);
  ConnectAhead();
  ASSERT_TRUE(AwaitConnections(1));
  const absl::Duration up = loop_.Monotonic();
  ASSERT_TRUE(AwaitOn(loop_, [&] { return loop_.Monotonic() - up > absl::Milliseconds(2); }));
  // It is no failure: otherwise the next attempt would come in an hour.
  daemon.Stop();
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.connect_failures >= 1; }));
  EXPECT_EQ(Stats().connections_broken, 0);
}

TEST_F(FleetAheadTest, WhoIsAwayIsKnownBeforeAndTriedAtLeisure) {
  FleetOptions options = Eager();
  options.ahead_again = absl::Hours(1);
  Make(options);
  FakeNodeService daemon;
  SetSocket("n1", daemon);
  StartDaemons(5);
  ConnectAhead();
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.unreachable == 1; }));
  // Others do not wait for it.
  SetAll();
  EXPECT_TRUE(AwaitConnections(5));
  EXPECT_EQ(Stats().connect_failures, 1);
  // Its pod says that it is ready.
  daemon.Start();
  SetSocket("n1", daemon);
  EXPECT_TRUE(AwaitConnections(6));
  EXPECT_EQ(Stats().unreachable, 0);
  Discard();
}

TEST_F(FleetAheadTest, ACallDoesNotWaitForItsNodesTurn) {
  FleetOptions options = Eager();
  options.ahead_at_once = 1;
  options.ahead_per_second = 0.001;
  Make(options);
  StartDaemons(3);
  SetAll();
  ConnectAhead();
  EXPECT_TRUE(AwaitConnections(1));
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(Restart(std::to_string(i), absl::StrCat("r", i))->End().ok());
  }
  EXPECT_EQ(Stats().connected, 3);
  Discard();
}

}  // namespace
}  // namespace rekindle::fleet
