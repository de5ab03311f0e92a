// Calls to daemons that are there: their ends, bounds, timeouts, one attempt of plain calls.
#include <string>
#include <vector>

#include "tests/controller/fleet/fleet_fixture.h"

namespace rekindle::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class FleetCallsTest : public FleetTest {
 protected:
  void SetUp() override { daemon_.Start(); }

  absl::StatusOr<node::v1::ListPodsResponse> ListPods(const std::string& node,
                                                      absl::Duration timeout = absl::Seconds(60)) {
    return AwaitReply<node::v1::ListPodsResponse>(loop_, [=, this](auto done) {
      last_call_ = fleet_->ListPods(node, {}, timeout, std::move(done));
    });
  }
  absl::StatusOr<node::v1::Operation> Cancel(const std::string& node, const std::string& id) {
    return AwaitReply<node::v1::Operation>(loop_, [=, this](auto done) {
      fleet_->CancelOperation(node, id, /*pod_terminating=*/false, absl::Seconds(60),
                              std::move(done));
    });
  }

  FakeNodeService daemon_;
};

TEST_F(FleetCallsTest, RestartTellsEachStateAndItsEnd) {
  Make();
  SetSocket("n1", daemon_);
  daemon_.WillRestart(Whole("r1"));
  const HeardPtr heard = Restart("n1", "r1");
  EXPECT_TRUE(heard->End().ok());
  EXPECT_THAT(heard->progress,
              ElementsAre("r1/c:ACCEPTED", "r1/c:STOPPING", "r1/c:STARTING", "r1/c:DONE"));
  EXPECT_THAT(heard->waiting, IsEmpty());
  EXPECT_EQ(daemon_.last_restart().pod().name(), "web");
  const FleetStats stats = Stats();
  EXPECT_EQ(stats.calls[0].ended.at(absl::StatusCode::kOk), 1);
  EXPECT_EQ(stats.connected, 1);
  EXPECT_EQ(stats.connections, 1);
  EXPECT_EQ(stats.under_way, 0);
  EXPECT_EQ(stats.waiting, 0);
  EXPECT_EQ(stats.repeated, 0);
}

TEST_F(FleetCallsTest, CallbacksMayBeMissing) {
  Make();
  SetSocket("n1", daemon_);
  daemon_.WillRestart(Refusal(grpc::StatusCode::UNAVAILABLE, "the runtime does not answer"));
  daemon_.WillRestart(Whole("r1"));
  EXPECT_TRUE(AwaitDone(loop_, [&](auto done) {
                fleet_->Restart("n1", Request("r1"), absl::Seconds(60), {.ended = std::move(done)});
              }).ok());
}

TEST_F(FleetCallsTest, RefusalsEndTheCall) {
  Make();
  SetSocket("n1", daemon_);
  for (const auto code : {grpc::StatusCode::INVALID_ARGUMENT, grpc::StatusCode::NOT_FOUND,
                          grpc::StatusCode::FAILED_PRECONDITION,
                          grpc::StatusCode::PERMISSION_DENIED, grpc::StatusCode::UNAUTHENTICATED}) {
    daemon_.WillRestart(Refusal(code, "no\nway"));
    const HeardPtr heard = Restart("n1", "r1");
    const absl::Status end = heard->End();
    EXPECT_EQ(static_cast<int>(end.code()), static_cast<int>(code));
    EXPECT_EQ(end.message(), "no way");
    EXPECT_THAT(heard->waiting, IsEmpty());
  }
  EXPECT_THAT(daemon_.requests(), SizeIs(5));
  EXPECT_EQ(Stats().connected, 1);
}

TEST_F(FleetCallsTest, ADaemonWithoutRoomIsAskedAgain) {
  Make();
  SetSocket("n1", daemon_);
  daemon_.WillRestart(Refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "the journal is full"));
  daemon_.WillRestart(Refusal(grpc::StatusCode::RESOURCE_EXHAUSTED, "the journal is full"));
  daemon_.WillRestart(Refusal(grpc::StatusCode::UNAVAILABLE, "the runtime does not answer"));
  daemon_.WillRestart(Whole("r1"));
  const HeardPtr heard = Restart("n1", "r1");
  EXPECT_TRUE(heard->End().ok());
  ASSERT_THAT(heard->waiting, SizeIs(3));  // the same reason is told once
  EXPECT_EQ(heard->waiting[0],
            absl::ResourceExhaustedError(
                "the daemon of node n1 cannot take it now: the journal is full"));
  EXPECT_EQ(heard->waiting[1],
            absl::UnavailableError(
                "the daemon of node n1 cannot take it now: the runtime does not answer"));
  EXPECT_TRUE(heard->waiting[2].ok());
  EXPECT_THAT(daemon_.requests(), SizeIs(4));
  EXPECT_EQ(Stats().connected, 1);
  EXPECT_EQ(Stats().repeated, 3);
}

TEST_F(FleetCallsTest, TimeoutSaysWhatWasWaitedFor) {
  Make();
  SetSocket("n1", daemon_);
  EXPECT_TRUE(ListPods("n1").ok());  // connected
  daemon_.WillRestart({.messages = {State("r1", 2)}, .stay_open = true});
  const HeardPtr working = Restart("n1", "r1", absl::Seconds(2));
  const absl::Status at_work = working->End();
  EXPECT_EQ(at_work.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(at_work.message(), "no end within 2s: the daemon works on container c");
  daemon_.WillRestart({.stay_open = true});
  EXPECT_EQ(Restart("n1", "r2", absl::Milliseconds(50))->End().message(),
            "no end within 50ms: the daemon of node n1 has not answered");
  EXPECT_EQ(Restart("n2", "r3", absl::Milliseconds(50))->End().message(),
            "no end within 50ms: no daemon is known on node n2");
  EXPECT_EQ(Restart("n2", "r4", -absl::Seconds(1))->End().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) {
    return now.under_way == 0 && now.waiting == 0 && now.nodes == 1;
  }));
  EXPECT_EQ(Stats().calls[0].ended.at(absl::StatusCode::kDeadlineExceeded), 4);
}

TEST_F(FleetCallsTest, ADroppedCallIsSilentAndGivesItsPlaceToOthers) {
  FleetOptions options = Quick();
  options.calls.per_node = 1;
  Make(options);
  SetSocket("n1", daemon_);
  daemon_.WillRestart({.messages = {State("r1", 1)}, .stay_open = true});
  daemon_.WillRestart(Whole("r2"));
  const HeardPtr dropped = Restart("n1", "r1");
  ASSERT_TRUE(AwaitProgress(dropped, 1));
  const Fleet::CallId call = last_call_;
  const HeardPtr second = Restart("n1", "r2");
  ASSERT_TRUE(AwaitReason(second, "1 calls to node n1 are under way"));
  EXPECT_EQ(second->waiting.back().code(), absl::StatusCode::kResourceExhausted);
  RunOn(loop_, [&] {
    fleet_->Drop(call);
    fleet_->Drop(call);
    fleet_->Drop(4711);
  });
  EXPECT_TRUE(second->End().ok());
  EXPECT_THAT(second->waiting, SizeIs(2));  // and that it is heard of
  EXPECT_FALSE(dropped->ended.is_set());
  EXPECT_EQ(Stats().calls[0].dropped, 1);
}

TEST_F(FleetCallsTest, DropsInsideCallbacks) {
  Make();
  SetSocket("n1", daemon_);
  daemon_.WillRestart({.messages = {State("r1", 1), State("r1", 2)}, .stay_open = true});
  Fleet::CallId call = 0;
  int heard = 0;
  RunOn(loop_, [&] {
    call = fleet_->Restart("n1", Request("r1"), absl::Seconds(60),
                           {.progress =
                                [&](const node::v1::Operation&) {
                                  ++heard;
                                  fleet_->Drop(call);
                                },
                            .ended = [&](const absl::Status&) { heard += 100; }});
  });
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.calls[0].dropped == 1; }));
  // Inside `waiting`, of the call itself and of another that is to be told in the same breath.
  std::vector<Fleet::CallId> calls;
  int told = 0;
  RunOn(loop_, [&] {
    for (int i = 0; i < 2; ++i) {
      calls.push_back(fleet_->Restart("nowhere", Request("r2"), absl::Seconds(60),
                                      {.waiting =
                                           [&](const absl::Status&) {
                                             ++told;
                                             for (const auto id : calls) fleet_->Drop(id);
                                           },
                                       .ended = [&](const absl::Status&) { heard += 100; }}));
    }
  });
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.calls[0].dropped == 3; }));
  RunOn(loop_, [&] {
    EXPECT_EQ(told, 1);
    EXPECT_EQ(heard, 1);
  });
}

TEST_F(FleetCallsTest, BoundsHoldAndNodesTakeTurns) {
  FleetOptions options = Quick();
  options.calls = {.per_node = 2, .in_all = 3};
  Make(options);
  FakeNodeService other;
  other.Start();
  SetSocket("n1", daemon_);
  SetSocket("n2", other);
  for (int i = 0; i < 3; ++i) daemon_.WillRestart({.stay_open = true});
  other.WillRestart({.stay_open = true});
  std::vector<HeardPtr> calls;
  std::vector<Fleet::CallId> ids;
  for (int i = 0; i < 5; ++i) {
    calls.push_back(Restart("n1", absl::StrCat("a", i)));
    ids.push_back(last_call_);
  }
  ASSERT_TRUE(AwaitReason(calls[4], "2 calls to node n1 are under way"));
  ASSERT_TRUE(AwaitStats([](const FleetStats& now) { return now.under_way == 2; }));
  calls.push_back(Restart("n2", "b0"));
  ASSERT_TRUE(AwaitStats([](const FleetStats& now) { return now.under_way == 3; }));
  calls.push_back(Restart("n2", "b1"));
  ASSERT_TRUE(AwaitReason(calls.back(), "3 calls to nodes are under way"));
  EXPECT_EQ(Stats().waiting, 4);
  // n2 has waited for less long, and it is its turn nevertheless after one more of n1.
  other.WillRestart({.stay_open = true});
  RunOn(loop_, [&] { fleet_->Drop(ids[0]); });
  RunOn(loop_, [&] { fleet_->Drop(ids[1]); });
  EXPECT_TRUE(AwaitOn(
      loop_, [&] { return daemon_.requests().size() == 3 && other.requests().size() == 2; }));
  EXPECT_EQ(Stats().under_way, 3);
}

TEST_F(FleetCallsTest, PlainCallsAnswer) {
  Make();
  SetSocket("n1", daemon_);
  daemon_.Set([](FakeNodeService::Answers& answers) {
    answers.pods.add_pods()->mutable_ref()->set_name("web");
    answers.operations.add_operations()->set_id("r1/c");
  });
  const auto pods = ListPods("n1");
  ASSERT_TRUE(pods.ok()) << pods.status();
  EXPECT_EQ(pods->pods(0).ref().name(), "web");
  const auto cancelled = Cancel("n1", "r1/c");
  ASSERT_TRUE(cancelled.ok()) << cancelled.status();
  EXPECT_EQ(cancelled->phase(), node::v1::PHASE_CANCELLED);
  EXPECT_EQ(Cancel("n1", "r2/c").status(), absl::NotFoundError("id: no operation r2/c"));
  EXPECT_EQ(Stats().connected, 1);
  EXPECT_EQ(Stats().calls[2].ended.at(absl::StatusCode::kNotFound), 1);
}

TEST_F(FleetCallsTest, PlainCallsMakeOneAttempt) {
  Make();
  const absl::Status unknown = ListPods("n1").status();
  EXPECT_EQ(unknown, absl::UnavailableError("no daemon is known on node n1"));
  daemon_.Stop();
  SetSocket("n1", daemon_);
  const absl::Status down = ListPods("n1").status();
  EXPECT_EQ(down.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(
      std::string(down.message()),
      HasSubstr("the daemon of node n1 at unix:" + daemon_.socket() + " cannot be reached: "));
  EXPECT_EQ(Stats().connect_failures, 1);
  daemon_.Start();
  daemon_.Set([](FakeNodeService::Answers& answers) {
    answers.pods_status = {grpc::StatusCode::UNAVAILABLE, "the runtime does not answer"};
  });
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.connecting == 0; }));
  // However long the pause is: it is tried at once where somebody says that it is there.
  SetSocket("n1", daemon_);
  EXPECT_EQ(ListPods("n1").status(), absl::UnavailableError("the runtime does not answer"));
}

TEST_F(FleetCallsTest, PlainCallsTakeTheirTurnAndHaveTheirTimeout) {
  FleetOptions options = Quick();
  options.calls.per_node = 1;
  Make(options);
  SetSocket("n1", daemon_);
  daemon_.WillRestart({.messages = {State("r1", 1)}, .stay_open = true});
  const HeardPtr heard = Restart("n1", "r1");
  ASSERT_TRUE(AwaitProgress(heard, 1));
  const Fleet::CallId running = last_call_;
  const absl::Status late = ListPods("n1", absl::Milliseconds(50)).status();
  EXPECT_EQ(late.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(late.message()), HasSubstr("1 calls to node n1 are under way"));
  auto pods = std::make_shared<Slot<absl::Status>>();
  RunOn(loop_, [&] {
    fleet_->ListPods("n1", {}, absl::Seconds(60),
                     [pods](const auto& answer) { pods->Set(answer.status()); });
  });
  RunOn(loop_, [&] { fleet_->Drop(running); });
  EXPECT_EQ(pods->Get(), absl::OkStatus());
}

TEST_F(FleetCallsTest, WhoHasNoTurnToConnectSaysNothingOfTheDaemon) {
  FleetOptions options = Quick();
  options.most_connecting = 0;
  Make(options);
  SetSocket("n1", daemon_);
  const absl::Status late = ListPods("n1", absl::Milliseconds(50)).status();
  EXPECT_EQ(late.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(late.message()),
              HasSubstr("node n1 waits to be connected to until others are"));
}

TEST_F(FleetCallsTest, IdleConnectionsAreClosedAndMadeAnew) {
  FleetOptions options = Quick();
  options.idle_after = absl::Milliseconds(50);
  Make(options);
  SetSocket("n1", daemon_);
  EXPECT_TRUE(ListPods("n1").ok());
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.connections == 0; }));
  EXPECT_TRUE(ListPods("n1").ok());
  EXPECT_EQ(Stats().connected, 2);
  EXPECT_EQ(Stats().connections_broken, 0);
  // Not while somebody uses it, however long.
  daemon_.WillRestart({.messages = {State("r1", 1)}, .stay_open = true});
  const HeardPtr heard = Restart("n1", "r1", absl::Milliseconds(400));
  EXPECT_EQ(heard->End().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(heard->waiting, IsEmpty());
}

TEST_F(FleetCallsTest, IdleConnectionsBeyondTheBoundServeTheNextStepToo) {
  FleetOptions options = Quick();
  options.most_idle = 0;
  options.idle_at_least = absl::Seconds(3);
  Make(options);
  SetSocket("n1", daemon_);
  for (int step = 0; step < 3; ++step) EXPECT_TRUE(ListPods("n1").ok());
  EXPECT_EQ(Stats().connected, 1);
  EXPECT_TRUE(AwaitStats([](const FleetStats& now) { return now.connections == 0; }));
}

TEST_F(FleetCallsTest, GoesAwayInTheMiddleOfEverything) {
  Make();
  SetSocket("n1", daemon_);
  ASSERT_TRUE(Set("n2", {.target = "unix:/nonexistent/rekindled.sock"}).ok());
  daemon_.WillRestart({.messages = {State("r1", 1)}, .stay_open = true});
  const HeardPtr running = Restart("n1", "r1");
  ASSERT_TRUE(AwaitProgress(running, 1));
  const HeardPtr away = Restart("n2", "r2");
  const HeardPtr unknown = Restart("n3", "r3");
  RunOn(loop_, [&] {
    // One that has not begun to connect.
    ASSERT_TRUE(fleet_->SetEndpoint("n4", {.target = "unix:" + daemon_.socket()}).ok());
    StartRestart("n4", "r4", absl::Seconds(60), std::make_shared<Heard>());
    fleet_.reset();
  });
  for (const HeardPtr& heard : {running, away, unknown}) EXPECT_FALSE(heard->ended.is_set());
}

}  // namespace
}  // namespace rekindle::fleet
