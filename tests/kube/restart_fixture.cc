#include "tests/kube/restart_fixture.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>

#include "tests/bed/host.h"

namespace rekindle::kube {
namespace {

using nlohmann::json;

constexpr char kPlaceholderLabel[] = "node.rekindle/placeholder";
constexpr absl::Duration kCertainCopy = absl::Milliseconds(500);
constexpr char kPodUid[] = "io.kubernetes.pod.uid";
constexpr char kContainerName[] = "io.kubernetes.container.name";

std::string LabelOf(const bed::v1::Container& container, const char* label) {
  const auto it = container.labels().find(label);
  return it == container.labels().end() ? std::string() : it->second;
}

node::RestartPolicy PolicyOf(const std::string& policy) {
  if (policy == "Never") return node::RESTART_POLICY_NEVER;
  return policy == "OnFailure" ? node::RESTART_POLICY_ON_FAILURE : node::RESTART_POLICY_ALWAYS;
}

// The post-start hook of a container's spec, as far as tests have such.
void SetPostStart(const json& spec, node::ContainerRestart* container) {
  const json hook = spec.value("lifecycle", json::object()).value("postStart", json::object());
  if (!hook.contains("exec")) return;
  for (const json& word : hook["exec"]["command"]) {
    container->mutable_post_start()->mutable_exec()->add_command(word.get<std::string>());
  }
}

bool RefersToObjects(const json& container) {
  if (!container.value("envFrom", json::array()).empty()) return true;
  for (const json& variable : container.value("env", json::array())) {
    const json from = variable.value("valueFrom", json::object());
    if (from.contains("configMapKeyRef") || from.contains("secretKeyRef")) return true;
  }
  return false;
}

}  // namespace

PodWatcher::PodWatcher(Cluster& cluster) : cluster_(cluster) {
  thread_ = std::thread([this] {
    while (!stop_) Look();
  });
}

PodWatcher::~PodWatcher() {
  stop_ = true;
  thread_.join();
}

void PodWatcher::Watch(const json& pod, const Allowed& allowed) {
  const std::lock_guard lock(mutex_);
  watched_[pod["metadata"]["uid"]] = {
      pod["metadata"]["name"], pod["status"]["podIP"], allowed, {}, {}};
}

absl::Duration PodWatcher::longest_backoff() const {
  const std::lock_guard lock(mutex_);
  return longest_backoff_;
}

void PodWatcher::Forget(const std::string& uid) {
  const std::lock_guard lock(mutex_);
  watched_.erase(uid);
}

std::vector<std::string> PodWatcher::violations() const {
  const std::lock_guard lock(mutex_);
  return violations_;
}

size_t PodWatcher::duplicates() const {
  const std::lock_guard lock(mutex_);
  return duplicates_.size();
}

void PodWatcher::Note(const std::string& violation) {
  if (std::find(violations_.begin(), violations_.end(), violation) != violations_.end()) return;
  violations_.push_back(violation);
}

void PodWatcher::Look() {
  LookAtRuntime();
  LookAtApi();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

void PodWatcher::LookAtRuntime() {
  // A runtime or an API that is away is what some tests want.
  const auto all = cluster_.bed().cri().ListContainers("");
  if (!all.ok()) return;
  std::map<std::pair<std::string, std::string>, int> running;
  for (const bed::v1::Container& container : *all) {
    if (container.state() != bed::v1::CONTAINER_RUNNING) continue;
    ++running[{LabelOf(container, kPodUid), LabelOf(container, kContainerName)}];
  }
  const std::lock_guard lock(mutex_);
  std::erase_if(running, [](const auto& entry) { return entry.second < 2; });
  for (auto& [uid, watched] : watched_) {
    std::erase_if(watched.two_since, [&running, uid = uid](const auto& entry) {
      return !running.contains({uid, entry.first});
    });
  }
  for (const auto& [key, count] : running) {
    const auto it = watched_.find(key.first);
    if (it == watched_.end() || it->second.allowed.overlap) continue;
    const absl::Time since = it->second.two_since.emplace(key.second, absl::Now()).first->second;
    const absl::Duration lasted = absl::Now() - since;
    if (lasted > kCertainCopy) duplicates_.insert(absl::StrCat(key.first, "/", key.second));
    if (lasted <= it->second.allowed.exit_lag) continue;
    Note(absl::StrCat(it->second.name, ": more than one running ", key.second));
  }
}

void PodWatcher::LookAtApi() {
  const auto pods = cluster_.Pods();
  if (!pods.ok()) return;
  const std::lock_guard lock(mutex_);
  for (const json& pod : *pods) {
    const auto it = watched_.find(pod["metadata"]["uid"].get<std::string>());
    if (it == watched_.end()) continue;
    Watched& watched = it->second;
    if (pod["status"]["phase"] != "Running") {
      Note(absl::StrCat(watched.name, ": phase ", pod["status"]["phase"].get<std::string>()));
    }
    if (pod["status"].value("podIP", "") != watched.ip) {
      Note(absl::StrCat(watched.name, ": its address has changed"));
    }
    for (const json& container : pod["status"].value("containerStatuses", json::array())) {
      const std::string name = container["name"];
      const json waiting = container["state"].value("waiting", json::object());
      if (waiting.value("reason", "") != "CrashLoopBackOff") {
        watched.backoff_since.erase(name);
        continue;
      }
      const absl::Time since = watched.backoff_since.emplace(name, absl::Now()).first->second;
      longest_backoff_ = std::max(longest_backoff_, absl::Now() - since);
      if (absl::Now() - since > watched.allowed.backoff ||
          watched.allowed.backoff == absl::ZeroDuration()) {
        Note(absl::StrCat(watched.name, ": ", name, " in CrashLoopBackOff"));
      }
    }
  }
}

CpuLoad::CpuLoad(int threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this] {
      volatile uint64_t sum = 0;
      while (!stop_) {
        for (int j = 0; j < 100000; ++j) sum = sum + static_cast<uint64_t>(j);
      }
    });
  }
}

CpuLoad::~CpuLoad() {
  stop_ = true;
  for (std::thread& thread : threads_) thread.join();
}

void KubeRestartTest::SetUpTestSuite() {
  const char* kept = std::getenv("REKINDLE_KUBE_CLUSTER");
  kept_ = kept != nullptr;
  auto cluster = kept_ ? Cluster::Attach(kept) : Cluster::Up();
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  cluster_ = cluster->release();
}

void KubeRestartTest::TearDownTestSuite() {
  if (cluster_ != nullptr && !kept_) {
    const absl::Status intact = cluster_->CheckKubeletFolder();
    EXPECT_TRUE(intact.ok()) << intact;
    const absl::Status down = cluster_->Down();
    EXPECT_TRUE(down.ok()) << down;
  }
  delete std::exchange(cluster_, nullptr);
}

void KubeRestartTest::SetUp() {
  ASSERT_NE(cluster_, nullptr);
  StartDaemon();
  watcher_ = std::make_unique<PodWatcher>(*cluster_);
}

void KubeRestartTest::TearDown() {
  if (watcher_ != nullptr) {
    for (const std::string& violation : watcher_->violations()) {
      ADD_FAILURE() << violation;
    }
  }
  watcher_.reset();
  if (HasFailure() && daemon_ != nullptr) {
    const std::string log = bed::ReadFile(daemon_->log_path());
    std::cerr << "---- end of the daemon's log\n"
              << log.substr(log.size() > 8000 ? log.size() - 8000 : 0);
  }
  KillDaemon();
  for (const std::string& name : pods_) {
    EXPECT_TRUE(cluster_
                    ->Kubectl({"delete", "pod", name, "--grace-period=1", "--wait=false",
                               "--ignore-not-found"})
                    .ok());
  }
  for (const std::string& name : pods_) EXPECT_TRUE(cluster_->WaitGone(PodPath(name)).ok()) << name;
}

void KubeRestartTest::StartDaemon(const std::string& placeholder) {
  KillDaemon();
  if (placeholder.empty()) {
    ::unsetenv("REKINDLE_TEST_PLACEHOLDER");
  } else {
    ::setenv("REKINDLE_TEST_PLACEHOLDER", placeholder.c_str(), 1);
  }
  auto started = measure::Daemon::Start(&cluster_->bed(), {REKINDLED_PROGRAM, REKINDLE_PROGRAM});
  ASSERT_TRUE(started.ok()) << started.status();
  daemon_ = *std::move(started);
  channel_ = grpc::CreateChannel("unix:" + daemon_->socket(), grpc::InsecureChannelCredentials());
  stub_ = node::NodeService::NewStub(channel_);
}

void KubeRestartTest::KillDaemon() {
  stub_.reset();
  channel_.reset();
  daemon_.reset();
}

std::string KubeRestartTest::DiaryDir(const std::string& pod) const {
  return cluster_->bed().Volume(pod);
}

json KubeRestartTest::ServerPod(const std::string& name,
                                const std::vector<std::string>& containers) const {
  const std::string unique = absl::StrCat(name, "-", ::getpid(), "-", ++next_);
  json pod = {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata", {{"name", unique}, {"labels", {{"app", name}}}}},
      {"spec",
       {{"terminationGracePeriodSeconds", 5},
        {"volumes", json::array({{{"name", "diary"}, {"hostPath", {{"path", DiaryDir(unique)}}}}})},
        {"containers", json::array()}}}};
  int port = 8080;
  for (const std::string& container : containers) {
    pod["spec"]["containers"].push_back(
        {{"name", container},
         {"image", bed::kServerImage},
         {"imagePullPolicy", "Never"},
         {"args", {"serve", "--port", absl::StrCat(port), "--diary", "/diary/" + container}},
         {"volumeMounts", json::array({{{"name", "diary"}, {"mountPath", "/diary"}}})},
         {"readinessProbe",
          {{"httpGet", {{"path", "/healthz"}, {"port", port}}}, {"periodSeconds", 1}}}});
    ++port;
  }
  return pod;
}

json KubeRestartTest::RunPod(const json& pod) {
  const std::string name = pod["metadata"]["name"];
  const auto made = cluster_->api().Create(PodPath(""), pod);
  EXPECT_TRUE(made.ok()) << made.status();
  pods_.push_back(name);
  const auto ready = cluster_->WaitReady(name, absl::Seconds(120));
  EXPECT_TRUE(ready.ok()) << ready.status();
  return ready.ok() ? *ready : json();
}

int KubeRestartTest::Count(const json& pod, const std::string& container,
                           const std::string& event) const {
  int count = 0;
  const std::string diary = DiaryDir(pod["metadata"]["name"]) + "/" + container;
  for (absl::string_view line : absl::StrSplit(bed::ReadFile(diary), '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    count += !words.empty() && words[0] == event;
  }
  return count;
}

node::RestartContainersRequest KubeRestartTest::Request(const json& pod,
                                                        const std::vector<std::string>& containers,
                                                        node::Method method) const {
  node::RestartContainersRequest request;
  request.set_request_id(absl::StrCat("t", ::getpid(), "-", ++next_));
  request.mutable_pod()->set_namespace_(pod["metadata"]["namespace"].get<std::string>());
  request.mutable_pod()->set_name(pod["metadata"]["name"].get<std::string>());
  request.mutable_pod()->set_uid(pod["metadata"]["uid"].get<std::string>());
  request.set_order(node::ORDER_PARALLEL);
  request.set_failure_policy(node::FAILURE_POLICY_IGNORE);
  request.mutable_kubernetes_pod()->set_restart_policy(
      PolicyOf(pod["spec"].value("restartPolicy", "Always")));
  request.mutable_kubernetes_pod()->set_terminating(pod["metadata"].contains("deletionTimestamp"));
  for (const std::string& name : containers) {
    node::ContainerRestart* container = request.add_containers();
    container->set_name(name);
    container->set_method(method);
    for (const json& spec : pod["spec"]["containers"]) {
      if (spec["name"] != name) continue;
      container->set_env_from_references(RefersToObjects(spec));
      container->set_kubelet_health_checks(spec.contains("livenessProbe") ||
                                           spec.contains("startupProbe"));
      SetPostStart(spec, container);
    }
  }
  return request;
}

absl::StatusOr<std::map<std::string, node::Operation>> KubeRestartTest::Restart(
    const node::RestartContainersRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(5));
  auto stream = stub_->RestartContainers(&context, request);
  std::map<std::string, node::Operation> last;
  node::RestartContainersResponse response;
  while (stream->Read(&response)) {
    last[response.operation().container_name()] = response.operation();
  }
  const grpc::Status status = stream->Finish();
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  return last;
}

absl::Status KubeRestartTest::Submit(const node::RestartContainersRequest& request) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::minutes(1));
  auto stream = stub_->RestartContainers(&context, request);
  node::RestartContainersResponse response;
  if (stream->Read(&response)) {
    context.TryCancel();
    return absl::OkStatus();
  }
  const grpc::Status status = stream->Finish();
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

absl::StatusOr<node::Operation> KubeRestartTest::WaitEnd(const std::string& id,
                                                         absl::Duration limit) {
  absl::StatusOr<node::Operation> operation = absl::UnknownError("never asked");
  bed::WaitUntil(
      [&] {
        operation = Operation(id);
        return operation.ok() && operation->has_ended();
      },
      limit);
  return operation;
}

std::string KubeRestartTest::Exec(const json& pod, const std::vector<std::string>& command,
                                  const std::string& container) {
  std::vector<std::string> arguments = {"exec", pod["metadata"]["name"], "-c", container, "--"};
  arguments.insert(arguments.end(), command.begin(), command.end());
  const auto out = cluster_->Kubectl(arguments);
  EXPECT_TRUE(out.ok()) << out.status();
  return out.ok() ? *out : "";
}

absl::StatusOr<node::Operation> KubeRestartTest::Operation(const std::string& id) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
  node::GetOperationRequest request;
  request.set_id(id);
  node::Operation operation;
  const grpc::Status status = stub_->GetOperation(&context, request, &operation);
  if (!status.ok()) {
    return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  }
  return operation;
}

bool KubeRestartTest::WaitAftercare(absl::Duration limit) {
  return bed::WaitUntil(
      [&] {
        grpc::ClientContext context;
        context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(20));
        node::ListOperationsRequest request;
        request.set_limit(5000);
        node::ListOperationsResponse response;
        if (!stub_->ListOperations(&context, request, &response).ok()) return false;
        return std::none_of(response.operations().begin(), response.operations().end(),
                            [](const node::Operation& operation) {
                              return operation.aftercare() || !operation.has_ended();
                            });
      },
      limit);
}

std::vector<std::string> KubeRestartTest::Placeholders() {
  std::vector<std::string> ids;
  const auto all = cluster_->bed().cri().ListContainers("");
  EXPECT_TRUE(all.ok()) << all.status();
  if (!all.ok()) return ids;
  for (const bed::v1::Container& container : *all) {
    if (container.labels().contains(kPlaceholderLabel)) ids.push_back(container.id());
  }
  return ids;
}

void KubeRestartTest::ExpectSettled(const json& pod, int restarts, const std::string& name) {
  const std::string pod_name = pod["metadata"]["name"];
  const std::string uid = pod["metadata"]["uid"];
  SCOPED_TRACE(absl::StrCat(pod_name, "/", name));
  const auto running = cluster_->Running(uid, name);
  ASSERT_TRUE(running.ok()) << running.status();
  ASSERT_EQ(running->size(), 1u);
  const std::string id = absl::StrCat("containerd://", running->front().id());
  // The kubelet looks once a second.
  const auto now = cluster_->WaitPod(
      pod_name,
      [&](const json& seen) {
        const json status = ContainerStatus(seen, name);
        return !status.is_null() && status.value("containerID", "") == id &&
               status.value("restartCount", -1) == restarts && HasCondition(seen, "Ready");
      },
      absl::Seconds(30));
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_EQ((*now)["metadata"]["uid"], uid);
  EXPECT_EQ((*now)["status"]["podIP"], pod["status"]["podIP"]);
  EXPECT_EQ((*now)["status"]["phase"], "Running");
}

int KubeRestartTest::FromEnvironment(const char* variable, int otherwise) {
  const char* text = std::getenv(variable);
  int number = 0;
  return text != nullptr && absl::SimpleAtoi(text, &number) ? number : otherwise;
}

}  // namespace rekindle::kube
