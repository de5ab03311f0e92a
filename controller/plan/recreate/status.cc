#include "controller/plan/recreate/status.h"

#include <utility>

#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

Json StatesToJson(const std::vector<RecreateState>& states) {
  Json out = Json::array();
  for (const RecreateState& state : states) {
    Json one = {{"name", state.name}, {"phase", std::string(ContainerPhaseName(state.phase))}};
    if (!state.message.empty()) one["message"] = state.message;
    if (state.killed) one["isKilled"] = true;
    out.push_back(std::move(one));
  }
  return out;
}

Json SnapshotToJson(const std::vector<SnapshotEntry>& snapshot) {
  Json out = Json::array();
  for (const SnapshotEntry& entry : snapshot) {
    Json one = {{"name", entry.name}, {"ready", entry.ready}, {"restartCount", entry.restarts}};
    if (!entry.id.empty()) one["containerID"] = entry.id;
    out.push_back(std::move(one));
  }
  return out;
}

Json ConditionsToJson(const std::string& others, absl::Time drain_since) {
  Json out = Json::array();
  if (!others.empty()) {
    if (absl::StatusOr<Json> kept = json::Parse(others); kept.ok()) out = *std::move(kept);
  }
  out.push_back(
      {{"type", std::string(api::kConditionPreRecreateGrace)},
       {"status", "True"},
       {"reason", std::string(api::kConditionPreRecreateGrace)},
       {"message", "Pod has been forced to not-ready for unreadyGracePeriodSeconds drain"},
       {"lastTransitionTime", api::FormatTime(drain_since)}});
  return out;
}

}  // namespace

RecreateStatus StatusOf(const RecreateRequest& request) {
  return {.phase = request.phase,
          .completed = request.completed,
          .message = request.message,
          .states = request.states,
          .snapshot = request.snapshot,
          .drain_since = request.drain_since};
}

Json RecreateStatusPatch(const RecreateRequest& stored, const RecreateStatus& wanted) {
  Json status = {{"phase", std::string(RecreatePhaseName(wanted.phase))}};
  if (wanted.completed.has_value()) status["completionTime"] = api::FormatTime(*wanted.completed);
  if (!wanted.message.empty()) {
    status["message"] = wanted.message;
  } else if (!stored.message.empty()) {
    status["message"] = nullptr;
  }
  if (!wanted.states.empty()) status["containerRecreateStates"] = StatesToJson(wanted.states);
  if (!wanted.snapshot.empty()) {
    status["containerStatusSnapshot"] = SnapshotToJson(wanted.snapshot);
  }
  // One that is there keeps its time.
  if (wanted.drain_since.has_value() && !stored.drain_since.has_value()) {
    status["conditions"] = ConditionsToJson(stored.other_conditions, *wanted.drain_since);
  }
  return {{"metadata", {{"resourceVersion", stored.resource_version}}},
          {"status", std::move(status)}};
}

}  // namespace rekindle::plan
