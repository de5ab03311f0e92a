#include "controller/plan/recreate/call.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/json/tree.h"
#include "controller/plan/recreate/env.h"
#include "controller/plan/recreate/static_pod.h"

namespace rekindle::plan {
namespace {

constexpr int64_t kDefaultGrace = 30;

std::string PodName(const Json& pod) {
  return absl::StrCat(json::String(pod, {"metadata", "namespace"}), "/",
                      json::String(pod, {"metadata", "name"}));
}

// The three lists of a pod's specification that hold containers.
enum class Kind { kRegular, kInit, kEphemeral };
struct List {
  Kind kind;
  absl::string_view spec;
  absl::string_view status;
};
constexpr List kLists[] = {
    {Kind::kRegular, "containers", "containerStatuses"},
    {Kind::kInit, "initContainers", "initContainerStatuses"},
    {Kind::kEphemeral, "ephemeralContainers", "ephemeralContainerStatuses"},
};

struct Found {
  const List* list = nullptr;
  const Json* spec = nullptr;
  std::string field;  // "spec.containers[0]"
};

bool IsSidecar(const Json& container) {
  return json::String(container, "restartPolicy") == "Always";
}

// All containers with a name, in the order of the lists.
std::vector<Found> AllContainers(const Json& pod) {
  std::vector<Found> out;
  for (const List& list : kLists) {
    const Json* entries = json::Find(pod, {"spec", list.spec});
    if (entries == nullptr || !entries->is_array()) continue;
    for (size_t i = 0; i < entries->size(); ++i) {
      out.push_back({.list = &list,
                     .spec = &(*entries)[i],
                     .field = absl::StrCat("spec.", list.spec, "[", i, "]")});
    }
  }
  return out;
}

std::string NameOf(const Found& container) {
  return std::string(json::String(*container.spec, "name"));
}

// Those that can be restarted.
std::vector<std::string> Restartable(const std::vector<Found>& all) {
  std::vector<std::string> names;
  for (const Found& container : all) {
    const bool sidecar = container.list->kind == Kind::kInit && IsSidecar(*container.spec);
    if (container.list->kind == Kind::kRegular || sidecar) names.push_back(NameOf(container));
  }
  return names;
}

absl::StatusOr<std::vector<std::string>> Choose(const Json& pod, const std::vector<Found>& all,
                                                const RecreateWish& wish) {
  if (!wish.containers.empty()) return wish.containers;
  std::vector<std::string> regular;
  for (const Found& container : all) {
    if (container.list->kind == Kind::kRegular) regular.push_back(NameOf(container));
  }
  if (regular.empty()) return absl::InvalidArgumentError("spec.containers: missing");
  if (regular.size() > 1 && !wish.all) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pod ", PodName(pod), " has several containers: ", absl::StrJoin(regular, ", ")));
  }
  return regular;
}

api::RestartPolicy PolicyOf(absl::string_view text, api::RestartPolicy otherwise) {
  if (text == "Always") return api::RestartPolicy::kAlways;
  if (text == "OnFailure") return api::RestartPolicy::kOnFailure;
  if (text == "Never") return api::RestartPolicy::kNever;
  return otherwise;
}

absl::string_view RuntimeId(const Json& pod, const List& list, absl::string_view name) {
  const Json* statuses = json::Find(pod, {"status", list.status});
  if (statuses == nullptr || !statuses->is_array()) return {};
  for (const Json& status : *statuses) {
    if (json::String(status, "name") != name) continue;
    absl::string_view id = json::String(status, "containerID");
    const size_t scheme = id.find("://");
    return scheme == absl::string_view::npos ? id : id.substr(scheme + 3);
  }
  return {};
}

absl::StatusOr<Found> FindContainer(const Json& pod, const std::vector<Found>& all,
                                    absl::string_view name) {
  const auto it = std::find_if(all.begin(), all.end(),
                               [&](const Found& found) { return NameOf(found) == name; });
  if (it == all.end()) {
    return absl::NotFoundError(absl::StrCat("container \"", name, "\": pod ", PodName(pod), " has ",
                                            absl::StrJoin(Restartable(all), ", ")));
  }
  if (it->list->kind == Kind::kEphemeral) {
    return absl::FailedPreconditionError(
        absl::StrCat("container \"", name,
                     "\": is an ephemeral container; those run once and are not restarted"));
  }
  if (it->list->kind == Kind::kInit && !IsSidecar(*it->spec)) {
    return absl::FailedPreconditionError(
        absl::StrCat("container \"", name,
                     "\": is an init container; those run before the others and are not restarted "
                     "(unless they are sidecars, with restartPolicy Always)"));
  }
  return *it;
}

absl::StatusOr<ContainerCall> CallFor(const Json& pod, const Found& found,
                                      api::RestartPolicy pod_policy) {
  ContainerCall call;
  call.name = NameOf(found);
  call.expected_id = std::string(RuntimeId(pod, *found.list, call.name));
  if (call.expected_id.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("container \"", call.name,
                     "\": has not run yet, so there is nothing to "
                     "restart (no containerID in the pod's status)"));
  }
  call.restart_policy = PolicyOf(json::String(*found.spec, "restartPolicy"), pod_policy);
  RK_ASSIGN_OR_RETURN(call.pre_stop, ReadHook(*found.spec, "preStop", found.field));
  RK_ASSIGN_OR_RETURN(call.post_start, ReadHook(*found.spec, "postStart", found.field));
  call.health_checked =
      found.spec->contains("livenessProbe") || found.spec->contains("startupProbe");
  EnvPlan env = PlanEnv(pod, *found.spec);
  call.env = std::move(env.changed);
  call.references = std::move(env.unknown);
  return call;
}

absl::Duration GraceOf(const Json& pod, const RecreateWish& wish) {
  if (wish.grace.has_value()) return *wish.grace;
  const int64_t seconds =
      json::Int(pod, {"spec", "terminationGracePeriodSeconds"}).value_or(kDefaultGrace);
  // A negative one counts as a second (node-runtime 3.1).
  return absl::Seconds(seconds < 0 ? 1 : seconds);
}

absl::Status CheckPod(const Json& pod) {
  if (!pod.is_object() || json::String(pod, "kind") != "Pod") {
    return absl::InvalidArgumentError("kind: is not Pod");
  }
  for (const absl::string_view field : {"name", "namespace", "uid"}) {
    if (json::String(pod, {"metadata", field}).empty()) {
      return absl::InvalidArgumentError(absl::StrCat("metadata.", field, ": missing"));
    }
  }
  const absl::string_view phase = json::String(pod, {"status", "phase"});
  if (phase == "Succeeded" || phase == "Failed") {
    return absl::FailedPreconditionError(
        absl::StrCat("pod ", PodName(pod), " has ended (phase ", phase, ")"));
  }
  if (json::String(pod, {"spec", "nodeName"}).empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("pod ", PodName(pod), " has no node yet, so nothing of it runs"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<PodCall> PlanPodCall(const Json& pod, const RecreateWish& wish) {
  RK_RETURN_IF_ERROR(CheckPod(pod));
  PodCall call;
  call.ns = std::string(json::String(pod, {"metadata", "namespace"}));
  call.name = std::string(json::String(pod, {"metadata", "name"}));
  call.uid = RuntimeUid(pod);
  call.node = std::string(json::String(pod, {"spec", "nodeName"}));
  call.restart_policy =
      PolicyOf(json::String(pod, {"spec", "restartPolicy"}), api::RestartPolicy::kAlways);
  call.terminating = !json::String(pod, {"metadata", "deletionTimestamp"}).empty();
  call.is_static = IsStaticPod(pod);
  call.grace = GraceOf(pod, wish);

  const std::vector<Found> all = AllContainers(pod);
  RK_ASSIGN_OR_RETURN(const std::vector<std::string> names, Choose(pod, all, wish));
  for (const std::string& name : names) {
    if (std::count(names.begin(), names.end(), name) > 1) {
      return absl::InvalidArgumentError(absl::StrCat("container \"", name, "\": is named twice"));
    }
    RK_ASSIGN_OR_RETURN(const Found found, FindContainer(pod, all, name));
    RK_ASSIGN_OR_RETURN(ContainerCall container, CallFor(pod, found, call.restart_policy));
    call.containers.push_back(std::move(container));
  }
  return call;
}

}  // namespace rekindle::plan
