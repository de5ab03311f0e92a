// The part of Cluster that deals with objects of the API.
#include <atomic>
#include <filesystem>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

#include "common/base/status_macros.h"
#include "tests/kube/cluster.h"

namespace rekindle::kube {
namespace {

using bed::v1::Container;
using nlohmann::json;

constexpr absl::Duration kPoll = absl::Milliseconds(50);
constexpr char kPodUidLabel[] = "io.kubernetes.pod.uid";

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(text, {{"%", "%25"},
                                    {"&", "%26"},
                                    {"=", "%3D"},
                                    {",", "%2C"},
                                    {" ", "%20"},
                                    {"+", "%2B"},
                                    {"!", "%21"}});
}

}  // namespace

std::string PodPath(const std::string& name, const std::string& ns) {
  return absl::StrCat("/api/v1/namespaces/", ns, "/pods", name.empty() ? "" : "/", name);
}

bool HasCondition(const json& object, const std::string& type) {
  const json::json_pointer conditions("/status/conditions");
  if (!object.is_object() || !object.contains(conditions)) return false;
  for (const json& condition : object.at(conditions)) {
    if (condition.value("type", "") == type) return condition.value("status", "") == "True";
  }
  return false;
}

json ContainerStatus(const json& pod, const std::string& name) {
  const json::json_pointer statuses("/status/containerStatuses");
  if (!pod.is_object() || !pod.contains(statuses)) return nullptr;
  for (const json& status : pod.at(statuses)) {
    if (status.value("name", "") == name) return status;
  }
  return nullptr;
}

absl::StatusOr<std::string> Cluster::KubectlAs(const std::string& kubeconfig,
                                               const std::vector<std::string>& arguments,
                                               absl::Duration timeout) const {
  std::vector<std::string> words = {layout_.programs + "/kubectl", "--kubeconfig=" + kubeconfig,
                                    // Not the user's own, which other clusters share.
                                    "--cache-dir=" + layout_.File("kubectl-cache")};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return bed::RunCommand(words, timeout);
}

absl::StatusOr<std::string> Cluster::Kubectl(const std::vector<std::string>& arguments,
                                             absl::Duration timeout) const {
  return KubectlAs(Kubeconfig(), arguments, timeout);
}

absl::Status Cluster::Apply(const std::string& yaml) const {
  static std::atomic<int> number = 0;
  const std::string file = layout_.File(absl::StrCat("applied/", getpid(), "-", ++number, ".yaml"));
  RK_RETURN_IF_ERROR(bed::WriteFile(file, yaml));
  return Kubectl({"apply", "-f", file}).status();
}

absl::StatusOr<std::string> Cluster::KubeconfigFor(const std::string& user,
                                                   const std::string& groups) const {
  const std::string file = layout_.File(
      absl::StrCat("users/", absl::WebSafeBase64Escape(absl::StrCat(user, "\n", groups)), ".conf"));
  std::error_code error;
  if (std::filesystem::exists(file, error)) return file;
  const Identity identity = NewIdentity(user, groups);
  RK_RETURN_IF_ERROR(bed::WriteFile(
      file, kube::Kubeconfig(layout_.ServerUrl(), bed::ReadFile(layout_.File("ca.crt")),
                             identity.certificate, identity.key)
                .dump(2)));
  return file;
}

absl::StatusOr<std::string> Cluster::AccountToken(const std::string& ns,
                                                  const std::string& account) const {
  const std::string base = absl::StrCat("/api/v1/namespaces/", ns);
  RK_ASSIGN_OR_RETURN(
      json found, WaitFor(absl::StrCat(base, "/serviceaccounts/", account), [](const json& object) {
        return object.is_object() && object.contains("secrets");
      }));
  const std::string secret = found["secrets"][0].value("name", "");
  RK_ASSIGN_OR_RETURN(json stored,
                      WaitFor(absl::StrCat(base, "/secrets/", secret), [](const json& object) {
                        return object.is_object() && object.contains("/data/token"_json_pointer);
                      }));
  std::string token;
  if (!absl::Base64Unescape(stored["data"]["token"].get<std::string>(), &token)) {
    return absl::InternalError(absl::StrCat("secret ", secret, ": token is not base64"));
  }
  return token;
}

absl::StatusOr<json> Cluster::Pod(const std::string& name, const std::string& ns) const {
  return admin_->Get(PodPath(name, ns));
}

absl::StatusOr<std::vector<json>> Cluster::Pods(const std::string& ns,
                                                const std::string& selector) const {
  std::string path = PodPath("", ns);
  if (!selector.empty()) absl::StrAppend(&path, "?labelSelector=", Escaped(selector));
  RK_ASSIGN_OR_RETURN(json list, admin_->Get(path));
  return list["items"].get<std::vector<json>>();
}

absl::StatusOr<json> Cluster::WaitFor(const std::string& path, const Condition& condition,
                                      absl::Duration timeout) const {
  const absl::Time deadline = absl::Now() + timeout;
  for (;;) {
    absl::StatusOr<json> now = admin_->Get(path);
    if (absl::IsNotFound(now.status())) now = json();
    if (now.ok() && condition(*now)) return now;
    if (absl::Now() >= deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat(path, " after ", absl::FormatDuration(timeout), ": ",
                       now.ok() ? now->dump() : now.status().ToString()));
    }
    absl::SleepFor(kPoll);
  }
}

absl::StatusOr<json> Cluster::WaitPod(const std::string& name, const Condition& condition,
                                      absl::Duration timeout, const std::string& ns) const {
  return WaitFor(PodPath(name, ns), condition, timeout);
}

absl::StatusOr<json> Cluster::WaitReady(const std::string& name, absl::Duration timeout,
                                        const std::string& ns) const {
  return WaitPod(
      name, [](const json& pod) { return HasCondition(pod, "Ready"); }, timeout, ns);
}

absl::Status Cluster::WaitGone(const std::string& path, absl::Duration timeout) const {
  return WaitFor(
             path, [](const json& object) { return object.is_null(); }, timeout)
      .status();
}

absl::StatusOr<std::vector<Container>> Cluster::Containers(const std::string& pod_uid,
                                                           const std::string& name) const {
  RK_ASSIGN_OR_RETURN(std::vector<Container> all, bed_->cri().ListContainers());
  std::vector<Container> found;
  for (Container& container : all) {
    auto uid = container.labels().find(kPodUidLabel);
    if (uid == container.labels().end() || uid->second != pod_uid) continue;
    if (name.empty() || container.metadata().name() == name) found.push_back(std::move(container));
  }
  return found;
}

absl::StatusOr<std::vector<Container>> Cluster::Running(const std::string& pod_uid,
                                                        const std::string& name) const {
  RK_ASSIGN_OR_RETURN(std::vector<Container> all, Containers(pod_uid, name));
  std::erase_if(all, [](const Container& container) {
    return container.state() != bed::v1::CONTAINER_RUNNING;
  });
  return all;
}

}  // namespace rekindle::kube
