#include "tests/kube/cluster.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

#include "common/base/status_macros.h"
#include "tests/bed/http.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::kube {
namespace {

namespace fs = std::filesystem;
using bed::ProcessId;
using bed::ReadFile;
using bed::WaitUntil;
using nlohmann::json;

constexpr absl::Duration kReadyTimeout = absl::Seconds(120);
// An API server that is asked to leave waits for its clients, for a minute at most.
constexpr absl::Duration kStopTimeout = absl::Seconds(90);
constexpr char kWorkingFileText[] = "must stay\n";
constexpr absl::Duration kValid = absl::Hours(24 * 365);
constexpr const char* kPrograms[] = {"kube-apiserver", "kube-controller-manager", "kube-scheduler",
                                     "kubelet", "kubectl"};

std::string Tail(const std::string& path) {
  std::string text = ReadFile(path);
  return text.size() <= 3000 ? text : text.substr(text.size() - 3000);
}

// Credentials are the owner's alone.
absl::Status WriteSecret(const std::string& path, const std::string& text) {
  RK_RETURN_IF_ERROR(bed::WriteFile(path, text));
  std::error_code error;
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write, error);
  return absl::OkStatus();
}

absl::Status WritePair(const std::string& stem, const PemPair& pair) {
  RK_RETURN_IF_ERROR(WriteSecret(stem + ".crt", pair.certificate));
  return WriteSecret(stem + ".key", pair.key);
}

// A cgroup of the bed in every hierarchy: the kubelet wants its root to be there.
absl::Status MakeCgroups(const std::string& cgroup) {
  std::error_code error;
  std::vector<fs::path> roots;
  if (fs::exists("/sys/fs/cgroup/cgroup.controllers", error)) {
    roots.emplace_back("/sys/fs/cgroup");
  } else {
    for (const auto& entry : fs::directory_iterator("/sys/fs/cgroup", error)) {
      if (entry.is_directory(error) && !entry.is_symlink(error)) roots.push_back(entry.path());
    }
  }
  for (const fs::path& root : roots) {
    fs::create_directories(root.string() + cgroup, error);
    if (error) {
      return absl::UnavailableError(
          absl::StrCat("mkdir ", root.string(), cgroup, ": ", error.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> FindPrograms(const std::string& wanted) {
  std::string dir = wanted;
  if (dir.empty()) {
    const char* given = std::getenv("REKINDLE_KUBERNETES");
    const char* cache = std::getenv("REKINDLE_KUBERNETES_CACHE");
    const char* home = std::getenv("HOME");
    if (given != nullptr && *given != '\0') {
      dir = given;
    } else if (cache != nullptr && *cache != '\0') {
      dir = absl::StrCat(cache, "/current");
    } else {
      dir = absl::StrCat(home == nullptr ? "/root" : home, "/.cache/rekindle/kubernetes/current");
    }
  }
  std::error_code error;
  // The link may move on while the cluster runs.
  fs::path real = fs::canonical(dir, error);
  for (const char* program : kPrograms) {
    if (error || access((real / program).c_str(), X_OK) != 0) {
      return absl::FailedPreconditionError(
          absl::StrCat(dir, "/", program, " is missing: run tools/build_kubernetes.sh"));
    }
  }
  return real.string();
}

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Up(ClusterOptions options) {
  RK_ASSIGN_OR_RETURN(options.programs, FindPrograms(options.programs));
  std::unique_ptr<Cluster> cluster(new Cluster());
  bed::BedOptions on = {
      .dir = options.dir, .keep = options.keep, .owner = options.owner, .node = true};
  RK_ASSIGN_OR_RETURN(cluster->bed_, bed::Bed::Up(on));
  absl::Status up = cluster->Prepare(options);
  if (up.ok()) up = cluster->Start(Component::kEtcd);
  if (up.ok()) up = cluster->Start(Component::kApiServer);
  // These find each other through the API server, so they can come up together.
  const Component rest[] = {Component::kControllerManager, Component::kScheduler,
                            Component::kKubelet};
  for (Component component : rest) {
    if (up.ok()) up = cluster->Launch(component);
  }
  for (Component component : rest) {
    if (up.ok()) up = cluster->AwaitReady(component);
  }
  if (up.ok()) up = cluster->AwaitNode();
  if (!up.ok()) {
    // A cluster that is to be kept is so only once it works.
    cluster->Down().IgnoreError();
    return up;
  }
  cluster->keep_ = options.keep;
  return cluster;
}

absl::StatusOr<std::unique_ptr<Cluster>> Cluster::Attach(const std::string& dir) {
  std::unique_ptr<Cluster> cluster(new Cluster());
  cluster->keep_ = true;
  RK_ASSIGN_OR_RETURN(cluster->bed_, bed::Bed::Attach(dir));
  RK_RETURN_IF_ERROR(cluster->Load());
  return cluster;
}

Cluster::~Cluster() {
  if (!keep_ && bed_ != nullptr) Down().IgnoreError();
}

absl::Status Cluster::Down() {
  // The bed ends every process in its directory, whatever started it; these are reaped then.
  absl::Status down = bed_->Down();
  for (const auto& [component, process] : processes_) {
    bed::EndProcess(process, SIGKILL, kStopTimeout).IgnoreError();
  }
  processes_.clear();
  return down;
}

absl::Status Cluster::Prepare(const ClusterOptions& options) {
  layout_.dir = bed_->dir();
  layout_.programs = options.programs;
  layout_.node = absl::StrCat("node-", bed_->id());
  layout_.cgroup = "/" + bed::CgroupName(bed_->id());
  layout_.network = bed_->network();
  layout_.max_pods = options.max_pods;
  layout_.restricted = !bed::HasSysResource();
  layout_.kubelet_configuration = options.kubelet_configuration;
  layout_.kubelet_flags = options.kubelet_flags;
  layout_.feature_gates = options.feature_gates;
  std::error_code error;
  for (const char* sub : {"static-pods", "plugins", "applied", "users", "kubelet-cwd"}) {
    fs::create_directories(layout_.File(sub), error);
  }
  fs::permissions(layout_.dir + "/kube", fs::perms::owner_all, error);
  RK_RETURN_IF_ERROR(MakeCgroups(layout_.cgroup));
  RK_RETURN_IF_ERROR(bed::RunCommand({"ip", "addr", "add", layout_.network.first_service + "/32",
                                      "dev", bed::BridgeName(bed_->id())},
                                     absl::Seconds(10))
                         .status());
  RK_RETURN_IF_ERROR(bed::WriteFile(layout_.File("resolv.conf"), ""));
  RK_RETURN_IF_ERROR(MakeCredentials());
  RK_RETURN_IF_ERROR(WriteKubeletConfiguration());
  return Save();
}

absl::Status Cluster::MakeCredentials() {
  const TestCa ca("bed", kValid);
  RK_RETURN_IF_ERROR(WriteSecret(layout_.File("ca.crt"), ca.pem()));
  RK_RETURN_IF_ERROR(WriteSecret(layout_.File("ca.key"), ca.key_pem()));
  const bed::Network& network = layout_.network;
  RK_RETURN_IF_ERROR(WritePair(
      layout_.File("server"),
      ca.Issue(
          {.cn = "server",
           .ends = kValid,
           .names = absl::StrCat(
               "DNS:localhost,DNS:kubernetes,DNS:kubernetes.default,DNS:kubernetes.default.svc,"
               "DNS:",
               layout_.node, ",IP:", network.gateway, ",IP:", network.first_service)})));
  RK_RETURN_IF_ERROR(
      WritePair(layout_.File("accounts"), ca.Issue({.cn = "accounts", .ends = kValid})));
  struct User {
    const char* file;
    std::string name;
    const char* groups;
  };
  const User users[] = {{"admin", "admin", "system:masters"},
                        {"apiserver-client", "apiserver", "system:masters"},
                        {"controller-manager", "system:kube-controller-manager", ""},
                        {"scheduler", "system:kube-scheduler", ""},
                        {"kubelet", "system:node:" + layout_.node, "system:nodes"}};
  for (const User& user : users) {
    PemPair pair = ca.Issue({.cn = user.name, .o = user.groups, .ends = kValid});
    RK_RETURN_IF_ERROR(WritePair(layout_.File(user.file), pair));
    RK_RETURN_IF_ERROR(WriteSecret(
        layout_.File(absl::StrCat(user.file, ".conf")),
        kube::Kubeconfig(layout_.ServerUrl(), ca.pem(), pair.certificate, pair.key).dump(2)));
  }
  admin_ = std::make_unique<ApiClient>(Client(StoredIdentity("admin")));
  return absl::OkStatus();
}

Identity Cluster::StoredIdentity(const std::string& name) const {
  return {ReadFile(layout_.File(name + ".crt")), ReadFile(layout_.File(name + ".key")), ""};
}

Identity Cluster::NewIdentity(const std::string& user, const std::string& groups) const {
  const TestCa ca(ReadFile(layout_.File("ca.crt")), ReadFile(layout_.File("ca.key")));
  PemPair pair = ca.Issue({.cn = user, .o = groups, .ends = kValid});
  return {pair.certificate, pair.key, ""};
}

ApiClient Cluster::Client(const Identity& identity) const {
  return {layout_.network.first_service, kApiPort, ReadFile(layout_.File("ca.crt")), identity};
}

absl::Status Cluster::WriteKubeletConfiguration() const {
  return bed::WriteFile(layout_.File("kubelet.json"), KubeletConfiguration(layout_).dump(2));
}

absl::Status Cluster::SetKubeletConfiguration(const json& merged) {
  layout_.kubelet_configuration.merge_patch(merged);
  RK_RETURN_IF_ERROR(WriteKubeletConfiguration());
  return Save();
}

absl::Status Cluster::Save() const {
  json saved = {{"programs", layout_.programs},
                {"max_pods", layout_.max_pods},
                {"restricted", layout_.restricted},
                {"kubelet_configuration", layout_.kubelet_configuration},
                {"kubelet_flags", layout_.kubelet_flags},
                {"feature_gates", layout_.feature_gates}};
  return bed::WriteFile(layout_.File("cluster.json"), saved.dump(2));
}

absl::Status Cluster::Load() {
  layout_.dir = bed_->dir();
  json saved = json::parse(ReadFile(layout_.File("cluster.json")), nullptr, false);
  if (!saved.is_object()) {
    return absl::NotFoundError(absl::StrCat("no cluster in ", layout_.dir));
  }
  layout_.programs = saved.value("programs", "");
  layout_.max_pods = saved.value("max_pods", layout_.max_pods);
  layout_.restricted = saved.value("restricted", false);
  layout_.kubelet_configuration = saved.value("kubelet_configuration", json::object());
  layout_.kubelet_flags = saved.value("kubelet_flags", std::vector<std::string>());
  layout_.feature_gates = saved.value("feature_gates", std::vector<std::string>());
  layout_.node = absl::StrCat("node-", bed_->id());
  layout_.cgroup = "/" + bed::CgroupName(bed_->id());
  layout_.network = bed_->network();
  for (Component component : kComponents) {
    std::optional<ProcessId> process =
        bed::ParseProcessId(ReadFile(layout_.File(absl::StrCat(Name(component), ".pid"))));
    if (process.has_value()) processes_[component] = *process;
  }
  admin_ = std::make_unique<ApiClient>(Client(StoredIdentity("admin")));
  return absl::OkStatus();
}

// ---- processes ----

std::string Cluster::LogPath(Component component) const {
  if (component == Component::kContainerd) return bed_->log_path();
  return layout_.File(absl::StrCat(Name(component), ".log"));
}

pid_t Cluster::Pid(Component component) const {
  if (component == Component::kContainerd) return bed_->containerd_pid();
  auto found = processes_.find(component);
  return found != processes_.end() && bed::Alive(found->second) ? found->second.pid : 0;
}

std::string Cluster::WorkingFile() const { return layout_.File("kubelet-cwd/any-file"); }

absl::Status Cluster::CheckKubeletFolder() const {
  if (ReadFile(WorkingFile()) == kWorkingFileText) return absl::OkStatus();
  return absl::DataLossError(
      "the kubelet has deleted files of its working directory: it removed a container that has no "
      "log path");
}

absl::Status Cluster::Launch(Component component) {
  std::vector<std::string> words = CommandLine(component, layout_);
  if (component == Component::kKubelet) {
    RK_RETURN_IF_ERROR(bed::WriteFile(WorkingFile(), kWorkingFileText));
    std::vector<std::string> moved = {"env", "--chdir=" + layout_.File("kubelet-cwd")};
    moved.insert(moved.end(), words.begin(), words.end());
    words = InNode(moved);
  }
  RK_ASSIGN_OR_RETURN(ProcessId process, bed::Spawn(words, LogPath(component)));
  processes_[component] = process;
  return bed::WriteFile(layout_.File(absl::StrCat(Name(component), ".pid")),
                        bed::ToString(process));
}

absl::Status Cluster::Answers(Component component) const {
  const bed::Network& network = layout_.network;
  const std::string ca = ReadFile(layout_.File("ca.crt"));
  auto healthy = [&](const std::string& ip, int port, const std::string& path,
                     const Identity& identity) -> absl::Status {
    bed::HttpRequest request;
    request.target = path;
    RK_ASSIGN_OR_RETURN(bed::HttpReply reply,
                        ApiClient(ip, port, ca, identity).Call(request, absl::Seconds(5)));
    if (reply.code == 200) return absl::OkStatus();
    return absl::UnavailableError(absl::StrCat(path, ": HTTP ", reply.code, ": ", reply.body));
  };
  switch (component) {
    case Component::kContainerd:
      return bed_->cri().Ready();
    case Component::kEtcd:
      return healthy(network.gateway, kEtcdPort, "/health", StoredIdentity("apiserver-client"));
    case Component::kApiServer:
      return healthy(network.first_service, kApiPort, "/readyz", StoredIdentity("admin"));
    case Component::kControllerManager:
      return healthy(network.gateway, kControllerManagerPort, "/healthz", {});
    case Component::kScheduler:
      return healthy(network.gateway, kSchedulerPort, "/healthz", {});
    case Component::kKubelet:
      return bed::HttpGet(network.gateway, kKubeletHealthPort, "/healthz").status();
  }
  return absl::InternalError("component");
}

absl::Status Cluster::AwaitReady(Component component) {
  const ProcessId process = processes_[component];
  absl::Status last;
  bool ready = WaitUntil(
      [&] {
        if (!bed::Alive(process)) {
          last = absl::UnavailableError("it has ended");
          return true;
        }
        last = Answers(component);
        return last.ok();
      },
      kReadyTimeout);
  if (ready && last.ok()) return absl::OkStatus();
  return absl::DeadlineExceededError(absl::StrCat(
      Name(component), " is not ready: ", last.message(), "\n", Tail(LogPath(component))));
}

absl::Status Cluster::Start(Component component) {
  if (component == Component::kContainerd) return bed_->Start();
  RK_RETURN_IF_ERROR(Launch(component));
  return AwaitReady(component);
}

absl::Status Cluster::Stop(Component component, int signal) {
  if (component == Component::kContainerd) return bed_->Stop(signal);
  auto found = processes_.find(component);
  if (found == processes_.end()) return absl::OkStatus();
  return bed::EndProcess(found->second, signal, kStopTimeout);
}

absl::Status Cluster::Restart(Component component, int signal) {
  RK_RETURN_IF_ERROR(Stop(component, signal));
  return Start(component);
}

absl::Status Cluster::AwaitNode() {
  RK_RETURN_IF_ERROR(Annotate(WaitFor(
                                  "/api/v1/nodes/" + layout_.node,
                                  [](const json& node) {
                                    // The taint goes a moment after the condition has come.
                                    return HasCondition(node, "Ready") &&
                                           node["spec"].value("taints", json()).empty();
                                  },
                                  kReadyTimeout)
                                  .status(),
                              "the node does not become ready"));
  // Pods are refused until their service account has a token.
  return Annotate(AccountToken("default", "default").status(), "no default service account");
}

}  // namespace rekindle::kube
