#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/kinds/pod_rules.h"
#include "common/api/kinds/registry.h"
#include "common/api/quantity.h"
#include "common/api/schema/values.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

// Members of a volume that say nothing about where it comes from.
bool HasSource(const Json& volume) { return volume.size() > (volume.contains("name") ? 1u : 0u); }

// "latest" or no tag at all, and no digest.
bool FollowsLatest(absl::string_view image) {
  if (absl::StrContains(image, "@")) return false;
  const size_t slash = image.rfind('/');
  const absl::string_view last = slash == absl::string_view::npos ? image : image.substr(slash + 1);
  const size_t colon = last.rfind(':');
  return colon == absl::string_view::npos || last.substr(colon + 1) == "latest";
}

void DefaultQuantities(Json& list) {
  if (!list.is_object()) return;
  for (auto& [name, value] : list.items()) {
    const absl::StatusOr<Quantity> quantity = Quantity::FromJson(value);
    if (quantity.ok()) value = quantity->RoundedToMilli().Text();
  }
}

void DefaultRequests(Json& resources) {
  const Json* limits = json::Find(resources, "limits");
  if (limits == nullptr || !limits->is_object()) return;
  for (const auto& [name, value] : limits->items()) {
    Json& requests = resources["requests"];
    if (requests.is_null()) requests = Json::object();
    if (requests.is_object() && !requests.contains(name)) requests[name] = value;
  }
}

struct ContainerDefaults {
  bool always = false;
  bool host_ports = false;
  bool requests = false;
};

void DefaultContainer(Json& container, const ContainerDefaults& options) {
  if (!container.is_object()) return;
  if (json::String(container, "imagePullPolicy").empty() && container.contains("image")) {
    container["imagePullPolicy"] = options.always || FollowsLatest(json::String(container, "image"))
                                       ? "Always"
                                       : "IfNotPresent";
  }
  if (container.contains("resources")) {
    Json& resources = container["resources"];
    NormalizeResources(resources);
    if (options.requests) DefaultRequests(resources);
  }
  const auto ports = container.find("ports");
  if (options.host_ports && ports != container.end() && ports->is_array()) {
    for (Json& port : *ports) {
      if (port.is_object() && json::Int(port, "hostPort").value_or(0) == 0 &&
          port.contains("containerPort")) {
        port["hostPort"] = port["containerPort"];
      }
    }
  }
}

void DefaultContainers(Json& spec, const char* list, const ContainerDefaults& options) {
  const auto it = spec.find(list);
  if (it == spec.end() || !it->is_array()) return;
  for (Json& container : *it) DefaultContainer(container, options);
}

}  // namespace

void NormalizeResources(Json& resources) {
  if (!resources.is_object()) return;
  for (const char* list : {"limits", "requests"}) {
    if (const auto it = resources.find(list); it != resources.end()) DefaultQuantities(*it);
  }
}

void DefaultPodSpec(Json& spec, const PodDefaultOptions& options) {
  if (!spec.is_object()) return;
  ApplyDefaults(spec, *PodType().Find("spec")->type);
  const bool host_ports = options.host_ports && json::Bool(spec, {"hostNetwork"});
  DefaultContainers(spec, "initContainers", {.host_ports = host_ports, .requests = options.pod});
  DefaultContainers(
      spec, "containers",
      {.always = options.pull_policy_always, .host_ports = host_ports, .requests = options.pod});
  DefaultContainers(spec, "ephemeralContainers", {});
  if (options.pod && !spec.contains("enableServiceLinks")) spec["enableServiceLinks"] = true;
  if (const auto it = spec.find("volumes"); it != spec.end() && it->is_array()) {
    for (Json& volume : *it) {
      if (volume.is_object() && !HasSource(volume)) volume["emptyDir"] = Json::object();
    }
  }
  // Two names of one field.
  const std::string account(json::String(spec, "serviceAccountName"));
  const std::string old_name(json::String(spec, "serviceAccount"));
  if (!account.empty()) spec["serviceAccount"] = account;
  if (account.empty() && !old_name.empty()) spec["serviceAccountName"] = old_name;
}

void DefaultPodTemplate(Json& pod_template, const PodDefaultOptions& options) {
  if (!pod_template.is_object()) return;
  if (const auto it = pod_template.find("spec"); it != pod_template.end()) {
    DefaultPodSpec(*it, options);
  }
}

void DefaultClaim(Json& claim) {
  if (!claim.is_object()) return;
  ApplyDefaults(claim, ClaimType());
  if (const auto it = claim.find("spec"); it != claim.end() && it->is_object()) {
    if (it->contains("resources")) NormalizeResources((*it)["resources"]);
  }
  if (const auto it = claim.find("status"); it != claim.end() && it->is_object()) {
    if (const auto capacity = it->find("capacity"); capacity != it->end()) {
      DefaultQuantities(*capacity);
    }
  }
}

}  // namespace rekindle::api
