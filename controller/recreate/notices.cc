#include "controller/recreate/notices.h"

#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/base/proto_time.h"
#include "controller/recreate/node_request.h"

namespace rekindle::recreate {
namespace {

namespace v1 = ::rekindle::node::v1;

std::string Millis(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Milliseconds(duration), " ms");
}

std::string HowOf(const v1::Operation& operation) {
  std::string how = MethodName(operation.method());
  if (!operation.method_reason().empty()) absl::StrAppend(&how, ": ", operation.method_reason());
  return how;
}

}  // namespace

std::string DescribeEnd(const v1::Operation& operation) {
  std::string out = absl::StrCat("container ", operation.container_name(), ": ");
  if (operation.phase() != v1::PHASE_DONE) {
    return absl::StrCat(out,
                        operation.phase() == v1::PHASE_CANCELLED ? "cancelled" : "not restarted",
                        " (", HowOf(operation), "): ", operation.message(),
                        operation.service_down() ? "; the container is down" : "");
  }
  absl::StrAppend(&out, "restarted in ",
                  Millis(FromProto(operation.ended()) - FromProto(operation.created())));
  if (operation.has_gap()) absl::StrAppend(&out, ", gap ", Millis(FromProto(operation.gap())));
  absl::StrAppend(&out, " (", HowOf(operation), ")");
  if (operation.adopted()) absl::StrAppend(&out, "; the kubelet was first");
  if (absl::StartsWith(operation.pre_stop_result(), "failed")) {
    absl::StrAppend(&out, "; its preStop hook failed");
  }
  return out;
}

void Notices::OnPod(const plan::RecreateRequest& request, const std::string& container,
                    bool warning, const std::string& reason, const std::string& message) {
  recorder_.Record({.api_version = "v1",
                    .kind = "Pod",
                    .name_space = request.name_space,
                    .name = request.pod_name,
                    .uid = request.pod_uid,
                    .field_path = absl::StrCat("spec.containers{", container, "}")},
                   {.warning = warning, .reason = reason, .message = message});
}

void Notices::OnRequest(const plan::RecreateRequest& request, bool warning,
                        const std::string& reason, const std::string& message) {
  recorder_.Record({.api_version = "apps.kruise.io/v1beta1",
                    .kind = "ContainerRecreateRequest",
                    .name_space = request.name_space,
                    .name = request.name,
                    .uid = request.uid,
                    .resource_version = request.resource_version},
                   {.warning = warning, .reason = reason, .message = message});
}

void Notices::Killing(const plan::RecreateRequest& request, const std::string& container) {
  OnPod(request, container, /*warning=*/false, "Killing",
        absl::StrCat("Stopping container ", container, " by ContainerRecreateRequest ",
                     request.name));
}

void Notices::HookFailed(const plan::RecreateRequest& request, const std::string& container) {
  OnPod(request, container, /*warning=*/true, "FailedPreStopHook",
        absl::StrCat("PreStopHook of container ", container,
                     " failed; the container was stopped all the same"));
}

void Notices::Accepted(const plan::RecreateRequest& request, const std::string& container) {
  OnRequest(request, /*warning=*/false, "Accepted",
            absl::StrCat("node ", request.node, " is asked to restart container ", container));
}

void Notices::Waiting(const plan::RecreateRequest& request, const std::string& why) {
  OnRequest(request, /*warning=*/false, "Waiting", why);
}

void Notices::NoGate(const plan::RecreateRequest& request) {
  OnRequest(request, /*warning=*/true, "NoReadinessGate",
            absl::StrCat("pod ", request.pod_name,
                         " has no readiness gate KruisePodReady: it stays ready while the request "
                         "waits for unreadyGracePeriodSeconds"));
}

void Notices::Ended(const plan::RecreateRequest& request, const v1::Operation& operation) {
  const bool done = operation.phase() == v1::PHASE_DONE;
  OnRequest(request, !done, done ? "Restarted" : "RestartFailed", DescribeEnd(operation));
}

void Notices::Completed(const plan::RecreateRequest& request, const plan::RecreateStatus& status) {
  std::vector<std::string> failed;
  for (const plan::RecreateState& state : status.states) {
    if (state.phase != plan::ContainerPhase::kFailed) continue;
    failed.push_back(absl::StrCat("container ", state.name, ": ", state.message));
  }
  if (!status.message.empty()) {
    OnRequest(request, /*warning=*/true, "Aborted",
              failed.empty() ? status.message : absl::StrJoin(failed, "; "));
  } else if (!failed.empty()) {
    OnRequest(request, /*warning=*/true, "Failed", absl::StrJoin(failed, "; "));
  }
}

}  // namespace rekindle::recreate
