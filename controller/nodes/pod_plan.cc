#include "controller/nodes/pod_plan.h"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/api/keys.h"
#include "common/json/tree.h"

namespace rekindle::nodes {

namespace {

// The members of a status that are ours: what the runtime no longer says goes.
constexpr absl::string_view kOwnStatus[] = {"phase",      "hostIP",           "hostIPs",
                                            "podIP",      "podIPs",           "startTime",
                                            "conditions", "containerStatuses"};

std::set<std::string> NamesOf(const Json& pod, const char* list) {
  std::set<std::string> out;
  const Json* entries = json::Find(pod, {"spec", list});
  if (entries == nullptr || !entries->is_array()) return out;
  for (const Json& entry : *entries) out.emplace(json::String(entry, "name"));
  return out;
}

std::vector<std::string> GatesOf(const Json& spec) {
  std::vector<std::string> out;
  const Json* gates = json::Find(spec, "readinessGates");
  if (gates == nullptr || !gates->is_array()) return out;
  for (const Json& gate : *gates) out.emplace_back(json::String(gate, "conditionType"));
  return out;
}

// Ready is what the containers and the pod's gates say together; here nobody else puts that
// together, as a kubelet does (container-recreate 13.3, 13.4). `current`: the conditions that are
// there, among them those of the gates; null: none. `spec`: of the object, not of the runtime's
// pod.
Json Gated(Json ours, const Json* current, const Json& spec) {
  std::vector<std::string> closed;
  for (const std::string& gate : GatesOf(spec)) {
    absl::string_view status;
    if (current != nullptr && current->is_array()) {
      for (const Json& condition : *current) {
        if (json::String(condition, "type") == gate) status = json::String(condition, "status");
      }
    }
    if (status == "True") continue;
    closed.push_back(status.empty()
                         ? absl::StrCat("corresponding condition of pod readiness gate \"", gate,
                                        "\" does not exist.")
                         : absl::StrCat("the status of pod readiness gate \"", gate,
                                        "\" is not \"True\", but ", status));
  }
  if (closed.empty()) return ours;
  for (Json& condition : ours) {
    if (json::String(condition, "type") != "Ready" || json::String(condition, "status") != "True") {
      continue;
    }
    condition["status"] = "False";
    condition["reason"] = "ReadinessGatesNotReady";
    condition["message"] = absl::StrJoin(closed, ", ");
  }
  return ours;
}

// Admission may have added KruisePodReady to the gates that the runtime's pod has.
bool SameGates(const Json& current, const Json& desired) {
  const std::vector<std::string> there = GatesOf(current);
  std::vector<std::string> wanted = GatesOf(desired);
  if (there == wanted) return true;
  wanted.emplace_back(api::kGatePodReady);
  return there == wanted;
}

// Whether what cannot be changed in a pod that is there is what the runtime says.
bool SameShape(const Json& current, const PodObject& desired) {
  const std::vector<std::string> names = desired.ContainerNames();
  return NamesOf(current, "containers") == std::set<std::string>(names.begin(), names.end()) &&
         json::String(current, {"spec", "restartPolicy"}) ==
             json::String(desired.spec, "restartPolicy") &&
         json::Int(current, {"spec", "terminationGracePeriodSeconds"}) ==
             json::Int(desired.spec, "terminationGracePeriodSeconds") &&
         json::Bool(current, {"spec", "hostNetwork"}) ==
             json::Bool(desired.spec, {"hostNetwork"}) &&
         SameGates(current["spec"], desired.spec) &&
         json::String(current, {"metadata", "annotations", api::kAnnotationRuntimeUid}) ==
             json::String(desired.metadata, {"annotations", api::kAnnotationRuntimeUid});
}

// The entries of `wanted` that `current` lacks or has otherwise.
Json Missing(const Json* current, const Json& wanted) {
  Json out = Json::object();
  for (const auto& [key, value] : wanted.items()) {
    const Json* there = current == nullptr ? nullptr : json::Find(*current, key);
    if (there == nullptr || *there != value) out[key] = value;
  }
  return out;
}

Json WithVersion(const Json& current, Json patch) {
  patch["metadata"]["resourceVersion"] =
      std::string(json::String(current, {"metadata", "resourceVersion"}));
  return patch;
}

// Labels, annotations and images.
Json PatchOf(const Json& current, const PodObject& desired) {
  Json out = Json::object();
  for (const char* map : {"labels", "annotations"}) {
    Json missing = Missing(json::Find(current, {"metadata", map}), desired.metadata[map]);
    if (!missing.empty()) out["metadata"][map] = std::move(missing);
  }
  // A list is replaced as a whole by a merge patch, so the others' members come from the object.
  Json containers = current["spec"]["containers"];
  bool changed = false;
  for (Json& container : containers) {
    for (const Json& wanted : desired.spec["containers"]) {
      if (wanted["name"] != container["name"] || wanted["image"] == container["image"]) continue;
      container["image"] = wanted["image"];
      changed = true;
    }
  }
  if (changed) out["spec"]["containers"] = std::move(containers);
  return out.empty() ? Json() : WithVersion(current, std::move(out));
}

// The Ready condition of a list; null: there is none.
const Json* ReadyIn(const Json* conditions) {
  if (conditions == nullptr || !conditions->is_array()) return nullptr;
  for (const Json& one : *conditions) {
    if (json::String(one, "type") == "Ready") return &one;
  }
  return nullptr;
}

// Whether the node's silence is what makes the pod not ready, and has not before.
bool Silences(const Json& current, const Json& patch) {
  const Json* before = ReadyIn(json::Find(current, {"status", "conditions"}));
  const Json* after = ReadyIn(json::Find(patch, {"status", "conditions"}));
  return before != nullptr && after != nullptr && json::String(*before, "status") == "True" &&
         json::String(*after, "reason") == "NodeNotReady";
}

Json StatusPatchOf(const Json& current, const PodObject& desired, absl::Time now) {
  Json wanted = desired.status;
  const Json* conditions = json::Find(current, {"status", "conditions"});
  wanted["conditions"] = MergeConditions(
      conditions, Gated(desired.status["conditions"], conditions, current["spec"]), now);
  const Json* status = json::Find(current, "status");
  Json out = Missing(status, wanted);
  for (const absl::string_view key : kOwnStatus) {
    const bool there = status != nullptr && json::Find(*status, key) != nullptr;
    if (there && json::Find(wanted, key) == nullptr) out[std::string(key)] = nullptr;
  }
  if (out.empty()) return Json();
  return WithVersion(current, {{"status", std::move(out)}});
}

}  // namespace

bool IsMirrored(const Json& pod) {
  return json::String(pod, {"metadata", "annotations", api::kAnnotationMirrored}) == "true";
}

PodPlan PlanPod(const Json* current, const PodObject* desired, bool left_its_node, absl::Time now) {
  using Action = PodPlan::Action;
  if (current == nullptr) {
    return {.action = desired == nullptr ? Action::kNothing : Action::kCreate};
  }
  if (!IsMirrored(*current)) {
    return {.action = desired == nullptr ? Action::kNothing : Action::kForeign};
  }
  if (desired == nullptr) return {.action = Action::kDelete};
  const bool here =
      json::String(*current, {"spec", "nodeName"}) == json::String(desired->spec, "nodeName");
  if (!here) return {.action = left_its_node ? Action::kReplace : Action::kForeign};
  const bool ending = !json::String(*current, {"metadata", "deletionTimestamp"}).empty();
  if (ending || !SameShape(*current, *desired)) return {.action = Action::kReplace};
  PodPlan plan;
  plan.patch = PatchOf(*current, *desired);
  plan.status = StatusPatchOf(*current, *desired, now);
  plan.silenced = Silences(*current, plan.status);
  const bool right = plan.patch.is_null() && plan.status.is_null();
  plan.action = right ? Action::kNothing : Action::kPatch;
  return plan;
}

PodPlan PlanUnheard(const Json* current, const std::string& silence, absl::Time now) {
  if (current == nullptr || silence.empty() || !IsMirrored(*current)) return {};
  const Json* conditions = json::Find(*current, {"status", "conditions"});
  const Json* ready = ReadyIn(conditions);
  if (ready == nullptr || json::String(*ready, "status") == "False") return {};
  PodPlan plan{.action = PodPlan::Action::kPatch};
  plan.status = WithVersion(
      *current, {{"status",
                  {{"conditions",
                    MergeConditions(conditions, Json::array({UnheardCondition(silence)}), now)}}}});
  plan.silenced = Silences(*current, plan.status);
  return plan;
}

Json InitialStatus(const PodObject& desired, const Json& made, absl::Time now) {
  Json status = desired.status;
  status["conditions"] =
      MergeConditions(nullptr, Gated(desired.status["conditions"], nullptr, made["spec"]), now);
  return {{"status", std::move(status)}};
}

}  // namespace rekindle::nodes
