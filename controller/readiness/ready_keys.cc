#include "controller/readiness/ready_keys.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::readiness {
namespace {

// The pod's conditions; a list of its own, to be changed and written back as a whole.
Json ConditionsOf(const Json& pod) {
  const Json* list = json::Find(pod, {"status", "conditions"});
  return list != nullptr && list->is_array() ? *list : Json::array();
}

Json* FindCondition(Json& conditions, absl::string_view type) {
  for (Json& condition : conditions) {
    if (json::String(condition, "type") == type) return &condition;
  }
  return nullptr;
}

Json PatchOf(const Json& pod, Json conditions) {
  return {{"metadata",
           {{"resourceVersion", std::string(json::String(pod, {"metadata", "resourceVersion"}))}}},
          {"status", {{"conditions", std::move(conditions)}}}};
}

std::vector<std::string> Gates(const Json& pod) {
  std::vector<std::string> out;
  const Json* gates = json::Find(pod, {"spec", "readinessGates"});
  if (gates == nullptr || !gates->is_array()) return out;
  for (const Json& gate : *gates) out.emplace_back(json::String(gate, "conditionType"));
  return out;
}

// Takes the pod out of its endpoints without waiting for the kubelet, which computes the same.
void RecomputeReady(const Json& pod, Json& conditions, absl::Time now) {
  const Json* containers = FindCondition(conditions, "ContainersReady");
  Json* ready = FindCondition(conditions, "Ready");
  if (ready == nullptr || containers == nullptr || json::String(*containers, "status") != "True") {
    return;
  }
  std::vector<std::string> missing;
  std::vector<std::string> closed;
  for (const std::string& gate : Gates(pod)) {
    const Json* condition = FindCondition(conditions, gate);
    if (condition == nullptr) {
      missing.push_back(absl::StrCat("corresponding condition of pod readiness gate \"", gate,
                                     "\" does not exist."));
    } else if (const absl::string_view status = json::String(*condition, "status");
               status != "True") {
      closed.push_back(absl::StrCat("the status of pod readiness gate \"", gate,
                                    "\" is not \"True\", but ", status));
    }
  }
  missing.insert(missing.end(), closed.begin(), closed.end());
  const bool now_ready = missing.empty();
  if ((json::String(*ready, "status") == "True") == now_ready) return;
  Json fresh = {{"type", "Ready"},
                {"status", now_ready ? "True" : "False"},
                {"lastTransitionTime", api::FormatTime(now)}};
  if (!now_ready) {
    fresh["reason"] = "ReadinessGatesNotReady";
    fresh["message"] = absl::StrJoin(missing, ", ");
  }
  *ready = std::move(fresh);
}

}  // namespace

std::vector<ReadyKey> ParseReadyKeys(absl::string_view message) {
  std::vector<ReadyKey> out;
  const absl::StatusOr<Json> list = json::Parse(message);
  if (!list.ok() || !list->is_array()) return out;
  for (const Json& entry : *list) {
    out.push_back({.user_agent = std::string(json::String(entry, "userAgent")),
                   .key = std::string(json::String(entry, "key"))});
  }
  return out;
}

std::string RenderReadyKeys(std::vector<ReadyKey> keys) {
  std::sort(keys.begin(), keys.end());
  // The tree sorts members; clients of the reference read userAgent first.
  std::vector<std::string> parts;
  parts.reserve(keys.size());
  for (const ReadyKey& key : keys) {
    parts.push_back(absl::StrCat("{\"userAgent\":", json::Dump(Json(key.user_agent)),
                                 ",\"key\":", json::Dump(Json(key.key)), "}"));
  }
  return absl::StrCat("[", absl::StrJoin(parts, ","), "]");
}

bool HasReadyGate(const Json& pod) {
  const std::vector<std::string> gates = Gates(pod);
  return std::find(gates.begin(), gates.end(), api::kGatePodReady) != gates.end();
}

std::optional<Json> AddReadyKey(const Json& pod, const ReadyKey& key, absl::Time now) {
  if (!HasReadyGate(pod)) return std::nullopt;
  Json conditions = ConditionsOf(pod);
  Json* condition = FindCondition(conditions, api::kGatePodReady);
  if (condition == nullptr) {
    conditions.push_back({{"type", std::string(api::kGatePodReady)}});
    condition = &conditions.back();
  }
  std::vector<ReadyKey> keys = ParseReadyKeys(json::String(*condition, "message"));
  const bool held = std::find(keys.begin(), keys.end(), key) != keys.end();
  if (held && json::String(*condition, "status") == "False") return std::nullopt;
  if (!held) keys.push_back(key);
  (*condition)["status"] = "False";
  (*condition)["message"] = RenderReadyKeys(std::move(keys));
  (*condition)["lastTransitionTime"] = api::FormatTime(now);
  RecomputeReady(pod, conditions, now);
  return PatchOf(pod, std::move(conditions));
}

std::optional<Json> RemoveReadyKey(const Json& pod, const ReadyKey& key, absl::Time now) {
  if (!HasReadyGate(pod)) return std::nullopt;
  Json conditions = ConditionsOf(pod);
  Json* condition = FindCondition(conditions, api::kGatePodReady);
  if (condition == nullptr) return std::nullopt;
  std::vector<ReadyKey> keys = ParseReadyKeys(json::String(*condition, "message"));
  if (std::erase(keys, key) == 0) return std::nullopt;
  if (keys.empty()) (*condition)["status"] = "True";
  (*condition)["message"] = RenderReadyKeys(std::move(keys));
  (*condition)["lastTransitionTime"] = api::FormatTime(now);
  return PatchOf(pod, std::move(conditions));
}

std::optional<Json> DefaultReadyCondition(const Json& pod, absl::Time now) {
  if (!HasReadyGate(pod) || json::Find(pod, {"metadata", "deletionTimestamp"}) != nullptr) {
    return std::nullopt;
  }
  Json conditions = ConditionsOf(pod);
  if (FindCondition(conditions, api::kGatePodReady) != nullptr) return std::nullopt;
  conditions.push_back({{"type", std::string(api::kGatePodReady)},
                        {"status", "True"},
                        {"lastTransitionTime", api::FormatTime(now)}});
  return PatchOf(pod, std::move(conditions));
}

}  // namespace rekindle::readiness
