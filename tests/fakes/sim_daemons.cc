#include "tests/fakes/sim_daemons.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/str_cat.h"
#include <grpcpp/server_builder.h>

namespace rekindle {

namespace {

using node::v1::Operation;
using node::v1::RestartContainersRequest;
using node::v1::RestartContainersResponse;

}  // namespace

class SimDaemons::Service final : public node::v1::NodeService::CallbackService {
 public:
  Service(AsioLoop& loop, const Options& options) : loop_(loop), options_(options) {}

  grpc::ServerWriteReactor<RestartContainersResponse>* RestartContainers(
      grpc::CallbackServerContext*, const RestartContainersRequest* request) override;

  grpc::ServerUnaryReactor* GetNodeInfo(grpc::CallbackServerContext* context,
                                        const node::v1::GetNodeInfoRequest*,
                                        node::v1::NodeInfo*) override {
    auto* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  std::map<std::string, int> begun() const {
    MutexLock lock(&mutex_);
    std::map<std::string, int> out;
    for (const auto& [id, work] : work_) out[id] = work.begun;
    return out;
  }
  uint64_t streams() const {
    MutexLock lock(&mutex_);
    return streams_;
  }

 private:
  class Stream;
  struct Work {
    Operation state;
    int begun = 0;
    std::vector<Stream*> readers;
  };

  void Finish(const std::string& id);
  void Leave(Stream* stream, const std::string& id);

  AsioLoop& loop_;
  const Options options_;
  mutable Mutex mutex_;
  std::map<std::string, Work> work_ ABSL_GUARDED_BY(mutex_);
  uint64_t streams_ ABSL_GUARDED_BY(mutex_) = 0;
};

// One call. Deletes itself when gRPC has done with it.
class SimDaemons::Service::Stream final
    : public grpc::ServerWriteReactor<RestartContainersResponse> {
 public:
  Stream(Service& service, std::string id) : service_(service), id_(std::move(id)) {}

  void Push(const Operation& operation) {
    MutexLock lock(&mutex_);
    queue_.emplace_back();
    *queue_.back().mutable_operation() = operation;
    Advance();
  }

 private:
  void Advance() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (writing_ || finished_) return;
    if (!queue_.empty()) {
      writing_ = true;
      current_ = std::move(queue_.front());
      queue_.pop_front();
      StartWrite(&current_);
    } else if (current_.operation().phase() == node::v1::PHASE_DONE) {
      finished_ = true;
      grpc::ServerWriteReactor<RestartContainersResponse>::Finish(grpc::Status::OK);
    }
  }
  void OnWriteDone(bool ok) override {
    MutexLock lock(&mutex_);
    writing_ = false;
    if (ok) return Advance();
    if (!std::exchange(finished_, true)) {
      grpc::ServerWriteReactor<RestartContainersResponse>::Finish(grpc::Status::CANCELLED);
    }
  }
  void OnCancel() override {
    MutexLock lock(&mutex_);
    if (!std::exchange(finished_, true)) {
      grpc::ServerWriteReactor<RestartContainersResponse>::Finish(grpc::Status::CANCELLED);
    }
  }
  void OnDone() override {
    service_.Leave(this, id_);
    delete this;
  }

  Service& service_;
  const std::string id_;
  Mutex mutex_;
  std::deque<RestartContainersResponse> queue_ ABSL_GUARDED_BY(mutex_);
  RestartContainersResponse current_ ABSL_GUARDED_BY(mutex_);
  bool writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

grpc::ServerWriteReactor<RestartContainersResponse>* SimDaemons::Service::RestartContainers(
    grpc::CallbackServerContext*, const RestartContainersRequest* request) {
  const std::string id = request->request_id();
  auto* stream = new Stream(*this, id);
  MutexLock lock(&mutex_);
  ++streams_;
  Work& work = work_[id];
  work.readers.push_back(stream);
  if (work.begun == 0) {
    ++work.begun;
    Operation& state = work.state;
    state.set_id(absl::StrCat(id, "/", request->containers(0).name()));
    state.set_request_id(id);
    *state.mutable_pod() = request->pod();
    state.set_container_name(request->containers(0).name());
    state.set_phase(node::v1::PHASE_STOPPING);
    state.mutable_created()->set_seconds(1);
    state.add_history()->set_phase(node::v1::PHASE_ACCEPTED);
    state.add_history()->set_phase(node::v1::PHASE_STOPPING);
    const double part = static_cast<double>(absl::HashOf(id) % 1000) / 1000;
    loop_.RunAfter(options_.shortest + part * (options_.longest - options_.shortest),
                   [this, id] { Finish(id); });
  }
  stream->Push(work.state);
  return stream;
}

void SimDaemons::Service::Finish(const std::string& id) {
  MutexLock lock(&mutex_);
  Work& work = work_.at(id);
  work.state.set_phase(node::v1::PHASE_DONE);
  work.state.mutable_ended()->set_seconds(2);
  work.state.set_new_container_id(std::string(64, 'b'));
  work.state.add_history()->set_phase(node::v1::PHASE_DONE);
  for (Stream* reader : work.readers) reader->Push(work.state);
}

void SimDaemons::Service::Leave(Stream* stream, const std::string& id) {
  MutexLock lock(&mutex_);
  auto& readers = work_.at(id).readers;
  readers.erase(std::find(readers.begin(), readers.end(), stream));
}

SimDaemons::SimDaemons(const Options& options)
    : service_(std::make_unique<Service>(loop_, options)) {
  const auto nodes = static_cast<size_t>(options.nodes);
  std::vector<int> ports(nodes);
  for (size_t first = 0; first < nodes;) {
    grpc::ServerBuilder builder;
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.RegisterService(service_.get());
    const size_t end = std::min(nodes, first + static_cast<size_t>(options.nodes_per_server));
    for (size_t i = first; i < end; ++i) {
      builder.AddListeningPort(options.directory.empty()
                                   ? "127.0.0.1:0"
                                   : absl::StrCat("unix:", options.directory, "/", i),
                               options.credentials, &ports[i]);
    }
    servers_.push_back(builder.BuildAndStart());
    if (servers_.back() == nullptr || ports[end - 1] == 0) {
      std::fprintf(stderr, "simulated daemons cannot listen: too few descriptors?\n");
      std::abort();
    }
    for (; first < end; ++first) {
      targets_.push_back(options.directory.empty()
                             ? absl::StrCat("127.0.0.1:", ports[first])
                             : absl::StrCat("unix:", options.directory, "/", first));
    }
  }
}

SimDaemons::~SimDaemons() {
  for (const auto& server : servers_) server->Shutdown(std::chrono::system_clock::now());
  servers_.clear();
  loop_.Stop();
}

std::map<std::string, int> SimDaemons::begun() const { return service_->begun(); }
uint64_t SimDaemons::streams() const { return service_->streams(); }

}  // namespace rekindle
