// The client against a real containerd, runc and network: what spec/node-runtime says of stops,
// execs, events and restarts of the runtime, seen through our own objects.
#include <signal.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/asio_loop.h"
#include "cri/v1/api.grpc.pb.h"
#include "daemon/cri/grpc_runtime.h"
#include "daemon/cri/runtime_monitor.h"
#include "tests/bed/bed.h"
#include "tests/bed/shared_bed.h"
#include "tests/fakes/await.h"

namespace rekindle::cri {
namespace {

using ExitSlot = Slot<absl::StatusOr<v1::ContainerStatus>>;

class RuntimeIntegrationTest : public bed::SharedBedTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(SharedBedTest::SetUp());
    connection_ = std::make_shared<Connection>(bed_->endpoint());
    RunOn(loop_, [this] {
      runtime_ = std::make_unique<GrpcRuntime>(loop_, connection_);
      monitor_ = std::make_unique<RuntimeMonitor>(loop_, *runtime_, connection_);
    });
    ASSERT_TRUE(AwaitReady(true));
  }
  void TearDown() override {
    RunOn(loop_, [this] {
      monitor_.reset();
      runtime_.reset();
    });
    for (const bed::Pod& pod : pods_) EXPECT_TRUE(bed_->RemovePod(pod).ok());
  }

  bool AwaitReady(bool ready) {
    return AwaitOn(
        loop_, [&] { return monitor_->state().ready == ready; }, absl::Seconds(30));
  }

  // The ID of the only container of a new pod that runs `script` in a shell.
  std::string RunShell(const std::string& script, const std::string& image = bed::kBusyboxImage) {
    bed::PodSpec spec;
    spec.name = absl::StrCat("pod", pods_.size());
    spec.containers[0].image = image;
    spec.containers[0].command = {"sh", "-c", script};
    spec.containers[0].mounts = {{"/data", bed_->Volume("data"), false}};
    auto pod = bed_->RunPod(spec);
    EXPECT_TRUE(pod.ok()) << pod.status();
    if (!pod.ok()) return "";
    pods_.push_back(*pod);
    const std::string id = pod->containers["main"].id;
    // The script writes its file once its traps are set.
    if (script.find("/data/ready") != std::string::npos) {
      auto ready =
          Exec(id, {"sh", "-c", "until [ -e /data/ready ]; do sleep 0.02; done; rm /data/ready"});
      EXPECT_TRUE(ready.ok()) << ready.status();
    }
    return id;
  }
  absl::Status Stop(const std::string& id, absl::Duration timeout) {
    return AwaitDone(
        loop_, [&, id](auto done) { runtime_->StopContainer(id, timeout, std::move(done)); },
        absl::Seconds(60));
  }
  absl::StatusOr<v1::ExecSyncResponse> Exec(const std::string& id, std::vector<std::string> command,
                                            absl::Duration timeout = absl::Seconds(20)) {
    return AwaitReply<v1::ExecSyncResponse>(
        loop_,
        [&, id, command](auto reply) {
          runtime_->ExecSync(id, command, timeout, std::move(reply));
        },
        absl::Seconds(60));
  }
  v1::ContainerStatus Status(const std::string& id) {
    auto got = AwaitReply<v1::ContainerStatusResponse>(
        loop_, [&, id](auto reply) { runtime_->ContainerStatus(id, false, std::move(reply)); });
    EXPECT_TRUE(got.ok()) << got.status();
    return got.ok() ? got->status() : v1::ContainerStatus();
  }
  std::shared_ptr<ExitSlot> WatchExit(const std::string& id) {
    auto slot = std::make_shared<ExitSlot>();
    RunOn(loop_,
          [&] { monitor_->WatchExit(id, [slot](auto exit) { slot->Set(std::move(exit)); }); });
    return slot;
  }

  AsioLoop loop_{"test"};
  std::shared_ptr<Connection> connection_;
  std::unique_ptr<GrpcRuntime> runtime_;
  std::unique_ptr<RuntimeMonitor> monitor_;
  std::vector<bed::Pod> pods_;
};

TEST_F(RuntimeIntegrationTest, KnowsContainerd16) {
  RunOn(loop_, [this] {
    EXPECT_EQ(monitor_->state().runtime_name, "containerd");
    EXPECT_THAT(monitor_->state().runtime_version, testing::StartsWith("1."));
    EXPECT_EQ(monitor_->state().event_source, "containerd");
  });
}

// Scenario 11.
TEST_F(RuntimeIntegrationTest, AHandlerOfTermDecidesTheExitCode) {
  const std::string id =
      RunShell("trap 'exit 3' TERM; touch /data/ready; while :; do sleep 0.05; done");
  auto exit = WatchExit(id);
  auto task = std::make_shared<Slot<absl::Time>>();
  RunOn(loop_, [&] { monitor_->WatchTaskExit(id, [task] { task->Set(absl::Now()); }); });
  const absl::Time before = absl::Now();
  ASSERT_TRUE(Stop(id, absl::Seconds(5)).ok());
  EXPECT_LT(absl::Now() - before, absl::Seconds(4));
  EXPECT_EQ(Status(id).exit_code(), 3);
  auto got = exit->Get();
  ASSERT_TRUE(got.has_value() && got->ok());
  EXPECT_EQ((*got)->state(), v1::CONTAINER_EXITED);
  EXPECT_EQ((*got)->exit_code(), 3);
  // From the event, not from a list: those are 10 s apart.
  EXPECT_LT(*task->Get() - before, absl::Seconds(4));
}

// Scenario 12.
TEST_F(RuntimeIntegrationTest, WhoIgnoresTermIsKilledAfterTheTimeout) {
  const std::string id = RunShell("trap '' TERM; touch /data/ready; while :; do sleep 0.05; done");
  const absl::Time before = absl::Now();
  ASSERT_TRUE(Stop(id, absl::Milliseconds(1500)).ok());  // rounded up to 2 s
  EXPECT_GE(absl::Now() - before, absl::Milliseconds(1900));
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
  EXPECT_EQ(Status(id).exit_code(), 137);
}

// Scenario 13.
TEST_F(RuntimeIntegrationTest, NoTimeoutKillsAtOnce) {
  for (absl::Duration timeout : {absl::ZeroDuration(), absl::Seconds(-1)}) {
    const std::string id =
        RunShell("trap 'exit 3' TERM; touch /data/ready; while :; do sleep 0.05; done");
    ASSERT_TRUE(Stop(id, timeout).ok());
    EXPECT_EQ(Status(id).exit_code(), 137);
  }
}

// Scenarios 14 and 15: why our own deadline is so much longer than the timeout.
TEST_F(RuntimeIntegrationTest, ACutStopLeavesTheProcessAndIsNotResent) {
  const std::string id = RunShell(
      "echo > /data/terms; trap 'echo term >> /data/terms' TERM; touch /data/ready; "
      "while :; do sleep 0.05; done");
  {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(500));
    v1::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(20);
    v1::StopContainerResponse response;
    EXPECT_EQ(bed_->cri().runtime().StopContainer(&context, request, &response).error_code(),
              grpc::StatusCode::DEADLINE_EXCEEDED);
  }
  EXPECT_EQ(Status(id).state(), v1::CONTAINER_RUNNING);
  const absl::Time before = absl::Now();
  ASSERT_TRUE(Stop(id, absl::Seconds(1)).ok());
  EXPECT_GE(absl::Now() - before, absl::Milliseconds(900));
  EXPECT_EQ(Status(id).exit_code(), 137);
  auto terms = bed::ReadFile(bed_->Volume("data") + "/terms");
  EXPECT_EQ(terms, "\nterm\n");
}

// Scenario 16.
TEST_F(RuntimeIntegrationTest, OfTwoStopsTheShorterKills) {
  const std::string id = RunShell("trap '' TERM; touch /data/ready; while :; do sleep 0.05; done");
  auto slow = std::make_shared<Slot<absl::Status>>();
  RunOn(loop_, [&] {
    runtime_->StopContainer(id, absl::Seconds(30), [slow](absl::Status s) { slow->Set(s); });
  });
  const absl::Time before = absl::Now();
  EXPECT_TRUE(Stop(id, absl::Seconds(1)).ok());
  EXPECT_LT(absl::Now() - before, absl::Seconds(15));
  auto other = slow->Get(absl::Seconds(15));
  ASSERT_TRUE(other.has_value());
  EXPECT_TRUE(other->ok()) << *other;
}

// Scenarios 17 and 21.
TEST_F(RuntimeIntegrationTest, CreatedIsNotStoppedAndAMissingCommandFailsTheStart) {
  auto sandbox = bed_->RunSandbox({});
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  pods_.push_back(*sandbox);
  bed::ContainerSpec spec;
  spec.command = {"/no/such/program"};
  auto id = bed_->CreateContainer(&pods_.back(), spec);
  ASSERT_TRUE(id.ok()) << id.status();
  EXPECT_TRUE(Stop(*id, absl::Seconds(5)).ok());
  EXPECT_EQ(Status(*id).state(), v1::CONTAINER_CREATED);
  auto exit = WatchExit(*id);
  EXPECT_EQ(
      AwaitDone(loop_, [&](auto done) { runtime_->StartContainer(*id, std::move(done)); }).code(),
      absl::StatusCode::kUnknown);
  const v1::ContainerStatus status = Status(*id);
  EXPECT_EQ(status.state(), v1::CONTAINER_EXITED);
  EXPECT_EQ(status.exit_code(), 128);
  EXPECT_EQ(status.reason(), "StartError");
  // There was no process, so there is no event: the list finds it.
  auto got = exit->Get(absl::Seconds(30));
  ASSERT_TRUE(got.has_value() && got->ok());
  EXPECT_EQ((*got)->reason(), "StartError");
}

// Scenario 18.
TEST_F(RuntimeIntegrationTest, TheImageChoosesTheStopSignal) {
  const std::string id = RunShell(
      "trap 'exit 5' INT; trap 'exit 6' TERM; touch /data/ready; while :; do sleep 0.05; done",
      bed::kServerIntImage);
  ASSERT_TRUE(Stop(id, absl::Seconds(5)).ok());
  EXPECT_EQ(Status(id).exit_code(), 5);
}

// Scenarios 5 and 6 on the real thing, and the misuse of 1.3.
TEST_F(RuntimeIntegrationTest, UnknownIdsAndMisuse) {
  const std::string unknown(64, 'f');
  EXPECT_TRUE(Stop(unknown, absl::Seconds(1)).ok());
  EXPECT_TRUE(AwaitDone(loop_, [&](auto done) {
                runtime_->RemoveContainer(unknown, std::move(done));
              }).ok());
  auto status = AwaitReply<v1::ContainerStatusResponse>(
      loop_, [&](auto reply) { runtime_->ContainerStatus(unknown, true, std::move(reply)); });
  EXPECT_EQ(status.status().code(), absl::StatusCode::kNotFound);
  const std::string id = RunShell("sleep 600");
  EXPECT_EQ(
      AwaitDone(loop_, [&](auto done) { runtime_->StartContainer(id, std::move(done)); }).code(),
      absl::StatusCode::kUnknown);
  EXPECT_EQ(Status(id).state(), v1::CONTAINER_RUNNING);
  auto image = AwaitReply<std::optional<v1::Image>>(loop_, [&](auto reply) {
    runtime_->ImageStatus("rekindle.test/nothing:1", std::move(reply));
  });
  ASSERT_TRUE(image.ok()) << image.status();
  EXPECT_FALSE(image->has_value());
}

// Scenarios 38, 39 and 40.
TEST_F(RuntimeIntegrationTest, ExecIsBoundedAndTellsErrorsFromExitCodes) {
  const std::string id = RunShell("sleep 600");
  auto three = Exec(id, {"sh", "-c", "echo out; echo err >&2; exit 3"});
  ASSERT_TRUE(three.ok()) << three.status();
  EXPECT_EQ(three->exit_code(), 3);
  EXPECT_EQ(three->stdout(), "out\n");
  EXPECT_EQ(three->stderr(), "err\n");
  EXPECT_EQ(Exec(id, {"/no/such"}).status().code(), absl::StatusCode::kUnknown);
  const absl::Time before = absl::Now();
  EXPECT_EQ(Exec(id, {"sh", "-c", "sleep 60 & sleep 60"}, absl::Seconds(1)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_LT(absl::Now() - before, absl::Seconds(8));
  EXPECT_EQ(Exec(id, {"busybox", "head", "-c", "17825792", "/dev/zero"}).status().code(),
            absl::StatusCode::kResourceExhausted);
  auto big = Exec(id, {"busybox", "head", "-c", "15728640", "/dev/zero"});
  ASSERT_TRUE(big.ok()) << big.status();
  EXPECT_EQ(big->stdout().size(), 15728640u);
}

// Pitfall 1: the request that would kill this containerd does not reach it.
TEST_F(RuntimeIntegrationTest, ContainerdSurvivesADeadlyCreate) {
  auto sandbox = bed_->RunSandbox({});
  ASSERT_TRUE(sandbox.ok()) << sandbox.status();
  pods_.push_back(*sandbox);
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(sandbox->sandbox_id);
  request.mutable_config()->mutable_metadata()->set_name("main");
  request.mutable_config()->mutable_image()->set_image(bed::kBusyboxImage);
  auto created = AwaitReply<std::string>(
      loop_, [&](auto reply) { runtime_->CreateContainer(request, std::move(reply)); });
  EXPECT_EQ(created.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(bed_->cri().Ready().ok());
}

// An exec's end is on the same stream of events as the container's (scenario 44).
TEST_F(RuntimeIntegrationTest, AnExecDoesNotLookLikeAnExit) {
  const std::string id = RunShell("sleep 600");
  auto exit = WatchExit(id);
  ASSERT_TRUE(Exec(id, {"true"}).ok());
  EXPECT_EQ(Status(id).state(), v1::CONTAINER_RUNNING);
  EXPECT_FALSE(exit->is_set());
  ASSERT_TRUE(Stop(id, absl::ZeroDuration()).ok());
  ASSERT_TRUE(exit->Get().has_value());
}

TEST_F(RuntimeIntegrationTest, ARemovedContainerIsReportedAsGone) {
  const std::string id = RunShell("sleep 600");
  ASSERT_TRUE(Stop(id, absl::ZeroDuration()).ok());
  ASSERT_TRUE(
      AwaitDone(loop_, [&](auto done) { runtime_->RemoveContainer(id, std::move(done)); }).ok());
  auto got = WatchExit(id)->Get();
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->status().code(), absl::StatusCode::kNotFound);
}

// Scenario 22, and 7: whatever way the runtime goes, we come back, and miss no exit.
class RuntimeRestartTest : public RuntimeIntegrationTest,
                           public testing::WithParamInterface<int> {};

TEST_P(RuntimeRestartTest, TheMonitorComesBackAndMissesNoExit) {
  const std::string runs = RunShell("sleep 600");
  const std::string ends = RunShell(
      "touch /data/ready; until [ -e /data/go ]; do sleep 0.05; done; rm /data/go; exit 4");
  auto exit = WatchExit(ends);
  auto other = WatchExit(runs);
  // A stop that waits when the runtime goes: its outcome is unknown, not a failure.
  auto cut = std::make_shared<Slot<absl::Status>>();
  const std::string stubborn =
      RunShell("trap '' TERM; touch /data/ready; while :; do sleep 0.05; done");
  RunOn(loop_, [&] {
    runtime_->StopContainer(stubborn, absl::Seconds(60), [cut](absl::Status s) { cut->Set(s); });
  });
  ASSERT_TRUE(bed_->Stop(GetParam()).ok());
  ASSERT_TRUE(AwaitReady(false));
  auto outcome = cut->Get();
  ASSERT_TRUE(outcome.has_value());
  EXPECT_EQ(outcome->code(), absl::StatusCode::kUnavailable);
  const absl::Time before = absl::Now();
  EXPECT_EQ(Stop(runs, absl::Seconds(1)).code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - before, absl::Seconds(3));
  ASSERT_TRUE(bed::WriteFile(bed_->Volume("data") + "/go", "").ok());
  EXPECT_FALSE(exit->is_set());
  ASSERT_TRUE(bed_->Start().ok());
  ASSERT_TRUE(AwaitReady(true));
  auto got = exit->Get(absl::Seconds(30));
  ASSERT_TRUE(got.has_value() && got->ok());
  EXPECT_EQ((*got)->exit_code(), 4);
  EXPECT_FALSE(other->is_set());
  EXPECT_EQ(Status(runs).state(), v1::CONTAINER_RUNNING);
  // The stream of events works again as well.
  ASSERT_TRUE(Stop(runs, absl::ZeroDuration()).ok());
  ASSERT_TRUE(other->Get().has_value());
}

INSTANTIATE_TEST_SUITE_P(Signals, RuntimeRestartTest, testing::Values(SIGTERM, SIGKILL),
                         [](const auto& row) { return row.param == SIGTERM ? "Term" : "Kill"; });

}  // namespace
}  // namespace rekindle::cri
