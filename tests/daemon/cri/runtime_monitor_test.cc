#include "daemon/cri/runtime_monitor.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/asio_loop.h"
#include "daemon/cri/grpc_runtime.h"
#include "tests/fakes/await.h"
#include "tests/fakes/fake_cri_server.h"

namespace rekindle::cri {
namespace {

using testing::HasSubstr;

using ExitSlot = Slot<absl::StatusOr<v1::ContainerStatus>>;

class RuntimeMonitorTest : public testing::Test {
 protected:
  RuntimeMonitorTest() {
    // Out of the way of what the events do, unless a test wants them.
    options_.relist_with_events = absl::Minutes(10);
    options_.probe_idle = absl::Minutes(10);
    runtime_options_.connect_wait = absl::Milliseconds(300);
  }
  ~RuntimeMonitorTest() override {
    RunOn(loop_, [this] {
      monitor_.reset();
      runtime_.reset();
    });
  }

  void Open() {
    RunOn(loop_, [this] {
      runtime_ = std::make_unique<GrpcRuntime>(loop_, connection_, runtime_options_);
      monitor_ = std::make_unique<RuntimeMonitor>(loop_, *runtime_, connection_, options_);
      monitor_->WatchState([this](const Monitor::State& state) {
        changes_.push_back(state.ready ? "ready" : state.reason);
      });
    });
  }
  bool AwaitReady(bool ready) {
    return AwaitOn(loop_, [&] { return monitor_->state().ready == ready; });
  }
  Monitor::State state() {
    Monitor::State state;
    RunOn(loop_, [&] { state = monitor_->state(); });
    return state;
  }
  std::shared_ptr<ExitSlot> Watch(const std::string& id) {
    auto slot = std::make_shared<ExitSlot>();
    RunOn(loop_,
          [&] { monitor_->WatchExit(id, [slot](auto exit) { slot->Set(std::move(exit)); }); });
    return slot;
  }
  void AwaitFirstQuestion(int calls = 1) {
    ASSERT_TRUE(server_.AwaitSeen("ContainerStatus",
                                  [=](const auto& seen) { return seen.calls >= calls; }));
  }

  FakeCriServer server_;
  AsioLoop loop_{"test"};
  std::shared_ptr<Connection> connection_ = std::make_shared<Connection>(server_.endpoint());
  RuntimeMonitorOptions options_;
  GrpcRuntimeOptions runtime_options_;
  std::unique_ptr<GrpcRuntime> runtime_;
  std::unique_ptr<RuntimeMonitor> monitor_;
  std::vector<std::string> changes_;  // the loop's thread
};

TEST_F(RuntimeMonitorTest, KnowsTheRuntime) {
  Open();
  EXPECT_FALSE(state().ready && state().runtime_name.empty());
  ASSERT_TRUE(AwaitReady(true));
  EXPECT_EQ(state().runtime_name, "containerd");
  EXPECT_EQ(state().runtime_version, "1.6.20~ds1");
  EXPECT_EQ(state().event_source, "containerd");
  EXPECT_EQ(state().reason, "");
  EXPECT_EQ(state().endpoint, server_.endpoint());
}

TEST_F(RuntimeMonitorTest, ContainerdsStreamIsAskedForExitsOfTheCriAlone) {
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  const auto seen = server_.seen("Subscribe");
  ::containerd::services::events::v1::SubscribeRequest request;
  ASSERT_TRUE(request.ParseFromString(seen.request_text));
  ASSERT_EQ(request.filters_size(), 3);
  EXPECT_EQ(request.filters(0), "topic==\"/tasks/exit\",namespace==k8s.io");
  ASSERT_EQ(seen.metadata.count("containerd-namespace"), 1u);
  EXPECT_EQ(seen.metadata.find("containerd-namespace")->second, "k8s.io");
  EXPECT_EQ(server_.seen("GetContainerEvents").calls, 0);
}

// Scenario 42.
TEST_F(RuntimeMonitorTest, TheCriIsNeverSubscribedOnContainerd17) {
  server_.SetVersion("containerd", "v1.7.13");
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  EXPECT_EQ(server_.seen("GetContainerEvents").calls, 0);
}

// Scenario 45.
TEST_F(RuntimeMonitorTest, AnEventIsReportedWhenTheRuntimeSaysExited) {
  server_.SetContainer("c1", v1::CONTAINER_RUNNING);
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  auto exit = Watch("c1");
  auto task = std::make_shared<Slot<bool>>();
  RunOn(loop_, [&] { monitor_->WatchTaskExit("c1", [task] { task->Set(true); }); });
  AwaitFirstQuestion();
  server_.SendTaskExit("c1");
  ASSERT_TRUE(task->Get().has_value());
  // Questions go on while it is not yet EXITED.
  const int asked = server_.seen("ContainerStatus").calls;
  AwaitFirstQuestion(asked + 2);
  EXPECT_FALSE(exit->is_set());
  server_.SetContainer("c1", v1::CONTAINER_EXITED, 137);
  auto got = exit->Get();
  ASSERT_TRUE(got.has_value() && got->ok());
  EXPECT_EQ((*got)->exit_code(), 137);
}

// Scenario 44.
TEST_F(RuntimeMonitorTest, TheEndOfAnExecIsNoExit) {
  server_.SetContainer("c1", v1::CONTAINER_RUNNING);
  server_.SetContainer("c2", v1::CONTAINER_RUNNING);
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  auto task1 = std::make_shared<Slot<bool>>();
  auto task2 = std::make_shared<Slot<bool>>();
  RunOn(loop_, [&] {
    monitor_->WatchTaskExit("c1", [task1] { task1->Set(true); });
    monitor_->WatchTaskExit("c2", [task2] { task2->Set(true); });
  });
  server_.SendTaskExit("c1", "exec-1");
  server_.SendTaskExit("c2");
  ASSERT_TRUE(task2->Get().has_value());  // events come in order
  EXPECT_FALSE(task1->is_set());
}

TEST_F(RuntimeMonitorTest, WhoWatchesEventsHearsOfAllButExecs) {
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  auto heard = std::make_shared<int>(0);  // the loop's
  Monitor::WatchId watch = 0;
  RunOn(loop_, [&] { watch = monitor_->WatchEvents([heard] { ++*heard; }); });
  const auto await = [&](int count) { return AwaitOn(loop_, [&] { return *heard == count; }); };
  server_.SendTaskExit("c1", "exec-1");
  server_.SendTaskExit("a-sandbox");
  ASSERT_TRUE(await(1));
  // After a break nothing is known of what happened meanwhile: the new stream is an event.
  server_.Stop();
  server_.Start();
  ASSERT_TRUE(await(2));
  RunOn(loop_, [&] { monitor_->Unwatch(watch); });
  auto task = std::make_shared<Slot<bool>>();
  RunOn(loop_, [&] { monitor_->WatchTaskExit("c2", [task] { task->Set(true); }); });
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  server_.SendTaskExit("c2");
  ASSERT_TRUE(task->Get().has_value());
  EXPECT_EQ(*heard, 2);
}

TEST_F(RuntimeMonitorTest, CriEventsAreUsedFromContainerd2) {
  server_.SetVersion("containerd", "v2.0.1");
  server_.SetContainer("c1", v1::CONTAINER_RUNNING);
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("GetContainerEvents", 1));
  EXPECT_EQ(server_.seen("Subscribe").calls, 0);
  EXPECT_EQ(state().event_source, "cri");
  auto exit = Watch("c1");
  AwaitFirstQuestion();
  server_.SetContainer("c1", v1::CONTAINER_EXITED);
  v1::ContainerEventResponse event;
  event.set_container_id("c1");
  event.set_container_event_type(v1::CONTAINER_STOPPED_EVENT);
  server_.SendCriEvent(event);
  auto got = exit->Get();
  ASSERT_TRUE(got.has_value() && got->ok()) << got->status();
}

// Scenario 8.
TEST_F(RuntimeMonitorTest, FallsBackWhereTheCriHasNoEvents) {
  server_.SetVersion("containerd", "v2.0.1");
  server_.Fail("GetContainerEvents", {grpc::StatusCode::UNIMPLEMENTED, "no"});
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  EXPECT_EQ(state().event_source, "containerd");
}

TEST_F(RuntimeMonitorTest, WithoutAnyEventsListsDoIt) {
  options_.relist_without_events = absl::Milliseconds(20);
  server_.SetVersion("cri-o", "1.24.0");
  server_.Fail("GetContainerEvents", {grpc::StatusCode::UNIMPLEMENTED, "no"});
  server_.SetContainer("c1", v1::CONTAINER_RUNNING);
  Open();
  // "relist" is also what it says before it has tried anything.
  ASSERT_TRUE(AwaitOn(loop_, [&] {
    return monitor_->state().ready && monitor_->state().event_source == "relist";
  }));
  auto exit = Watch("c1");
  AwaitFirstQuestion();
  server_.SetContainer("c1", v1::CONTAINER_EXITED);
  auto got = exit->Get();
  ASSERT_TRUE(got.has_value() && got->ok());
  EXPECT_EQ(server_.seen("Subscribe").calls, 0);
  EXPECT_TRUE(state().ready);
}

// A runtime that closes its stream at once, again and again, is one without events.
TEST_F(RuntimeMonitorTest, AStreamThatKeepsEndingIsGivenUp) {
  server_.SetVersion("cri-o", "1.30.0");
  server_.Fail("GetContainerEvents", {grpc::StatusCode::UNKNOWN, "events are off"});
  Open();
  // "relist" is also what it says before it has tried anything.
  ASSERT_TRUE(AwaitOn(loop_, [&] {
    return monitor_->state().ready && server_.seen("GetContainerEvents").calls >= 3 &&
           monitor_->state().event_source == "relist";
  }));
  EXPECT_EQ(server_.seen("GetContainerEvents").calls, 3);
}

TEST_F(RuntimeMonitorTest, ALostEventIsFoundByTheSafetyNet) {
  options_.relist_with_events = absl::Milliseconds(30);
  server_.SetContainer("c1", v1::CONTAINER_RUNNING);
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  auto exit = Watch("c1");
  AwaitFirstQuestion();
  server_.SetContainer("c1", v1::CONTAINER_EXITED);
  ASSERT_TRUE(exit->Get().has_value());
}

// Scenario 7: an exit while the runtime was away is reported after it is back.
TEST_F(RuntimeMonitorTest, ComesBackWithTheRuntimeAndListsEverything) {
  server_.SetContainer("c1", v1::CONTAINER_RUNNING);
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  ASSERT_TRUE(AwaitReady(true));
  auto exit = Watch("c1");
  AwaitFirstQuestion();
  server_.Stop();
  ASSERT_TRUE(AwaitReady(false));
  EXPECT_THAT(state().reason, HasSubstr("does not answer"));
  server_.SetContainer("c1", v1::CONTAINER_EXITED, 3);
  EXPECT_FALSE(exit->is_set());
  server_.Start();
  auto got = exit->Get();
  ASSERT_TRUE(got.has_value() && got->ok());
  EXPECT_EQ((*got)->exit_code(), 3);
  ASSERT_TRUE(AwaitReady(true));
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  RunOn(loop_, [this] {
    ASSERT_GE(changes_.size(), 3u);
    EXPECT_EQ(changes_.front(), "ready");
    EXPECT_EQ(changes_.back(), "ready");
  });
}

TEST_F(RuntimeMonitorTest, StartsWithoutARuntime) {
  server_.Stop();
  Open();
  ASSERT_TRUE(AwaitOn(loop_, [&] {
    return monitor_->state().reason.find("does not answer") != std::string::npos;
  }));
  server_.Start();
  EXPECT_TRUE(AwaitReady(true));
}

// After a restart it may be another version, with another source.
TEST_F(RuntimeMonitorTest, AnUpgradeOfTheRuntimeChangesTheSource) {
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("Subscribe", 1));
  server_.Stop();
  server_.SetVersion("containerd", "v2.1.0");
  server_.Start();
  ASSERT_TRUE(server_.AwaitSubscribers("GetContainerEvents", 1));
  EXPECT_EQ(state().runtime_version, "v2.1.0");
}

TEST_F(RuntimeMonitorTest, ARuntimeThatHangsIsNotReady) {
  options_.probe_patience = absl::Milliseconds(100);
  server_.Hold("Version");
  Open();
  ASSERT_TRUE(AwaitOn(
      loop_, [&] { return monitor_->state().reason.find("gave no answer") != std::string::npos; }));
  server_.Release("Version");
  EXPECT_TRUE(AwaitReady(true));
}

TEST_F(RuntimeMonitorTest, SaysWhyTheRuntimeIsNotReady) {
  server_.Script("Status", [](const auto&, auto* response) {
    auto* status = static_cast<v1::StatusResponse*>(response)->mutable_status();
    auto* network = status->add_conditions();
    network->set_type("NetworkReady");
    network->set_status(false);
    auto* runtime = status->add_conditions();
    runtime->set_type("RuntimeReady");
    runtime->set_status(false);
    runtime->set_reason("Broken");
    return grpc::Status::OK;
  });
  Open();
  ASSERT_TRUE(
      AwaitOn(loop_, [&] { return monitor_->state().reason.find("Broken") != std::string::npos; }));
  EXPECT_FALSE(state().ready);
}

// Scenario 43: however busy the loop is, the stream is read; the fake would block in Write else.
TEST_F(RuntimeMonitorTest, TheStreamIsDrainedWhileTheLoopIsBusy) {
  server_.SetVersion("containerd", "v2.0.1");
  server_.SetContainer("last", v1::CONTAINER_RUNNING);
  Open();
  ASSERT_TRUE(server_.AwaitSubscribers("GetContainerEvents", 1));
  auto task = std::make_shared<Slot<bool>>();
  RunOn(loop_, [&] { monitor_->WatchTaskExit("last", [task] { task->Set(true); }); });
  Slot<bool> go_on;
  loop_.Post([&] { go_on.Get(); });
  v1::ContainerEventResponse event;
  event.set_container_event_type(v1::CONTAINER_STARTED_EVENT);
  // 32 MiB: far more than what fits into windows and sockets.
  (*event.add_containers_statuses()->mutable_annotations())["big"] = std::string(64 * 1024, 'x');
  for (int i = 0; i < 512; ++i) server_.SendCriEvent(event);
  EXPECT_TRUE(server_.AwaitSent("GetContainerEvents"));
  event.Clear();
  event.set_container_id("last");
  event.set_container_event_type(v1::CONTAINER_STOPPED_EVENT);
  server_.SendCriEvent(event);
  go_on.Set(true);
  EXPECT_TRUE(task->Get().has_value());
}

TEST_F(RuntimeMonitorTest, IdleMeansNoLists) {
  options_.probe_idle = absl::Milliseconds(20);
  Open();
  ASSERT_TRUE(AwaitReady(true));
  ASSERT_TRUE(server_.AwaitSeen("Version", [](const auto& seen) { return seen.calls > 5; }));
  RunOn(loop_, [this] { EXPECT_EQ(monitor_->relists(), 0); });
  EXPECT_EQ(server_.seen("ListContainers").calls, 0);
  EXPECT_EQ(server_.seen("Subscribe").calls, 1);
}

}  // namespace
}  // namespace rekindle::cri
