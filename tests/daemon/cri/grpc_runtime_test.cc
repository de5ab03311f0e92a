#include "daemon/cri/grpc_runtime.h"

#include <atomic>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/asio_loop.h"
#include "containerd/v1/tasks.pb.h"
#include "tests/fakes/await.h"
#include "tests/fakes/fake_cri_server.h"

namespace rekindle::cri {
namespace {

using testing::HasSubstr;

struct Observed {
  std::string method;
  absl::StatusCode code;
};

class GrpcRuntimeTest : public testing::Test {
 protected:
  GrpcRuntimeTest() {
    options_.observe = [this](absl::string_view method, absl::StatusCode code, absl::Duration) {
      observed_.push_back({std::string(method), code});
    };
  }

  ~GrpcRuntimeTest() override { Close(); }

  // Built at the first use, so that a test can change the options before.
  Runtime& runtime() {
    if (runtime_ == nullptr) {
      RunOn(loop_,
            [this] { runtime_ = std::make_unique<GrpcRuntime>(loop_, connection_, options_); });
    }
    return *runtime_;
  }
  void Close() {
    RunOn(loop_, [this] { runtime_.reset(); });
  }

  absl::StatusOr<v1::VersionResponse> Version() {
    return AwaitReply<v1::VersionResponse>(
        loop_, [&rt = runtime()](auto reply) { rt.Version(std::move(reply)); });
  }
  absl::Status Stop(const std::string& id, absl::Duration timeout) {
    return AwaitDone(loop_, [&rt = runtime(), id, timeout](auto done) {
      rt.StopContainer(id, timeout, std::move(done));
    });
  }
  absl::StatusOr<std::string> Create(const v1::CreateContainerRequest& request) {
    return AwaitReply<std::string>(loop_, [&rt = runtime(), request](auto reply) {
      rt.CreateContainer(request, std::move(reply));
    });
  }
  absl::StatusOr<v1::ExecSyncResponse> Exec(std::vector<std::string> command,
                                            absl::Duration timeout) {
    return AwaitReply<v1::ExecSyncResponse>(loop_, [&rt = runtime(), command, timeout](auto reply) {
      rt.ExecSync("c1", command, timeout, std::move(reply));
    });
  }

  static v1::CreateContainerRequest GoodCreate() {
    v1::CreateContainerRequest request;
    request.set_pod_sandbox_id("s1");
    request.mutable_config()->mutable_metadata()->set_name("app");
    auto* sandbox = request.mutable_sandbox_config()->mutable_metadata();
    sandbox->set_name("web-0");
    sandbox->set_namespace_("default");
    sandbox->set_uid("u1");
    return request;
  }

  FakeCriServer server_;
  AsioLoop loop_{"test"};
  std::shared_ptr<Connection> connection_ = std::make_shared<Connection>(server_.endpoint());
  GrpcRuntimeOptions options_;
  std::unique_ptr<GrpcRuntime> runtime_;
  std::vector<Observed> observed_;  // the loop's thread
};

TEST_F(GrpcRuntimeTest, AnswersAndIsObserved) {
  auto version = Version();
  ASSERT_TRUE(version.ok()) << version.status();
  EXPECT_EQ(version->runtime_name(), "containerd");
  RunOn(loop_, [this] {
    ASSERT_EQ(observed_.size(), 1u);
    EXPECT_EQ(observed_[0].method, "Version");
    EXPECT_EQ(observed_[0].code, absl::StatusCode::kOk);
  });
}

// Scenario 4: what would kill the runtime never leaves the house.
TEST_F(GrpcRuntimeTest, RefusesADeadlyCreateLocally) {
  struct Row {
    const char* name;
    void (*spoil)(v1::CreateContainerRequest&);
    const char* field;
  };
  const Row rows[] = {
      {"no sandbox id", [](auto& r) { r.clear_pod_sandbox_id(); }, "pod_sandbox_id"},
      {"no config", [](auto& r) { r.clear_config(); }, "config.metadata"},
      {"no metadata", [](auto& r) { r.mutable_config()->clear_metadata(); }, "config.metadata"},
      {"no sandbox config", [](auto& r) { r.clear_sandbox_config(); }, "sandbox_config"},
      {"no sandbox metadata", [](auto& r) { r.mutable_sandbox_config()->clear_metadata(); },
       "sandbox_config.metadata"},
      {"no uid", [](auto& r) { r.mutable_sandbox_config()->mutable_metadata()->clear_uid(); },
       "sandbox_config.metadata"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    v1::CreateContainerRequest request = GoodCreate();
    row.spoil(request);
    auto created = Create(request);
    EXPECT_EQ(created.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(created.status().message()), HasSubstr(row.field));
  }
  EXPECT_EQ(server_.seen("CreateContainer").calls, 0);
}

TEST_F(GrpcRuntimeTest, CreateGivesTheIdAndRefusesAnEmptyOne) {
  server_.Script("CreateContainer", [](const auto&, auto* response) {
    static_cast<v1::CreateContainerResponse*>(response)->set_container_id("abc");
    return grpc::Status::OK;
  });
  auto created = Create(GoodCreate());
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(*created, "abc");
  server_.Script("CreateContainer", [](const auto&, auto*) { return grpc::Status::OK; });
  EXPECT_EQ(Create(GoodCreate()).status().code(), absl::StatusCode::kInternal);
}

// Scenario 1: misuse stays UNKNOWN, with the runtime's text behind the method's name.
TEST_F(GrpcRuntimeTest, MisuseStaysUnknown) {
  server_.Fail("CreateContainer",
               {grpc::StatusCode::UNKNOWN, "name \"app_web-0\" is reserved for \"abc\""});
  auto created = Create(GoodCreate());
  EXPECT_EQ(created.status().code(), absl::StatusCode::kUnknown);
  EXPECT_THAT(std::string(created.status().message()), HasSubstr("CreateContainer: name"));
}

// Scenarios 5 and 6: old and new servers look the same.
TEST_F(GrpcRuntimeTest, NotFoundIsStoppedAndRemoved) {
  server_.Fail("StopContainer", {grpc::StatusCode::NOT_FOUND, "gone"});
  server_.Fail("RemoveContainer", {grpc::StatusCode::NOT_FOUND, "gone"});
  EXPECT_TRUE(Stop("c1", absl::Seconds(5)).ok());
  EXPECT_TRUE(AwaitDone(loop_, [&rt = runtime()](auto done) {
                rt.RemoveContainer("c1", std::move(done));
              }).ok());
  auto status = AwaitReply<v1::ContainerStatusResponse>(
      loop_, [&rt = runtime()](auto reply) { rt.ContainerStatus("c1", false, std::move(reply)); });
  EXPECT_EQ(status.status().code(), absl::StatusCode::kNotFound);
}

// A start that was cut off leaves a task that the CRI cannot remove the container for.
TEST_F(GrpcRuntimeTest, RemovalEndsTheTaskThatACutOffStartLeft) {
  namespace tasks = ::containerd::services::tasks::v1;
  const grpc::Status refused(grpc::StatusCode::FAILED_PRECONDITION,
                             "failed to delete containerd container \"c1\": cannot delete running "
                             "task c1: failed precondition");
  std::atomic<bool> task = true;
  server_.Script("RemoveContainer",
                 [&](const auto&, auto*) { return task ? refused : grpc::Status::OK; });
  server_.Script("Delete", [&](const auto&, auto*) {
    task = false;
    return grpc::Status::OK;
  });
  auto remove = [&] {
    return AwaitDone(loop_,
                     [&rt = runtime()](auto done) { rt.RemoveContainer("c1", std::move(done)); });
  };
  EXPECT_EQ(remove(), absl::OkStatus());
  tasks::KillRequest kill;
  ASSERT_TRUE(kill.ParseFromString(server_.seen("Kill").request_text));
  EXPECT_EQ(kill.container_id(), "c1");
  EXPECT_EQ(kill.signal(), 9u);
  EXPECT_THAT(server_.seen("Delete").metadata,
              testing::Contains(testing::Pair("containerd-namespace", "k8s.io")));
  EXPECT_EQ(server_.seen("RemoveContainer").calls, 2);
  // Where the runtime has no tasks (CRI-O) its own error is the answer, after one more try.
  task = true;
  server_.Fail("Kill", {grpc::StatusCode::UNIMPLEMENTED, "unknown service"});
  server_.Fail("Delete", {grpc::StatusCode::UNIMPLEMENTED, "unknown service"});
  EXPECT_EQ(remove().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(server_.seen("RemoveContainer").calls, 4);
  // Other errors touch no task.
  server_.Fail("RemoveContainer", {grpc::StatusCode::FAILED_PRECONDITION, "is being removed"});
  EXPECT_EQ(remove().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(server_.seen("Kill").calls, 2);
}

TEST_F(GrpcRuntimeTest, StopRoundsUpAndWaitsTwoMinutesMore) {
  struct Row {
    absl::Duration timeout;
    int64_t seconds;
  };
  for (const Row& row : {Row{absl::ZeroDuration(), 0}, Row{absl::Milliseconds(1), 1},
                         Row{absl::Milliseconds(2500), 3}, Row{absl::Seconds(30), 30},
                         Row{absl::Seconds(-5), 0}, Row{absl::InfiniteDuration(), 31536000}}) {
    SCOPED_TRACE(absl::FormatDuration(row.timeout));
    ASSERT_TRUE(Stop("c1", row.timeout).ok());
    const auto seen = server_.seen("StopContainer");
    v1::StopContainerRequest request;
    ASSERT_TRUE(request.ParseFromString(seen.request_text));
    EXPECT_EQ(request.timeout(), row.seconds);
    EXPECT_GT(seen.deadline, absl::Seconds(row.seconds + 115));
    // gRPC sends long deadlines coarsely, rounded up.
    EXPECT_LE(seen.deadline, absl::Seconds(row.seconds + 130) + absl::Hours(row.seconds / 3600));
  }
}

TEST_F(GrpcRuntimeTest, AnEmptyIdNeverLeaves) {
  EXPECT_EQ(Stop("", absl::Seconds(1)).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(server_.seen("StopContainer").calls, 0);
}

// Scenario 7, the part of this layer: down is kUnavailable, and soon; up again works by itself.
TEST_F(GrpcRuntimeTest, ADeadRuntimeHangsNobody) {
  ASSERT_TRUE(Version().ok());
  server_.Stop();
  const absl::Time before = absl::Now();
  EXPECT_EQ(Version().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(Stop("c1", absl::Seconds(30)).code(), absl::StatusCode::kUnavailable);
  EXPECT_LT(absl::Now() - before, absl::Seconds(8));
  server_.Start();
  absl::StatusOr<v1::VersionResponse> version;
  for (int attempt = 0; attempt < 10 && !version.ok(); ++attempt) version = Version();
  EXPECT_TRUE(version.ok()) << version.status();
}

TEST_F(GrpcRuntimeTest, AReadWaitsForARuntimeThatComesBackAtOnce) {
  ASSERT_TRUE(Version().ok());
  options_.connect_wait = absl::Seconds(15);
  Close();
  server_.Stop();
  auto slot = std::make_shared<Slot<absl::StatusOr<v1::VersionResponse>>>();
  Runtime& rt = runtime();
  RunOn(loop_, [&rt, slot] { rt.Version([slot](auto got) { slot->Set(std::move(got)); }); });
  server_.Start();
  auto got = slot->Get();
  ASSERT_TRUE(got.has_value());
  EXPECT_TRUE(got->ok()) << got->status();
}

// A connected runtime that is slow to answer is not taken for one that is down.
TEST_F(GrpcRuntimeTest, ASlowReadIsNotCutByTheConnectWait) {
  options_.connect_wait = absl::Milliseconds(50);
  server_.Hold("Version");
  auto slot = std::make_shared<Slot<absl::StatusOr<v1::VersionResponse>>>();
  Runtime& rt = runtime();
  RunOn(loop_, [&rt, slot] { rt.Version([slot](auto got) { slot->Set(std::move(got)); }); });
  ASSERT_TRUE(server_.AwaitSeen("Version", [](const auto& seen) { return seen.running == 1; }));
  Slot<bool> later;
  loop_.RunAfter(absl::Milliseconds(200), [&later] { later.Set(true); });
  ASSERT_TRUE(later.Get().has_value());
  EXPECT_FALSE(slot->is_set());
  server_.Release("Version");
  auto got = slot->Get();
  ASSERT_TRUE(got.has_value());
  EXPECT_TRUE(got->ok()) << got->status();
}

// Scenario 3, the part of this layer: a cut start is ambiguous, not failed.
TEST_F(GrpcRuntimeTest, ADroppedConnectionIsUnavailable) {
  server_.Hold("StartContainer");
  auto slot = std::make_shared<Slot<absl::Status>>();
  Runtime& rt = runtime();
  RunOn(loop_, [&rt, slot] {
    rt.StartContainer("c1", [slot](absl::Status got) { slot->Set(std::move(got)); });
  });
  ASSERT_TRUE(server_.AwaitSeen("StartContainer", [](const auto& s) { return s.running == 1; }));
  server_.Stop();
  auto got = slot->Get();
  ASSERT_TRUE(got.has_value());
  EXPECT_EQ(got->code(), absl::StatusCode::kUnavailable);
}

// Scenario 2, the part of this layer: the deadline of a create is reported as such.
TEST_F(GrpcRuntimeTest, ACreateOverItsDeadlineIsDeadlineExceeded) {
  options_.call_deadline = absl::Milliseconds(300);
  server_.Hold("CreateContainer");
  EXPECT_EQ(Create(GoodCreate()).status().code(), absl::StatusCode::kDeadlineExceeded);
  RunOn(loop_, [this] { EXPECT_EQ(runtime_->mutations_in_flight(), 0u); });
}

// Scenario 9.
TEST_F(GrpcRuntimeTest, TakesATenMebibyteList) {
  server_.Script("ListContainers", [](const auto&, auto* response) {
    auto* list = static_cast<v1::ListContainersResponse*>(response);
    for (int i = 0; i < 10; ++i) {
      auto* container = list->add_containers();
      container->set_id(std::to_string(i));
      (*container->mutable_annotations())["big"] = std::string(1 << 20, 'x');
    }
    return grpc::Status::OK;
  });
  auto list = AwaitReply<v1::ListContainersResponse>(
      loop_, [&rt = runtime()](auto reply) { rt.ListContainers({}, std::move(reply)); });
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->containers_size(), 10);
}

// Scenario 10: exec output and env values are bytes.
TEST_F(GrpcRuntimeTest, TakesBytesThatAreNoUtf8) {
  server_.Script("ExecSync", [](const auto&, auto* response) {
    static_cast<v1::ExecSyncResponse*>(response)->set_stdout("\xff\xfe");
    return grpc::Status::OK;
  });
  auto done = Exec({"x"}, absl::Seconds(1));
  ASSERT_TRUE(done.ok()) << done.status();
  EXPECT_EQ(done->stdout(), "\xff\xfe");
  v1::CreateContainerRequest request = GoodCreate();
  auto* env = request.mutable_config()->add_envs();
  env->set_key("A");
  env->set_value("\xff\xfe");
  server_.Script("CreateContainer", [](const auto& got, auto* response) {
    const auto& create = static_cast<const v1::CreateContainerRequest&>(got);
    static_cast<v1::CreateContainerResponse*>(response)->set_container_id(
        create.config().envs(0).value() == "\xff\xfe" ? "same" : "changed");
    return grpc::Status::OK;
  });
  auto created = Create(request);
  ASSERT_TRUE(created.ok()) << created.status();
  EXPECT_EQ(*created, "same");
}

// Scenario 38: a child that holds the output open does not hold us.
TEST_F(GrpcRuntimeTest, ExecEndsSoonAfterItsTimeout) {
  options_.exec_slack = absl::Milliseconds(200);
  server_.Hold("ExecSync");
  const absl::Time before = absl::Now();
  EXPECT_EQ(Exec({"sleep"}, absl::Milliseconds(500)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  EXPECT_GT(absl::Now() - before, absl::Seconds(1));  // the runtime's own timeout comes first
  EXPECT_LT(absl::Now() - before, absl::Seconds(5));
  v1::ExecSyncRequest request;
  ASSERT_TRUE(request.ParseFromString(server_.seen("ExecSync").request_text));
  EXPECT_EQ(request.timeout(), 1);
}

// Scenarios 39 and 40.
TEST_F(GrpcRuntimeTest, ExecErrorsAreNoExitCodes) {
  server_.Fail("ExecSync", {grpc::StatusCode::UNKNOWN, "executable file not found"});
  EXPECT_EQ(Exec({"nope"}, absl::Seconds(1)).status().code(), absl::StatusCode::kUnknown);
  server_.Fail("ExecSync", {grpc::StatusCode::RESOURCE_EXHAUSTED, "message larger than max"});
  EXPECT_EQ(Exec({"yes"}, absl::Seconds(1)).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(Exec({}, absl::Seconds(1)).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Exec({"x"}, absl::ZeroDuration()).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(GrpcRuntimeTest, ALongErrorKeepsItsCode) {
  server_.Fail("StartContainer", {grpc::StatusCode::UNKNOWN, std::string(60 * 1024, 'e')});
  EXPECT_EQ(
      AwaitDone(loop_, [&rt = runtime()](auto done) { rt.StartContainer("c1", std::move(done)); })
          .code(),
      absl::StatusCode::kUnknown);
}

TEST_F(GrpcRuntimeTest, ImageStatusTellsAbsentFromPresent) {
  auto image = [this] {
    return AwaitReply<std::optional<v1::Image>>(
        loop_, [&rt = runtime()](auto reply) { rt.ImageStatus("busybox", std::move(reply)); });
  };
  auto absent = image();
  ASSERT_TRUE(absent.ok()) << absent.status();
  EXPECT_FALSE(absent->has_value());
  server_.Script("ImageStatus", [](const auto&, auto* response) {
    static_cast<v1::ImageStatusResponse*>(response)->mutable_image()->set_id("sha256:1");
    return grpc::Status::OK;
  });
  auto present = image();
  ASSERT_TRUE(present.ok() && present->has_value());
  EXPECT_EQ((*present)->id(), "sha256:1");
}

TEST_F(GrpcRuntimeTest, CreatesAndStartsQueueStopsDoNot) {
  options_.max_creates_and_starts = 2;
  server_.Hold("StartContainer");
  server_.Hold("StopContainer");
  auto done = std::make_shared<Slot<int>>();
  auto left = std::make_shared<int>(10);
  Runtime& rt = runtime();
  RunOn(loop_, [&] {
    for (int i = 0; i < 5; ++i) {
      auto count = [done, left](absl::Status status) {
        EXPECT_TRUE(status.ok()) << status;
        if (--*left == 0) done->Set(0);
      };
      rt.StartContainer("c" + std::to_string(i), count);
      rt.StopContainer("c" + std::to_string(i), absl::Seconds(30), count);
    }
    EXPECT_EQ(runtime_->mutations_in_flight(), 10u);
  });
  ASSERT_TRUE(server_.AwaitSeen("StopContainer", [](const auto& s) { return s.running == 5; }));
  ASSERT_TRUE(server_.AwaitSeen("StartContainer", [](const auto& s) { return s.running == 2; }));
  server_.Release("StartContainer");
  server_.Release("StopContainer");
  ASSERT_TRUE(done->Get().has_value());
  EXPECT_EQ(server_.seen("StartContainer").max_running, 2);
  EXPECT_EQ(server_.seen("StartContainer").calls, 5);
}

// Pitfall 3: going away cancels reads, and leaves what changes things to its end.
TEST_F(GrpcRuntimeTest, DestructionCancelsReadsAndSparesMutations) {
  server_.Hold("Version");
  server_.Hold("StopContainer");
  Runtime& rt = runtime();
  auto witness = std::make_shared<int>(0);
  RunOn(loop_, [&] {
    rt.Version([witness](auto) { FAIL() << "a reply after the end"; });
    rt.StopContainer("c1", absl::Seconds(1),
                     [witness](auto) { FAIL() << "a reply after the end"; });
  });
  ASSERT_TRUE(server_.AwaitSeen("Version", [](const auto& s) { return s.running == 1; }));
  ASSERT_TRUE(server_.AwaitSeen("StopContainer", [](const auto& s) { return s.running == 1; }));
  Close();
  EXPECT_EQ(witness.use_count(), 1);  // the callbacks went with the runtime, on the loop's thread
  ASSERT_TRUE(server_.AwaitSeen("Version", [](const auto& s) { return s.cancelled == 1; }));
  EXPECT_EQ(server_.seen("StopContainer").running, 1);
  server_.Release("StopContainer");
  ASSERT_TRUE(server_.AwaitSeen("StopContainer", [](const auto& s) { return s.running == 0; }));
  EXPECT_EQ(server_.seen("StopContainer").cancelled, 0);
}

}  // namespace
}  // namespace rekindle::cri
