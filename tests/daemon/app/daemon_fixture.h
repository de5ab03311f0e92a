#ifndef REKINDLE_TEST_DAEMON_APP_DAEMON_FIXTURE_H_
#define REKINDLE_TEST_DAEMON_APP_DAEMON_FIXTURE_H_

#include <algorithm>
#include <chrono>
#include <deque>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "rekindle/node/v1/node.grpc.pb.h"
#include "tests/bed/bed.h"
#include "tests/bed/process.h"
#include "tests/bed/shared_bed.h"
#include "tests/measure/daemon.h"

namespace rekindle {

namespace pb = ::rekindle::node::v1;

// The real rekindled on a real containerd, asked over its real socket.
class DaemonTest : public bed::SharedBedTest {
 protected:
  void SetUp() override {
    ASSERT_NO_FATAL_FAILURE(SharedBedTest::SetUp());
    StartDaemon();
  }

  void TearDown() override {
    if (HasFailure() && daemon_ != nullptr) {
      const std::string log = bed::ReadFile(daemon_->log_path());
      std::cerr << "---- end of the daemon's log\n"
                << log.substr(log.size() > 6000 ? log.size() - 6000 : 0);
    }
    daemon_.reset();
    for (const bed::Pod& pod : pods_) {
      EXPECT_TRUE(bed_->RemovePod(pod).ok()) << pod.spec.name;
    }
  }

  void StartDaemon(const std::vector<std::string>& flags = {}) {
    auto started = measure::Daemon::Start(bed_, {REKINDLED_PROGRAM, REKINDLE_PROGRAM}, flags);
    ASSERT_TRUE(started.ok()) << started.status();
    daemon_ = *std::move(started);
    channel_ = grpc::CreateChannel("unix:" + daemon_->socket(), grpc::InsecureChannelCredentials());
    stub_ = pb::NodeService::NewStub(channel_);
  }

  // kill -9, as the kernel's memory killer would do.
  void KillDaemon() {
    stub_.reset();
    channel_.reset();
    daemon_.reset();
  }

  // A pod of containers that write what happens to them into a diary on a volume.
  bed::Pod& RunPod(const std::string& name, const std::vector<std::string>& containers,
                   const std::function<void(bed::PodSpec&)>& change = nullptr) {
    bed::PodSpec spec;
    spec.name = name;
    spec.containers.clear();
    for (const std::string& container : containers) {
      bed::ContainerSpec one;
      one.name = container;
      one.args = {"wait", "--diary", "/data/" + container};
      one.mounts = {{"/data", bed_->Volume(name), false}};
      spec.containers.push_back(one);
    }
    if (change) change(spec);
    auto pod = bed_->RunPod(spec);
    EXPECT_TRUE(pod.ok()) << pod.status();
    pods_.push_back(pod.ok() ? *std::move(pod) : bed::Pod());
    // A started container has not run its program's first line yet.
    for (const bed::ContainerSpec& container : pods_.back().spec.containers) {
      const bool writes = std::find(container.args.begin(), container.args.end(), "--diary") !=
                          container.args.end();
      if (!writes) continue;
      EXPECT_TRUE(bed::WaitUntil([&] { return Count(pods_.back(), container.name, "start") > 0; },
                                 absl::Seconds(30)))
          << container.name;
    }
    return pods_.back();
  }

  static pb::RestartContainersRequest Request(const bed::Pod& pod,
                                              const std::vector<std::string>& containers,
                                              const std::string& id) {
    pb::RestartContainersRequest request;
    request.set_request_id(id);
    request.mutable_pod()->set_namespace_(pod.spec.ns);
    request.mutable_pod()->set_name(pod.spec.name);
    request.mutable_pod()->set_uid(pod.config.metadata().uid());
    request.set_order(pb::ORDER_PARALLEL);
    request.set_failure_policy(pb::FAILURE_POLICY_FAIL);
    for (const std::string& name : containers) {
      pb::ContainerRestart* container = request.add_containers();
      container->set_name(name);
      container->set_method(pb::METHOD_REPLACE);
    }
    return request;
  }

  // Restarts and waits for the end; the last state of each operation by container.
  absl::StatusOr<std::map<std::string, pb::Operation>> Restart(
      const pb::RestartContainersRequest& request,
      const std::function<void(const pb::Operation&)>& seen = nullptr) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
    auto stream = stub_->RestartContainers(&context, request);
    std::map<std::string, pb::Operation> last;
    pb::RestartContainersResponse response;
    while (stream->Read(&response)) {
      if (seen) seen(response.operation());
      last[response.operation().container_name()] = response.operation();
    }
    const grpc::Status status = stream->Finish();
    if (!status.ok()) {
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    }
    return last;
  }

  // Hands a request over and returns as soon as the daemon has taken it.
  absl::Status Submit(const pb::RestartContainersRequest& request) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
    auto stream = stub_->RestartContainers(&context, request);
    pb::RestartContainersResponse response;
    if (stream->Read(&response)) {
      context.TryCancel();
      return absl::OkStatus();
    }
    const grpc::Status status = stream->Finish();
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }

  absl::StatusOr<pb::Operation> Get(const std::string& id) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
    pb::GetOperationRequest request;
    request.set_id(id);
    pb::Operation operation;
    const grpc::Status status = stub_->GetOperation(&context, request, &operation);
    if (!status.ok()) {
      return absl::Status(static_cast<absl::StatusCode>(status.error_code()),
                          status.error_message());
    }
    return operation;
  }

  static bool Ended(const pb::Operation& operation) {
    return operation.phase() == pb::PHASE_DONE || operation.phase() == pb::PHASE_FAILED ||
           operation.phase() == pb::PHASE_CANCELLED;
  }

  absl::StatusOr<pb::Operation> WaitEnd(const std::string& id,
                                        absl::Duration limit = absl::Seconds(90)) {
    absl::StatusOr<pb::Operation> operation = absl::UnknownError("never asked");
    bed::WaitUntil(
        [&] {
          operation = Get(id);
          return operation.ok() && Ended(*operation);
        },
        limit);
    return operation;
  }

  // Lines of a container's diary that begin with `event`.
  static int Count(const bed::Pod& pod, const std::string& container, const std::string& event) {
    int count = 0;
    for (absl::string_view line :
         absl::StrSplit(bed::ReadFile(bed_->Volume(pod.spec.name) + "/" + container), '\n')) {
      const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
      if (!words.empty() && words[0] == event) ++count;
    }
    return count;
  }

  static std::vector<bed::v1::Container> Containers(const bed::Pod& pod, const std::string& name) {
    std::vector<bed::v1::Container> found;
    auto all = bed_->cri().ListContainers(pod.sandbox_id);
    EXPECT_TRUE(all.ok()) << all.status();
    if (!all.ok()) return found;
    for (const auto& container : *all) {
      if (container.metadata().name() == name) found.push_back(container);
    }
    return found;
  }

  static std::vector<std::string> Running(const bed::Pod& pod, const std::string& name) {
    std::vector<std::string> ids;
    for (const auto& container : Containers(pod, name)) {
      if (container.state() == bed::v1::CONTAINER_RUNNING) ids.push_back(container.id());
    }
    return ids;
  }

  // Clean-up goes on after an operation's end.
  static testing::AssertionResult WaitInstances(const bed::Pod& pod, const std::string& name,
                                                size_t count) {
    if (bed::WaitUntil([&] { return Containers(pod, name).size() == count; }, absl::Seconds(60))) {
      return testing::AssertionSuccess();
    }
    testing::AssertionResult failure = testing::AssertionFailure();
    for (const auto& container : Containers(pod, name)) {
      failure << "attempt " << container.metadata().attempt() << " "
              << bed::v1::ContainerState_Name(container.state()) << "; ";
    }
    return failure;
  }

  std::unique_ptr<measure::Daemon> daemon_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<pb::NodeService::Stub> stub_;
  std::deque<bed::Pod> pods_;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_DAEMON_APP_DAEMON_FIXTURE_H_
