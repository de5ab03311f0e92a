// Any JSON as a Pod: what the daemon is told of it is complete, or it is refused. And as a request
// for itself: every container of it has a state, and what is written reads back.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>

#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/recreate/call.h"
#include "controller/plan/recreate/decide.h"
#include "controller/plan/recreate/pod_view.h"
#include "controller/plan/recreate/request.h"
#include "controller/plan/recreate/status.h"

namespace rekindle {
namespace {

void Require(bool holds) {
  if (!holds) std::abort();
}

void CheckHook(const std::optional<plan::Hook>& hook) {
  if (!hook.has_value()) return;
  if (const auto* exec = std::get_if<plan::ExecHook>(&*hook)) Require(!exec->command.empty());
  if (const auto* http = std::get_if<plan::HttpGetHook>(&*hook)) {
    Require(http->port != 0 && http->path[0] == '/');
  }
  if (const auto* tcp = std::get_if<plan::TcpSocketHook>(&*hook)) Require(tcp->port != 0);
}

void Check(const Json& pod, const plan::RecreateWish& wish) {
  const absl::StatusOr<plan::PodCall> call = plan::PlanPodCall(pod, wish);
  if (!call.ok()) return Require(!call.status().message().empty());
  Require(!call->name.empty() && !call->uid.empty() && !call->node.empty());
  Require(!call->containers.empty() && call->grace >= absl::ZeroDuration());
  for (const plan::ContainerCall& container : call->containers) {
    Require(!container.expected_id.empty());
    CheckHook(container.pre_stop);
    CheckHook(container.post_start);
    for (const auto& [name, value] : container.env) {
      Require(!name.empty() && value.size() <= 1U << 20);
    }
  }
}

void CheckRequest(const Json& object) {
  const absl::StatusOr<plan::RecreateRequest> request = plan::ParseRecreateRequest(object);
  if (!request.ok()) return Require(!request.status().message().empty());
  plan::RecreateInput input = {.request = &*request,
                               .states = request->states,
                               .snapshot = request->snapshot,
                               .now = absl::FromUnixSeconds(1'800'000'000)};
  input.pod = plan::ViewPod(&object, nullptr, request->uid);
  input.live.emplace();
  for (const plan::RecreateContainer& container : request->containers) {
    (*input.live)[container.name] = {.id = container.name, .exited = container.restarts % 2 == 0};
  }
  const plan::RecreatePlan next = plan::PlanRecreate(input);
  if (next.call.has_value()) Require(*next.call < request->containers.size());
  if (!next.write.has_value()) return;
  const Json written = plan::RecreateStatusPatch(*request, *next.write);
  Require(json::Parse(json::Dump(written)).ok());
  Require(next.completes == next.write->completed.has_value() || request->Completed());
}

}  // namespace
}  // namespace rekindle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::StatusOr<rekindle::Json> pod =
      rekindle::json::Parse({reinterpret_cast<const char*>(data), size});
  if (!pod.ok()) return 0;
  rekindle::Check(*pod, {});
  rekindle::Check(*pod, {.containers = {}, .all = true});
  rekindle::Check(*pod, {.containers = {"proxy", "app"}});
  rekindle::CheckRequest(*pod);
  return 0;
}
