#include "tests/fakes/sim_daemons.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <functional>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <grpcpp/server_builder.h>

namespace rekindle {

namespace {

using node::v1::Operation;
using node::v1::RestartContainersRequest;
using node::v1::RestartContainersResponse;

void SetTime(absl::Time time, google::protobuf::Timestamp* out) {
  out->set_seconds(absl::ToUnixSeconds(time));
  out->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(out->seconds()))));
}

// Of the next container after one with this ID: 64 hex digits, as a runtime's.
std::string NextId(const std::string& id, int starts) {
  const std::string number = absl::StrCat(absl::Hex(starts, absl::kZeroPad16));
  return absl::StrCat(absl::string_view(id).substr(0, 48), number);
}

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

  grpc::ServerUnaryReactor* ListPods(grpc::CallbackServerContext* context,
                                     const node::v1::ListPodsRequest* request,
                                     node::v1::ListPodsResponse* response) override;

  // What is accepted here is being stopped at once.
  grpc::ServerUnaryReactor* CancelOperation(grpc::CallbackServerContext* context,
                                            const node::v1::CancelOperationRequest*,
                                            Operation*) override {
    auto* reactor = context->DefaultReactor();
    reactor->Finish({grpc::StatusCode::FAILED_PRECONDITION, "too late"});
    return reactor;
  }

  void AddContainer(const node::v1::PodRef& pod, const std::string& name, const std::string& id) {
    MutexLock lock(&mutex_);
    by_name_[absl::StrCat(pod.namespace_(), "/", pod.name())] = pod.uid();
    live_[pod.uid()] = Live{.pod = pod, .name = name, .id = id, .created = Now()};
  }

  std::map<std::string, Container> containers() const {
    MutexLock lock(&mutex_);
    std::map<std::string, Container> out;
    for (const auto& [uid, live] : live_) out[uid] = {.id = live.id, .starts = live.starts};
    return out;
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

  struct Live {
    node::v1::PodRef pod;
    std::string name;
    std::string id;
    absl::Time created;
    int starts = 0;
  };

  // Errors: as a daemon's before anything is touched.
  grpc::Status Judge(const RestartContainersRequest& request) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void Enter(Work& work, node::v1::Phase phase) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Time Now() const { return loop_.Now() + options_.clock_ahead; }
  void Finish(const std::string& id);
  void Leave(Stream* stream, const std::string& id);

  AsioLoop& loop_;
  const Options options_;
  mutable Mutex mutex_;
  std::map<std::string, Work> work_ ABSL_GUARDED_BY(mutex_);
  std::map<std::string, Live> live_ ABSL_GUARDED_BY(mutex_);            // by UID
  std::map<std::string, std::string> by_name_ ABSL_GUARDED_BY(mutex_);  // UID by namespace/name
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
  void Refuse(const grpc::Status& why) {
    MutexLock lock(&mutex_);
    finished_ = true;
    grpc::ServerWriteReactor<RestartContainersResponse>::Finish(why);
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
  if (const grpc::Status status = Judge(*request); !status.ok() && work_.count(id) == 0) {
    stream->Refuse(status);
    return stream;
  }
  Work& work = work_[id];
  work.readers.push_back(stream);
  if (work.begun == 0) {
    ++work.begun;
    Operation& state = work.state;
    state.set_id(absl::StrCat(id, "/", request->containers(0).name()));
    state.set_request_id(id);
    *state.mutable_pod() = request->pod();
    state.set_container_name(request->containers(0).name());
    SetTime(Now(), state.mutable_created());
    Enter(work, node::v1::PHASE_ACCEPTED);
    Enter(work, node::v1::PHASE_STOPPING);
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
  SetTime(Now(), work.state.mutable_ended());
  work.state.set_new_container_id(std::string(64, 'b'));
  if (const auto found = live_.find(work.state.pod().uid()); found != live_.end()) {
    Live& live = found->second;
    live.id = NextId(live.id, ++live.starts);
    live.created = Now();
    work.state.set_new_container_id(live.id);
    work.state.set_attempt(static_cast<uint32_t>(live.starts));
  }
  Enter(work, node::v1::PHASE_DONE);
  for (Stream* reader : work.readers) reader->Push(work.state);
}

void SimDaemons::Service::Leave(Stream* stream, const std::string& id) {
  MutexLock lock(&mutex_);
  const auto work = work_.find(id);
  if (work == work_.end()) return;  // refused
  auto& readers = work->second.readers;
  readers.erase(std::remove(readers.begin(), readers.end(), stream), readers.end());
}

grpc::Status SimDaemons::Service::Judge(const RestartContainersRequest& request) {
  if (live_.empty()) return grpc::Status::OK;
  const auto found = live_.find(request.pod().uid());
  if (found == live_.end()) return {grpc::StatusCode::NOT_FOUND, "no such pod"};
  std::string expected = request.containers(0).expected_container_id();
  constexpr absl::string_view kRuntime = "containerd://";
  if (absl::StartsWith(expected, kRuntime)) expected.erase(0, kRuntime.size());
  if (request.containers(0).name() != found->second.name) {
    return {grpc::StatusCode::NOT_FOUND, "no such container"};
  }
  if (!expected.empty() && expected != found->second.id && !request.force()) {
    return {grpc::StatusCode::FAILED_PRECONDITION,
            absl::StrCat("container ", found->second.name, " is ", found->second.id, " now")};
  }
  return grpc::Status::OK;
}

void SimDaemons::Service::Enter(Work& work, node::v1::Phase phase) {
  work.state.set_phase(phase);
  node::v1::PhaseTime* time = work.state.add_history();
  time->set_phase(phase);
  SetTime(Now(), time->mutable_entered());
}

grpc::ServerUnaryReactor* SimDaemons::Service::ListPods(grpc::CallbackServerContext* context,
                                                        const node::v1::ListPodsRequest* request,
                                                        node::v1::ListPodsResponse* response) {
  auto* reactor = context->DefaultReactor();
  MutexLock lock(&mutex_);
  const auto name = by_name_.find(absl::StrCat(request->namespace_(), "/", request->name()));
  if (name != by_name_.end()) {
    const Live& live = live_.at(name->second);
    node::v1::Pod& pod = *response->add_pods();
    *pod.mutable_ref() = live.pod;
    pod.set_ready(true);
    node::v1::Container& container = *pod.add_containers();
    container.set_name(live.name);
    container.set_id(live.id);
    container.set_attempt(static_cast<uint32_t>(live.starts));
    container.set_state(node::v1::CONTAINER_STATE_RUNNING);
    SetTime(live.created, container.mutable_created());
    SetTime(live.created, container.mutable_started());
  }
  reactor->Finish(grpc::Status::OK);
  return reactor;
}

SimDaemons::SimDaemons(const Options& options)
    : options_(options), service_(std::make_unique<Service>(loop_, options_)) {
  ports_.resize(static_cast<size_t>(options.nodes));
  const size_t each = static_cast<size_t>(options.nodes_per_server);
  servers_.resize((ports_.size() + each - 1) / each);
  for (size_t server = 0; server < servers_.size(); ++server) StartServer(server);
  for (size_t i = 0; i < ports_.size(); ++i) targets_.push_back(TargetOf(i));
}

std::string SimDaemons::TargetOf(size_t node) const {
  if (!options_.addresses.empty()) return options_.addresses[node];
  if (!options_.directory.empty()) return absl::StrCat("unix:", options_.directory, "/", node);
  return absl::StrCat("127.0.0.1:", ports_[node]);
}

void SimDaemons::StartServer(size_t server) {
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // As daemons do.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  builder.AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 10'000);
  builder.RegisterService(service_.get());
  const size_t each = static_cast<size_t>(options_.nodes_per_server);
  const size_t end = std::min(ports_.size(), (server + 1) * each);
  for (size_t i = server * each; i < end; ++i) {
    builder.AddListeningPort(TargetOf(i), options_.credentials, &ports_[i]);
  }
  servers_[server] = builder.BuildAndStart();
  if (servers_[server] == nullptr || ports_[end - 1] == 0) {
    std::fprintf(stderr, "simulated daemons cannot listen: too few descriptors, or in use?\n");
    std::abort();
  }
}

void SimDaemons::StopServer(size_t server) {
  servers_[server]->Shutdown(std::chrono::system_clock::now());
  servers_[server].reset();
}

SimDaemons::~SimDaemons() {
  for (const auto& server : servers_) {
    if (server != nullptr) server->Shutdown(std::chrono::system_clock::now());
  }
  servers_.clear();
  loop_.Stop();
}

void SimDaemons::AddContainer(const node::v1::PodRef& pod, const std::string& name,
                              const std::string& id) {
  service_->AddContainer(pod, name, id);
}
std::map<std::string, SimDaemons::Container> SimDaemons::containers() const {
  return service_->containers();
}
std::map<std::string, int> SimDaemons::begun() const { return service_->begun(); }
uint64_t SimDaemons::streams() const { return service_->streams(); }

}  // namespace rekindle
