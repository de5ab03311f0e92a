#include "common/client/leader/elector.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "common/api/time.h"
#include "tests/common/client/client_fixture.h"

namespace rekindle::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kLeases[] = "/apis/coordination.k8s.io/v1/leases";

TEST(Lease, Times) {
  EXPECT_EQ(CheckLeaseTimes({}), "");
  EXPECT_THAT(CheckLeaseTimes({.lease = absl::Seconds(10)}), HasSubstr("lease"));
  EXPECT_THAT(CheckLeaseTimes({.renew_deadline = absl::Seconds(2)}), HasSubstr("renew_deadline"));
  EXPECT_THAT(CheckLeaseTimes({.retry = absl::ZeroDuration()}), HasSubstr("retry"));
}

TEST(Lease, RenewalsAndTakeOvers) {
  const absl::Time t0 = absl::FromUnixSeconds(1'800'000'000);
  const Json fresh = NewLease({"sys", "l"}, "a", {}, t0);
  // Scenario 50: six digits, even of whole seconds.
  EXPECT_EQ(json::String(fresh, {"spec", "renewTime"}), "2027-01-15T08:00:00.000000Z");
  EXPECT_EQ(TransitionsOf(fresh), 0);
  Json other = fresh;
  other["spec"]["strategy"] = "kept";
  const Json renewed = HeldBy(other, "a", {}, t0 + absl::Seconds(2));
  EXPECT_EQ(renewed["spec"]["acquireTime"], fresh["spec"]["acquireTime"]);
  EXPECT_NE(renewed["spec"]["renewTime"], fresh["spec"]["renewTime"]);
  EXPECT_EQ(TransitionsOf(renewed), 0);
  const Json taken = HeldBy(renewed, "b", {}, t0 + absl::Seconds(20));
  EXPECT_EQ(HolderOf(taken), "b");
  EXPECT_EQ(TransitionsOf(taken), 1);
  EXPECT_EQ(taken["spec"]["strategy"], "kept");
  const Json released = Released(taken, t0);
  EXPECT_EQ(HolderOf(released), "");
  EXPECT_EQ(released["spec"]["leaseDurationSeconds"], 1);
  EXPECT_EQ(TransitionsOf(released), 1);
}

// One process of several that compete, with a network of its own.
struct Candidate {
  Candidate(Loop& loop, FakeApi& api, const std::string& name)
      : transport(loop, api),
        client(loop, transport, credentials,
               {.requests_per_second = 20, .burst = 20, .timeout = absl::Seconds(5)}),
        work(loop, transport, credentials, {.timeout = absl::Seconds(5), .gate = gate}) {
    LeaderElector::Options options = {
        .lease = {"sys", "lock"},
        .identity = name,
        .started = [this](int64_t term) { log.push_back("started " + std::to_string(term)); },
        .stopped =
            [this](const absl::Status& why) {
              log.push_back("stopped");
              last = why;
            },
        .leader_changed = [this](const std::string& who) { seen.push_back(who); }};
    elector = *LeaderElector::Make(client, gate, options, [] { return 0.5; });
  }

  std::shared_ptr<WriteGate> gate = std::make_shared<WriteGate>();
  FakeTransport transport;
  FakeCredentials credentials;
  ApiClient client;
  ApiClient work;
  std::vector<std::string> log;
  std::vector<std::string> seen;
  absl::Status last;
  std::unique_ptr<LeaderElector> elector;
};

class ElectorTest : public ::testing::Test {
 protected:
  std::string Holder() {
    const auto lease = api_.Find(kLeases, "sys", "lock");
    return lease.has_value() ? std::string(HolderOf(*lease)) : "none";
  }
  bool MayWrite(const Candidate& who) { return who.gate->Check(loop_.Monotonic()).ok(); }
  // In every simulated 100 ms at most one may write.
  void Run(absl::Duration time) {
    for (absl::Duration t; t < time; t += absl::Milliseconds(100)) {
      loop_.Advance(absl::Milliseconds(100));
      EXPECT_FALSE(MayWrite(a_) && MayWrite(b_)) << "two leaders";
    }
  }
  // Nobody reaches the server, or everybody does again.
  static void Cut(Candidate& who, bool cut) { who.transport.refuse = cut; }

  SimLoop loop_;
  FakeApi api_;
  Candidate a_{loop_, api_, "a"};
  Candidate b_{loop_, api_, "b"};
};

TEST_F(ElectorTest, OneLeadsAndTheOtherWaits) {
  a_.elector->Start();
  Run(absl::Seconds(1));
  b_.elector->Start();
  Run(absl::Minutes(5));
  EXPECT_TRUE(a_.elector->leading());
  EXPECT_FALSE(b_.elector->leading());
  EXPECT_THAT(a_.log, ElementsAre("started 0"));
  EXPECT_THAT(b_.log, ElementsAre());
  EXPECT_THAT(b_.seen, ElementsAre("a"));
  EXPECT_TRUE(MayWrite(a_));
  EXPECT_FALSE(MayWrite(b_));
  EXPECT_THAT(b_.elector->last_error().message(), HasSubstr("held by \"a\""));
}

// Scenario 51: by its own clock, whatever the other's says.
TEST_F(ElectorTest, ASilentLeaderIsSucceededAfterTheLeaseEvenWithSkewedClocks) {
  a_.elector->Start();
  Run(absl::Seconds(3));
  // A wall clock that is an hour ahead sees an ancient renewTime.
  loop_.JumpWallClock(absl::Hours(1));
  b_.elector->Start();
  Run(absl::Seconds(5));
  EXPECT_FALSE(b_.elector->leading());
  Cut(a_, true);
  const absl::Duration cut = loop_.Monotonic();
  Run(absl::Seconds(13));
  EXPECT_FALSE(b_.elector->leading());
  EXPECT_TRUE(loop_.AdvanceUntil([&] { return b_.elector->leading(); }, absl::Minutes(1)));
  EXPECT_LE(loop_.Monotonic() - cut, absl::Seconds(22));
  Run(absl::Seconds(1));
  EXPECT_THAT(b_.log, ElementsAre("started 1"));
}

// Scenario 52.
TEST_F(ElectorTest, ALeaderThatCannotRenewStopsBeforeTheLeaseEnds) {
  a_.elector->Start();
  Run(absl::Seconds(30));
  const absl::Duration cut = loop_.Monotonic();
  Cut(a_, true);
  EXPECT_TRUE(loop_.AdvanceUntil([&] { return !MayWrite(a_); }, absl::Minutes(1)));
  EXPECT_LE(loop_.Monotonic() - cut, absl::Seconds(10.1));
  Run(absl::Milliseconds(100));
  EXPECT_THAT(a_.log, ElementsAre("started 0", "stopped"));
  EXPECT_TRUE(absl::IsDeadlineExceeded(a_.last)) << a_.last;
  EXPECT_THAT(a_.last.message(), HasSubstr("connection refused"));
  // It competes no more by itself.
  Cut(a_, false);
  Run(absl::Minutes(1));
  EXPECT_FALSE(a_.elector->leading());
  a_.elector->Start();
  Run(absl::Seconds(30));
  EXPECT_TRUE(a_.elector->leading());
}

// The gate does not wait for the loop: a process that was stopped for a while cannot write when it
// goes on, though no timer of its has run.
TEST_F(ElectorTest, TheGateClosesByItself) {
  a_.elector->Start();
  Run(absl::Seconds(4));
  EXPECT_TRUE(a_.gate->Check(loop_.Monotonic()).ok());
  EXPECT_FALSE(a_.gate->Check(loop_.Monotonic() + absl::Seconds(11)).ok());
}

// A renewal whose answer comes late counts from when it was sent.
TEST_F(ElectorTest, LeadershipCountsFromTheMomentOfSending) {
  a_.transport.latency = absl::Seconds(4);
  a_.elector->Start();
  // GET and POST of 4 s each.
  EXPECT_TRUE(loop_.AdvanceUntil([&] { return a_.elector->leading(); }, absl::Minutes(1)));
  const absl::Duration now = loop_.Monotonic();
  EXPECT_TRUE(a_.gate->Check(now + absl::Seconds(5.9)).ok());
  EXPECT_FALSE(a_.gate->Check(now + absl::Seconds(6)).ok());
}

// Scenario 53.
TEST_F(ElectorTest, ACleanEndHandsOverAtOnce) {
  a_.elector->Start();
  Run(absl::Seconds(3));
  b_.elector->Start();
  Run(absl::Seconds(10));
  absl::Status released = absl::UnknownError("");
  a_.elector->Release([&](const absl::Status& status) { released = status; });
  EXPECT_FALSE(MayWrite(a_));
  const absl::Duration start = loop_.Monotonic();
  EXPECT_TRUE(loop_.AdvanceUntil([&] { return b_.elector->leading(); }, absl::Minutes(1)));
  EXPECT_LE(loop_.Monotonic() - start, absl::Seconds(2) * 2.2 + absl::Milliseconds(50));
  EXPECT_TRUE(released.ok()) << released;
  Run(absl::Seconds(1));
  EXPECT_THAT(b_.log, ElementsAre("started 1"));
  EXPECT_THAT(a_.log, ElementsAre("started 0"));  // it asked for the end itself
}

TEST_F(ElectorTest, ReleaseOfACandidateLeavesTheLeaseAlone) {
  a_.elector->Start();
  Run(absl::Seconds(3));
  b_.elector->Start();
  Run(absl::Seconds(3));
  absl::Status released = absl::UnknownError("");
  b_.elector->Release([&](const absl::Status& status) { released = status; });
  Run(absl::Seconds(1));
  EXPECT_TRUE(released.ok());
  EXPECT_EQ(Holder(), "a");
}

TEST_F(ElectorTest, ALeaseThatSomebodyElseTookIsLostAtOnce) {
  a_.elector->Start();
  Run(absl::Seconds(5));
  Json lease = *api_.Find(kLeases, "sys", "lock");
  api_.Put(kLeases, HeldBy(lease, "intruder", {}, loop_.Now()));
  Run(absl::Seconds(3));
  EXPECT_THAT(a_.log, ElementsAre("started 0", "stopped"));
  EXPECT_FALSE(MayWrite(a_));
  EXPECT_THAT(a_.last.message(), HasSubstr("intruder"));
}

TEST_F(ElectorTest, AStrangersTouchOfTheLeaseIsNoLoss) {
  a_.elector->Start();
  Run(absl::Seconds(5));
  Json lease = *api_.Find(kLeases, "sys", "lock");
  lease["metadata"]["labels"]["x"] = "y";
  api_.Put(kLeases, lease);
  Run(absl::Seconds(30));
  EXPECT_TRUE(a_.elector->leading());
  EXPECT_THAT(a_.log, ElementsAre("started 0"));
}

TEST_F(ElectorTest, ADeletedLeaseIsMadeAnew) {
  a_.elector->Start();
  Run(absl::Seconds(5));
  api_.Remove(kLeases, "sys", "lock");
  Run(absl::Seconds(10));
  EXPECT_TRUE(a_.elector->leading());
  EXPECT_EQ(Holder(), "a");
}

// Whatever the network does, two never write at once, and nothing reaches the server from one that
// has lost the lease.
TEST_F(ElectorTest, NobodyWritesWithoutTheLease) {
  a_.elector->Start();
  b_.elector->Start();
  uint32_t random = 12345;
  const auto next = [&] { return (random = random * 1664525U + 1013904223U) >> 16; };
  int written = 0;
  for (int round = 0; round < 400; ++round) {
    Cut(a_, next() % 3 == 0);
    Cut(b_, next() % 3 == 0);
    a_.transport.latency = absl::Milliseconds(next() % 6000);
    b_.transport.latency = absl::Milliseconds(next() % 6000);
    for (Candidate* who : {&a_, &b_}) {
      who->elector->Start();
      const std::string name = "w" + std::to_string(round) + (who == &a_ ? "a" : "b");
      who->work.Create({PodResource(), {"ns", name}, ""}, {{"metadata", {{"name", name}}}}, {},
                       [&](const absl::StatusOr<Json>& got) { written += got.ok() ? 1 : 0; });
    }
    api_.Intercept([&](const FakeApi::Request& request) -> std::optional<FakeApi::Answer> {
      // As the server sees it: a write is the leader's, by the gate's own account.
      if (request.method == "POST" && request.path.find("pods") != std::string::npos) {
        EXPECT_NE(MayWrite(a_), MayWrite(b_));
      }
      return std::nullopt;
    });
    Run(absl::Milliseconds(500 + next() % 4000));
  }
  EXPECT_GT(written, 50);
}

TEST_F(ElectorTest, OptionsAreChecked) {
  const auto wrong = [&](LeaderElector::Options options) {
    return LeaderElector::Make(a_.client, a_.gate, std::move(options), [] { return 0.0; }).status();
  };
  EXPECT_EQ(wrong({.lease = {"sys", "x"}}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(wrong({.lease = {"", "x"}, .identity = "i"}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      wrong({.lease = {"s", "x"}, .identity = "i", .times = {.lease = absl::Seconds(1)}}).code(),
      absl::StatusCode::kInvalidArgument);
  double chance = 0;
  const Random random = [&] { return chance += 0.1; };
  EXPECT_EQ(NewIdentity("host", random).size(), std::string("host_").size() + 16);
}

}  // namespace
}  // namespace rekindle::client
