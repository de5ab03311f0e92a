#include "tests/fakes/fake_runtime.h"

#include <algorithm>

#include "absl/algorithm/container.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include <nlohmann/json.hpp>

namespace rekindle {
namespace v1 = ::runtime::v1;

namespace {

bool Matches(const google::protobuf::Map<std::string, std::string>& selector,
             const google::protobuf::Map<std::string, std::string>& labels) {
  for (const auto& [key, value] : selector) {
    auto it = labels.find(key);
    if (it == labels.end() || it->second != value) return false;
  }
  return true;
}

nlohmann::json MapJson(const google::protobuf::Map<std::string, std::string>& map) {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& [key, value] : map) out[key] = value;
  return out;
}

}  // namespace

std::string FakeRuntime::NewId() { return absl::StrFormat("%064x", next_id_++); }

std::string FakeRuntime::AddPod(const std::string& ns, const std::string& name,
                                const std::string& uid) {
  v1::PodSandbox sandbox;
  sandbox.set_id(NewId());
  sandbox.mutable_metadata()->set_namespace_(ns);
  sandbox.mutable_metadata()->set_name(name);
  sandbox.mutable_metadata()->set_uid(uid);
  sandbox.set_state(v1::SANDBOX_READY);
  sandbox.set_created_at(NowNanos());
  (*sandbox.mutable_labels())["io.kubernetes.pod.name"] = name;
  (*sandbox.mutable_labels())["io.kubernetes.pod.namespace"] = ns;
  (*sandbox.mutable_labels())["io.kubernetes.pod.uid"] = uid;
  std::string id = sandbox.id();
  sandboxes_[id] = std::move(sandbox);
  return id;
}

std::string FakeRuntime::AddContainer(const std::string& sandbox, const std::string& name,
                                      uint32_t attempt) {
  Container container;
  container.config.mutable_metadata()->set_name(name);
  container.config.mutable_metadata()->set_attempt(attempt);
  container.config.mutable_image()->set_image("sha256:feed");
  *container.config.mutable_labels() = sandboxes_.at(sandbox).labels();
  (*container.config.mutable_labels())["io.kubernetes.container.name"] = name;
  *container.summary.mutable_labels() = container.config.labels();
  container.config.set_log_path(absl::StrCat(name, "/", attempt, ".log"));
  container.config.mutable_linux()
      ->mutable_security_context()
      ->mutable_namespace_options()
      ->set_pid(v1::CONTAINER);
  container.summary.set_id(NewId());
  container.summary.set_pod_sandbox_id(sandbox);
  *container.summary.mutable_metadata() = container.config.metadata();
  last_created_ = std::max(last_created_ + 1, NowNanos());
  container.summary.set_created_at(last_created_);
  container.status.set_id(container.summary.id());
  container.status.set_created_at(last_created_);
  *container.status.mutable_metadata() = container.config.metadata();
  std::string id = container.summary.id();
  if (sandboxes_.at(sandbox).annotations().contains("kubernetes.io/config.source")) {
    MakeKubelets(container);
  }
  containers_[id] = std::move(container);
  StartNow(id);
  return id;
}

std::string FakeRuntime::SandboxUid(const std::string& sandbox) const {
  const auto it = sandboxes_.find(sandbox);
  return it == sandboxes_.end() ? std::string() : it->second.metadata().uid();
}

bool FakeRuntime::SandboxReady(const std::string& sandbox) const {
  const auto it = sandboxes_.find(sandbox);
  return it != sandboxes_.end() && it->second.state() == v1::SANDBOX_READY;
}

v1::CreateContainerRequest FakeRuntime::RequestLike(const std::string& sandbox,
                                                    const std::string& name, uint32_t attempt) {
  Container container;
  container.config.mutable_metadata()->set_name(name);
  container.config.mutable_metadata()->set_attempt(attempt);
  container.config.mutable_image()->set_image("sha256:feed");
  *container.config.mutable_labels() = sandboxes_.at(sandbox).labels();
  (*container.config.mutable_labels())["io.kubernetes.container.name"] = name;
  container.config.set_log_path(absl::StrCat(name, "/", attempt, ".log"));
  MakeKubelets(container);
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(sandbox);
  *request.mutable_config() = std::move(container.config);
  return request;
}

void FakeRuntime::MakeKubelets(Container& container) {
  auto& annotations = *container.config.mutable_annotations();
  annotations["io.kubernetes.container.hash"] = "beef";
  annotations["io.kubernetes.container.restartCount"] =
      absl::StrCat(container.config.metadata().attempt());
  *container.summary.mutable_annotations() = annotations;
}

void FakeRuntime::GiveToKubelet(const std::string& sandbox, const std::string& source) {
  (*sandboxes_.at(sandbox).mutable_annotations())["kubernetes.io/config.source"] = source;
  for (auto& [id, container] : containers_) {
    if (container.summary.pod_sandbox_id() == sandbox) MakeKubelets(container);
  }
}

FakeRuntime::Container& FakeRuntime::Get(const std::string& id) { return containers_.at(id); }

std::vector<std::string> FakeRuntime::All(const std::string& name) const {
  std::vector<std::pair<int64_t, std::string>> found;
  for (const auto& [id, container] : containers_) {
    if (container.summary.metadata().name() == name) {
      found.emplace_back(container.summary.created_at(), id);
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> ids;
  ids.reserve(found.size());
  for (auto& [created, id] : found) ids.push_back(id);
  return ids;
}

std::vector<std::string> FakeRuntime::Running(const std::string& name) const {
  std::vector<std::string> ids = All(name);
  std::erase_if(ids, [this](const std::string& id) {
    return containers_.at(id).summary.state() != v1::CONTAINER_RUNNING;
  });
  return ids;
}

size_t FakeRuntime::CountCalls(const std::string& prefix) const {
  return absl::c_count_if(calls,
                          [&](const std::string& call) { return absl::StartsWith(call, prefix); });
}

void FakeRuntime::SetSandboxReady(const std::string& sandbox, bool ready) {
  sandboxes_.at(sandbox).set_state(ready ? v1::SANDBOX_READY : v1::SANDBOX_NOTREADY);
}

void FakeRuntime::RemoveSandbox(const std::string& sandbox) {
  sandboxes_.erase(sandbox);
  std::erase_if(containers_,
                [&](const auto& item) { return item.second.summary.pod_sandbox_id() == sandbox; });
}

void FakeRuntime::FailNext(const std::string& method, absl::Status status, bool takes_effect) {
  faults_[method].push_back(Fault{std::move(status), takes_effect});
}

void FakeRuntime::FailNth(const std::string& method, size_t calls_before, absl::Status status,
                          bool takes_effect) {
  faults_[method].resize(faults_[method].size() + calls_before);
  FailNext(method, std::move(status), takes_effect);
}

void FakeRuntime::SetDown(bool down) {
  down_ = down;
  if (down) DropClient();
}

void FakeRuntime::DropClient() {
  ++client_;
  // The processes run on, without a kill to come.
  std::erase_if(stops_, [this](const PendingStop& stop) { return Gone(stop.client); });
}

std::optional<FakeRuntime::Fault> FakeRuntime::TakeFault(const std::string& method) {
  if (down_) return Fault{absl::UnavailableError("connection refused")};
  auto it = faults_.find(method);
  if (it == faults_.end() || it->second.empty()) return std::nullopt;
  std::optional<Fault> fault = it->second.front();
  it->second.pop_front();
  return fault;
}

void FakeRuntime::AfterLatency(absl::Duration latency, absl::AnyInvocable<void()> work) {
  loop_.RunAfter(latency, [this, client = Caller(), work = std::move(work)]() mutable {
    if (!Gone(client)) work();
  });
}

void FakeRuntime::StartNow(const std::string& id) {
  Container& container = containers_.at(id);
  ++container.starts;
  container.summary.set_state(v1::CONTAINER_RUNNING);
  container.status.set_state(v1::CONTAINER_RUNNING);
  container.status.set_started_at(NowNanos());
  FireEvent();
  if (on_start) on_start(container);
  std::vector<WatchId> due;
  for (const auto& [watch, entry] : sandbox_watches_) {
    if (entry.first == container.summary.pod_sandbox_id()) due.push_back(watch);
  }
  for (WatchId watch : due) {
    loop_.Post([this, watch] {
      auto it = sandbox_watches_.find(watch);
      if (it != sandbox_watches_.end()) std::function<void()>(it->second.second)();
    });
  }
}

void FakeRuntime::Exit(const std::string& id, int code) {
  auto it = containers_.find(id);
  if (it == containers_.end() || it->second.summary.state() != v1::CONTAINER_RUNNING) return;
  it->second.summary.set_state(v1::CONTAINER_EXITED);
  it->second.status.set_state(v1::CONTAINER_EXITED);
  it->second.status.set_exit_code(code);
  it->second.status.set_reason(code == 0 ? "Completed" : "Error");
  it->second.status.set_finished_at(NowNanos());
  FireEvent();
  std::vector<WatchId> due;
  for (const auto& [watch, task] : task_watches_) {
    if (task.id == id) due.push_back(watch);
  }
  for (WatchId watch : due) {
    loop_.Post([this, watch] {
      auto node = task_watches_.extract(watch);
      if (!node.empty()) node.mapped().exited();
    });
  }
  FinishStops(id);
  FireExit(id);
}

void FakeRuntime::FinishStops(const std::string& id) {
  for (PendingStop& stop : stops_) {
    if (stop.id != id) continue;
    AfterLatency(stop_latency, [done = std::move(stop.done)]() mutable { done(absl::OkStatus()); });
  }
  std::erase_if(stops_, [&](const PendingStop& stop) { return stop.id == id; });
}

void FakeRuntime::FireExit(const std::string& id) {
  std::vector<WatchId> due;
  for (const auto& [watch, entry] : exit_watches_) {
    if (entry.id == id) due.push_back(watch);
  }
  for (WatchId watch : due) {
    loop_.Post([this, watch] {
      auto node = exit_watches_.extract(watch);
      if (node.empty()) return;
      auto it = containers_.find(node.mapped().id);
      if (it == containers_.end()) return node.mapped().exited(absl::NotFoundError("no container"));
      node.mapped().exited(it->second.status);
    });
  }
}

void FakeRuntime::Version(cri::Reply<v1::VersionResponse> reply) {
  AfterLatency(read_latency,
               [reply = std::move(reply)]() mutable { reply(v1::VersionResponse()); });
}

void FakeRuntime::Status(cri::Reply<v1::StatusResponse> reply) {
  AfterLatency(read_latency, [reply = std::move(reply)]() mutable { reply(v1::StatusResponse()); });
}

void FakeRuntime::ListPodSandbox(const v1::PodSandboxFilter& filter,
                                 cri::Reply<v1::ListPodSandboxResponse> reply) {
  reads += other_client_ ? 0 : 1;
  AfterLatency(read_latency, [this, filter, reply = std::move(reply)]() mutable {
    if (auto fault = TakeFault("ListPodSandbox")) return reply(fault->status);
    v1::ListPodSandboxResponse response;
    for (const auto& [id, sandbox] : sandboxes_) {
      if (Matches(filter.label_selector(), sandbox.labels())) *response.add_items() = sandbox;
    }
    reply(std::move(response));
  });
}

void FakeRuntime::PodSandboxStatus(const std::string& id, bool /*verbose*/,
                                   cri::Reply<v1::PodSandboxStatusResponse> reply) {
  reads += other_client_ ? 0 : 1;
  AfterLatency(read_latency, [this, id, reply = std::move(reply)]() mutable {
    if (auto fault = TakeFault("PodSandboxStatus")) return reply(fault->status);
    auto it = sandboxes_.find(id);
    if (it == sandboxes_.end()) return reply(absl::NotFoundError("no sandbox"));
    const v1::PodSandbox& sandbox = it->second;
    v1::PodSandboxStatusResponse response;
    response.mutable_status()->set_id(id);
    *response.mutable_status()->mutable_metadata() = sandbox.metadata();
    response.mutable_status()->set_state(sandbox.state());
    response.mutable_status()->mutable_network()->set_ip("10.0.0.7");
    *response.mutable_status()->mutable_labels() = sandbox.labels();
    const nlohmann::json info = {
        {"pid", 4711},
        {"config",
         {{"metadata",
           {{"name", sandbox.metadata().name()},
            {"namespace", sandbox.metadata().namespace_()},
            {"uid", sandbox.metadata().uid()}}},
          {"labels", MapJson(sandbox.labels())},
          {"log_directory", absl::StrCat("/nonexistent/", sandbox.metadata().uid())}}},
        {"runtimeSpec",
         {{"linux", {{"namespaces", {{{"type", "network"}, {"path", "/var/run/netns/x"}}}}}}}}};
    (*response.mutable_info())["info"] = info.dump();
    reply(std::move(response));
  });
}

void FakeRuntime::ListContainers(const v1::ContainerFilter& filter,
                                 cri::Reply<v1::ListContainersResponse> reply) {
  reads += other_client_ ? 0 : 1;
  AfterLatency(read_latency, [this, filter, reply = std::move(reply)]() mutable {
    if (auto fault = TakeFault("ListContainers")) return reply(fault->status);
    v1::ListContainersResponse response;
    for (const auto& [id, container] : containers_) {
      if (!filter.pod_sandbox_id().empty() &&
          filter.pod_sandbox_id() != container.summary.pod_sandbox_id()) {
        continue;
      }
      if (!Matches(filter.label_selector(), container.summary.labels())) continue;
      *response.add_containers() = container.summary;
    }
    reply(std::move(response));
  });
}

std::string FakeRuntime::ContainerInfo(const Container& container) const {
  nlohmann::json envs = nlohmann::json::array();
  nlohmann::json process_env = nlohmann::json::array();
  for (const v1::KeyValue& env : container.config.envs()) {
    envs.push_back({{"key", env.key()}, {"value", env.value()}});
    process_env.push_back(absl::StrCat(env.key(), "=", env.value()));
  }
  nlohmann::json metadata = {{"name", container.config.metadata().name()}};
  if (container.config.metadata().attempt() != 0) {
    metadata["attempt"] = container.config.metadata().attempt();
  }
  nlohmann::json config = {
      {"metadata", metadata},
      {"image", {{"image", container.config.image().image()}}},
      {"log_path", container.config.log_path()},
      {"labels", MapJson(container.config.labels())},
      {"linux", {{"security_context", {{"namespace_options", {{"pid", 1}}}}}}}};
  if (!envs.empty()) config["envs"] = envs;
  if (!container.config.annotations().empty()) {
    config["annotations"] = MapJson(container.config.annotations());
  }
  return nlohmann::json({{"sandboxID", container.summary.pod_sandbox_id()},
                         {"pid", 1},
                         {"config", config},
                         {"runtimeSpec",
                          {{"process", {{"env", process_env}}},
                           {"linux", {{"resources", nlohmann::json::object()}}}}}})
      .dump();
}

void FakeRuntime::ContainerStatus(const std::string& id, bool verbose,
                                  cri::Reply<v1::ContainerStatusResponse> reply) {
  reads += other_client_ ? 0 : 1;
  AfterLatency(read_latency, [this, id, verbose, reply = std::move(reply)]() mutable {
    if (auto fault = TakeFault("ContainerStatus")) return reply(fault->status);
    auto it = containers_.find(id);
    if (it == containers_.end()) return reply(absl::NotFoundError("no container"));
    v1::ContainerStatusResponse response;
    *response.mutable_status() = it->second.status;
    *response.mutable_status()->mutable_annotations() = it->second.config.annotations();
    *response.mutable_status()->mutable_labels() = it->second.config.labels();
    if (verbose) (*response.mutable_info())["info"] = ContainerInfo(it->second);
    reply(std::move(response));
  });
}

void FakeRuntime::CreateContainer(const v1::CreateContainerRequest& request,
                                  cri::Reply<std::string> reply) {
  const v1::ContainerMetadata& meta = request.config().metadata();
  calls.push_back(absl::StrCat("CreateContainer ", meta.name(), " ", meta.attempt()));
  AfterLatency(create_latency, [this, request, reply = std::move(reply)]() mutable {
    std::optional<Fault> fault = TakeFault("CreateContainer");
    if (fault.has_value() && !fault->takes_effect) return reply(fault->status);
    if (absl::c_linear_search(missing_images, request.config().image().image())) {
      return reply(absl::NotFoundError("failed to resolve image"));
    }
    if (!sandboxes_.contains(request.pod_sandbox_id())) {
      return reply(absl::NotFoundError("no sandbox"));
    }
    for (const auto& [id, container] : containers_) {
      if (container.summary.pod_sandbox_id() == request.pod_sandbox_id() &&
          container.summary.metadata().name() == request.config().metadata().name() &&
          container.summary.metadata().attempt() == request.config().metadata().attempt()) {
        return reply(absl::UnknownError(absl::StrCat("name is reserved for ", id)));
      }
    }
    Container container;
    container.config = request.config();
    container.summary.set_id(NewId());
    container.summary.set_pod_sandbox_id(request.pod_sandbox_id());
    *container.summary.mutable_metadata() = request.config().metadata();
    *container.summary.mutable_labels() = request.config().labels();
    *container.summary.mutable_annotations() = request.config().annotations();
    container.summary.set_state(v1::CONTAINER_CREATED);
    last_created_ = std::max(last_created_ + 1, NowNanos());
    container.summary.set_created_at(last_created_);
    container.status.set_id(container.summary.id());
    *container.status.mutable_metadata() = request.config().metadata();
    container.status.set_created_at(last_created_);
    std::string id = container.summary.id();
    containers_[id] = std::move(container);
    if (fault.has_value()) return reply(fault->status);
    reply(id);
  });
}

void FakeRuntime::StartContainer(const std::string& id, cri::Done done) {
  calls.push_back(absl::StrCat("StartContainer ", id));
  // A start that is cut off leaves the container dead (spec/node-runtime 1.8 rule 6).
  const uint64_t client = Caller();
  loop_.RunAfter(start_latency, [this, id, client, done = std::move(done)]() mutable {
    auto it = containers_.find(id);
    std::optional<Fault> fault =
        !Gone(client) ? TakeFault("StartContainer") : std::optional<Fault>();
    auto answer = [&](absl::Status status) {
      if (!Gone(client)) done(std::move(status));
    };
    if (it == containers_.end()) return answer(absl::NotFoundError("no container"));
    Container& container = it->second;
    if (container.summary.state() != v1::CONTAINER_CREATED) {
      return answer(absl::UnknownError("container is in another state"));
    }
    if (fault.has_value() && !fault->takes_effect) return answer(fault->status);
    std::optional<std::string> error = start_error ? start_error(container) : std::nullopt;
    if (Gone(client)) error = "signal: killed";
    if (error.has_value()) {
      container.summary.set_state(v1::CONTAINER_EXITED);
      container.status.set_state(v1::CONTAINER_EXITED);
      container.status.set_exit_code(128);
      container.status.set_reason("StartError");
      container.status.set_message(*error);
      container.status.set_finished_at(NowNanos());
      return answer(absl::UnknownError(*error));
    }
    StartNow(id);
    answer(fault.has_value() ? fault->status : absl::OkStatus());
  });
}

void FakeRuntime::StopContainer(const std::string& id, absl::Duration timeout, cri::Done done) {
  calls.push_back(absl::StrCat("StopContainer ", id, " ", absl::FormatDuration(timeout)));
  if (auto fault = TakeFault("StopContainer"); fault.has_value()) {
    return AfterLatency(
        read_latency, [status = fault->status, done = std::move(done)]() mutable { done(status); });
  }
  auto it = containers_.find(id);
  if (it == containers_.end() || it->second.summary.state() != v1::CONTAINER_RUNNING) {
    // What it had lost track of it finds out now.
    if (it != containers_.end() && it->second.summary.state() == v1::CONTAINER_UNKNOWN) {
      it->second.summary.set_state(v1::CONTAINER_EXITED);
    }
    return AfterLatency(read_latency,
                        [done = std::move(done)]() mutable { done(absl::OkStatus()); });
  }
  stops_.push_back({id, Caller(), std::move(done), next_stop_++});
  most_stops_at_once = std::max(most_stops_at_once, stops_.size());
  Container& container = it->second;
  if (timeout > absl::ZeroDuration() && container.signals == 0) {
    ++container.signals;
    if (!container.ignores_signal) {
      loop_.RunAfter(container.stop_after,
                     [this, id, code = container.exit_code_on_stop] { Exit(id, code); });
    }
  }
  const uint64_t number = stops_.back().number;
  loop_.RunAfter(timeout, [this, id, number] {
    for (const PendingStop& stop : stops_) {
      if (stop.number == number) return Exit(id, 137);
    }
  });
}

void FakeRuntime::RemoveContainer(const std::string& id, cri::Done done) {
  calls.push_back(absl::StrCat("RemoveContainer ", id));
  AfterLatency(create_latency, [this, id, done = std::move(done)]() mutable {
    if (auto fault = TakeFault("RemoveContainer")) return done(fault->status);
    Exit(id, 137);
    containers_.erase(id);
    FireExit(id);
    done(absl::OkStatus());
  });
}

void FakeRuntime::ExecSync(const std::string& id, const std::vector<std::string>& command,
                           absl::Duration /*timeout*/, cri::Reply<v1::ExecSyncResponse> reply) {
  calls.push_back(absl::StrCat("ExecSync ", id, " ", command.empty() ? "" : command.front()));
  AfterLatency(read_latency,
               [reply = std::move(reply)]() mutable { reply(v1::ExecSyncResponse()); });
}

void FakeRuntime::ImageStatus(const std::string& image,
                              cri::Reply<std::optional<v1::Image>> reply) {
  AfterLatency(read_latency, [this, image, reply = std::move(reply)]() mutable {
    if (absl::c_linear_search(missing_images, image)) return reply(std::optional<v1::Image>());
    reply(std::optional<v1::Image>(v1::Image()));
  });
}

cri::Monitor::WatchId FakeRuntime::WatchState(std::function<void(const State&)> changed) {
  state_watches_[next_watch_] = std::move(changed);
  return next_watch_++;
}

cri::Monitor::WatchId FakeRuntime::WatchExit(
    const std::string& id, absl::AnyInvocable<void(absl::StatusOr<v1::ContainerStatus>)> exited) {
  const WatchId watch = next_watch_++;
  exit_watches_[watch] = {id, std::move(exited)};
  auto it = containers_.find(id);
  if (it == containers_.end() || it->second.summary.state() == v1::CONTAINER_EXITED) FireExit(id);
  return watch;
}

cri::Monitor::WatchId FakeRuntime::WatchTaskExit(const std::string& id,
                                                 absl::AnyInvocable<void()> exited) {
  task_watches_[next_watch_] = {id, std::move(exited)};
  return next_watch_++;
}

cri::Monitor::WatchId FakeRuntime::WatchSandbox(const std::string& sandbox,
                                                std::function<void()> changed) {
  sandbox_watches_[next_watch_] = {sandbox, std::move(changed)};
  return next_watch_++;
}

cri::Monitor::WatchId FakeRuntime::WatchEvents(std::function<void()> changed) {
  event_watches_[next_watch_] = std::move(changed);
  return next_watch_++;
}

void FakeRuntime::FireEvent() {
  for (const auto& [watch, changed] : event_watches_) {
    loop_.Post([this, id = watch] {
      const auto it = event_watches_.find(id);
      if (it != event_watches_.end()) std::function<void()>(it->second)();
    });
  }
}

void FakeRuntime::Unwatch(WatchId watch) {
  event_watches_.erase(watch);
  sandbox_watches_.erase(watch);
  exit_watches_.erase(watch);
  task_watches_.erase(watch);
  state_watches_.erase(watch);
}

}  // namespace rekindle
