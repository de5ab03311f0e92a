#include "controller/plan/report_parts.h"

#include <map>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/svg.h"

namespace rekindle::plan {
namespace {

Json TimelineJson(const Timeline& t, bool all) {
  Json out = {{"seconds", t.seconds},      {"lowestAvailable", t.lowest_available},
              {"restarts", t.restarts},    {"created", t.created},
              {"deleted", t.deleted},      {"passes", t.passes},
              {"finished", t.Finished()},  {"ending", std::string(EndingName(t.ending))},
              {"keptByPartition", t.kept}, {"stillWaiting", t.stuck}};
  // What each pass starts, in the order in which it does.
  Json order = Json::array();
  std::map<std::pair<int64_t, std::string>, size_t> groups;  // pass and action
  for (const TimelineEvent& event : t.events) {
    const bool starts = event.action == "UpdateInPlace" || event.action == "Recreate" ||
                        event.action == "Delete" || event.action == "Create" ||
                        event.action == "ResizeClaim" || event.action == "Restart";
    if (!starts) continue;
    const auto [group, fresh] = groups.try_emplace({event.pass, event.action}, order.size());
    if (fresh) {
      order.push_back(
          {{"second", event.second}, {"action", event.action}, {"pods", Json::array()}});
    }
    order[group->second]["pods"].push_back(event.pod);
  }
  out["batches"] = std::move(order);
  if (!all) return out;
  for (const Sample& s : t.samples) {
    out["samples"].push_back({{"second", s.second},
                              {"pods", s.total},
                              {"available", s.available},
                              {"updated", s.updated},
                              {"restarts", s.restarts}});
  }
  for (const TimelineEvent& e : t.events) {
    out["events"].push_back(
        {{"second", e.second}, {"pod", e.pod}, {"action", e.action}, {"why", e.why}});
  }
  return out;
}

absl::string_view RevisionActionName(RevisionAction action) {
  switch (action) {
    case RevisionAction::kReuse:
      return "unchanged";
    case RevisionAction::kRollback:
      return "rollback to a stored revision";
    case RevisionAction::kCreate:
      break;
  }
  return "new";
}

absl::string_view WriteName(Write::Kind kind) {
  switch (kind) {
    case Write::Kind::kStatus:
      return "status";
    case Write::Kind::kPod:
      return "pod";
    case Write::Kind::kResize:
      return "resize";
    case Write::Kind::kDaemonRestart:
      break;
  }
  return "daemon";
}

}  // namespace

Json ReasonJson(const Reason& why) {
  return {{"code", std::string(CodeName(why.code))},
          {"reason", Words(why)},
          {"figures", {why.figures[0], why.figures[1], why.figures[2]}}};
}

Json ActionJson(const PodAction& action, const api::PodRecord& pod, const Hooks& hooks,
                absl::Time now, const InPlaceOptions& options) {
  Json out = ReasonJson(action.why);
  out["pod"] = pod.name;
  out["action"] = std::string(ActionName(action.action));
  if (action.lifecycle) {
    if (Json entries = RenderReadiness(pod, *action.lifecycle); !entries.is_null()) {
      out["writes"].push_back({{"to", "status"}, {"body", std::move(entries)}});
    }
    out["writes"].push_back(
        {{"to", "pod"}, {"body", RenderLifecycle(*action.lifecycle, hooks, now)}});
  }
  if (action.step) {
    for (const Write& write : RenderWrites(pod, *action.step, now, options)) {
      out["writes"].push_back({{"to", std::string(WriteName(write.kind))}, {"body", *write.body}});
    }
  }
  return out;
}

Json StatusJson(const StatusCounters& s) {
  return {{"replicas", s.replicas},
          {"readyReplicas", s.ready},
          {"availableReplicas", s.available},
          {"updatedReplicas", s.updated},
          {"updatedReadyReplicas", s.updated_ready},
          {"updatedAvailableReplicas", s.updated_available},
          {"expectedUpdatedReplicas", s.expected_updated},
          {"collisionCount", s.collision_count},
          {"labelSelector", s.label_selector},
          {"currentRevision", s.current_revision},
          {"updateRevision", s.update_revision}};
}

Json CreationJson(const Creation& creation, bool two_revisions) {
  Json out = ReasonJson(creation.why);
  out["pod"] = creation.name;
  out["action"] = "Create";
  // "current" only where that is another one.
  out["revision"] = creation.current_revision && two_revisions ? "current" : "update";
  if (!creation.claims.empty()) out["claims"] = creation.claims;
  return out;
}

void AddChange(const RevisionSet& revisions, const RevisionPlan& plan, const ChangeOptions& options,
               Json& report) {
  report["revision"] = {{"update", plan.update.name},
                        {"current", plan.current.name},
                        {"action", std::string(RevisionActionName(plan.action))}};
  if (plan.update.name == plan.current.name) return;
  const Revision& from = options.back ? revisions.update : revisions.current;
  const Revision& to = options.back ? revisions.current : revisions.update;
  const Comparison comparison = Compare(from, to, options.in_place, false);
  const bool recreate = options.policy == PodUpdatePolicy::kReCreate;
  Json& change = report["change"];
  change["inPlace"] = comparison.in_place && !recreate && !options.on_delete;
  change["couldBeInPlace"] = comparison.in_place;
  std::string reason;
  if (options.on_delete) {
    reason = "pods take it when somebody deletes them: the update type is OnDelete";
  } else if (options.native) {
    reason = "pods are replaced: a native StatefulSet changes none in place";
  } else if (recreate) {
    reason = "pods are recreated: the update policy is ReCreate";
  } else if (comparison.in_place) {
    reason = absl::StrCat(options.back ? "back to the present revision, " : "",
                          "in place: ", comparison.words);
  } else {
    reason = options.policy == PodUpdatePolicy::kInPlaceOnly
                 ? Words(InPlaceOnlyImpossible(comparison.refusal))
                 : Words(comparison.refusal);
  }
  change["reason"] = std::move(reason);
}

absl::string_view PolicyName(PodUpdatePolicy policy) {
  switch (policy) {
    case PodUpdatePolicy::kInPlaceIfPossible:
      return "InPlaceIfPossible";
    case PodUpdatePolicy::kInPlaceOnly:
      return "InPlaceOnly";
    case PodUpdatePolicy::kReCreate:
      break;
  }
  return "ReCreate";
}

void AddPreDownload(const PreDownloadPlan& plan, Json& report) {
  if (plan.step == PreDownloadPlan::Step::kNone ||
      plan.step == PreDownloadPlan::Step::kDeleteJobs) {
    return;
  }
  Json& out = report["preDownload"];
  out["reason"] = plan.step == PreDownloadPlan::Step::kIgnore
                      ? absl::StrCat("not pulled ahead: ", plan.why)
                      : plan.why;
  if (!plan.jobs.empty()) out["jobs"] = plan.jobs;
}

Report FinishReport(Json report, const Timeline& timeline, bool all) {
  report["simulation"] = TimelineJson(timeline, all);
  Report out;
  out.text = ReportText(report);
  out.svg = TimelineSvg(timeline, absl::StrCat(json::String(report, {"workload", "kind"}), " ",
                                               json::String(report, {"workload", "name"})));
  out.json = std::make_shared<const Json>(std::move(report));
  return out;
}

}  // namespace rekindle::plan
