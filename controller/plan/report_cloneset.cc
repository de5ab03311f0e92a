#include <map>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/json/tree.h"
#include "controller/plan/conditions.h"
#include "controller/plan/report_parts.h"

namespace rekindle::plan {
namespace {

Json FiguresOf(const CloneSetSpec& spec) {
  Json out = {{"replicas", spec.replicas},
              {"partition", spec.Partition()},
              {"maxUnavailable", spec.MaxUnavailable()},
              {"maxSurge", spec.Surge()}};
  if (spec.min_ready_seconds > 0) {
    out["minReadySeconds"] = spec.min_ready_seconds;
  }
  out["policy"] = spec.on_delete ? "OnDelete" : std::string(PolicyName(spec.policy));
  if (spec.paused) out["paused"] = true;
  if (spec.scale_max_unavailable) out["scaleMaxUnavailable"] = spec.ScaleMaxUnavailable();
  return out;
}

Json ClaimsOf(const CloneSetPlan& plan) {
  Json out = Json::array();
  for (const ClaimAction& action : plan.claims) {
    const bool gives = action.kind == ClaimAction::Kind::kGiveToPod;
    out.push_back(
        {{"claim", action.claim},
         {"action", gives                ? absl::StrCat("goes with pod ", action.pod)
                    : action.pod.empty() ? std::string("deleted: no pod uses it")
                                         : absl::StrCat("deleted with pod ", action.pod)}});
  }
  return out;
}

// Claim templates are in no revision: their change reaches pods that are created from now on.
void AddClaimChange(const ReportWorld& world, const CloneSetSpec& spec,
                    const InPlaceOptions& options, Json& report) {
  if (world.present == nullptr || ClaimTemplatesHash(ClaimTemplatesOf(*world.present)) ==
                                      ClaimTemplatesHash(*spec.claim_templates)) {
    return;
  }
  std::string reason = "claim templates: pods that are created from now on use them";
  if (!options.claim_rule || spec.policy == PodUpdatePolicy::kInPlaceOnly) {
    absl::StrAppend(&reason, "; pods that are updated in place keep their claims");
  } else if (json::String(report, {"revision", "action"}) == "unchanged") {
    absl::StrAppend(&reason, "; the next revision recreates the others");
  }
  report["claimChange"]["reason"] = std::move(reason);
}

}  // namespace

absl::StatusOr<Report> ReportCloneSet(const Json& next, const ReportWorld& all,
                                      const ReportOptions& options) {
  absl::StatusOr<CloneSetSpec> spec = ParseCloneSet(next);
  if (!spec.ok()) return spec.status();
  const ReportWorld world = OwnDocuments(all, spec->uid, spec->selector);
  api::PodParser parser;
  RevisionSet revisions;
  absl::StatusOr<RevisionPlan> revision_plan =
      RevisionsOf(spec->name, *spec->pod_template, ClaimTemplatesHash(*spec->claim_templates),
                  world, {.pull_policy_always = true}, parser, revisions);
  if (!revision_plan.ok()) return revision_plan.status();
  int64_t count = 0;
  if (world.present != nullptr) {
    count = json::Int(*world.present, {"spec", "replicas"}).value_or(1);
  }
  Settled settled{.names = {},
                  .owner_uid = spec->uid,
                  .hooks = spec->hooks,
                  .set_name = {},
                  .deleting = spec->deleting,
                  .lifecycle = true,
                  .adds_gate = true,
                  .claim_names = spec->claim_names};
  for (const std::string& id :
       MakeInstanceIds(static_cast<size_t>(count), 1, [](const std::string&) { return false; })) {
    settled.names.push_back(absl::StrCat(spec->name, "-", id));
  }
  const absl::StatusOr<WorldPods> pods =
      PodsOf(world, revisions, settled, spec->selector, options.now, parser);
  if (!pods.ok()) return pods.status();
  CloneSetOptions planner{.in_place = options.in_place,
                          .partition_rollback = options.partition_rollback,
                          .preparing_update_as_update = options.preparing_update_as_update,
                          .node_label = NodeLabelOf(world),
                          .budget_allows = nullptr};
  std::vector<ClaimRecord> claims;
  for (const Json* tree : world.claims) {
    claims.push_back(
        {std::string(json::String(*tree, {"metadata", "name"})),
         std::string(json::String(*tree, {"metadata", "labels", api::kLabelInstanceId})),
         json::Find(*tree, {"metadata", "deletionTimestamp"}) != nullptr});
  }
  CloneSetIndex index(*spec, revisions, planner);
  index.SetClaims(claims);
  index.Load(pods->members);
  const CloneSetPlan plan = index.Plan(options.now, 1);
  Json report = {{"workload", {{"kind", "CloneSet"}, {"name", spec->name}}}};
  report["figures"] = FiguresOf(*spec);
  const bool two = revision_plan->update.name != revision_plan->current.name;
  AddChange(revisions, *revision_plan,
            {.policy = spec->policy,
             .on_delete = spec->on_delete,
             .back = plan.update.update < 0,
             .in_place = options.in_place},
            report);
  AddClaimChange(world, *spec, options.in_place, report);
  report["pods"] = Json::array();
  std::map<int32_t, std::vector<const PodAction*>> actions;
  for (const PodAction& action : plan.actions) actions[action.pod].push_back(&action);
  for (size_t i = 0; i < index.pods().size(); ++i) {
    const auto slot = static_cast<int32_t>(i);
    const auto it = actions.find(slot);
    if (it == actions.end()) {
      Json entry = ReasonJson(index.Explain(slot, plan));
      entry["pod"] = index.pods()[i]->name;
      entry["action"] = "None";
      report["pods"].push_back(std::move(entry));
      continue;
    }
    for (const PodAction* action : it->second) {
      report["pods"].push_back(
          ActionJson(*action, *index.pods()[i], spec->hooks, options.now, options.in_place));
    }
  }
  for (const Creation& creation : plan.creations)
    report["pods"].push_back(CreationJson(creation, two));
  if (plan.scale_limited) {
    Json& limited = report["scaleLimited"] = ReasonJson(ScaleLimit(plan, *spec));
    limited["pods"] = plan.scale.up - plan.scale.up_limit;
  }
  if (!plan.claims.empty()) report["claims"] = ClaimsOf(plan);
  if (options.pre_download) {
    AddPreDownload(PlanPreDownload(PreDownloadOf(*spec, next), revisions, options.in_place),
                   report);
  }
  const Json* stored = json::Find(next, {"status", "conditions"});
  const PassFailures failures{.scale = "", .update = ErrorsOf(plan.actions, [&](int32_t slot) {
                                             return index.pods()[static_cast<size_t>(slot)]->name;
                                           })};
  const ConditionPlan conditions = PlanCloneSetConditions(
      *spec, plan.status, ParseConditions(stored), spec->update_revision, failures, options.now);
  if (!conditions.conditions.empty()) {
    report["conditions"] = RenderConditions(conditions.conditions);
  }
  AddOwners(*pods, report);
  report["status"] = StatusJson(plan.status);
  ModelOptions cluster = options.model;
  cluster.pod_ready_gate = true;
  ModelCluster model(cluster, options.now, spec->hooks, spec->uid);
  for (const PodPtr& pod : pods->members) model.Add(pod);
  CloneSetIndex simulated(*spec, revisions, planner);
  simulated.SetClaims(std::move(claims));
  return FinishReport(std::move(report), SimulateCloneSet(simulated, model, {}), options.simulate);
}

}  // namespace rekindle::plan
