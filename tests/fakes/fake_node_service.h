#ifndef REKINDLE_TEST_FAKES_FAKE_NODE_SERVICE_H_
#define REKINDLE_TEST_FAKES_FAKE_NODE_SERVICE_H_

#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include "common/base/sync.h"
#include "rekindle/node/v1/node.grpc.pb.h"
#include "tests/fakes/temp_dir.h"

namespace rekindle {

// A daemon whose answers are written down beforehand. Serves on a Unix socket in a directory of
// its own, or on what AddPort gives it. Strict: a stream call without a script fails.
// Threads: Start and Stop from one; everything else from any, also between calls.
class FakeNodeService final : public node::v1::NodeService::Service {
 public:
  using Status = grpc::Status;

  // What one call of a streaming method does: sends `messages`, then ends with `status`, or stays
  // open until the caller goes away when `stay_open` is set. `then` runs after the messages are
  // out.
  template <typename Response>
  struct Script {
    std::vector<Response> messages;
    Status status = Status::OK;
    bool stay_open = false;
    std::function<void()> then;
  };

  ~FakeNodeService() override { Stop(); }

  std::string socket() const { return directory_ / "rekindled.sock"; }

  void Start() { StartOn("unix:" + socket(), grpc::InsecureServerCredentials()); }

  // Returns the port when `address` asks for a free one.
  int StartOn(const std::string& address, std::shared_ptr<grpc::ServerCredentials> credentials) {
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort(address, std::move(credentials), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    return port;
  }

  // Ends all calls and closes the socket; Start may follow.
  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
    server_.reset();
    unlink(socket().c_str());
  }

  // The plain answers. An error status instead of the reply where it is not OK.
  struct Answers {
    node::v1::ListPodsResponse pods;  // filtered by namespace, name and state as the daemon does
    Status pods_status;
    node::v1::NodeInfo info;
    Status info_status;
    node::v1::ListOperationsResponse operations;  // filtered by request and activity
    Status operations_status;
    Status cancel_status;
  };
  // Changes them from the next call on.
  template <typename Change>
  void Set(Change change) {
    MutexLock lock(&mutex_);
    change(answers_);
  }

  // What the next call without a script will do.
  void WillRestart(Script<node::v1::RestartContainersResponse> script) {
    MutexLock lock(&mutex_);
    restarts_.push_back(std::move(script));
  }
  void WillWatch(Script<node::v1::WatchOperationsResponse> script) {
    MutexLock lock(&mutex_);
    watches_.push_back(std::move(script));
  }
  void WillWatchPods(Script<node::v1::WatchPodsResponse> script) {
    MutexLock lock(&mutex_);
    pod_watches_.push_back(std::move(script));
  }
  void WillPull(Script<node::v1::PullImageResponse> script) {
    MutexLock lock(&mutex_);
    pulls_.push_back(std::move(script));
  }

  // The text form of every request so far, in order: "RestartContainers: ...".
  std::vector<std::string> requests() const {
    MutexLock lock(&mutex_);
    return requests_;
  }
  node::v1::RestartContainersRequest last_restart() const {
    MutexLock lock(&mutex_);
    return last_restart_;
  }
  node::v1::PullImageRequest last_pull() const {
    MutexLock lock(&mutex_);
    return last_pull_;
  }

  grpc::Status ListPods(grpc::ServerContext*, const node::v1::ListPodsRequest* request,
                        node::v1::ListPodsResponse* reply) override {
    Record("ListPods", *request);
    const Answers answers = Get();
    for (const auto& pod : answers.pods.pods()) {
      if (!request->namespace_().empty() && pod.ref().namespace_() != request->namespace_())
        continue;
      if (!request->name().empty() && pod.ref().name() != request->name()) continue;
      auto& shown = *reply->add_pods();
      shown = pod;
      shown.clear_containers();
      for (const auto& container : pod.containers()) {
        if (request->include_exited() || container.state() == node::v1::CONTAINER_STATE_RUNNING) {
          *shown.add_containers() = container;
        }
      }
    }
    return answers.pods_status;
  }

  grpc::Status GetNodeInfo(grpc::ServerContext*, const node::v1::GetNodeInfoRequest* request,
                           node::v1::NodeInfo* reply) override {
    Record("GetNodeInfo", *request);
    Answers answers = Get();
    *reply = std::move(answers.info);
    return answers.info_status;
  }

  grpc::Status GetOperation(grpc::ServerContext*, const node::v1::GetOperationRequest* request,
                            node::v1::Operation* reply) override {
    Record("GetOperation", *request);
    return Find(request->id(), reply);
  }

  grpc::Status ListOperations(grpc::ServerContext*, const node::v1::ListOperationsRequest* request,
                              node::v1::ListOperationsResponse* reply) override {
    Record("ListOperations", *request);
    const Answers answers = Get();
    for (const auto& operation : answers.operations.operations()) {
      const bool ended = operation.phase() >= node::v1::PHASE_DONE;
      if (request->active_only() && ended) continue;
      if (!request->request_id().empty() && operation.request_id() != request->request_id()) {
        continue;
      }
      *reply->add_operations() = operation;
    }
    reply->set_truncated(answers.operations.truncated());
    return answers.operations_status;
  }

  grpc::Status CancelOperation(grpc::ServerContext*,
                               const node::v1::CancelOperationRequest* request,
                               node::v1::Operation* reply) override {
    Record("CancelOperation", *request);
    Status status = Get().cancel_status;
    if (status.ok()) status = Find(request->id(), reply);
    reply->set_phase(node::v1::PHASE_CANCELLED);
    return status;
  }

  grpc::Status RestartContainers(
      grpc::ServerContext* context, const node::v1::RestartContainersRequest* request,
      grpc::ServerWriter<node::v1::RestartContainersResponse>* writer) override {
    Record("RestartContainers", *request);
    {
      MutexLock lock(&mutex_);
      last_restart_ = *request;
    }
    return Play(Next(&FakeNodeService::restarts_), context, writer);
  }

  grpc::Status WatchOperations(
      grpc::ServerContext* context, const node::v1::WatchOperationsRequest* request,
      grpc::ServerWriter<node::v1::WatchOperationsResponse>* writer) override {
    Record("WatchOperations", *request);
    return Play(Next(&FakeNodeService::watches_), context, writer);
  }

  grpc::Status WatchPods(grpc::ServerContext* context, const node::v1::WatchPodsRequest* request,
                         grpc::ServerWriter<node::v1::WatchPodsResponse>* writer) override {
    Record("WatchPods", *request);
    return Play(Next(&FakeNodeService::pod_watches_), context, writer);
  }

  grpc::Status PullImage(grpc::ServerContext* context, const node::v1::PullImageRequest* request,
                         grpc::ServerWriter<node::v1::PullImageResponse>* writer) override {
    Record("PullImage", *request);
    {
      MutexLock lock(&mutex_);
      last_pull_ = *request;
    }
    return Play(Next(&FakeNodeService::pulls_), context, writer);
  }

 private:
  template <typename Response>
  std::optional<Script<Response>> Next(std::deque<Script<Response>> FakeNodeService::*scripts) {
    MutexLock lock(&mutex_);
    if ((this->*scripts).empty()) return std::nullopt;
    Script<Response> script = std::move((this->*scripts).front());
    (this->*scripts).pop_front();
    return script;
  }

  template <typename Response>
  Status Play(const std::optional<Script<Response>>& script, grpc::ServerContext* context,
              grpc::ServerWriter<Response>* writer) {
    if (!script.has_value()) {
      return Status(grpc::StatusCode::INTERNAL, "no script for this call");
    }
    for (const Response& message : script->messages) {
      if (!writer->Write(message)) {
        return Status(grpc::StatusCode::CANCELLED, "the caller went away");
      }
    }
    if (script->then) script->then();
    if (!script->stay_open) return script->status;
    // gRPC has no call that waits for this.
    Latch never;
    while (!context->IsCancelled()) never.WaitFor(absl::Milliseconds(5));
    return Status::CANCELLED;
  }

  Answers Get() const {
    MutexLock lock(&mutex_);
    return answers_;
  }

  Status Find(const std::string& id, node::v1::Operation* reply) const {
    const Answers answers = Get();
    for (const auto& operation : answers.operations.operations()) {
      if (operation.id() != id) continue;
      *reply = operation;
      return Status::OK;
    }
    return Status(grpc::StatusCode::NOT_FOUND, "id: no operation " + id);
  }

  void Record(const std::string& method, const google::protobuf::Message& request) {
    MutexLock lock(&mutex_);
    requests_.push_back(method + ": " + request.ShortDebugString());
  }

  TempDir directory_;
  std::unique_ptr<grpc::Server> server_;
  mutable Mutex mutex_;
  Answers answers_ ABSL_GUARDED_BY(mutex_);
  std::deque<Script<node::v1::RestartContainersResponse>> restarts_ ABSL_GUARDED_BY(mutex_);
  std::deque<Script<node::v1::WatchOperationsResponse>> watches_ ABSL_GUARDED_BY(mutex_);
  std::deque<Script<node::v1::WatchPodsResponse>> pod_watches_ ABSL_GUARDED_BY(mutex_);
  std::deque<Script<node::v1::PullImageResponse>> pulls_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::string> requests_ ABSL_GUARDED_BY(mutex_);
  node::v1::RestartContainersRequest last_restart_ ABSL_GUARDED_BY(mutex_);
  node::v1::PullImageRequest last_pull_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAKE_NODE_SERVICE_H_
