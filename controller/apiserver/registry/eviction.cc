#include "controller/apiserver/registry/eviction.h"

#include <string>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/status.h"
#include "common/api/time.h"
#include "common/json/tree.h"
#include "controller/apiserver/registry/objects.h"

namespace rekindle::apiserver {
namespace {

// Pods on the list of a budget that are still there; more would mean that nobody tidies up.
constexpr size_t kMostDisrupted = 2000;

absl::Status Refuse(const std::string& cause, int32_t retry_after) {
  api::ApiError error = api::TooManyRequests(
      "Cannot evict pod as it would violate the pod's disruption budget.", retry_after);
  error.causes.push_back({"DisruptionBudget", cause, ""});
  return ToStatus(error);
}

}  // namespace

bool IsReady(const Json& pod) {
  const Json* conditions = json::Find(pod, {"status", "conditions"});
  if (conditions == nullptr || !conditions->is_array()) return false;
  for (const Json& one : *conditions) {
    if (json::String(one, "type") == "Ready") return json::String(one, "status") == "True";
  }
  return false;
}

bool EvictsFreely(const Json& pod) {
  const absl::string_view phase = json::String(pod, {"status", "phase"});
  return phase == "Pending" || phase == "Succeeded" || phase == "Failed" || BeingDeleted(pod);
}

absl::StatusOr<std::optional<Json>> Debit(const Json& pod, const Json& budget, absl::Time now) {
  const std::string name(MetaText(budget, "name"));
  const auto number = [&](const char* member) {
    return json::Int(budget, {"status", member}).value_or(0);
  };
  if (!IsReady(pod)) {
    const absl::string_view policy = json::String(budget, {"spec", "unhealthyPodEvictionPolicy"});
    if (policy == "AlwaysAllow") return std::nullopt;
    if (number("desiredHealthy") > 0 && number("currentHealthy") >= number("desiredHealthy")) {
      return std::nullopt;
    }
  }
  if (number("observedGeneration") < json::Int(budget, {"metadata", "generation"}).value_or(0)) {
    return Refuse(
        absl::StrCat("The disruption budget ", name, " is still being processed by the server."),
        10);
  }
  const api::Subject subject{"policy", "poddisruptionbudgets", "PodDisruptionBudget", name};
  const int64_t allowed = number("disruptionsAllowed");
  if (allowed < 0) {
    return ToStatus(api::Forbidden(subject, "pdb disruptions allowed is negative"));
  }
  const Json* disrupted = json::Find(budget, {"status", "disruptedPods"});
  if (disrupted != nullptr && disrupted->size() > kMostDisrupted) {
    return ToStatus(api::Forbidden(
        subject, absl::StrCat("DisruptedPods map too big - too many evictions not confirmed by "
                              "PDB controller")));
  }
  if (allowed == 0) {
    return Refuse(absl::StrCat("The disruption budget ", name, " needs ", number("desiredHealthy"),
                               " healthy pods and has ", number("currentHealthy"), " currently"),
                  0);
  }
  Json out = budget;
  out["status"]["disruptionsAllowed"] = allowed - 1;
  out["status"]["disruptedPods"][std::string(MetaText(pod, "name"))] = api::FormatTime(now);
  return out;
}

}  // namespace rekindle::apiserver
