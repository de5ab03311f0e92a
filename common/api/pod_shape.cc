#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/container_hash.h"
#include "common/api/keys.h"
#include "common/api/pod_pools.h"
#include "common/api/pod_record.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

// `metadata.labels['key']` or `metadata.annotations['key']`.
std::optional<EnvRef> ParseFieldPath(absl::string_view path) {
  EnvRef out;
  if (absl::ConsumePrefix(&path, "metadata.labels['")) {
    out.label = true;
  } else if (!absl::ConsumePrefix(&path, "metadata.annotations['")) {
    return std::nullopt;
  }
  if (!absl::ConsumeSuffix(&path, "']") || path.empty()) return std::nullopt;
  out.key = std::string(path);
  return out;
}

// A barrier without a config-map reference, or with a foreign key, is no priority (pitfall 39).
std::optional<int32_t> BarrierPriority(const Json& env) {
  absl::string_view key = json::String(env, {"valueFrom", "configMapKeyRef", "key"});
  int32_t out = 0;
  if (!absl::ConsumePrefix(&key, "p_") || !absl::SimpleAtoi(key, &out)) return std::nullopt;
  return out;
}

ContainerShape ParseContainer(const Json& tree, TextPool& texts) {
  ContainerShape out;
  out.name = std::string(json::String(tree, "name"));
  out.image = texts.Get(json::String(tree, "image"));
  if (const Json* env = json::Find(tree, "env"); env != nullptr && env->is_array()) {
    for (const Json& entry : *env) {
      const absl::string_view name = json::String(entry, "name");
      if (name == kEnvBarrier && !out.priority.has_value()) out.priority = BarrierPriority(entry);
      if (name == kEnvSidecarVersion || name == kEnvSidecarVersionAlt) continue;
      if (!json::String(entry, "value").empty()) continue;
      std::optional<EnvRef> ref =
          ParseFieldPath(json::String(entry, {"valueFrom", "fieldRef", "fieldPath"}));
      if (!ref.has_value()) continue;
      ref->env = std::string(name);
      out.refs.push_back(*std::move(ref));
    }
  }
  if (const Json* resources = json::Find(tree, "resources")) {
    absl::StatusOr<Resources> parsed = ParseResources(*resources, "resources");
    if (parsed.ok()) out.resources = *std::move(parsed);
  }
  // A limit without request is its own request; the API server fills it in.
  for (const auto& [name, limit] : out.resources.limits) {
    out.resources.requests.try_emplace(name, limit);
  }
  if (const Json* policies = json::Find(tree, "resizePolicy"); policies && policies->is_array()) {
    for (const Json& policy : *policies) {
      if (json::String(policy, "restartPolicy") != "RestartContainer") continue;
      if (json::String(policy, "resourceName") == "cpu") out.restart_on_cpu = true;
      if (json::String(policy, "resourceName") == "memory") out.restart_on_memory = true;
    }
  }
  out.never_restarts = json::String(tree, "restartPolicy") == "Never";
  out.plain_hash = PlainHash(out.name, out.image.view());
  return out;
}

Qos QosOfLists(std::initializer_list<const Json*> lists) {
  bool any = false;
  bool guaranteed = true;
  for (const Json* containers : lists) {
    if (containers == nullptr || !containers->is_array()) continue;
    for (const Json& container : *containers) {
      const Json* tree = json::Find(container, "resources");
      absl::StatusOr<Resources> r = ParseResources(tree == nullptr ? Json() : *tree, "resources");
      if (!r.ok()) continue;
      for (const absl::string_view name : {"cpu", "memory"}) {
        const auto limit = r->limits.find(std::string(name));
        const auto request = r->requests.find(std::string(name));
        const bool has_limit = limit != r->limits.end() && !limit->second.IsZero();
        const bool has_request = request != r->requests.end() && !request->second.IsZero();
        any = any || has_limit || has_request;
        guaranteed = guaranteed && has_limit && (!has_request || request->second == limit->second);
      }
    }
  }
  if (!any) return Qos::kBestEffort;
  return guaranteed ? Qos::kGuaranteed : Qos::kBurstable;
}

// Some fields of each container, as a key.
void AppendFields(const Json& containers, std::initializer_list<absl::string_view> fields,
                  std::string& key) {
  for (const Json& container : containers) {
    for (const absl::string_view field : fields) {
      const Json* value = json::Find(container, field);
      absl::StrAppend(&key, value == nullptr ? "" : json::Dump(*value), ",");
    }
    key += ';';
  }
}

}  // namespace

int PodShape::IndexOf(absl::string_view container) const {
  for (size_t i = 0; i < containers.size(); ++i) {
    if (containers[i].name == container) return static_cast<int>(i);
  }
  return -1;
}

Qos QosOf(const Json& pod_spec) {
  return QosOfLists({json::Find(pod_spec, "containers"), json::Find(pod_spec, "initContainers")});
}

absl::StatusOr<PodContainers> ContainersOf(const Json& pod) {
  PodContainers out = {.list = json::Find(pod, {"spec", "containers"}),
                       .init = json::Find(pod, {"spec", "initContainers"})};
  if (out.list == nullptr || !out.list->is_array()) {
    return absl::InvalidArgumentError("spec.containers: missing or not a list");
  }
  if (out.list->size() > kMaxContainers) {
    return absl::InvalidArgumentError(
        absl::StrCat("spec.containers: more than ", kMaxContainers, " containers"));
  }
  AppendFields(*out.list, {"name", "image", "env", "resources", "resizePolicy", "restartPolicy"},
               out.key);
  out.key += '|';
  // Of these the quality of service depends.
  if (out.init != nullptr) AppendFields(*out.init, {"resources"}, out.key);
  return out;
}

absl::StatusOr<std::shared_ptr<const PodShape>> PodParser::ShapeOf(const Json& pod,
                                                                   absl::string_view pod_name) {
  absl::StatusOr<PodContainers> containers = ContainersOf(pod);
  if (!containers.ok()) return containers.status();
  return ShapeOf(*json::Find(pod, "spec"), *containers, pod_name);
}

std::shared_ptr<const PodShape> PodParser::ShapeOf(const Json& spec,
                                                   const PodContainers& containers,
                                                   absl::string_view pod_name) {
  // The key covers exactly what the shape keeps, so that pods that differ elsewhere (claims, node,
  // the volume of the service account's token and its mounts) still share one.
  std::vector<std::string> claims;
  if (const Json* volumes = json::Find(spec, "volumes"); volumes && volumes->is_array()) {
    for (const Json& volume : *volumes) {
      const absl::string_view claim = json::String(volume, {"persistentVolumeClaim", "claimName"});
      const absl::string_view name = json::String(volume, "name");
      if (!claim.empty() && claim == absl::StrCat(name, "-", pod_name)) claims.emplace_back(name);
    }
  }
  const Json* gates = json::Find(spec, "readinessGates");
  std::string key = absl::StrCat(containers.key, "|", gates ? json::Dump(*gates) : "", "|",
                                 json::String(spec, "restartPolicy"), "|",
                                 json::Int(spec, "terminationGracePeriodSeconds").value_or(30));
  for (const std::string& claim : claims) absl::StrAppend(&key, "|", claim);
  return pools_->shapes.Get(key, [&] {
    auto shape = std::make_shared<PodShape>();
    for (const Json& container : *containers.list) {
      shape->containers.push_back(ParseContainer(container, pools_->texts));
    }
    shape->claim_volumes = claims;
    shape->qos = QosOfLists({containers.list, containers.init});
    const absl::string_view policy = json::String(spec, "restartPolicy");
    if (policy == "Never") shape->restart_policy = RestartPolicy::kNever;
    if (policy == "OnFailure") shape->restart_policy = RestartPolicy::kOnFailure;
    shape->grace_seconds =
        static_cast<int32_t>(json::Int(spec, "terminationGracePeriodSeconds").value_or(30));
    if (gates != nullptr && gates->is_array()) {
      for (const Json& gate : *gates) {
        const absl::string_view type = json::String(gate, "conditionType");
        shape->gate_in_place = shape->gate_in_place || type == kGateInPlace;
        shape->gate_pod_ready = shape->gate_pod_ready || type == kGatePodReady;
      }
    }
    return shape;
  });
}

}  // namespace rekindle::api
