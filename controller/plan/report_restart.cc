#include <algorithm>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/report_parts.h"

namespace rekindle::plan {
namespace {

RestartState StateOfRequest(const Json& request) {
  const absl::string_view phase = json::String(request, {"status", "phase"});
  if (phase != "Completed" && phase != "Succeeded" && phase != "Failed") {
    return {RestartState::Phase::kRunning, std::string(phase.empty() ? "Pending" : phase)};
  }
  bool failed = phase == "Failed";
  const Json* states = json::Find(request, {"status", "containerRecreateStates"});
  if (states != nullptr && states->is_array()) {
    for (const Json& state : *states) failed = failed || json::String(state, "phase") == "Failed";
  }
  return {failed ? RestartState::Phase::kFailed : RestartState::Phase::kSucceeded,
          std::string(json::String(request, {"status", "message"}))};
}

std::string OrderName(RestartSpec::Order order) {
  switch (order) {
    case RestartSpec::Order::kNameAscending:
      return "NameAscending";
    case RestartSpec::Order::kOldestFirst:
      return "OldestFirst";
    case RestartSpec::Order::kNotReadyFirst:
      return "NotReadyFirst";
    case RestartSpec::Order::kNameDescending:
      break;
  }
  return "NameDescending";
}

// Requests that other jobs or people have made say nothing about this job.
bool BelongsTo(const Json& request, const Json& job) {
  const Json* owners = json::Find(request, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) return false;
  const absl::string_view uid = json::String(job, {"metadata", "uid"});
  return std::any_of(owners->begin(), owners->end(), [&](const Json& owner) {
    return json::String(owner, "kind") == "ContainerRecreateJob" &&
           json::String(owner, "name") == json::String(job, {"metadata", "name"}) &&
           (uid.empty() || json::String(owner, "uid") == uid);
  });
}

Json FiguresOf(const RestartSpec& spec, int64_t pods) {
  Json out = {{"pods", pods}, {"maxUnavailable", spec.Budget(pods)}};
  if (spec.batch) out["batch"] = spec.BatchSize(pods);
  if (spec.partition) out["partition"] = spec.Kept(pods);
  if (spec.max_failures) {
    out["maxFailures"] = spec.Tolerated(pods - spec.Kept(pods));
  }
  if (spec.min_ready_seconds > 0) out["minReadySeconds"] = spec.min_ready_seconds;
  if (spec.paused) out["paused"] = true;
  if (spec.order != RestartSpec::Order::kNameDescending) out["order"] = OrderName(spec.order);
  if (!spec.topology_key.empty()) {
    out["spread"] = absl::StrCat(spec.per_domain, " per ", spec.topology_key);
  }
  return out;
}

}  // namespace

absl::StatusOr<Report> ReportRestart(const Json& next, const ReportWorld& world,
                                     const ReportOptions& options) {
  const Json* tree = json::Find(next, "spec");
  absl::StatusOr<RestartSpec> spec = ParseRestart(tree ? *tree : Json::object());
  if (!spec.ok()) return spec.status();
  const Json* selector_tree = json::Find(next, {"spec", "selector"});
  absl::StatusOr<api::Selector> selector =
      api::Selector::FromJson(selector_tree ? *selector_tree : Json(), "spec.selector");
  if (!selector.ok()) return selector.status();
  api::PodParser parser;
  std::vector<PodPtr> pods;
  for (const Json* tree_of_pod : world.pods) {
    absl::StatusOr<api::PodRecord> record = parser.Parse(*tree_of_pod);
    if (!record.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("Pod ", json::String(*tree_of_pod, {"metadata", "name"}), ": ",
                       record.status().message()));
    }
    if (!selector->Matches(record->AllLabels())) continue;
    pods.push_back(std::make_shared<const api::PodRecord>(*std::move(record)));
  }
  std::map<std::string, RestartState> states;
  for (const Json* request : world.requests) {
    if (!BelongsTo(*request, next)) continue;
    states[std::string(json::String(*request, {"spec", "podName"}))] = StateOfRequest(*request);
  }
  const RestartOptions planner{.node_label = NodeLabelOf(world), .budget_allows = nullptr};
  const RestartPlan plan = PlanRestart(*spec, pods, states, planner, options.now);
  Json report = {{"workload",
                  {{"kind", "ContainerRecreateJob"},
                   {"name", std::string(json::String(next, {"metadata", "name"}))}}}};
  report["figures"] = FiguresOf(*spec, static_cast<int64_t>(pods.size()));
  report["pods"] = Json::array();
  for (size_t i = 0; i < pods.size(); ++i) {
    Json entry = ReasonJson(plan.reasons[i]);
    entry["pod"] = pods[i]->name;
    entry["action"] =
        plan.reasons[i].code == Code::kRestart ? std::string("Restart") : std::string("None");
    report["pods"].push_back(std::move(entry));
  }
  const Timeline timeline =
      SimulateRestart(*spec, pods, states, planner, options.model, options.now);
  return FinishReport(std::move(report), timeline, options.simulate);
}

}  // namespace rekindle::plan
