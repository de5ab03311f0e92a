#ifndef REKINDLE_TEST_CONTROLLER_FLEET_FLEET_FIXTURE_H_
#define REKINDLE_TEST_CONTROLLER_FLEET_FLEET_FIXTURE_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

#include "common/base/asio_loop.h"
#include "controller/fleet/fleet.h"
#include "tests/fakes/await.h"
#include "tests/fakes/fake_node_service.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle::fleet {

using Script = FakeNodeService::Script<node::v1::RestartContainersResponse>;

// What one call of Restart has heard. Written on the loop; read there, or after its end.
struct Heard {
  std::vector<std::string> progress;  // "operation:phase"
  std::vector<absl::Status> waiting;
  Slot<absl::Status> ended;

  absl::Status End() { return ended.Get().value_or(absl::InternalError("test: no end")); }
};
using HeardPtr = std::shared_ptr<Heard>;

// A fleet on a real loop, and daemons that do as they are told.
class FleetTest : public ::testing::Test {
 protected:
  ~FleetTest() override { Discard(); }

  // Short pauses, no jitter.
  static FleetOptions Quick() {
    const Backoff::Options pauses = {.initial = absl::Milliseconds(20),
                                     .max = absl::Milliseconds(100)};
    return {.link = {.pauses = pauses, .jitter = 0}, .repeats = pauses};
  }
  void Make(const FleetOptions& options = Quick(), std::shared_ptr<net::TlsFiles> tls = nullptr) {
    RunOn(loop_, [&] {
      fleet_ = std::make_unique<Fleet>(loop_, options, std::move(tls), [] { return 0.0; });
    });
  }
  void Discard() {
    RunOn(loop_, [&] { fleet_.reset(); });
  }

  absl::Status Set(const std::string& node, const Endpoint& endpoint) {
    absl::Status status;
    RunOn(loop_, [&] { status = fleet_->SetEndpoint(node, endpoint); });
    return status;
  }
  // The daemon's socket.
  void SetSocket(const std::string& node, const FakeNodeService& daemon) {
    ASSERT_TRUE(Set(node, {.target = "unix:" + daemon.socket()}).ok());
  }
  void Remove(const std::string& node) {
    RunOn(loop_, [&] { fleet_->RemoveEndpoint(node); });
  }

  static node::v1::RestartContainersRequest Request(const std::string& id) {
    node::v1::RestartContainersRequest request;
    request.set_request_id(id);
    request.mutable_pod()->set_namespace_("shop");
    request.mutable_pod()->set_name("web");
    request.add_containers()->set_name("c");
    return request;
  }

  HeardPtr Restart(const std::string& node, const std::string& id,
                   absl::Duration timeout = absl::Seconds(60)) {
    auto heard = std::make_shared<Heard>();
    RunOn(loop_, [&] { last_call_ = StartRestart(node, id, timeout, heard); });
    return heard;
  }
  // On the loop.
  Fleet::CallId StartRestart(const std::string& node, const std::string& id, absl::Duration timeout,
                             const HeardPtr& heard) {
    return fleet_->Restart(
        node, Request(id), timeout,
        {.progress =
             [heard](const node::v1::Operation& operation) {
               heard->progress.push_back(absl::StrCat(
                   operation.id(), ":", node::v1::Phase_Name(operation.phase()).substr(6)));
             },
         .waiting = [heard](const absl::Status& why) { heard->waiting.push_back(why); },
         .ended = [heard](const absl::Status& status) { heard->ended.Set(status); }});
  }
  void DropLast() {
    RunOn(loop_, [&] { fleet_->Drop(last_call_); });
  }

  FleetStats Stats() {
    FleetStats out;
    RunOn(loop_, [&] { out = fleet_->Stats(); });
    return out;
  }
  template <typename Predicate>
  bool AwaitStats(Predicate holds) {
    return AwaitOn(loop_, [&] { return holds(fleet_->Stats()); });
  }
  // Waits until the call has heard a reason to wait that has `text` in it.
  bool AwaitReason(const HeardPtr& heard, const std::string& text) {
    return AwaitOn(loop_, [&] {
      return !heard->waiting.empty() &&
             std::string(heard->waiting.back().message()).find(text) != std::string::npos;
    });
  }
  bool AwaitProgress(const HeardPtr& heard, size_t count) {
    return AwaitOn(loop_, [&] { return heard->progress.size() >= count; });
  }

  // The states of one operation: the first so many of a restart that goes well.
  static node::v1::RestartContainersResponse State(const std::string& id, int phases) {
    static constexpr node::v1::Phase kPhases[] = {node::v1::PHASE_ACCEPTED,
                                                  node::v1::PHASE_STOPPING,
                                                  node::v1::PHASE_STARTING, node::v1::PHASE_DONE};
    node::v1::RestartContainersResponse out;
    auto& operation = *out.mutable_operation();
    operation.set_id(id + "/c");
    operation.set_request_id(id);
    operation.set_container_name("c");
    operation.mutable_created()->set_seconds(1000);
    for (int i = 0; i < phases; ++i) operation.add_history()->set_phase(kPhases[i]);
    operation.set_phase(kPhases[phases - 1]);
    if (phases == 4) operation.mutable_ended()->set_seconds(1001);
    return out;
  }
  // A whole restart.
  static Script Whole(const std::string& id) {
    return {.messages = {State(id, 1), State(id, 2), State(id, 3), State(id, 4)}};
  }
  static Script Refusal(grpc::StatusCode code, const std::string& message) {
    return {.status = {code, message}};
  }

  AsioLoop loop_{"test-fleet"};
  std::unique_ptr<Fleet> fleet_;
  Fleet::CallId last_call_ = 0;
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_TEST_CONTROLLER_FLEET_FLEET_FIXTURE_H_
