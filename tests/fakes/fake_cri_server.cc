#include "tests/fakes/fake_cri_server.h"

#include <stdlib.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <grpcpp/server_builder.h>

#include "containerd/v1/content.grpc.pb.h"
#include "containerd/v1/events.grpc.pb.h"
#include "containerd/v1/tasks.grpc.pb.h"
#include "cri/v1/api.grpc.pb.h"

namespace rekindle {

namespace {

namespace v1 = ::runtime::v1;
namespace content = ::containerd::services::content::v1;
namespace events = ::containerd::services::events::v1;
namespace tasks = ::containerd::services::tasks::v1;

constexpr auto kLook = std::chrono::milliseconds(5);

absl::Duration LeftOf(const grpc::ServerContext& context) {
  const auto left = context.deadline() - std::chrono::system_clock::now();
  return left > std::chrono::hours(24 * 3650) ? absl::InfiniteDuration() : absl::FromChrono(left);
}

}  // namespace

#define RK_UNARY(ns, Method)                                                            \
  grpc::Status Method(grpc::ServerContext* context, const ns::Method##Request* request, \
                      ns::Method##Response* response) override {                        \
    return fake_.Serve(#Method, context, *request, response);                           \
  }

class FakeCriServer::RuntimeImpl final : public v1::RuntimeService::Service {
 public:
  explicit RuntimeImpl(FakeCriServer& server) : fake_(server) {}
  RK_UNARY(v1, Version)
  RK_UNARY(v1, Status)
  RK_UNARY(v1, ListPodSandbox)
  RK_UNARY(v1, PodSandboxStatus)
  RK_UNARY(v1, ListContainers)
  RK_UNARY(v1, ContainerStatus)
  RK_UNARY(v1, CreateContainer)
  RK_UNARY(v1, StartContainer)
  RK_UNARY(v1, StopContainer)
  RK_UNARY(v1, RemoveContainer)
  RK_UNARY(v1, ExecSync)
  grpc::Status GetContainerEvents(grpc::ServerContext* context, const v1::GetEventsRequest*,
                                  grpc::ServerWriter<v1::ContainerEventResponse>* writer) override {
    const v1::ContainerEventResponse* type = nullptr;
    return fake_.Stream("GetContainerEvents", context, type, writer);
  }

 private:
  FakeCriServer& fake_;
};

class FakeCriServer::ImageImpl final : public v1::ImageService::Service {
 public:
  explicit ImageImpl(FakeCriServer& server) : fake_(server) {}
  RK_UNARY(v1, ImageStatus)
  RK_UNARY(v1, PullImage)

 private:
  FakeCriServer& fake_;
};

class FakeCriServer::EventsImpl final : public events::Events::Service {
 public:
  explicit EventsImpl(FakeCriServer& server) : fake_(server) {}
  grpc::Status Subscribe(grpc::ServerContext* context, const events::SubscribeRequest* request,
                         grpc::ServerWriter<events::Envelope>* writer) override {
    {
      std::lock_guard<std::mutex> lock(fake_.mutex_);
      Seen& seen = fake_.seen_["Subscribe"];
      seen.request_text = request->SerializeAsString();
      for (const auto& [key, value] : context->client_metadata()) {
        seen.metadata.emplace(std::string(key.data(), key.size()),
                              std::string(value.data(), value.size()));
      }
    }
    const events::Envelope* type = nullptr;
    return fake_.Stream("Subscribe", context, type, writer);
  }

 private:
  FakeCriServer& fake_;
};

class FakeCriServer::TasksImpl final : public tasks::Tasks::Service {
 public:
  explicit TasksImpl(FakeCriServer& server) : fake_(server) {}
  grpc::Status Kill(grpc::ServerContext* context, const tasks::KillRequest* request,
                    google::protobuf::Empty* response) override {
    return fake_.Serve("Kill", context, *request, response);
  }
  grpc::Status Delete(grpc::ServerContext* context, const tasks::DeleteTaskRequest* request,
                      tasks::DeleteResponse* response) override {
    return fake_.Serve("Delete", context, *request, response);
  }

 private:
  FakeCriServer& fake_;
};

class FakeCriServer::ContentImpl final : public content::Content::Service {
 public:
  explicit ContentImpl(FakeCriServer& server) : fake_(server) {}
  RK_UNARY(content, Info)
  RK_UNARY(content, ListStatuses)
  grpc::Status List(grpc::ServerContext* context, const content::ListContentRequest* request,
                    grpc::ServerWriter<content::ListContentResponse>* writer) override {
    content::ListContentResponse page;
    grpc::Status status = fake_.Serve("List", context, *request, &page);
    if (status.ok()) writer->Write(page);
    return status;
  }
  grpc::Status Read(grpc::ServerContext* context, const content::ReadContentRequest* request,
                    grpc::ServerWriter<content::ReadContentResponse>* writer) override {
    content::ReadContentResponse whole;
    grpc::Status status = fake_.Serve("Read", context, *request, &whole);
    // In two pieces, as the real one does with big blobs.
    const std::string data = whole.data();
    for (size_t half : {size_t{0}, data.size() / 2}) {
      content::ReadContentResponse piece;
      piece.set_offset(static_cast<int64_t>(half));
      piece.set_data(half == 0 ? data.substr(0, data.size() / 2) : data.substr(half));
      if (status.ok()) writer->Write(piece);
    }
    return status;
  }

 private:
  FakeCriServer& fake_;
};

#undef RK_UNARY

FakeCriServer::FakeCriServer()
    : runtime_(std::make_unique<RuntimeImpl>(*this)),
      images_(std::make_unique<ImageImpl>(*this)),
      event_service_(std::make_unique<EventsImpl>(*this)),
      content_(std::make_unique<ContentImpl>(*this)),
      tasks_(std::make_unique<TasksImpl>(*this)) {
  Script("Version", [this](const auto&, auto* response) {
    auto* version = static_cast<v1::VersionResponse*>(response);
    std::lock_guard<std::mutex> lock(mutex_);
    version->set_version("0.1.0");
    version->set_runtime_name(runtime_name_);
    version->set_runtime_version(runtime_version_);
    version->set_runtime_api_version("v1");
    return grpc::Status::OK;
  });
  Script("Status", [](const auto&, auto* response) {
    auto* status = static_cast<v1::StatusResponse*>(response);
    for (const char* type : {"RuntimeReady", "NetworkReady"}) {
      auto* condition = status->mutable_status()->add_conditions();
      condition->set_type(type);
      condition->set_status(true);
    }
    return grpc::Status::OK;
  });
  Script("ContainerStatus", [this](const auto& request, auto* response) {
    std::lock_guard<std::mutex> lock(mutex_);
    const auto& id = static_cast<const v1::ContainerStatusRequest&>(request).container_id();
    auto it = containers_.find(id);
    if (it == containers_.end()) return grpc::Status(grpc::StatusCode::NOT_FOUND, "no such thing");
    *static_cast<v1::ContainerStatusResponse*>(response)->mutable_status() = it->second;
    return grpc::Status::OK;
  });
  Script("ListContainers", [this](const auto&, auto* response) {
    std::lock_guard<std::mutex> lock(mutex_);
    for (const auto& [id, status] : containers_) {
      auto* container = static_cast<v1::ListContainersResponse*>(response)->add_containers();
      container->set_id(id);
      container->set_state(status.state());
      *container->mutable_metadata() = status.metadata();
    }
    return grpc::Status::OK;
  });
  Start();
}

FakeCriServer::~FakeCriServer() {
  Stop();
  unlink(path_.c_str());
}

void FakeCriServer::Start() {
  if (server_ != nullptr) return;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(endpoint(), grpc::InsecureServerCredentials());
  builder.SetMaxSendMessageSize(64 * 1024 * 1024);
  builder.SetMaxReceiveMessageSize(64 * 1024 * 1024);
  builder.RegisterService(runtime_.get());
  builder.RegisterService(images_.get());
  builder.RegisterService(event_service_.get());
  builder.RegisterService(content_.get());
  builder.RegisterService(tasks_.get());
  server_ = builder.BuildAndStart();
  if (server_ == nullptr) abort();
}

void FakeCriServer::Stop() {
  if (server_ == nullptr) return;
  server_->Shutdown(std::chrono::system_clock::now());
  server_.reset();
}

void FakeCriServer::Fail(const std::string& method, grpc::Status status) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (status.ok()) {
    failures_.erase(method);
  } else {
    failures_[method] = status;
  }
}

void FakeCriServer::Script(const std::string& method, Answer answer) {
  std::lock_guard<std::mutex> lock(mutex_);
  scripts_[method] = std::move(answer);
}

void FakeCriServer::Hold(const std::string& method) {
  std::lock_guard<std::mutex> lock(mutex_);
  held_.insert(method);
}

void FakeCriServer::Release(const std::string& method) {
  std::lock_guard<std::mutex> lock(mutex_);
  held_.erase(method);
  changed_.notify_all();
}

FakeCriServer::Seen FakeCriServer::seen(const std::string& method) {
  std::lock_guard<std::mutex> lock(mutex_);
  return seen_[method];
}

bool FakeCriServer::AwaitSeen(const std::string& method,
                              const std::function<bool(const Seen&)>& holds, absl::Duration limit) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(limit),
                           [&] { return holds(seen_[method]); });
}

void FakeCriServer::SetContainer(const std::string& id, v1::ContainerState state, int exit_code) {
  std::lock_guard<std::mutex> lock(mutex_);
  v1::ContainerStatus& status = containers_[id];
  status.set_id(id);
  status.set_state(state);
  status.set_exit_code(exit_code);
}

void FakeCriServer::RemoveContainerRecord(const std::string& id) {
  std::lock_guard<std::mutex> lock(mutex_);
  containers_.erase(id);
}

void FakeCriServer::SetVersion(const std::string& name, const std::string& version) {
  std::lock_guard<std::mutex> lock(mutex_);
  runtime_name_ = name;
  runtime_version_ = version;
}

void FakeCriServer::SendTaskExit(const std::string& container_id, const std::string& exec_id) {
  events::TaskExit exit;
  exit.set_container_id(container_id);
  exit.set_id(exec_id.empty() ? container_id : exec_id);
  events::Envelope envelope;
  envelope.set_namespace_("k8s.io");
  envelope.set_topic("/tasks/exit");
  envelope.mutable_event()->set_type_url("containerd.events.TaskExit");
  envelope.mutable_event()->set_value(exit.SerializeAsString());
  std::lock_guard<std::mutex> lock(mutex_);
  events_["Subscribe"].push_back(envelope.SerializeAsString());
  changed_.notify_all();
}

void FakeCriServer::SendCriEvent(v1::ContainerEventResponse event) {
  std::lock_guard<std::mutex> lock(mutex_);
  events_["GetContainerEvents"].push_back(event.SerializeAsString());
  changed_.notify_all();
}

bool FakeCriServer::AwaitSent(const std::string& method, absl::Duration limit) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(limit),
                           [&] { return sent_[method] == events_[method].size(); });
}

bool FakeCriServer::AwaitSubscribers(const std::string& method, int count, absl::Duration limit) {
  std::unique_lock<std::mutex> lock(mutex_);
  return changed_.wait_for(lock, absl::ToChronoMilliseconds(limit),
                           [&] { return streams_[method] == count; });
}

template <typename Request, typename Response>
grpc::Status FakeCriServer::Serve(const char* method, grpc::ServerContext* context,
                                  const Request& request, Response* response) {
  Answer answer;
  {
    std::unique_lock<std::mutex> lock(mutex_);
    Seen& seen = seen_[method];
    ++seen.calls;
    seen.max_running = std::max(seen.max_running, ++seen.running);
    seen.deadline = LeftOf(*context);
    seen.request_text = request.SerializeAsString();
    seen.order.push_back(seen.request_text);
    seen.metadata.clear();
    for (const auto& [key, value] : context->client_metadata()) {
      seen.metadata.emplace(std::string(key.data(), key.size()),
                            std::string(value.data(), value.size()));
    }
    changed_.notify_all();
    while (held_.contains(method) && !context->IsCancelled()) {
      changed_.wait_for(lock, kLook);
    }
    --seen.running;
    if (context->IsCancelled()) ++seen.cancelled;
    changed_.notify_all();
    if (auto it = failures_.find(method); it != failures_.end()) return it->second;
    if (auto it = scripts_.find(method); it != scripts_.end()) answer = it->second;
  }
  return answer ? answer(request, response) : grpc::Status::OK;
}

template <typename Event, typename Writer>
grpc::Status FakeCriServer::Stream(const char* method, grpc::ServerContext* context, const Event*,
                                   Writer* writer) {
  std::unique_lock<std::mutex> lock(mutex_);
  Seen& seen = seen_[method];
  ++seen.calls;
  changed_.notify_all();
  if (auto it = failures_.find(method); it != failures_.end()) return it->second;
  auto& all = events_[method];
  size_t next = all.size();
  ++streams_[method];
  changed_.notify_all();
  while (!context->IsCancelled()) {
    if (next == all.size()) {
      changed_.wait_for(lock, kLook);
      continue;
    }
    Event event;
    event.ParseFromString(all[next++]);
    lock.unlock();
    const bool open = writer->Write(event);
    lock.lock();
    if (!open) break;
    sent_[method] = std::max(sent_[method], next);
    changed_.notify_all();
  }
  --streams_[method];
  changed_.notify_all();
  return grpc::Status::OK;
}

}  // namespace rekindle
