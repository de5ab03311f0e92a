// The calls of the service, over the Unix socket.
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include <gmock/gmock.h>

#include "common/base/sync.h"
#include "daemon/service/constants.h"
#include "tests/daemon/service/server_fixture.h"

namespace rekindle::service {
namespace {

using restart::Phase;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class LocalServerTest : public ServerTest {
 protected:
  void SetUp() override { Start(LocalOptions()); }

  // A raw connection to the socket.
  int Connect() {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, (dir_ / "node.sock").c_str());
    EXPECT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    timeval limit{.tv_sec = 20, .tv_usec = 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    return fd;
  }

  // A restart that has been accepted; its stream stays open as long as this lives.
  class Begun {
   public:
    Begun(v1::NodeService::Stub& stub, const v1::RestartContainersRequest& request)
        : context_(Context()), stream_(stub.RestartContainers(context_.get(), request)) {
      v1::RestartContainersResponse accepted;
      EXPECT_TRUE(stream_->Read(&accepted));
    }

   private:
    const std::unique_ptr<grpc::ClientContext> context_;
    const std::unique_ptr<grpc::ClientReader<v1::RestartContainersResponse>> stream_;
  };
};

TEST_F(LocalServerTest, RestartStreamsEachOperationUntilAllHaveEnded) {
  auto stub = LocalStub();
  auto context = Context();
  auto reader = stub->RestartContainers(context.get(), Request("r1", 2));
  v1::RestartContainersResponse response;
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.operation().id(), absl::StrCat("r1/c", i));
    EXPECT_EQ(response.operation().phase(), v1::PHASE_ACCEPTED);
  }
  Move("r1/c0", Phase::kStopping);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.operation().phase(), v1::PHASE_STOPPING);
  Move("r1/c0", Phase::kDone);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.operation().phase(), v1::PHASE_DONE);
  EXPECT_TRUE(response.operation().has_ended());
  Move("r1/c1", Phase::kFailed);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.operation().id(), "r1/c1");
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
  // However many streams there were: only the hub watches the engine.
  EXPECT_EQ(OnLoop(loop_, [&] { return engine_.observers.size(); }), 1);
}

TEST_F(LocalServerTest, RestartOfEndedRequestAttachesAndEndsAtOnce) {
  auto stub = LocalStub();
  {
    auto context = Context();
    auto reader = stub->RestartContainers(context.get(), Request("again"));
    v1::RestartContainersResponse response;
    ASSERT_TRUE(reader->Read(&response));
    Move("again/c0", Phase::kDone);
    while (reader->Read(&response)) {
    }
    ASSERT_TRUE(reader->Finish().ok());
  }
  auto context = Context();
  auto reader = stub->RestartContainers(context.get(), Request("again"));
  v1::RestartContainersResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.operation().phase(), v1::PHASE_DONE);
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(LocalServerTest, ClientThatGoesAwayChangesNothing) {
  auto stub = LocalStub();
  auto context = Context();
  auto reader = stub->RestartContainers(context.get(), Request("left"));
  v1::RestartContainersResponse response;
  ASSERT_TRUE(reader->Read(&response));
  context->TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_EQ(EngineCalls(), 1);  // the submission, no cancellation
  Move("left/c0", Phase::kDone);
  v1::Operation operation;
  v1::GetOperationRequest get;
  get.set_id("left/c0");
  ASSERT_TRUE(stub->GetOperation(Context().get(), get, &operation).ok());
  EXPECT_EQ(operation.phase(), v1::PHASE_DONE);
}

TEST_F(LocalServerTest, SlowReaderSeesTheLatestStateOfEachOperation) {
  auto stub = LocalStub();
  auto context = Context();
  auto reader = stub->RestartContainers(context.get(), Request("slow"));
  v1::RestartContainersResponse response;
  ASSERT_TRUE(reader->Read(&response));
  constexpr int kChanges = 20'000;  // some 20 MB, far beyond what the transport buffers
  OnLoop(loop_, [&] {
    engine_.records.at("slow/c0").message = std::string(1000, 'x');
    for (int i = 0; i < kChanges; ++i) {
      for (auto& [id, observer] : engine_.observers) observer(engine_.records.at("slow/c0"));
    }
  });
  Move("slow/c0", Phase::kDone);
  int seen = 0;
  while (reader->Read(&response)) ++seen;
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(response.operation().phase(), v1::PHASE_DONE);
  EXPECT_LT(seen, kChanges / 2);
}

TEST_F(LocalServerTest, ErrorsOfTheEngineReachTheCaller) {
  OnLoop(loop_,
         [&] { engine_.submit_error = absl::FailedPreconditionError("stale: c0 is now X"); });
  const grpc::Status status = Restart(*LocalStub(), Request("stale"));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "stale: c0 is now X");
}

TEST_F(LocalServerTest, BadRequestsNameTheFieldAndTouchNothing) {
  struct Row {
    const char* name;
    std::function<void(v1::RestartContainersRequest&)> spoil;
    const char* message;
    grpc::StatusCode code = grpc::StatusCode::INVALID_ARGUMENT;
  };
  const std::vector<Row> rows = {
      {"empty list", [](auto& r) { r.clear_containers(); }, "containers: "},
      {"duplicate", [](auto& r) { *r.add_containers() = r.containers(0); }, "containers[1].name: "},
      {"negative grace", [](auto& r) { r.mutable_containers(0)->mutable_grace()->set_seconds(-1); },
       "containers[0].grace: must not be negative"},
      {"unknown method",
       [](auto& r) { r.mutable_containers(0)->set_method(static_cast<v1::Method>(77)); },
       "containers[0].method: unknown value 77"},
      {"no method", [](auto& r) { r.mutable_containers(0)->clear_method(); },
       "containers[0].method: must be given"},
      {"no restart policy", [](auto& r) { r.mutable_kubernetes_pod(); },
       "kubernetes_pod.restart_policy: must be given"},
  };
  auto stub = LocalStub();
  for (const Row& row : rows) {
    v1::RestartContainersRequest request = Request("bad");
    row.spoil(request);
    const grpc::Status status = Restart(*stub, request);
    EXPECT_EQ(status.error_code(), row.code) << row.name;
    EXPECT_THAT(status.error_message(), StartsWith(row.message)) << row.name;
  }
  EXPECT_EQ(EngineCalls(), 0);
}

TEST_F(LocalServerTest, OversizedMessageIsRefused) {
  v1::RestartContainersRequest request = Request("big");
  request.mutable_containers(0)->add_env()->set_value(std::string(kMaxReceiveBytes, 'x'));
  EXPECT_EQ(Restart(*LocalStub(), request).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  v1::PullImageRequest pull;
  EXPECT_EQ(EngineCalls(), 0);
  EXPECT_TRUE(Info(*LocalStub()).ok());
}

TEST_F(LocalServerTest, GarbageIsHungUpOn) {
  for (const std::string& garbage : {std::string("GET / HTTP/1.1\r\n\r\n"), std::string(100, '\0'),
                                     std::string("PRI * HTTP/3\r\n")}) {
    const int fd = Connect();
    ASSERT_EQ(send(fd, garbage.data(), garbage.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(garbage.size()));
    char byte = 0;
    EXPECT_LE(recv(fd, &byte, 1, 0), 0);
    close(fd);
  }
  // Right at first, nonsense after: gRPC's own to refuse.
  const int fd = Connect();
  const std::string sly = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(1000, '\xff');
  ASSERT_GT(send(fd, sly.data(), sly.size(), MSG_NOSIGNAL), 0);
  char buffer[4096];
  while (recv(fd, buffer, sizeof(buffer), 0) > 0) {
  }
  close(fd);
  EXPECT_TRUE(Info(*LocalStub()).ok());
  EXPECT_EQ(EngineCalls(), 0);
  EXPECT_THAT(metrics_.Text(),
              HasSubstr("rekindled_refused_connections_total{reason=\"garbage\"} 3"));
}

TEST_F(LocalServerTest, WatchSendsStateMarkerChanges) {
  auto stub = LocalStub();
  const Begun restart(*stub, Request("w"));

  auto context = Context();
  auto reader = stub->WatchOperations(context.get(), {});
  v1::WatchOperationsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.operation().id(), "w/c0");
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_TRUE(response.synced());
  EXPECT_FALSE(response.has_operation());
  Move("w/c0", Phase::kDone);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.operation().phase(), v1::PHASE_DONE);
  context->TryCancel();
  reader->Finish();
}

TEST_F(LocalServerTest, WatchFilterKeepsOthersOut) {
  auto stub = LocalStub();
  const Begun a(*stub, Request("a"));
  const Begun b(*stub, Request("b"));

  auto context = Context();
  v1::WatchOperationsRequest request;
  request.set_request_id("b");
  auto reader = stub->WatchOperations(context.get(), request);
  v1::WatchOperationsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.operation().id(), "b/c0");
  ASSERT_TRUE(reader->Read(&response));
  ASSERT_TRUE(response.synced());
  Move("a/c0", Phase::kDone);
  Move("b/c0", Phase::kDone);
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.operation().id(), "b/c0");
  context->TryCancel();
  reader->Finish();
}

TEST_F(LocalServerTest, WatchCutsOffReaderThatIsTooSlow) {
  auto stub = LocalStub();
  const Begun restart(*stub, Request("w"));
  auto context = Context();
  auto reader = stub->WatchOperations(context.get(), {});
  v1::WatchOperationsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  ASSERT_TRUE(reader->Read(&response));
  OnLoop(loop_, [&] {
    engine_.records.at("w/c0").message = std::string(1000, 'x');
    for (size_t i = 0; i < 2 * kMaxWatchBacklog; ++i) {
      for (auto& [id, observer] : std::map(engine_.observers)) {
        observer(engine_.records.at("w/c0"));
      }
    }
  });
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

class WatchPodsTest : public LocalServerTest {
 protected:
  void Add(const std::string& id, const std::string& ns) {
    auto& sandbox = runtime_.sandboxes[id];
    sandbox.set_id(id);
    sandbox.mutable_metadata()->set_name("web-" + id);
    sandbox.mutable_metadata()->set_namespace_(ns);
    sandbox.mutable_metadata()->set_uid("uid-" + id);
    sandbox.set_state(cri::v1::SANDBOX_READY);
  }
  void Event() {
    OnLoop(loop_, [&] { monitor_.Event(); });
  }
};

TEST_F(WatchPodsTest, SendsStateMarkerChangesOfWhatMatches) {
  OnLoop(loop_, [&] {
    Add("s0", "default");
    Add("s1", "other");
  });
  auto stub = LocalStub();
  auto context = Context();
  v1::WatchPodsRequest request;
  request.mutable_pod()->set_namespace_("default");
  auto reader = stub->WatchPods(context.get(), request);
  v1::WatchPodsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.pod().ref().name(), "web-s0");
  EXPECT_EQ(response.pod().ip(), "10.0.0.9");
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_TRUE(response.synced());
  EXPECT_FALSE(response.has_pod());
  OnLoop(loop_, [&] { runtime_.sandboxes.clear(); });
  Event();
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_TRUE(response.removed());
  EXPECT_EQ(response.pod().sandbox_id(), "s0");
  context->TryCancel();
  reader->Finish();
  // With its last reader the watch on the runtime ends.
  EXPECT_TRUE(Eventually([&] { return monitor_.event_watches() == 0; }));
}

TEST_F(WatchPodsTest, BadFilterIsRefusedByField) {
  v1::WatchPodsRequest request;
  request.mutable_pod()->set_name("no/name");
  auto stub = LocalStub();
  auto context = Context();
  auto reader = stub->WatchPods(context.get(), request);
  v1::WatchPodsResponse response;
  EXPECT_FALSE(reader->Read(&response));
  const grpc::Status status = reader->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_THAT(status.error_message(), HasSubstr("pod.name"));
}

TEST_F(WatchPodsTest, CutsOffReaderThatIsTooSlow) {
  auto stub = LocalStub();
  auto context = Context();
  context->set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(2));
  auto reader = stub->WatchPods(context.get(), {});
  v1::WatchPodsResponse response;
  ASSERT_TRUE(reader->Read(&response));
  ASSERT_TRUE(response.synced());
  OnLoop(loop_, [&] {
    for (size_t i = 0; i < 2 * kMaxWatchBacklog; ++i) {
      const std::string id = absl::StrCat("s", i);
      Add(id, "default");
      // What the connection takes before the reader reads is a small part of all.
      (*runtime_.sandboxes[id].mutable_annotations())["note"] = std::string(1000, 'x');
    }
  });
  Event();
  // Not read until the daemon has given up: else the reader might be quick enough.
  EXPECT_TRUE(Eventually([&] { return monitor_.event_watches() == 0; }));
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
}

TEST_F(LocalServerTest, ListsAndCancels) {
  auto stub = LocalStub();
  auto context = Context();
  auto reader = stub->RestartContainers(context.get(), Request("l", 3));
  v1::RestartContainersResponse response;
  ASSERT_TRUE(reader->Read(&response));
  v1::ListOperationsRequest list;
  list.set_limit(2);
  v1::ListOperationsResponse listed;
  ASSERT_TRUE(stub->ListOperations(Context().get(), list, &listed).ok());
  EXPECT_EQ(listed.operations_size(), 2);
  EXPECT_EQ(listed.operations(0).id(), "l/c2");
  EXPECT_TRUE(listed.truncated());
  list.set_limit(3);
  ASSERT_TRUE(stub->ListOperations(Context().get(), list, &listed).ok());
  EXPECT_FALSE(listed.truncated());

  v1::CancelOperationRequest cancel;
  cancel.set_id("l/c1");
  v1::Operation operation;
  ASSERT_TRUE(stub->CancelOperation(Context().get(), cancel, &operation).ok());
  EXPECT_EQ(operation.phase(), v1::PHASE_CANCELLED);
  EXPECT_THAT(OnLoop(loop_, [&] { return engine_.ended_with_pod; }), IsEmpty());
  cancel.set_id("l/c2");
  cancel.set_pod_terminating(true);
  ASSERT_TRUE(stub->CancelOperation(Context().get(), cancel, &operation).ok());
  EXPECT_THAT(OnLoop(loop_, [&] { return engine_.ended_with_pod; }), ElementsAre("l/c2"));
  cancel.set_id("none/c1");
  for (const bool terminating : {false, true}) {
    cancel.set_pod_terminating(terminating);
    EXPECT_EQ(stub->CancelOperation(Context().get(), cancel, &operation).error_code(),
              grpc::StatusCode::NOT_FOUND);
  }
  v1::GetOperationRequest get;
  get.set_id("none/c1");
  EXPECT_EQ(stub->GetOperation(Context().get(), get, &operation).error_code(),
            grpc::StatusCode::NOT_FOUND);
  get.set_id("nonsense");
  EXPECT_EQ(stub->GetOperation(Context().get(), get, &operation).error_code(),
            grpc::StatusCode::INVALID_ARGUMENT);
}

TEST_F(LocalServerTest, NodeInfo) {
  OnLoop(loop_, [&] {
    engine_.stats = {.active = 3, .stored = 5, .accepting = false, .accepting_reason = "disk full"};
    monitor_.SetReady(false, "no socket");
  });
  v1::NodeInfo info;
  ASSERT_TRUE(Info(*LocalStub(), &info).ok());
  EXPECT_EQ(info.node_name(), "node-1");
  EXPECT_EQ(info.daemon_version(), "1.2.3");
  EXPECT_EQ(info.runtime_name(), "fake");
  EXPECT_FALSE(info.runtime_ready());
  EXPECT_EQ(info.runtime_reason(), "no socket");
  EXPECT_EQ(info.active_operations(), 3);
  EXPECT_EQ(info.stored_operations(), 5);
  EXPECT_FALSE(info.accepting());
  EXPECT_EQ(info.accepting_reason(), "disk full");
  EXPECT_EQ(info.quarantined_records(), 2);
  EXPECT_EQ(info.started().seconds(), 1000);
}

TEST_F(LocalServerTest, PullReportsProgressThenResult) {
  auto stub = LocalStub();
  auto context = Context();
  v1::PullImageRequest request;
  request.set_image("localhost:5000/app:v1");
  request.set_username("u");
  request.set_password("secret");
  auto reader = stub->PullImage(context.get(), request);
  ASSERT_TRUE(Eventually([&] { return puller_.pulls == 1; }));
  OnLoop(loop_, [&] {
    FakePuller::Pulling& pulling = puller_.pulling.begin()->second;
    EXPECT_EQ(pulling.credentials.password, "secret");
    pulling.progress({.done_bytes = 5, .total_bytes = 10, .elapsed = absl::Seconds(1)});
  });
  v1::PullImageResponse response;
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.progress().done_bytes(), 5);
  OnLoop(loop_, [&] {
    puller_.pulling.begin()->second.done(
        images::Result{.image_id = "sha256:1", .elapsed = absl::Seconds(2)});
  });
  ASSERT_TRUE(reader->Read(&response));
  EXPECT_EQ(response.result().image_id(), "sha256:1");
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(OnLoop(loop_, [&] { return puller_.cancelled; }), 0);
}

TEST_F(LocalServerTest, CancelledPullIsCancelled) {
  auto stub = LocalStub();
  auto context = Context();
  v1::PullImageRequest request;
  request.set_image("app:v1");
  auto reader = stub->PullImage(context.get(), request);
  ASSERT_TRUE(Eventually([&] { return puller_.pulls == 1; }));
  context->TryCancel();
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Eventually([&] { return puller_.cancelled == 1; }));
}

}  // namespace
}  // namespace rekindle::service
