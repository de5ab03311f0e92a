#include "cli/kubelet_restart.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cli/output.h"
#include <nlohmann/json.hpp>

#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "controller/plan/recreate/call.h"
#include "controller/plan/wire/node_wire.h"

namespace rekindle::cli {
namespace {

namespace v1 = ::rekindle::node::v1;

void ApplyContainer(const plan::ContainerCall& call, const KubeletOptions& kubelet,
                    v1::ContainerRestart& restart, std::vector<std::string>& notes) {
  plan::WriteContainerCall(call, restart);
  restart.set_keep_env(kubelet.keep_env);
  if (restart.method() != v1::METHOD_DELEGATE && !call.references.empty() && kubelet.keep_env) {
    notes.push_back(absl::StrCat("container ", PrintableText(call.name),
                                 " keeps the values that it has of ",
                                 PrintableText(absl::StrJoin(call.references, ", "))));
  }
}

}  // namespace

bool OwnedByKubelet(const v1::ListPodsResponse& pods) {
  return std::any_of(pods.pods().begin(), pods.pods().end(),
                     [](const v1::Pod& pod) { return pod.owner() == v1::POD_OWNER_KUBELET; });
}

absl::Status ApplyPod(const Json& pod, const RestartOptions& options, const KubeletOptions& kubelet,
                      v1::RestartContainersRequest& request, std::vector<std::string>& notes) {
  const absl::StatusOr<plan::PodCall> call =
      plan::PlanPodCall(pod, {.containers = options.containers, .all = options.all});
  if (absl::IsInvalidArgument(call.status()) && options.containers.empty() && !options.all) {
    return absl::InvalidArgumentError(
        absl::StrCat("POD: ", PrintableText(std::string(call.status().message())),
                     "; name them with -c NAME, or restart all with --all"));
  }
  if (!call.ok()) return call.status();
  if (call->is_static && !kubelet.allow_static) {
    return absl::FailedPreconditionError(absl::StrCat(
        "POD: ", call->ns, "/", call->name,
        " is a static pod, which the kubelet runs from a file of its own (often a part "
        "of the cluster itself); --static restarts it all the same"));
  }
  request.mutable_pod()->set_uid(call->uid);
  plan::WritePodCall(*call, *request.mutable_kubernetes_pod());
  request.mutable_kubernetes_pod()->set_allow_static_pod(kubelet.allow_static);
  if (options.containers.empty()) {
    std::vector<std::string> names;
    for (const plan::ContainerCall& container : call->containers) names.push_back(container.name);
    RK_RETURN_IF_ERROR(NameContainers(options, names, request));
  }
  for (const plan::ContainerCall& container : call->containers) {
    auto* containers = request.mutable_containers();
    const auto it = std::find_if(containers->begin(), containers->end(),
                                 [&](const auto& entry) { return entry.name() == container.name; });
    ApplyContainer(container, kubelet, *it, notes);
    if (!it->has_grace()) *it->mutable_grace() = ToProto(call->grace);
  }
  return absl::OkStatus();
}

void ApplyByHand(const KubeletOptions& kubelet, v1::RestartContainersRequest& request,
                 std::vector<std::string>& notes) {
  v1::KubernetesPod& pod = *request.mutable_kubernetes_pod();
  pod.set_restart_policy(kubelet.restart_policy == "Never"       ? v1::RESTART_POLICY_NEVER
                         : kubelet.restart_policy == "OnFailure" ? v1::RESTART_POLICY_ON_FAILURE
                                                                 : v1::RESTART_POLICY_ALWAYS);
  pod.set_allow_static_pod(kubelet.allow_static);
  bool replaced = false;
  for (v1::ContainerRestart& restart : *request.mutable_containers()) {
    restart.set_env_from_references(!kubelet.keep_env);
    restart.set_keep_env(kubelet.keep_env);
    // Unknown: it costs a moment of watching.
    restart.set_kubelet_health_checks(true);
    replaced = replaced || restart.method() != v1::METHOD_DELEGATE;
  }
  if (!replaced) return;
  notes.emplace_back(
      kubelet.keep_env
          ? "without the Kubernetes API a postStart hook of the pod is not known, and not run"
          : "without the Kubernetes API it is not known what of the environment comes from "
            "ConfigMaps or Secrets, so the kubelet makes the new container; --keep-env keeps the "
            "old values");
}

absl::Status NoApi(const absl::Status& why, const std::string& pod) {
  // What the API itself says of the pod, or the user's own interruption, is not for us to explain.
  if (absl::IsCancelled(why)) return why;
  return absl::FailedPreconditionError(absl::StrCat(
      "POD: ", pod,
      " belongs to a kubelet; what its restart needs besides (restart policy, hooks, environment) "
      "is "
      "known to the Kubernetes API only, and that could not be asked: ",
      why.message(),
      ". Run this where kubectl reaches the cluster (--kubectl, --kubeconfig, --context), or tell "
      "it "
      "by hand with --restart-policy Always (what the pod's spec says), then the kubelet makes the "
      "new container, and with --keep-env besides rekindled does, with the old environment"));
}

}  // namespace rekindle::cli
