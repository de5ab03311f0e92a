#include "controller/recreate/node_request.h"

#include <algorithm>
#include <tuple>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/proto_time.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/plan/recreate/call.h"
#include "controller/plan/recreate/hook.h"
#include "controller/plan/wire/node_wire.h"

namespace rekindle::recreate {
namespace {

namespace v1 = ::rekindle::node::v1;

// A kubelet's crash back-off goes to 5 min, and it looks at a pod every 90 s then.
constexpr absl::Duration kKubeletSlack = absl::Minutes(10);
// The controller ends a request at its deadline itself; the daemon must not be first.
constexpr absl::Duration kAfterDeadline = absl::Seconds(5);
constexpr absl::Duration kDefaultGrace = absl::Seconds(30);
// The daemon takes no longer ones; some pods have graces of days.
constexpr absl::Duration kLongest = absl::Hours(24);

const Json* FindContainer(const Json& pod, const std::string& name) {
  for (const absl::string_view list : {"containers", "initContainers"}) {
    const Json* containers = json::Find(pod, {"spec", list});
    if (containers == nullptr || !containers->is_array()) continue;
    for (const Json& container : *containers) {
      if (json::String(container, "name") == name) return &container;
    }
  }
  return nullptr;
}

// A hot replacement is ready when its readiness probe says so. Probes that the daemon cannot run
// (grpc) leave it to its own rule.
void SetReadyCheck(const Json& container, v1::ContainerRestart& out) {
  const Json* probe = json::Find(container, "readinessProbe");
  if (probe == nullptr) return;
  Json handler = Json::object();
  for (const char* kind : {"exec", "httpGet", "tcpSocket"}) {
    if (const Json* action = json::Find(*probe, kind); action != nullptr) handler[kind] = *action;
  }
  if (handler.empty()) return;
  Json as_hook = {{"lifecycle", {{"preStop", std::move(handler)}}}};
  if (const Json* ports = json::Find(container, "ports"); ports != nullptr) {
    as_hook["ports"] = *ports;
  }
  const auto hook = plan::ReadHook(as_hook, "preStop", "readinessProbe");
  if (!hook.ok() || !hook->has_value()) return;
  v1::ReadyCheck& check = *out.mutable_ready_check();
  plan::WriteHook(**hook, *check.mutable_handler());
  *check.mutable_timeout() =
      ToProto(absl::Seconds(json::Int(*probe, "timeoutSeconds").value_or(1)));
  check.set_success_threshold(
      static_cast<uint32_t>(json::Int(*probe, "successThreshold").value_or(1)));
}

void Fill(const plan::RecreateRequest& request, const plan::ContainerCall& call, const Json& pod,
          v1::ContainerRestart& out) {
  out.set_name(call.name);
  out.set_method(plan::ToWire(request.method));
  out.set_skip_pre_stop(request.skip_pre_stop);
  plan::WriteContainerCall(call, out);
  *out.mutable_min_started() = ToProto(request.min_started);
  if (request.method == plan::RestartMethod::kHot) {
    if (const Json* container = FindContainer(pod, call.name)) SetReadyCheck(*container, out);
  }
}

plan::HeardOperation::At AtOf(v1::Phase phase) {
  using At = plan::HeardOperation::At;
  switch (phase) {
    case v1::PHASE_PRE_STOP:
    case v1::PHASE_STOPPING:
      return At::kStopping;
    case v1::PHASE_STARTING:
    case v1::PHASE_POST_START:
    case v1::PHASE_VERIFYING:
      return At::kStarting;
    case v1::PHASE_DONE:
      return At::kDone;
    case v1::PHASE_FAILED:
      return At::kFailed;
    case v1::PHASE_CANCELLED:
      return At::kCancelled;
    default:
      return At::kBefore;
  }
}

}  // namespace

std::string NodeRequestId(const plan::RecreateRequest& request, size_t index) {
  return request.containers.size() == 1 ? request.uid : absl::StrCat(request.uid, ".", index);
}

absl::Duration NodeDeadline(const plan::RecreateRequest& request, absl::Duration age) {
  if (request.active_deadline.has_value()) {
    return std::min(std::max(*request.active_deadline - age, absl::ZeroDuration()) + kAfterDeadline,
                    kLongest);
  }
  return std::min(request.grace.value_or(kDefaultGrace) + request.min_started + kKubeletSlack,
                  kLongest);
}

absl::StatusOr<v1::RestartContainersRequest> BuildNodeRequest(const plan::RecreateRequest& request,
                                                              size_t index, const Json& pod,
                                                              const std::string& expected_id,
                                                              absl::Duration deadline) {
  const plan::RecreateContainer& container = request.containers[index];
  RK_ASSIGN_OR_RETURN(
      const plan::PodCall call,
      plan::PlanPodCall(pod, {.containers = {container.name}, .grace = request.grace}));
  v1::RestartContainersRequest out;
  out.set_request_id(NodeRequestId(request, index));
  out.mutable_pod()->set_namespace_(call.ns);
  out.mutable_pod()->set_name(call.name);
  out.mutable_pod()->set_uid(call.uid);
  out.set_order(v1::ORDER_LISTED);
  out.set_failure_policy(v1::FAILURE_POLICY_FAIL);
  *out.mutable_deadline() = ToProto(deadline);
  plan::WritePodCall(call, *out.mutable_kubernetes_pod());
  v1::ContainerRestart& restart = *out.add_containers();
  Fill(request, call.containers.front(), pod, restart);
  restart.set_expected_container_id(expected_id);
  *restart.mutable_grace() = ToProto(std::min(call.grace, kLongest));
  return out;
}

plan::HeardOperation Heard(const v1::Operation& operation) {
  plan::HeardOperation out = {.at = AtOf(operation.phase()),
                              .message = operation.message(),
                              .new_id = operation.new_container_id(),
                              .attempt = static_cast<int32_t>(operation.attempt()),
                              .start_failures = operation.start_failures()};
  bool starting = false;
  for (const v1::PhaseTime& time : operation.history()) {
    out.killed = out.killed || time.phase() == v1::PHASE_STOPPING;
    starting = starting || time.phase() == v1::PHASE_STARTING;
  }
  out.killed =
      out.killed || operation.phase() == v1::PHASE_STOPPING || operation.phase() == v1::PHASE_DONE;
  // A hot replacement starts before the stop.
  const bool hot = operation.method() == v1::METHOD_HOT;
  if (hot && out.at == plan::HeardOperation::At::kStarting) {
    out.at = plan::HeardOperation::At::kStopping;
  }
  out.stopped = starting && out.killed && !hot;
  return out;
}

std::map<std::string, plan::LiveContainer> NewestContainers(const v1::ListPodsResponse& pods,
                                                            const std::string& uid) {
  std::map<std::string, plan::LiveContainer> out;
  std::map<std::string, std::tuple<bool, absl::Time, uint32_t>> ranks;
  for (const v1::Pod& pod : pods.pods()) {
    if (pod.ref().uid() != uid) continue;
    for (const v1::Container& container : pod.containers()) {
      // One that was never started holds a name for the restart of its predecessor.
      if (container.state() == v1::CONTAINER_STATE_CREATED) continue;
      const std::tuple<bool, absl::Time, uint32_t> rank = {
          pod.ready(), FromProto(container.created()), container.attempt()};
      const auto [it, fresh] = ranks.try_emplace(container.name(), rank);
      if (!fresh && it->second >= rank) continue;
      it->second = rank;
      out[container.name()] = {.id = container.id(),
                               .attempt = static_cast<int32_t>(container.attempt()),
                               .exited = container.state() == v1::CONTAINER_STATE_EXITED};
    }
  }
  return out;
}

std::string MethodName(v1::Method method) {
  switch (method) {
    case v1::METHOD_REPLACE:
      return "replace";
    case v1::METHOD_HOT:
      return "hot";
    case v1::METHOD_DELEGATE:
      return "delegate";
    default:
      return "auto";
  }
}

}  // namespace rekindle::recreate
