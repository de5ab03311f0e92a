// The line of a pod in a table (spec kubernetes-api 18.2).
#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/time.h"
#include "common/json/tree.h"
#include "controller/apiserver/surface/age.h"
#include "controller/apiserver/surface/cells.h"

namespace rekindle::apiserver {
namespace {

using json::At;

std::string Text(const Json& tree, std::initializer_list<absl::string_view> path) {
  return std::string(json::String(tree, path));
}

std::string OrNone(std::string text) { return text.empty() ? "<none>" : text; }

const Json* ConditionOf(const Json& pod, absl::string_view type) {
  const Json& conditions = At(At(pod, "status"), "conditions");
  if (!conditions.is_array()) return nullptr;
  for (const Json& one : conditions) {
    if (json::String(one, "type") == type) return &one;
  }
  return nullptr;
}

// Init containers that run beside the others.
std::set<std::string> Sidecars(const Json& pod) {
  std::set<std::string> out;
  const Json& list = At(At(pod, "spec"), "initContainers");
  if (!list.is_array()) return out;
  for (const Json& one : list) {
    if (json::String(one, "restartPolicy") == "Always") out.insert(Text(one, {"name"}));
  }
  return out;
}

// "ExitCode:3", "Signal:9".
std::string EndText(const Json& terminated) {
  const int64_t signal = json::Int(terminated, "signal").value_or(0);
  if (signal != 0) return absl::StrCat("Signal:", signal);
  return absl::StrCat("ExitCode:", json::Int(terminated, "exitCode").value_or(0));
}

struct State {
  std::string reason;
  int64_t ready = 0;
  int64_t restarts = 0;
  std::optional<absl::Time> last_restart;
};

void CountRestarts(const Json& status, State& out) {
  out.restarts += json::Int(status, "restartCount").value_or(0);
  const auto ended =
      api::ParseTime(json::String(status, {"lastState", "terminated", "finishedAt"}));
  if (ended.has_value() && (!out.last_restart.has_value() || *ended > *out.last_restart)) {
    out.last_restart = ended;
  }
}

// True while the pod is still initialising.
bool Initialising(const Json& pod, const std::set<std::string>& sidecars, State& out) {
  const Json& statuses = At(At(pod, "status"), "initContainerStatuses");
  if (!statuses.is_array()) return false;
  const Json& containers = At(At(pod, "spec"), "initContainers");
  const size_t total = containers.is_array() ? containers.size() : 0;
  for (size_t i = 0; i < statuses.size(); ++i) {
    const Json& status = statuses[i];
    CountRestarts(status, out);
    const Json& state = At(status, "state");
    const Json& terminated = At(state, "terminated");
    const bool sidecar = sidecars.contains(Text(status, {"name"}));
    if (sidecar && json::Bool(status, {"ready"})) ++out.ready;
    if (!terminated.is_null() && json::Int(terminated, "exitCode").value_or(0) == 0) continue;
    if (sidecar && json::Bool(status, {"started"})) continue;
    if (!terminated.is_null()) {
      const std::string reason = Text(terminated, {"reason"});
      out.reason = absl::StrCat("Init:", reason.empty() ? EndText(terminated) : reason);
    } else {
      const std::string waits = Text(state, {"waiting", "reason"});
      out.reason = waits.empty() || waits == "PodInitializing"
                       ? absl::StrCat("Init:", i, "/", total)
                       : absl::StrCat("Init:", waits);
    }
    return true;
  }
  return false;
}

void Containers(const Json& pod, State& out) {
  const Json& statuses = At(At(pod, "status"), "containerStatuses");
  if (!statuses.is_array()) return;
  bool running = false;
  for (size_t i = statuses.size(); i-- > 0;) {
    const Json& status = statuses[i];
    CountRestarts(status, out);
    const Json& state = At(status, "state");
    const Json& terminated = At(state, "terminated");
    const std::string waits = Text(state, {"waiting", "reason"});
    const std::string ended = Text(terminated, {"reason"});
    if (!waits.empty()) {
      out.reason = waits;
    } else if (!terminated.is_null()) {
      out.reason = ended.empty() ? EndText(terminated) : ended;
    } else if (json::Bool(status, {"ready"}) && !At(state, "running").is_null()) {
      running = true;
      ++out.ready;
    }
  }
  // One that is done beside others that go on is no pod that is done.
  if (out.reason == "Completed" && running) {
    const Json* ready = ConditionOf(pod, "Ready");
    out.reason =
        ready != nullptr && json::String(*ready, "status") == "True" ? "Running" : "NotReady";
  }
}

State StateOf(const Json& pod, const std::set<std::string>& sidecars) {
  State out;
  out.reason = Text(pod, {"status", "phase"});
  if (std::string reason = Text(pod, {"status", "reason"}); !reason.empty()) out.reason = reason;
  if (const Json* scheduled = ConditionOf(pod, "PodScheduled");
      scheduled != nullptr && json::String(*scheduled, "reason") == "SchedulingGated") {
    out.reason = "SchedulingGated";
  }
  if (!Initialising(pod, sidecars, out)) {
    // Of init containers only those count that still run.
    if (sidecars.empty()) {
      out.restarts = 0;
      out.last_restart.reset();
    }
    Containers(pod, out);
  }
  if (!json::String(pod, {"metadata", "deletionTimestamp"}).empty()) {
    if (json::String(pod, {"status", "reason"}) == "NodeLost") {
      out.reason = "Unknown";
    } else if (const std::string phase = Text(pod, {"status", "phase"});
               phase != "Succeeded" && phase != "Failed") {
      out.reason = "Terminating";
    }
  }
  return out;
}

std::string Gates(const Json& pod) {
  const Json& gates = At(At(pod, "spec"), "readinessGates");
  if (!gates.is_array() || gates.empty()) return "<none>";
  size_t holding = 0;
  for (const Json& gate : gates) {
    const Json* condition = ConditionOf(pod, json::String(gate, "conditionType"));
    if (condition != nullptr && json::String(*condition, "status") == "True") ++holding;
  }
  return absl::StrCat(holding, "/", gates.size());
}

}  // namespace

std::vector<Column> PodColumns() {
  return {{"Name", "string", "name", "Name of the pod.", 0},
          {"Ready", "string", "", "Containers that are ready, of how many.", 0},
          {"Status", "string", "", "What the pod does.", 0},
          {"Restarts", "string", "", "How often containers were started again, and when last.", 0},
          {"Age", "string", "", "Time since it was made.", 0},
          {"IP", "string", "", "Its address.", 1},
          {"Node", "string", "", "Its node.", 1},
          {"Nominated Node", "string", "", "The node that is being made free for it.", 1},
          {"Readiness Gates", "string", "", "Further conditions that hold, of how many.", 1}};
}

std::vector<Json> PodCells(const Json& pod, absl::Time now) {
  const std::set<std::string> sidecars = Sidecars(pod);
  const State state = StateOf(pod, sidecars);
  const Json& containers = At(At(pod, "spec"), "containers");
  const size_t total = (containers.is_array() ? containers.size() : 0) + sidecars.size();
  std::string restarts = absl::StrCat(state.restarts);
  if (state.restarts != 0 && state.last_restart.has_value()) {
    absl::StrAppend(&restarts, " (", AgeText(now - *state.last_restart), " ago)");
  }
  std::string ip = Text(pod, {"status", "podIP"});
  const Json& ips = At(At(pod, "status"), "podIPs");
  if (ips.is_array() && !ips.empty()) ip = Text(ips[0], {"ip"});
  return {Text(pod, {"metadata", "name"}),
          absl::StrCat(state.ready, "/", total),
          state.reason,
          restarts,
          AgeOf(json::String(pod, {"metadata", "creationTimestamp"}), now),
          OrNone(ip),
          OrNone(Text(pod, {"spec", "nodeName"})),
          OrNone(Text(pod, {"status", "nominatedNodeName"})),
          Gates(pod)};
}

}  // namespace rekindle::apiserver
