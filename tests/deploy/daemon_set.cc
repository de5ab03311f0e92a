#include "tests/deploy/daemon_set.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/base/status_macros.h"
#include "tests/bed/process.h"
#include "tests/fakes/test_certs.h"

namespace rekindle::deploy {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr char kNamespace[] = "rekindle-system";
constexpr char kSelector[] = "app.kubernetes.io/name=rekindled";
constexpr char kSetPath[] = "/apis/apps/v1/namespaces/rekindle-system/daemonsets/rekindled";
constexpr int kPort = 10240;
constexpr absl::Duration kRollout = absl::Minutes(5);

json HostPath(const std::string& name, const std::string& path) {
  return {{"name", name}, {"hostPath", {{"path", path}, {"type", "DirectoryOrCreate"}}}};
}

bool Settled(const json& set) {
  if (!set.is_object() || !set.contains("status")) return false;
  const json& status = set["status"];
  return status.value("observedGeneration", 0) >= set["metadata"].value("generation", 1) &&
         status.value("desiredNumberScheduled", 0) == 1 &&
         status.value("updatedNumberScheduled", 0) == 1 && status.value("numberReady", 0) == 1 &&
         status.value("numberUnavailable", 0) == 0;
}

}  // namespace

DaemonSet::DaemonSet(kube::Cluster* cluster, DaemonSetOptions options)
    : cluster_(cluster), options_(std::move(options)), dir_(cluster->dir() + "/deploy") {}

absl::StatusOr<std::unique_ptr<DaemonSet>> DaemonSet::Install(kube::Cluster* cluster,
                                                              DaemonSetOptions options) {
  std::unique_ptr<DaemonSet> set(new DaemonSet(cluster, std::move(options)));
  std::error_code error;
  for (const char* name : {"state", "run", "tls", "overlay"}) {
    fs::create_directories(set->dir_ + "/" + name, error);
  }
  for (const std::string& image : {set->options_.image, set->options_.controller_image}) {
    if (image.empty()) continue;
    RK_RETURN_IF_ERROR(cluster->bed().Ctr({"images", "import", image}, absl::Minutes(2)).status());
  }
  RK_RETURN_IF_ERROR(set->WriteCertificates());
  RK_RETURN_IF_ERROR(set->WriteOverlay(set->options_.container));
  RK_RETURN_IF_ERROR(set->ApplyOverlay());
  RK_RETURN_IF_ERROR(set->AwaitRollout());
  return set;
}

absl::Status DaemonSet::WriteCertificates() const {
  const TestCa authority("rekindle authority", absl::Hours(24));
  const TestCa foreign("another authority", absl::Hours(24));
  const auto issue = [&](const TestCa& by, const std::string& name, const std::string& o) {
    const PemPair pair =
        by.Issue({.cn = name, .o = o, .ends = absl::Hours(24), .names = "DNS:" + name});
    WriteFile(absl::StrCat(dir_, "/tls/", name, ".crt"), pair.certificate);
    WriteFile(absl::StrCat(dir_, "/tls/", name, ".key"), pair.key);
    return pair;
  };
  WriteFile(dir_ + "/tls/ca.crt", authority.pem());
  const PemPair daemon = issue(authority, "rekindled", "rekindle:node");
  const PemPair controller = issue(authority, "controller", "rekindle:controller");
  issue(authority, "viewer", "rekindle:viewer");
  issue(foreign, "foreign", "rekindle:controller");
  // Beforehand, as the documentation has it: the pod waits for its Secret otherwise.
  RK_RETURN_IF_ERROR(cluster_->Apply(
      json{{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", kNamespace}}}}));
  RK_RETURN_IF_ERROR(WriteSecret("rekindled-tls", daemon.certificate, daemon.key, authority.pem()));
  if (options_.controller_image.empty()) return absl::OkStatus();
  return WriteSecret("rekindle-controller-tls", controller.certificate, controller.key,
                     authority.pem());
}

absl::Status DaemonSet::WriteSecret(const std::string& name, const std::string& certificate,
                                    const std::string& key, const std::string& authority) const {
  return cluster_->Apply(
      json{{"apiVersion", "v1"},
           {"kind", "Secret"},
           {"metadata", {{"name", name}, {"namespace", kNamespace}}},
           {"stringData", {{"tls.crt", certificate}, {"tls.key", key}, {"ca.crt", authority}}}});
}

absl::Status DaemonSet::RenewCertificates() const {
  for (const char* part : {".crt", ".key"}) {
    std::error_code error;
    fs::copy_file(absl::StrCat(dir_, "/tls/controller", part),
                  absl::StrCat(dir_, "/tls/former", part), fs::copy_options::overwrite_existing,
                  error);
    if (error) return absl::InternalError(error.message());
  }
  RK_RETURN_IF_ERROR(WriteCertificates());
  RK_ASSIGN_OR_RETURN(const json pod, Pod());
  return cluster_
      ->Kubectl({"-n", kNamespace, "annotate", "pod", pod["metadata"]["name"],
                 absl::StrCat("test/renewed=", absl::ToUnixNanos(absl::Now()))})
      .status();
}

absl::Status DaemonSet::WriteBase() const {
  std::error_code error;
  // kubectl of that age takes relative folders only.
  fs::remove_all(dir_ + "/base", error);
  fs::copy(options_.manifests, dir_ + "/base", fs::copy_options::recursive, error);
  if (error) return absl::InternalError(absl::StrCat(options_.manifests, ": ", error.message()));
  const std::string file = dir_ + "/base/kustomization.yaml";
  if (options_.controller_image.empty()) {
    const json base = {{"apiVersion", "kustomize.config.k8s.io/v1beta1"},
                       {"kind", "Kustomization"},
                       {"namespace", kNamespace},
                       {"resources", {"namespace.yaml", "serviceaccount.yaml", "daemonset.yaml"}},
                       {"configMapGenerator",
                        json::array({{{"name", "rekindled"}, {"files", {"rekindled.yaml"}}}})}};
    return bed::WriteFile(file, base.dump(2));
  }
  // Nor does it take folders as resources, or kinds where names of images are replaced.
  fs::remove_all(dir_ + "/crds", error);
  fs::copy(options_.manifests + "/../crds", dir_ + "/crds", fs::copy_options::recursive, error);
  if (error) return absl::InternalError(absl::StrCat("the kinds: ", error.message()));
  const std::string whole = bed::ReadFile(file);
  const std::string rest = absl::StrReplaceAll(whole, {{"  - ../crds\n", ""}});
  if (rest == whole) return absl::InternalError(absl::StrCat(file, " names no ../crds"));
  return bed::WriteFile(file, rest);
}

absl::Status DaemonSet::WriteOverlay(const json& container) const {
  RK_RETURN_IF_ERROR(WriteBase());
  const std::string netns = cluster_->dir() + "/state/io.containerd.grpc.v1.cri/netns";
  json patched = {{"name", "rekindled"},
                  {"volumeMounts", json::array({{{"name", "netns"},
                                                 {"mountPath", netns},
                                                 {"readOnly", true},
                                                 {"mountPropagation", "HostToContainer"}}})}};
  patched.merge_patch(container);
  const json patch = {{"apiVersion", "apps/v1"},
                      {"kind", "DaemonSet"},
                      {"metadata", {{"name", "rekindled"}, {"namespace", kNamespace}}},
                      {"spec",
                       {{"template",
                         {{"spec",
                           {{"containers", json::array({patched})},
                            {"volumes", json::array({HostPath("state", dir_ + "/state"),
                                                     HostPath("socket", dir_ + "/run"),
                                                     HostPath("netns", netns)})}}}}}}}};
  RK_RETURN_IF_ERROR(bed::WriteFile(dir_ + "/overlay/patch.json", patch.dump(2)));
  const std::string settings = absl::StrReplaceAll(
      bed::ReadFile(options_.manifests + "/rekindled.yaml"),
      {{"listen: 0.0.0.0:", absl::StrCat("listen: ", cluster_->bed().network().gateway, ":")},
       {"http_listen: 127.0.0.1:10231", "http_listen: \"off\""}});
  RK_RETURN_IF_ERROR(bed::WriteFile(dir_ + "/overlay/rekindled.yaml", settings));
  // JSON is YAML.
  json kustomization = {
      {"apiVersion", "kustomize.config.k8s.io/v1beta1"},
      {"kind", "Kustomization"},
      {"namespace", kNamespace},
      {"bases", {"../base"}},
      {"patchesStrategicMerge", {"patch.json"}},
      {"configMapGenerator",
       json::array(
           {{{"name", "rekindled"}, {"behavior", "replace"}, {"files", {"rekindled.yaml"}}}})}};
  if (!options_.controller_image.empty()) {
    // As docs/install.md has it for Kubernetes 1.20.
    RK_RETURN_IF_ERROR(
        bed::WriteFile(dir_ + "/overlay/budget.json",
                       R"([{"op": "replace", "path": "/apiVersion", "value": "policy/v1beta1"}])"));
    kustomization["patchesJson6902"] = json::array({{{"target",
                                                      {{"group", "policy"},
                                                       {"version", "v1"},
                                                       {"kind", "PodDisruptionBudget"},
                                                       {"name", "rekindle-controller"}}},
                                                     {"path", "budget.json"}}});
  }
  return bed::WriteFile(dir_ + "/overlay/kustomization.yaml", kustomization.dump(2));
}

absl::Status DaemonSet::ApplyOverlay() const {
  if (!options_.controller_image.empty()) {
    RK_RETURN_IF_ERROR(cluster_->Kubectl({"apply", "-k", dir_ + "/crds"}).status());
  }
  return cluster_->Kubectl({"apply", "-k", dir_ + "/overlay"}).status();
}

absl::Status DaemonSet::AwaitRollout() const {
  const absl::Status settled = cluster_->WaitFor(kSetPath, Settled, kRollout).status();
  if (settled.ok()) return settled;
  const absl::StatusOr<std::string> events =
      cluster_->Kubectl({"-n", kNamespace, "describe", "pods"});
  return absl::Status(settled.code(),
                      absl::StrCat(settled.message(), "\n", events.value_or(""), "\n", Log()));
}

absl::Status DaemonSet::Change(const json& container) {
  RK_RETURN_IF_ERROR(WriteOverlay(container));
  RK_RETURN_IF_ERROR(ApplyOverlay());
  return AwaitRollout();
}

absl::Status DaemonSet::RolloutRestart() {
  RK_RETURN_IF_ERROR(
      cluster_->Kubectl({"-n", kNamespace, "rollout", "restart", "daemonset/rekindled"}).status());
  return AwaitRollout();
}

absl::Status DaemonSet::Remove() {
  RK_RETURN_IF_ERROR(cluster_->api().Delete(kSetPath).status());
  return cluster_
      ->WaitFor(
          absl::StrCat("/api/v1/namespaces/", kNamespace,
                       "/pods?labelSelector=", "app.kubernetes.io%2Fname%3Drekindled"),
          [](const json& list) { return list.is_object() && list["items"].empty(); }, kRollout)
      .status();
}

absl::StatusOr<json> DaemonSet::Pod() const {
  RK_ASSIGN_OR_RETURN(const std::vector<json> pods, cluster_->Pods(kNamespace, kSelector));
  for (const json& pod : pods) {
    if (!pod["metadata"].contains("deletionTimestamp")) return pod;
  }
  return absl::NotFoundError("the DaemonSet has no pod");
}

std::vector<std::string> DaemonSet::TlsFlags(const std::string& who) const {
  return {"--address",         absl::StrCat(cluster_->bed().network().gateway, ":", kPort),
          "--tls-server-name", "rekindled",
          "--tls-cert",        absl::StrCat(dir_, "/tls/", who, ".crt"),
          "--tls-key",         absl::StrCat(dir_, "/tls/", who, ".key"),
          "--tls-ca",          dir_ + "/tls/ca.crt"};
}

absl::StatusOr<std::string> DaemonSet::Run(std::vector<std::string> arguments,
                                           const std::vector<std::string>& more,
                                           absl::Duration timeout) const {
  const bool restart = arguments.front() == "restart";
  std::vector<std::string> argv = {options_.rekindle, "node"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.insert(argv.end(), more.begin(), more.end());
  if (restart) {
    argv.insert(argv.end(), {"--kubeconfig", cluster_->Kubeconfig(), "--kubectl",
                             cluster_->layout().programs + "/kubectl"});
  }
  return bed::RunCommand(argv, timeout);
}

absl::StatusOr<std::string> DaemonSet::Cli(const std::vector<std::string>& arguments,
                                           absl::Duration timeout) const {
  return Run(arguments, TlsFlags("controller"), timeout);
}

absl::StatusOr<std::string> DaemonSet::CliAs(const std::string& organization,
                                             const std::vector<std::string>& arguments) const {
  return Run(arguments, TlsFlags(organization.empty() ? "foreign" : organization),
             absl::Minutes(1));
}

absl::StatusOr<std::string> DaemonSet::LocalCli(const std::vector<std::string>& arguments,
                                                absl::Duration timeout) const {
  return Run(arguments, {"--socket", Socket()}, timeout);
}

absl::StatusOr<std::string> DaemonSet::Exec(const std::vector<std::string>& argv) const {
  RK_ASSIGN_OR_RETURN(const json pod, Pod());
  std::vector<std::string> words = {"-n", kNamespace, "exec", pod["metadata"]["name"], "--"};
  words.insert(words.end(), argv.begin(), argv.end());
  return cluster_->Kubectl(words);
}

std::string DaemonSet::Log() const {
  return cluster_->Kubectl({"-n", kNamespace, "logs", "daemonset/rekindled", "--tail=50"})
      .value_or("");
}

}  // namespace rekindle::deploy
