// Health, reflection, draining, and the socket file.
#include <sys/stat.h>

#include <fstream>

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include "daemon/service/health.h"
#include "daemon/service/health_client.h"
#include "tests/daemon/service/server_fixture.h"

namespace rekindle::service {
namespace {

using restart::Phase;
using ::testing::HasSubstr;

enum class Health { kUnknownService, kServing, kNotServing, kFailed };

class LifecycleTest : public ServerTest {
 protected:
  Health Check(const std::string& name) {
    const absl::Status status = CheckHealth(LocalOptions().socket_path, name, absl::Seconds(20));
    if (status.ok()) return Health::kServing;
    if (absl::IsFailedPrecondition(status)) return Health::kNotServing;
    return absl::IsNotFound(status) ? Health::kUnknownService : Health::kFailed;
  }
  bool HealthBecomes(Health wanted) {
    const absl::Time end = absl::Now() + absl::Seconds(20);
    while (absl::Now() < end) {
      if (Check(kServiceName) == wanted && Check("") == wanted) {
        return true;
      }
    }
    return false;
  }
};

TEST_F(LifecycleTest, HealthFollowsRuntimeAndEngine) {
  OnLoop(loop_, [&] { monitor_.SetReady(false, "not there yet"); });
  Start(LocalOptions());
  EXPECT_TRUE(HealthBecomes(Health::kNotServing));
  EXPECT_EQ(Check(kLivenessName), Health::kServing);
  EXPECT_EQ(Check("nonsense"), Health::kUnknownService);
  OnLoop(loop_, [&] { monitor_.SetReady(true, ""); });
  EXPECT_TRUE(HealthBecomes(Health::kServing));
  OnLoop(loop_, [&] { engine_.stats.accepting = false; });
  EXPECT_TRUE(HealthBecomes(Health::kNotServing));
  EXPECT_THAT(metrics_.Text(), HasSubstr("rekindled_accepting 0"));
}

TEST_F(LifecycleTest, HealthOfADaemonThatIsNotThere) {
  const std::string socket = LocalOptions().socket_path;
  const absl::Status none = CheckHealth(socket, kLivenessName, absl::Seconds(20));
  EXPECT_EQ(none.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(none.message()), HasSubstr(socket));
  std::ofstream(socket) << "no socket";
  EXPECT_EQ(CheckHealth(socket, "", absl::Seconds(20)).code(), absl::StatusCode::kUnavailable);
}

TEST_F(LifecycleTest, ReadinessNamesEveryReason) {
  cri::Monitor::State runtime;
  runtime.reason = "no socket";
  restart::Engine::Stats engine;
  engine.accepting = false;
  engine.accepting_reason = "disk full";
  const Readiness both = JudgeReadiness(runtime, engine);
  EXPECT_FALSE(both.ready);
  EXPECT_EQ(both.reason, "runtime: no socket; no new work: disk full");
  runtime.ready = true;
  EXPECT_FALSE(JudgeReadiness(runtime, engine).ready);
  engine.accepting = true;
  EXPECT_TRUE(JudgeReadiness(runtime, engine).ready);
}

TEST_F(LifecycleTest, ReflectionListsTheService) {
  Start(LocalOptions());
  grpc::GenericStub stub(LocalChannel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  grpc::CompletionQueue queue;
  auto call = stub.PrepareCall(
      &context, "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo", &queue);
  void* tag = nullptr;
  bool ok = false;
  const auto next = [&] { return queue.Next(&tag, &ok) && ok; };
  call->StartCall(nullptr);
  ASSERT_TRUE(next());
  grpc::Slice slice(std::string("\x3a\x01*"));  // list_services = "*"
  call->Write(grpc::ByteBuffer(&slice, 1), nullptr);
  ASSERT_TRUE(next());
  grpc::ByteBuffer response;
  call->Read(&response, nullptr);
  ASSERT_TRUE(next());
  grpc::Slice out;
  ASSERT_TRUE(response.DumpToSingleSlice(&out).ok());
  EXPECT_THAT(std::string(out.begin(), out.end()), HasSubstr(kServiceName));
  context.TryCancel();
  grpc::Status status;
  call->Finish(&status, nullptr);
  next();
}

TEST_F(LifecycleTest, DrainRefusesNewWorkAndLetsRunningWorkEnd) {
  Start(LocalOptions());
  auto stub = LocalStub();
  auto context = Context();
  auto reader = stub->RestartContainers(context.get(), Request("runs"));
  v1::RestartContainersResponse response;
  ASSERT_TRUE(reader->Read(&response));
  auto watch_context = Context();
  auto watch = stub->WatchOperations(watch_context.get(), {});
  v1::WatchOperationsResponse watched;
  ASSERT_TRUE(watch->Read(&watched));

  server_->BeginDrain("the daemon stops");
  while (watch->Read(&watched)) {
  }
  EXPECT_EQ(watch->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);
  const grpc::Status refused = Restart(*stub, Request("new"));
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(refused.error_message(), "the daemon stops");
  EXPECT_TRUE(Info(*stub).ok());
  EXPECT_TRUE(HealthBecomes(Health::kNotServing));
  EXPECT_EQ(Check(kLivenessName), Health::kServing);

  // The work ends while the server waits for it.
  loop_.RunAfter(absl::Milliseconds(20), [&] { engine_.Move("runs/c0", Phase::kDone); });
  server_->Shutdown("the daemon stops", absl::Seconds(20));
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.operation().phase(), v1::PHASE_DONE);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(EngineCalls(), 1);
}

TEST_F(LifecycleTest, ShutdownIsBoundedWhateverRuns) {
  Start(LocalOptions());
  auto stub = LocalStub();
  auto context = Context();
  auto reader = stub->RestartContainers(context.get(), Request("stuck"));
  v1::RestartContainersResponse response;
  ASSERT_TRUE(reader->Read(&response));
  const absl::Time before = absl::Now();
  server_->Shutdown("the daemon stops", absl::Milliseconds(50));
  EXPECT_LT(absl::Now() - before, absl::Seconds(10));
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_FALSE(reader->Finish().ok());
  // The operation belongs to the engine: the end of the server is not its end.
  EXPECT_EQ(OnLoop(loop_, [&] { return engine_.records.at("stuck/c0").phase; }), Phase::kAccepted);
  EXPECT_TRUE(OnLoop(loop_, [&] { return engine_.observers.empty(); }));
}

TEST_F(LifecycleTest, StartsAndStopsAgainAndAgain) {
  for (int i = 0; i < 20; ++i) {
    Start(LocalOptions());
    ASSERT_TRUE(Info(*LocalStub()).ok());
    server_.reset();
    struct stat info {};
    EXPECT_NE(stat((dir_ / "node.sock").c_str(), &info), 0);
  }
}

TEST_F(LifecycleTest, SecondDaemonIsRefused) {
  Start(LocalOptions());
  EXPECT_EQ(Server::Start(loop_, LocalOptions(), *deps_).status().code(),
            absl::StatusCode::kAlreadyExists);
  EXPECT_TRUE(Info(*LocalStub()).ok());
}

}  // namespace
}  // namespace rekindle::service
