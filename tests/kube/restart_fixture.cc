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

class Program : public testing::Environment {
 public:
  void SetUp() override { KubeRestartTest::Begin(); }
  void TearDown() override { KubeRestartTest::End(); }
};

// gtest owns it.
[[maybe_unused]] const testing::Environment* const kProgram =
    testing::AddGlobalTestEnvironment(new Program());

}  // namespace

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

void KubeRestartTest::Begin() {
  const char* kept = std::getenv("REKINDLE_KUBE_CLUSTER");
  kept_ = kept != nullptr;
  ClusterOptions options;
  options.kubelet_configuration = {{"allowedUnsafeSysctls", {kMigrateRequests}}};
  auto cluster = kept_ ? Cluster::Attach(kept) : Cluster::Up(options);
  ASSERT_TRUE(cluster.ok()) << cluster.status();
  cluster_ = cluster->release();
}

void KubeRestartTest::End() {
  if (cluster_ == nullptr) return;
  StartDaemon();
  if (!after_all_.empty()) {
    EXPECT_TRUE(WaitAftercare());
  }
  for (const std::function<void()>& check : std::exchange(after_all_, {})) check();
  EXPECT_THAT(Placeholders(), testing::IsEmpty());
  KillDaemon();
  if (kept_) {
    pods_.merge(kept_pods_);
    for (const std::string& name : pods_) {
      EXPECT_TRUE(cluster_->api().Delete(PodPath(name)).ok()) << name;
    }
  } else {
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
  // Nobody waits for them: names are used once.
  for (const std::string& name : std::exchange(pods_, {})) {
    const absl::Status deleted = cluster_->api().Delete(PodPath(name)).status();
    EXPECT_TRUE(deleted.ok() || absl::IsNotFound(deleted)) << deleted;
  }
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

void KubeRestartTest::KeepPod(const std::string& name) {
  pods_.erase(name);
  kept_pods_.insert(name);
}

void KubeRestartTest::RemovePods(const std::vector<json>& pods) {
  for (const json& pod : pods) {
    pods_.erase(pod["metadata"]["name"]);
    EXPECT_TRUE(cluster_->api().Delete(PodPath(pod["metadata"]["name"])).ok());
  }
  for (const json& pod : pods) {
    const absl::Status gone =
        cluster_->WaitGone(PodPath(pod["metadata"]["name"]), absl::Seconds(120));
    EXPECT_TRUE(gone.ok()) << gone;
  }
}

void KubeRestartTest::ExpectSettledForGood(const json& pod, int restarts, const std::string& name) {
  ExpectSettled(pod, restarts, name);
  KeepPod(pod["metadata"]["name"]);
  AfterAll([pod, restarts, name] { ExpectSettled(pod, restarts, name); });
}

std::string KubeRestartTest::DiaryDir(const std::string& pod) {
  return cluster_->bed().Volume(pod);
}

json KubeRestartTest::ServerPod(const std::string& name,
                                const std::vector<std::string>& containers) {
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
  pods_.insert(name);
  const auto ready = cluster_->WaitReady(name, absl::Seconds(120));
  EXPECT_TRUE(ready.ok()) << ready.status();
  return ready.ok() ? *ready : json();
}

int KubeRestartTest::Count(const json& pod, const std::string& container,
                           const std::string& event) {
  int count = 0;
  const std::string diary = DiaryDir(pod["metadata"]["name"]) + "/" + container;
  for (absl::string_view line : absl::StrSplit(bed::ReadFile(diary), '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    count += !words.empty() && words[0] == event;
  }
  return count;
}

int KubeRestartTest::Copies(const json& pod, const std::string& container) {
  int copies = 0;
  std::set<std::string> serving;
  const std::string diary = DiaryDir(pod["metadata"]["name"]) + "/" + container;
  for (absl::string_view line : absl::StrSplit(bed::ReadFile(diary), '\n')) {
    // "EVENT NANOSECONDS INSTANCE"
    const std::vector<std::string> words = absl::StrSplit(line, ' ');
    if (words.size() < 3) continue;
    if (words[0] == "start") copies += !serving.empty();
    if (words[0] == "listen") serving.insert(words[2]);
    if (words[0] == "exit") serving.erase(words[2]);
  }
  return copies;
}

node::RestartContainersRequest KubeRestartTest::Request(const json& pod,
                                                        const std::vector<std::string>& containers,
                                                        node::Method method) {
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
