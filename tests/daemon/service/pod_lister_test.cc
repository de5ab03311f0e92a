#include "daemon/service/pod_lister.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "daemon/service/constants.h"
#include "daemon/service/metrics.h"
#include "tests/daemon/service/service_fakes.h"
#include "tests/fakes/sim_loop.h"

namespace rekindle::service {
namespace {

namespace node = ::rekindle::node::v1;

class PodListerTest : public ::testing::Test {
 protected:
  void AddSandbox(const std::string& id, const std::string& name, bool ready = true) {
    auto& sandbox = runtime_.sandboxes[id];
    sandbox.set_id(id);
    sandbox.mutable_metadata()->set_name(name);
    sandbox.mutable_metadata()->set_namespace_("default");
    sandbox.mutable_metadata()->set_uid("uid-" + id);
    sandbox.set_state(ready ? cri::v1::SANDBOX_READY : cri::v1::SANDBOX_NOTREADY);
    sandbox.set_created_at(static_cast<int64_t>(runtime_.sandboxes.size()) * 1'000'000'000);
  }

  void AddContainer(const std::string& id, const std::string& sandbox, const std::string& name,
                    uint32_t attempt, bool running = true) {
    auto& container = runtime_.containers[id];
    container.set_id(id);
    container.set_pod_sandbox_id(sandbox);
    container.mutable_metadata()->set_name(name);
    container.mutable_metadata()->set_attempt(attempt);
    container.set_state(running ? cri::v1::CONTAINER_RUNNING : cri::v1::CONTAINER_EXITED);
    container.set_created_at(5'000'000'000);
  }

  absl::StatusOr<node::ListPodsResponse> List(const node::ListPodsRequest& request) {
    std::optional<absl::StatusOr<node::ListPodsResponse>> got;
    ListPods(runtime_, request, [&](absl::StatusOr<node::ListPodsResponse> r) { got = r; });
    EXPECT_FALSE(got.has_value());  // never inline
    loop_.Settle();
    return got.value_or(absl::InternalError("no reply"));
  }

  SimLoop loop_;
  FakeRuntime runtime_{loop_};
};

TEST_F(PodListerTest, JoinsSandboxesAndContainersInOrder) {
  AddSandbox("s1", "web-1");
  AddSandbox("s0", "web-0");
  runtime_.sandboxes["s0"].mutable_annotations()->insert({"kubernetes.io/config.source", "api"});
  AddContainer("c1", "s0", "app", 1);
  AddContainer("c2", "s0", "app", 2);
  AddContainer("c3", "s0", "aaa", 0);
  AddContainer("c4", "elsewhere", "app", 0);
  const auto got = List({});
  ASSERT_TRUE(got.ok()) << got.status();
  ASSERT_EQ(got->pods_size(), 2);
  EXPECT_EQ(got->pods(0).ref().name(), "web-0");
  EXPECT_EQ(got->pods(0).owner(), node::POD_OWNER_KUBELET);
  EXPECT_EQ(got->pods(0).ip(), "10.0.0.9");
  ASSERT_EQ(got->pods(0).containers_size(), 3);
  EXPECT_EQ(got->pods(0).containers(0).name(), "aaa");
  EXPECT_EQ(got->pods(0).containers(1).attempt(), 2);
  EXPECT_EQ(got->pods(0).containers(1).image(), "busybox:latest");
  EXPECT_EQ(got->pods(0).containers(1).created().seconds(), 5);
  EXPECT_FALSE(got->pods(0).containers(1).has_started());
  EXPECT_EQ(got->pods(1).owner(), node::POD_OWNER_RUNTIME_CLIENT);
}

TEST_F(PodListerTest, ExitedOnlyOnRequest) {
  AddSandbox("s0", "web-0");
  AddSandbox("old", "web-0", false);
  AddContainer("c1", "s0", "app", 0, false);
  EXPECT_EQ(List({})->pods_size(), 1);
  EXPECT_EQ(List({})->pods(0).containers_size(), 0);
  node::ListPodsRequest all;
  all.set_include_exited(true);
  const auto got = List(all);
  ASSERT_EQ(got->pods_size(), 2);
  EXPECT_EQ(got->pods(0).sandbox_id(), "old");  // the newest first
  EXPECT_FALSE(got->pods(0).ready());
  EXPECT_EQ(got->pods(1).containers(0).exit_code(), 3);
  EXPECT_EQ(got->pods(1).containers(0).state(), node::CONTAINER_STATE_EXITED);
}

TEST_F(PodListerTest, FiltersByEachPart) {
  AddSandbox("s0", "web-0");
  AddSandbox("s1", "web-1");
  node::ListPodsRequest request;
  request.set_uid("uid-s1");
  ASSERT_EQ(List(request)->pods_size(), 1);
  EXPECT_EQ(List(request)->pods(0).ref().name(), "web-1");
  request.set_name("web-0");
  EXPECT_EQ(List(request)->pods_size(), 0);
  request.Clear();
  request.set_namespace_("other");
  EXPECT_EQ(List(request)->pods_size(), 0);
}

TEST_F(PodListerTest, WhatVanishesIsLeftOut) {
  AddSandbox("s0", "web-0");
  AddSandbox("s1", "web-1");
  AddContainer("c0", "s0", "a", 0);
  AddContainer("c1", "s0", "b", 0);
  runtime_.vanished["c0"] = true;
  runtime_.vanished["s1"] = true;
  const auto got = List({});
  ASSERT_TRUE(got.ok());
  ASSERT_EQ(got->pods_size(), 1);
  EXPECT_EQ(got->pods(0).containers_size(), 1);
}

TEST_F(PodListerTest, ErrorsOfTheRuntimeAreTheAnswer) {
  AddSandbox("s0", "web-0");
  AddContainer("c0", "s0", "a", 0);
  AddContainer("c1", "s0", "b", 0);
  runtime_.status_error = absl::UnavailableError("down");
  EXPECT_EQ(List({}).status().code(), absl::StatusCode::kUnavailable);
  runtime_.error = absl::DeadlineExceededError("slow");
  EXPECT_EQ(List({}).status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(PodListerTest, StatusCallsAreBounded) {
  for (int i = 0; i < 200; ++i) {
    AddSandbox(absl::StrCat("s", i), absl::StrCat("web-", i));
    AddContainer(absl::StrCat("c", i), absl::StrCat("s", i), "app", 0);
  }
  EXPECT_EQ(List({})->pods_size(), 200);
  EXPECT_LE(runtime_.most_under_way, kListPodsConcurrency);
  EXPECT_GT(runtime_.most_under_way, 1);
}

// The metrics need no server either.
TEST(Metrics, CountsEachPhaseAndEndOnce) {
  Metrics metrics("9.9");
  restart::OperationRecord record;
  record.request_id = "r";
  record.container_name = "c";
  const absl::Time t = absl::FromUnixSeconds(100);
  record.history = {{restart::Phase::kAccepted, t}};
  metrics.ObserveOperation(record);
  EXPECT_NE(metrics.Text().find("rekindled_operations_queued 1"), std::string::npos);
  record.history.push_back({restart::Phase::kStopping, t + absl::Seconds(2)});
  record.phase = restart::Phase::kStopping;
  metrics.ObserveOperation(record);
  metrics.ObserveOperation(record);
  record.history.push_back({restart::Phase::kDone, t + absl::Seconds(5)});
  record.phase = restart::Phase::kDone;
  record.gap = absl::Milliseconds(130);
  metrics.ObserveOperation(record);
  metrics.ObserveOperation(record);
  const std::string text = metrics.Text();
  for (const char* line : {
           "rekindled_operations_total{method=\"replace\",outcome=\"done\"} 1",
           "rekindled_operations_total{method=\"hot\",outcome=\"failed\"} 0",
           "rekindled_phase_duration_seconds_count{phase=\"accepted\"} 1",
           "rekindled_phase_duration_seconds_sum{phase=\"stopping\"} 3",
           "rekindled_gap_seconds_count{method=\"replace\"} 1",
           "rekindled_operations_queued 0",
           "rekindled_build_info{version=\"9.9\"} 1",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

TEST(Metrics, CountsCallsAndErrors) {
  Metrics metrics("9.9");
  metrics.ObserveRuntimeCall("StopContainer", absl::StatusCode::kOk, absl::Milliseconds(3));
  metrics.ObserveRuntimeCall("StopContainer", absl::StatusCode::kUnavailable, absl::Seconds(1));
  metrics.ObserveJournal("append", absl::ResourceExhaustedError("full"), absl::Milliseconds(1));
  metrics.SetRuntimeReady(true);
  const std::string text = metrics.Text();
  for (const char* line : {
           "rekindled_runtime_call_duration_seconds_count{method=\"StopContainer\"} 2",
           "rekindled_runtime_errors_total{code=\"UNAVAILABLE\",method=\"StopContainer\"} 1",
           "rekindled_journal_errors_total{call=\"append\",code=\"RESOURCE_EXHAUSTED\"} 1",
           "rekindled_runtime_ready 1",
       }) {
    EXPECT_NE(text.find(line), std::string::npos) << line << "\n" << text;
  }
}

}  // namespace
}  // namespace rekindle::service
