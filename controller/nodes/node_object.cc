#include "controller/nodes/node_object.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/api/keys.h"
#include "common/api/names.h"
#include "common/api/time.h"
#include "common/json/tree.h"
#include "controller/nodes/pod_object.h"

namespace rekindle::nodes {

namespace {

constexpr absl::Duration kHeartbeat = absl::Minutes(5);

Json LabelsOf(const NodeView& view) {
  const node::v1::Machine& machine = view.info->machine();
  Json out = {{"kubernetes.io/hostname", view.name}};
  if (api::IsLabelValue(machine.operating_system()) && !machine.operating_system().empty()) {
    out["kubernetes.io/os"] = machine.operating_system();
  }
  if (api::IsLabelValue(machine.architecture()) && !machine.architecture().empty()) {
    out["kubernetes.io/arch"] = machine.architecture();
  }
  return out;
}

Json ReadyCondition(const NodeView& view) {
  Json out = {{"type", "Ready"}};
  if (!view.alive) {
    const std::string since =
        view.info.has_value() ? absl::StrCat(" since ", api::FormatTime(view.heard)) : "";
    out["status"] = "Unknown";
    out["reason"] = "NodeStatusUnknown";
    out["message"] = absl::StrCat("the node's daemon has not been heard", since,
                                  view.trouble.empty() ? "" : ": ", view.trouble);
  } else if (view.info->runtime_ready()) {
    out["status"] = "True";
    out["reason"] = "RuntimeReady";
    out["message"] =
        absl::StrCat(view.info->runtime_name(), " ", view.info->runtime_version(), " is ready");
  } else {
    out["status"] = "False";
    out["reason"] = "RuntimeNotReady";
    out["message"] = view.info->runtime_reason();
  }
  return out;
}

// The conditions with the heartbeat as it was, to see whether anything else differs.
Json ConditionsOf(const Json& current, const NodeView& view, absl::Time now) {
  const Json* before = json::Find(current, {"status", "conditions"});
  Json condition = ReadyCondition(view);
  if (before != nullptr && before->is_array()) {
    for (const Json& one : *before) {
      if (json::String(one, "type") != "Ready" || !one.contains("lastHeartbeatTime")) continue;
      condition["lastHeartbeatTime"] = one["lastHeartbeatTime"];
    }
  }
  return MergeConditions(before, Json::array({std::move(condition)}), now);
}

// When the Ready condition was written last; the distant past when it never was.
absl::Time HeartbeatOf(const Json& conditions) {
  for (const Json& one : conditions) {
    if (json::String(one, "type") != "Ready") continue;
    return api::ParseTime(json::String(one, "lastHeartbeatTime")).value_or(absl::InfinitePast());
  }
  return absl::InfinitePast();
}

// Whether the object says already that nothing is known of the node. Why may change from attempt to
// attempt; that is not worth a write each.
bool IsUnknown(const Json* conditions) {
  if (conditions == nullptr || !conditions->is_array()) return false;
  for (const Json& one : *conditions) {
    if (json::String(one, "type") != "Ready") continue;
    return json::String(one, "reason") == "NodeStatusUnknown";
  }
  return false;
}

void SetHeartbeat(Json& conditions, absl::Time at) {
  for (Json& one : conditions) {
    if (json::String(one, "type") == "Ready") one["lastHeartbeatTime"] = api::FormatTime(at);
  }
}

// What changes seldom: addresses, software, size.
Json FactsOf(const NodeView& view) {
  const node::v1::NodeInfo& info = *view.info;
  const node::v1::Machine& machine = info.machine();
  Json out = Json::object();
  Json addresses = Json::array();
  if (const std::string ip = InternalIp(view); !ip.empty()) {
    addresses.push_back({{"type", "InternalIP"}, {"address", ip}});
  }
  const std::string host = machine.host_name().empty() ? view.name : machine.host_name();
  addresses.push_back({{"type", "Hostname"}, {"address", host}});
  out["addresses"] = std::move(addresses);
  out["nodeInfo"] = {
      {"machineID", ""},
      {"systemUUID", ""},
      {"bootID", ""},
      {"kernelVersion", machine.kernel_version()},
      {"osImage", machine.os_image()},
      {"containerRuntimeVersion", absl::StrCat(info.runtime_name(), "://", info.runtime_version())},
      {"kubeletVersion", absl::StrCat("rekindled-", info.daemon_version())},
      {"kubeProxyVersion", ""},
      {"operatingSystem", machine.operating_system()},
      {"architecture", machine.architecture()}};
  Json capacity = Json::object();
  if (machine.processors() > 0) capacity["cpu"] = absl::StrCat(machine.processors());
  if (machine.memory_bytes() > 0) {
    capacity["memory"] = absl::StrCat(machine.memory_bytes() / 1024, "Ki");
  }
  if (!capacity.empty()) {
    out["capacity"] = capacity;
    out["allocatable"] = std::move(capacity);
  }
  return out;
}

Json LeaseSpec(const std::string& node, absl::Time heard) {
  return {{"holderIdentity", node},
          {"leaseDurationSeconds", absl::ToInt64Seconds(kSilence)},
          {"renewTime", api::FormatMicroTime(heard)}};
}

}  // namespace

std::string InternalIp(const NodeView& view) {
  if (!view.address.empty()) return view.address;
  if (!view.info.has_value() || view.info->machine().addresses().empty()) return "";
  return view.info->machine().addresses(0);
}

Json NodeObjectOf(const NodeView& view) {
  return {{"apiVersion", "v1"},
          {"kind", "Node"},
          {"metadata",
           {{"name", view.name},
            {"labels", LabelsOf(view)},
            {"annotations", {{std::string(api::kAnnotationMirrored), "true"}}}}},
          {"spec", Json::object()}};
}

NodePatches PatchesOf(const Json& current, const NodeView& view, absl::Time now) {
  NodePatches out;
  Json status = Json::object();
  if (view.info.has_value()) {
    const Json labels = LabelsOf(view);
    Json missing = Json::object();
    for (const auto& [key, value] : labels.items()) {
      if (json::String(current, {"metadata", "labels", key}) != value.get<std::string>())
        missing[key] = value;
    }
    if (!missing.empty()) out.metadata = {{"metadata", {{"labels", std::move(missing)}}}};
    const Json facts = FactsOf(view);
    for (const auto& [key, value] : facts.items()) {
      const Json* there = json::Find(current, {"status", key});
      if (there == nullptr || *there != value) status[key] = value;
    }
  }
  Json conditions = ConditionsOf(current, view, now);
  const Json* before = json::Find(current, {"status", "conditions"});
  const bool beat = view.alive && now - HeartbeatOf(conditions) >= kHeartbeat;
  const bool known = !view.alive && IsUnknown(before);
  if (!known && (before == nullptr || *before != conditions || beat)) {
    // Of a silent node the heartbeat is the last one that there was.
    if (view.alive) SetHeartbeat(conditions, now);
    status["conditions"] = std::move(conditions);
  }
  if (!status.empty()) out.status = {{"status", std::move(status)}};
  return out;
}

Json LeasePatch(const std::string& node, absl::Time heard) {
  return {{"spec", LeaseSpec(node, heard)}};
}

Json NewNodeLease(const std::string& node, absl::Time heard) {
  return {{"apiVersion", "coordination.k8s.io/v1"},
          {"kind", "Lease"},
          {"metadata", {{"name", node}, {"namespace", kLeaseNamespace}}},
          {"spec", LeaseSpec(node, heard)}};
}

}  // namespace rekindle::nodes
