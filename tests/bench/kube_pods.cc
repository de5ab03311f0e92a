#include "tests/bench/kube_pods.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "google/protobuf/util/time_util.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"

namespace rekindle::bench {
namespace {

using nlohmann::json;

constexpr char kContainer[] = "main";
constexpr char kNamespace[] = "default";
constexpr absl::Duration kPodTimeout = absl::Minutes(3);
// The kubelet tells the API of a restart at its next look.
constexpr absl::Duration kReported = absl::Seconds(30);
// A kubelet's back-off and its next look at the pod may take minutes, and are what is measured.
constexpr absl::Duration kDeadline = absl::Minutes(8);
constexpr absl::Duration kCallTimeout = absl::Minutes(10);

json PodObject(const std::string& name, const KubePodOptions& options) {
  json sysctls = json::array();
  for (const auto& [key, value] : options.sysctls) {
    sysctls.push_back({{"name", key}, {"value", value}});
  }
  json container = {{"name", kContainer},
                    {"image", bed::kServerImage},
                    {"imagePullPolicy", "Never"},
                    {"args", options.args}};
  return {
      {"apiVersion", "v1"},
      {"kind", "Pod"},
      {"metadata", {{"name", name}}},
      {"spec",
       {{"containers", json::array({container})}, {"securityContext", {{"sysctls", sysctls}}}}}};
}

}  // namespace

absl::StatusOr<std::vector<KubePod>> MakePods(const kube::Cluster& cluster,
                                              const std::string& prefix, size_t count,
                                              const KubePodOptions& options) {
  static std::atomic<int> number = 0;
  std::vector<KubePod> pods(count);
  for (KubePod& pod : pods) {
    pod.name = absl::StrCat(prefix, "-", ++number);
    RK_RETURN_IF_ERROR(
        cluster.api().Create(kube::PodPath(""), PodObject(pod.name, options)).status());
  }
  for (KubePod& pod : pods) {
    RK_ASSIGN_OR_RETURN(json ready, cluster.WaitReady(pod.name, kPodTimeout));
    pod.uid = ready["metadata"].value("uid", "");
    pod.ip = ready["status"].value("podIP", "");
  }
  return pods;
}

absl::Status RemovePods(const kube::Cluster& cluster, const std::vector<KubePod>& pods) {
  for (const KubePod& pod : pods) {
    RK_RETURN_IF_ERROR(cluster.api().Delete(kube::PodPath(pod.name)).status());
  }
  for (const KubePod& pod : pods) {
    RK_RETURN_IF_ERROR(cluster.WaitGone(kube::PodPath(pod.name), kPodTimeout));
  }
  return absl::OkStatus();
}

absl::Status CheckOneRuns(const kube::Cluster& cluster, const std::vector<KubePod>& pods,
                          int restart_count) {
  for (const KubePod& pod : pods) {
    RK_ASSIGN_OR_RETURN(auto running, cluster.Running(pod.uid, kContainer));
    if (running.size() != 1) {
      return absl::InternalError(
          absl::StrCat("pod ", pod.name, ": ", running.size(), " containers of one name run"));
    }
    RK_RETURN_IF_ERROR(cluster
                           .WaitPod(
                               pod.name,
                               [&](const json& now) {
                                 const json status = kube::ContainerStatus(now, kContainer);
                                 return status.is_object() &&
                                        status.value("restartCount", -1) == restart_count;
                               },
                               kReported)
                           .status());
  }
  return absl::OkStatus();
}

node::v1::RestartContainersRequest RestartOf(const KubePod& pod, node::v1::Method method) {
  node::v1::RestartContainersRequest request;
  request.set_request_id(bed::RandomUid());
  request.mutable_pod()->set_namespace_(kNamespace);
  request.mutable_pod()->set_name(pod.name);
  request.mutable_pod()->set_uid(pod.uid);
  request.set_order(node::v1::ORDER_PARALLEL);
  request.set_failure_policy(node::v1::FAILURE_POLICY_FAIL);
  *request.mutable_deadline() =
      google::protobuf::util::TimeUtil::SecondsToDuration(absl::ToInt64Seconds(kDeadline));
  request.mutable_kubernetes_pod()->set_restart_policy(node::v1::RESTART_POLICY_ALWAYS);
  node::v1::ContainerRestart* container = request.add_containers();
  container->set_name(kContainer);
  container->set_method(method);
  return request;
}

absl::Status RestartBeside(RestartCaller* caller,
                           const node::v1::RestartContainersRequest& request) {
  RK_ASSIGN_OR_RETURN(std::vector<node::v1::Operation> ended, caller->Run(request, kCallTimeout));
  for (const node::v1::Operation& operation : ended) {
    if (operation.method() == request.containers(0).method()) continue;
    return absl::InternalError(absl::StrCat("restart of ", operation.id(), " by ",
                                            node::v1::Method_Name(operation.method()), ": ",
                                            operation.method_reason()));
  }
  return absl::OkStatus();
}

}  // namespace rekindle::bench
