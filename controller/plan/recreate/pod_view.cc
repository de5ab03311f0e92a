#include "controller/plan/recreate/pod_view.h"

#include <cstdint>

#include "absl/strings/numbers.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

template <typename Take>
void ForEachIn(const Json& tree, std::initializer_list<absl::string_view> path, Take take) {
  const Json* list = json::Find(tree, path);
  if (list == nullptr || !list->is_array()) return;
  for (const Json& entry : *list) take(entry);
}

void ReadContainers(const Json& pod, PodView& view) {
  for (const absl::string_view list : {"containers", "initContainers"}) {
    ForEachIn(pod, {"spec", list}, [&](const Json& container) {
      view.containers[std::string(json::String(container, "name"))].probed =
          json::Find(container, "readinessProbe") != nullptr ||
          json::Find(container, "startupProbe") != nullptr;
    });
  }
  for (const absl::string_view list : {"containerStatuses", "initContainerStatuses"}) {
    ForEachIn(pod, {"status", list}, [&](const Json& status) {
      PodContainerView& container = view.containers[std::string(json::String(status, "name"))];
      container.id_text = std::string(json::String(status, "containerID"));
      container.id = api::Fingerprint(container.id_text);
      if (container.id_text.empty()) container.id = 0;
      container.restarts = static_cast<int32_t>(json::Int(status, "restartCount").value_or(0));
      container.ready = json::Bool(status, {"ready"});
      container.running = json::Find(status, {"state", "running"}) != nullptr;
    });
  }
}

void Update(const api::PodRecord& record, PodView& view) {
  for (size_t i = 0; i < record.statuses.size() && i < record.shape->containers.size(); ++i) {
    const api::ContainerStatus& status = record.statuses[i];
    const auto found = view.containers.find(record.shape->containers[i].name);
    if (found == view.containers.end() || !status.present) continue;
    PodContainerView& container = found->second;
    if (container.id != status.id) container.id_text.clear();
    container.id = status.id;
    container.restarts = status.restarts;
    container.ready = status.ready;
    container.running = status.running;
  }
}

}  // namespace

PodView ViewPod(const Json* live, const api::PodRecord* cached, const std::string& uid) {
  PodView view;
  if (live == nullptr || json::String(*live, {"metadata", "uid"}) != uid ||
      json::Find(*live, {"metadata", "deletionTimestamp"}) != nullptr) {
    view.gone = true;
    return view;
  }
  ReadContainers(*live, view);
  view.ended = std::string(json::String(*live, {"status", "phase"}));
  ForEachIn(*live, {"spec", "readinessGates"}, [&](const Json& gate) {
    view.gate = view.gate || json::String(gate, "conditionType") == api::kGatePodReady;
  });
  int64_t version = 0;
  (void)absl::SimpleAtoi(json::String(*live, {"metadata", "resourceVersion"}), &version);
  if (cached != nullptr && cached->uid == uid && cached->resource_version > version) {
    Update(*cached, view);
    view.gone = cached->terminating;
    view.ended = cached->phase == api::Phase::kSucceeded ? "Succeeded"
                 : cached->phase == api::Phase::kFailed  ? "Failed"
                                                         : "";
  }
  if (view.ended != "Succeeded" && view.ended != "Failed") view.ended.clear();
  return view;
}

}  // namespace rekindle::plan
