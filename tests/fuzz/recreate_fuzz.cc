// Any JSON as a Pod: what the daemon is told of it is complete, or it is refused.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <variant>

#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/recreate/call.h"

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

}  // namespace
}  // namespace rekindle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::StatusOr<rekindle::Json> pod =
      rekindle::json::Parse({reinterpret_cast<const char*>(data), size});
  if (!pod.ok()) return 0;
  rekindle::Check(*pod, {});
  rekindle::Check(*pod, {.containers = {}, .all = true});
  rekindle::Check(*pod, {.containers = {"proxy", "app"}});
  return 0;
}
