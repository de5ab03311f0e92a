#include "tests/deploy/system.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "common/base/status_macros.h"
#include "tests/bed/process.h"

namespace rekindle::deploy {
namespace {

using nlohmann::json;

constexpr char kNamespace[] = "rekindle-system";
constexpr char kSelector[] = "app.kubernetes.io/name=rekindle-controller";
constexpr char kDeployment[] =
    "/apis/apps/v1/namespaces/rekindle-system/deployments/rekindle-controller";
constexpr char kLease[] =
    "/apis/coordination.k8s.io/v1/namespaces/rekindle-system/leases/rekindle-controller";
constexpr absl::Duration kRollout = absl::Minutes(5);
// API servers hear of a changed configuration within a second or so, and call any replica.
constexpr int kAnswersInARow = 6;

bool Settled(const json& deployment) {
  if (!deployment.is_object() || !deployment.contains("status")) return false;
  const json& status = deployment["status"];
  const int wanted = deployment["spec"].value("replicas", 1);
  return status.value("observedGeneration", 0) >= deployment["metadata"].value("generation", 1) &&
         status.value("replicas", 0) == wanted && status.value("updatedReplicas", 0) == wanted &&
         status.value("readyReplicas", 0) == wanted && status.value("unavailableReplicas", 0) == 0;
}

// Every clientConfig below has a bundle, and there is one.
bool Trusted(const json& tree, int* seen) {
  if (!tree.is_structured()) return true;
  if (tree.is_object() && tree.contains("clientConfig")) {
    ++*seen;
    if (tree["clientConfig"].value("caBundle", "").empty()) return false;
  }
  return std::all_of(tree.begin(), tree.end(),
                     [seen](const json& below) { return Trusted(below, seen); });
}

}  // namespace

absl::StatusOr<std::unique_ptr<System>> System::Install(kube::Cluster* cluster,
                                                        DaemonSetOptions options) {
  if (options.controller_image.empty()) {
    return absl::InvalidArgumentError("controller_image: missing");
  }
  RK_ASSIGN_OR_RETURN(std::unique_ptr<DaemonSet> daemons,
                      DaemonSet::Install(cluster, std::move(options)));
  std::unique_ptr<System> system(new System(cluster, std::move(daemons)));
  RK_RETURN_IF_ERROR(system->AwaitReady());
  return system;
}

absl::Status System::AwaitReady() const {
  RK_RETURN_IF_ERROR(Explained(AwaitReplicas(), "the controller's replicas are not ready"));
  RK_RETURN_IF_ERROR(Explained(AwaitLeader(), "no replica of the controller leads"));
  RK_RETURN_IF_ERROR(Explained(AwaitBundles(), "the webhooks have no certificates"));
  return Explained(AwaitAdmission(), "requests are not admitted");
}

absl::Status System::AwaitReplicas() const {
  return cluster_->WaitFor(kDeployment, Settled, kRollout).status();
}

absl::Status System::AwaitLeader() const {
  absl::Status last;
  if (bed::WaitUntil(
          [&] {
            last = Leader().status();
            return last.ok();
          },
          kRollout)) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError(last.message());
}

absl::Status System::AwaitBundles() const {
  constexpr char kWebhooks[] = "/apis/admissionregistration.k8s.io/v1/";
  constexpr char kKind[] =
      "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/"
      "containerrecreaterequests.apps.kruise.io";
  for (const std::string& path :
       {absl::StrCat(kWebhooks, "mutatingwebhookconfigurations/rekindle"),
        absl::StrCat(kWebhooks, "validatingwebhookconfigurations/rekindle"), std::string(kKind)}) {
    RK_RETURN_IF_ERROR(cluster_
                           ->WaitFor(
                               path,
                               [](const json& object) {
                                 int seen = 0;
                                 return Trusted(object, &seen) && seen > 0;
                               },
                               kRollout)
                           .status());
  }
  return absl::OkStatus();
}

absl::Status System::AwaitAdmission() const {
  int in_a_row = 0;
  absl::Status last;
  const auto answers = [&](const std::string& version) {
    const json request = {
        {"apiVersion", absl::StrCat("apps.kruise.io/", version)},
        {"kind", "ContainerRecreateRequest"},
        {"metadata", {{"name", "nobody"}}},
        {"spec", {{"podName", "nobody"}, {"containers", json::array({{{"name", "main"}}})}}}};
    last = cluster_->api()
               .Create(absl::StrCat("/apis/apps.kruise.io/", version, "/namespaces/default/",
                                    "containerrecreaterequests?dryRun=All"),
                       request)
               .status();
    // Which is the webhook's word.
    return absl::StrContains(last.message(), "no found Pod named nobody");
  };
  if (bed::WaitUntil(
          [&] {
            const bool good = answers("v1beta1") && answers("v1alpha1");
            in_a_row = good ? in_a_row + 1 : 0;
            return in_a_row == kAnswersInARow;
          },
          kRollout)) {
    return absl::OkStatus();
  }
  return absl::DeadlineExceededError(last.ToString());
}

absl::Status System::Explained(const absl::Status& status, const std::string& what) const {
  if (status.ok()) return status;
  const absl::StatusOr<std::string> pods =
      cluster_->Kubectl({"-n", kNamespace, "describe", "pods", "-l", kSelector});
  return absl::Status(status.code(), absl::StrCat(what, ": ", status.message(), "\n",
                                                  pods.value_or(""), "\n", Log()));
}

absl::StatusOr<std::vector<json>> System::Controllers() const {
  RK_ASSIGN_OR_RETURN(std::vector<json> pods, cluster_->Pods(kNamespace, kSelector));
  std::erase_if(pods,
                [](const json& pod) { return pod["metadata"].contains("deletionTimestamp"); });
  return pods;
}

absl::StatusOr<json> System::Leader() const {
  RK_ASSIGN_OR_RETURN(const json lease, cluster_->api().Get(kLease));
  std::string holder;
  if (lease.contains("spec") && lease["spec"].value("holderIdentity", json()).is_string()) {
    holder = lease["spec"]["holderIdentity"];
  }
  // "POD_RANDOM"
  const std::string name = holder.substr(0, holder.rfind('_'));
  RK_ASSIGN_OR_RETURN(const std::vector<json> pods, Controllers());
  for (const json& pod : pods) {
    if (pod["metadata"]["name"] == name) return pod;
  }
  return absl::NotFoundError(absl::StrCat("the lease is held by \"", holder, "\""));
}

absl::Status System::KillController(const json& pod) const {
  RK_ASSIGN_OR_RETURN(const std::vector<bed::v1::Container> running,
                      cluster_->Running(pod["metadata"]["uid"], "controller"));
  if (running.empty()) return absl::NotFoundError("no controller runs in that pod");
  return cluster_->bed().cri().StopContainer(running.front().id(), 0);
}

std::string System::Log() const {
  return cluster_->Kubectl({"-n", kNamespace, "logs", "-l", kSelector, "--prefix", "--tail=80"})
      .value_or("");
}

}  // namespace rekindle::deploy
