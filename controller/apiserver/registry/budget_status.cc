#include "controller/apiserver/registry/budget_status.h"

#include <algorithm>
#include <map>

#include <nlohmann/json.hpp>

#include "common/api/int_or_percent.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::apiserver {
namespace {

std::optional<api::IntOrPercent> Share(const Json& budget, const char* member) {
  const Json* value = json::Find(budget, {"spec", member});
  if (value == nullptr) return std::nullopt;
  const auto share = api::IntOrPercent::FromJson(*value, member);
  if (!share.ok()) return std::nullopt;
  return *share;
}

void SetAllowed(bool allowed, const char* reason, const std::string& message, absl::Time now,
                Json& budget) {
  Json condition = {
      {"type", "DisruptionAllowed"},
      {"status", allowed ? "True" : "False"},
      {"reason", reason},
      {"message", message},
      {"observedGeneration", json::Int(budget, {"metadata", "generation"}).value_or(0)},
      {"lastTransitionTime", api::FormatTime(now)}};
  Json& conditions = budget["status"]["conditions"];
  if (!conditions.is_array()) conditions = Json::array();
  for (Json& one : conditions) {
    if (json::String(one, "type") != "DisruptionAllowed") continue;
    if (one.value("status", Json()) == condition["status"]) {
      condition["lastTransitionTime"] = one.value("lastTransitionTime", Json());
    }
    one = condition;
    return;
  }
  conditions.push_back(std::move(condition));
}

// Pods that were told to go and have neither gone nor run out of time.
Json StillDisrupted(const Json& budget, const std::map<std::string, const BudgetPod*>& pods,
                    absl::Time now, std::optional<absl::Time>& again) {
  Json out = Json::object();
  const Json* list = json::Find(budget, {"status", "disruptedPods"});
  if (list == nullptr || !list->is_object()) return out;
  for (const auto& [name, value] : list->items()) {
    const auto pod = pods.find(name);
    const std::optional<absl::Time> since =
        value.is_string() ? api::ParseTime(value.get_ref<const std::string&>()) : std::nullopt;
    if (pod == pods.end() || pod->second->going || !since.has_value()) continue;
    const absl::Time end = *since + kDisruptionLimit;
    if (end <= now) continue;
    out[name] = value;
    again = again.has_value() ? std::min(*again, end) : end;
  }
  return out;
}

}  // namespace

bool NeedsScale(const Json& budget) {
  const auto least = Share(budget, "minAvailable");
  return Share(budget, "maxUnavailable").has_value() || (least.has_value() && least->is_percent());
}

std::optional<absl::Time> WorkOutBudget(const std::vector<BudgetPod>& pods,
                                        std::optional<int64_t> scale, const std::string& trouble,
                                        absl::Time now, Json& budget) {
  std::map<std::string, const BudgetPod*> by_name;
  for (const BudgetPod& pod : pods) by_name[pod.name] = &pod;
  std::optional<absl::Time> again;
  const Json disrupted = StillDisrupted(budget, by_name, now, again);
  Json& status = budget["status"];
  if (!status.is_object()) status = Json::object();
  status["observedGeneration"] = json::Int(budget, {"metadata", "generation"}).value_or(0);
  if (disrupted.empty()) {
    status.erase("disruptedPods");
  } else {
    status["disruptedPods"] = disrupted;
  }
  int64_t healthy = 0;
  for (const BudgetPod& pod : pods) {
    if (pod.healthy && !pod.going && !disrupted.contains(pod.name)) ++healthy;
  }
  const auto most = Share(budget, "maxUnavailable");
  const auto least = Share(budget, "minAvailable");
  const bool unknown = NeedsScale(budget) && !scale.has_value();
  int64_t expected = static_cast<int64_t>(pods.size());
  int64_t desired = 0;
  if (NeedsScale(budget)) expected = scale.value_or(0);
  if (most.has_value()) {
    desired = std::max<int64_t>(0, expected - most->Resolve(expected, api::Rounding::kUp));
  } else if (least.has_value()) {
    desired = least->Resolve(expected, api::Rounding::kUp);
  } else {
    expected = 0;
  }
  const int64_t allowed = unknown || expected <= 0 ? 0 : std::max<int64_t>(0, healthy - desired);
  status["currentHealthy"] = healthy;
  status["desiredHealthy"] = desired;
  status["expectedPods"] = expected;
  status["disruptionsAllowed"] = allowed;
  if (unknown) {
    SetAllowed(false, "SyncFailed", trouble, now, budget);
  } else if (allowed > 0) {
    SetAllowed(true, "SufficientPods", "", now, budget);
  } else {
    SetAllowed(false, "InsufficientPods", "", now, budget);
  }
  return again;
}

}  // namespace rekindle::apiserver
