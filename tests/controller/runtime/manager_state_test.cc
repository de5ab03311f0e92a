#include "controller/runtime/manager_state.h"

#include <gmock/gmock.h>

namespace rekindle {
namespace {

using ::testing::HasSubstr;

ManagerState Syncing() {
  ManagerState state;
  state.phase = ManagerPhase::kSyncing;
  state.election = true;
  state.lease = "sys/lock";
  state.identity = "a_1";
  state.caches = {{.name = "pods", .synced = true, .doing = "watching", .objects = 12}};
  ManagerState::OneController one;
  one.name = "recreate";
  one.caches = {{.name = "requests",
                 .synced = false,
                 .doing = "pausing before a list: forbidden\nno",
                 .objects = 1,
                 .broken = 2}};
  state.controllers = {one};
  return state;
}

TEST(ReadinessTest, SaysWhatIsMissing) {
  const HealthAnswer answer = Readiness(Syncing());
  EXPECT_FALSE(answer.ok);
  EXPECT_EQ(answer.text,
            "not ready: caches fill\n"
            "    lease sys/lock: no holder known; this process is a_1\n"
            "[+] cache pods: 12 objects, watching\n"
            "[-] controller recreate: its caches fill\n"
            "[-] recreate, cache requests: 1 object, pausing before a list: forbidden no; 2 cannot "
            "be read\n");
}

TEST(ReadinessTest, OfEachPhase) {
  const struct {
    ManagerPhase phase;
    bool live;
    bool ready;
    bool serves;
  } cases[] = {
      {ManagerPhase::kIdle, true, false, false},     {ManagerPhase::kSyncing, true, false, true},
      {ManagerPhase::kStandby, true, true, true},    {ManagerPhase::kRunning, true, true, true},
      {ManagerPhase::kStopping, true, false, false}, {ManagerPhase::kStopped, true, false, false},
      {ManagerPhase::kLost, false, false, false},
  };
  for (const auto& row : cases) {
    ManagerState state = Syncing();
    state.phase = row.phase;
    EXPECT_EQ(Readiness(state).ok, row.ready) << ManagerPhaseName(row.phase);
    EXPECT_EQ(Liveness(state).ok, row.live) << ManagerPhaseName(row.phase);
    EXPECT_EQ(Serving(state).ok, row.serves) << ManagerPhaseName(row.phase);
    EXPECT_THAT(Readiness(state).text, HasSubstr(std::string(ManagerPhaseName(row.phase))));
  }
}

TEST(ReadinessTest, SaysWhoLeads) {
  ManagerState state = Syncing();
  state.phase = ManagerPhase::kStandby;
  state.leader = "b_2";
  EXPECT_THAT(Readiness(state).text, HasSubstr("held by b_2; this process is a_1"));
  EXPECT_EQ(Summary(state), "standby, b_2 leads; 1 controller");
  state.leader.clear();
  state.election_error = absl::PermissionDeniedError("leases is forbidden");
  EXPECT_THAT(Readiness(state).text, HasSubstr("no holder known; this process is a_1; leases is"));
  state.phase = ManagerPhase::kRunning;
  state.leading = true;
  EXPECT_THAT(Readiness(state).text, HasSubstr("held by this process, a_1"));
  state.election = false;
  EXPECT_THAT(Readiness(state).text, HasSubstr("no election"));
  state.controllers.clear();
  EXPECT_EQ(Summary(state), "leading; 0 controllers");
}

TEST(ReadinessTest, WaitsForWhatAControllerLacks) {
  ManagerState state = Syncing();
  state.phase = ManagerPhase::kStandby;
  state.controllers[0].synced = true;
  EXPECT_TRUE(Readiness(state).ok);
  state.controllers[0].health = absl::UnavailableError("no certificate yet");
  EXPECT_FALSE(Readiness(state).ok);
  EXPECT_THAT(Readiness(state).text,
              HasSubstr("[-] controller recreate: caches filled; no certificate yet\n"));
  EXPECT_FALSE(Serving(state).ok);
  EXPECT_EQ(Serving(state).text, "not serving\n[-] controller recreate: no certificate yet\n");
}

TEST(LivenessTest, SaysWhyTheLeaseWent) {
  ManagerState state = Syncing();
  EXPECT_EQ(Liveness(state).text, "ok\n");
  state.phase = ManagerPhase::kLost;
  state.why = absl::DeadlineExceededError("not renewed");
  EXPECT_EQ(Liveness(state).text, "the lease is lost: not renewed\n");
}

// The table has one way out of each state for each event, and ends are ends.
TEST(ManagerPhasesTest, TableIsUnambiguous) {
  for (const ManagerTransition& a : kManagerTransitions) {
    EXPECT_EQ(NextManagerPhase(a.from, a.event), a.to);
    for (const ManagerTransition& b : kManagerTransitions) {
      if (&a != &b) {
        EXPECT_FALSE(a.from == b.from && a.event == b.event) << ManagerPhaseName(a.from);
      }
    }
    EXPECT_NE(a.from, ManagerPhase::kLost);
    EXPECT_NE(a.from, ManagerPhase::kStopped);
  }
  EXPECT_EQ(NextManagerPhase(ManagerPhase::kSyncing, ManagerEvent::kElected), std::nullopt);
}

}  // namespace
}  // namespace rekindle
