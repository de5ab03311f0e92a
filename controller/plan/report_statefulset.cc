#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/json/tree.h"
#include "controller/plan/conditions.h"
#include "controller/plan/report_parts.h"

namespace rekindle::plan {
namespace {

Json FiguresOf(const StatefulSetSpec& spec, const Json& object) {
  Json out = {{"replicas", spec.replicas},
              {"partition", spec.partition},
              {"maxUnavailable", spec.Budget()},
              {"podManagementPolicy", spec.parallel ? "Parallel" : "OrderedReady"}};
  const auto add = [&](const char* name, int64_t value) {
    if (value != 0) out[name] = value;
  };
  if (!spec.native || spec.on_delete) {
    out["policy"] = spec.on_delete ? "OnDelete" : std::string(PolicyName(spec.policy));
  }
  if (spec.paused) out["paused"] = true;
  const Json* reserved = json::Find(object, {"spec", "reserveOrdinals"});
  if (!spec.native && reserved != nullptr && !reserved->empty()) out["reserved"] = *reserved;
  add("start", spec.start);
  add("minReadySeconds", spec.min_ready_seconds);
  add("scaleMaxUnavailable", spec.Throttle().value_or(0));
  return out;
}

void AddWarnings(const StatefulSetSpec& spec, Json& report) {
  const auto warn = [&](std::string text) { report["warnings"].push_back(std::move(text)); };
  const Json* gates = json::Find(*spec.pod_template, {"spec", "readinessGates"});
  bool gate = false;
  if (gates != nullptr && gates->is_array()) {
    for (const Json& item : *gates)
      gate = gate || json::String(item, "conditionType") == api::kGateInPlace;
  }
  if (spec.policy != PodUpdatePolicy::kReCreate && !gate) {
    warn(
        "spec.template.spec.readinessGates lacks InPlaceUpdateReady: admission refuses the object");
  }
  if (spec.max_unavailable && !spec.parallel && !spec.native && spec.Budget() > 1) {
    warn("maxUnavailable above 1 needs podManagementPolicy Parallel: admission refuses the object");
  }
  for (const std::string& bad : spec.bad_reservations) {
    warn(absl::StrCat("spec.reserveOrdinals: ", bad,
                      " is no ordinal and no range: admission refuses the object; in a stored one "
                      "this entry alone is ignored"));
  }
  if (!spec.native && spec.start != 0) {
    warn(
        "spec.ordinals.start counts here; a controller whose gate StatefulSetStartOrdinal is off, "
        "its default, starts at 0");
  }
}

// Claims belong to a set by their name, whoever owns them.
bool IsClaimOf(const StatefulSetSpec& spec, absl::string_view name) {
  return std::any_of(spec.claims.begin(), spec.claims.end(), [&](const ClaimTemplate& claim) {
    absl::string_view pod = name;
    return absl::ConsumePrefix(&pod, claim.name + "-") && OrdinalOf(pod, spec.name) >= 0;
  });
}

// A change of claim templates makes no revision, but pods and claims follow it.
void AddClaimChange(const StatefulSetSpec& spec, const std::vector<PodPtr>& pods,
                    const StatefulSetPlan& plan, Json& report) {
  std::vector<std::string> parts;
  for (const ClaimTemplate& claim : spec.claims) {
    const bool lacks = std::any_of(pods.begin(), pods.end(), [&](const PodPtr& pod) {
      const auto& have = pod->shape->claim_volumes;
      return pod->Active() && std::find(have.begin(), have.end(), claim.name) == have.end();
    });
    if (lacks && !spec.native) {
      parts.push_back(absl::StrCat("claim template ", claim.name,
                                   " is new: pods without its volume are recreated"));
    }
    const bool grows = std::any_of(
        plan.resizes.begin(), plan.resizes.end(),
        [&](const auto& resize) { return absl::StartsWith(resize.first, claim.name + "-"); });
    if (grows) {
      parts.push_back(absl::StrCat("claims of ", claim.name, " are resized to ",
                                   claim.storage.Text(), ", no pod restarts for it"));
    }
  }
  if (!parts.empty()) report["claimChange"]["reason"] = absl::StrJoin(parts, "; ");
}

Json StatusOf(const StatefulSetPlan& plan) {
  Json out = StatusJson(plan.status);
  out["currentReplicas"] = plan.current_replicas;
  out["volumeClaims"] = Json::array();
  for (const ClaimCounts& counts : plan.claim_counts) {
    out["volumeClaims"].push_back({{"volumeClaimName", counts.claim_template},
                                   {"compatibleReplicas", counts.compatible},
                                   {"compatibleReadyReplicas", counts.ready}});
  }
  return out;
}

Json ClaimsOf(const StatefulSetPlan& plan, const StatefulSetSpec& spec,
              const std::vector<PodPtr>& pods, const std::vector<SetClaim>& claims) {
  Json out = Json::array();
  const auto add = [&](const std::string& claim, std::string action) {
    out.push_back({{"claim", claim}, {"action", std::move(action)}});
  };
  for (const std::string& claim : plan.claims_to_create)
    add(claim, "created again for its Pending pod");
  for (const ClaimOwners& owners : plan.owners) {
    std::string who = owners.set ? absl::StrCat("StatefulSet ", spec.name) : "";
    for (const PodPtr& pod : pods) {
      if (pod->uid == owners.pod_uid)
        absl::StrAppend(&who, who.empty() ? "" : ", ", "pod ", pod->name);
    }
    add(owners.claim,
        who.empty() ? "kept for good: owned by nobody" : absl::StrCat("deleted with ", who));
  }
  for (const auto& [claim, size] : plan.resizes)
    add(claim, absl::StrCat("resized to ", size.Text()));
  // Nothing is written about claims that outlive their pod; whoever scales in wants to know.
  const OrdinalRange wanted = WantedOrdinals(spec.start, spec.replicas, spec.reserved);
  for (const PodAction& action : plan.actions) {
    const std::string& pod = pods[static_cast<size_t>(action.pod)]->name;
    if (action.action != Action::kDelete || wanted.Has(OrdinalOf(pod, spec.name))) continue;
    for (const ClaimTemplate& claim : spec.claims) {
      const std::string name = absl::StrCat(claim.name, "-", pod);
      const bool there = std::any_of(claims.begin(), claims.end(),
                                     [&](const SetClaim& one) { return one.name == name; });
      if (there && !spec.delete_claims_with_scale) {
        add(name, absl::StrCat("stays without pod ", pod, ": whenScaled is Retain"));
      }
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<Report> ReportStatefulSet(const Json& next, const ReportWorld& all,
                                         const ReportOptions& options) {
  absl::StatusOr<StatefulSetSpec> spec = ParseStatefulSet(next, options.gates);
  if (!spec.ok()) return spec.status();
  const ReportWorld world = OwnDocuments(all, spec->uid, spec->selector);
  api::PodParser parser;
  RevisionSet revisions;
  absl::StatusOr<RevisionPlan> revision_plan =
      RevisionsOf(spec->name, *spec->pod_template, std::nullopt, world, {}, parser, revisions);
  if (!revision_plan.ok()) return revision_plan.status();
  Settled settled{.names = {},
                  .owner_uid = spec->uid,
                  .hooks = spec->hooks,
                  .set_name = spec->name,
                  .deleting = spec->deleting,
                  .lifecycle = !spec->native,
                  .adds_gate = false,
                  .claim_names = {}};
  if (world.present != nullptr) {
    absl::StatusOr<StatefulSetSpec> before = ParseStatefulSet(*world.present, options.gates);
    if (!before.ok()) return before.status();
    for (const int32_t ordinal :
         WantedOrdinals(before->start, before->replicas, before->reserved).ordinals) {
      settled.names.push_back(absl::StrCat(spec->name, "-", ordinal));
    }
    for (const ClaimTemplate& claim : before->claims) settled.claim_names.push_back(claim.name);
  }
  const absl::StatusOr<WorldPods> pods =
      PodsOf(world, revisions, settled, spec->selector, options.now, parser);
  if (!pods.ok()) return pods.status();
  std::vector<SetClaim> claims;
  for (const Json* tree : all.claims) {
    if (!IsClaimOf(*spec, json::String(*tree, {"metadata", "name"}))) continue;
    absl::StatusOr<SetClaim> claim = ParseSetClaim(*tree, spec->uid);
    if (!claim.ok()) return claim.status();
    claims.push_back(*std::move(claim));
  }
  const StatefulSetOptions planner{.in_place = options.in_place,
                                   .preparing_update_as_update = options.preparing_update_as_update,
                                   .auto_delete_claims = options.gates.auto_delete_claims,
                                   .replace_broken = !spec->native,
                                   .budget_allows = nullptr};
  const StatefulSetPlan plan =
      PlanStatefulSet(*spec, revisions, pods->members, claims, planner, options.now);
  Json report = {{"workload", {{"kind", "StatefulSet"}, {"name", spec->name}}}};
  report["figures"] = FiguresOf(*spec, next);
  AddWarnings(*spec, report);
  const bool two = revision_plan->update.name != revision_plan->current.name;
  AddChange(revisions, *revision_plan,
            {.policy = spec->policy,
             .on_delete = spec->on_delete,
             .back = false,
             .native = spec->native,
             .in_place = options.in_place},
            report);
  AddClaimChange(*spec, pods->members, plan, report);
  std::map<int32_t, std::vector<Json>> entries;  // by ordinal
  for (size_t i = 0; i < pods->members.size(); ++i) {
    const api::PodRecord& pod = *pods->members[i];
    std::vector<Json>& lines = entries[OrdinalOf(pod.name, spec->name)];
    for (const PodAction& action : plan.actions) {
      if (action.pod != static_cast<int32_t>(i)) continue;
      lines.push_back(ActionJson(action, pod, spec->hooks, options.now, options.in_place));
    }
    if (lines.empty()) {
      lines.push_back(ReasonJson(plan.reasons[i]));
      lines.back()["pod"] = pod.name;
      lines.back()["action"] = "None";
    }
  }
  for (const Creation& creation : plan.creations) {
    entries[creation.ordinal].push_back(CreationJson(creation, two));
  }
  const auto missing = [&](int32_t ordinal, const Reason& why) {
    Json entry = ReasonJson(why);
    entry["pod"] = absl::StrCat(spec->name, "-", ordinal);
    entry["action"] = "None";
    entries[ordinal].push_back(std::move(entry));
  };
  for (const auto& [ordinal, why] : plan.missing) missing(ordinal, why);
  for (const int32_t ordinal : plan.later) missing(ordinal, plan.later_why);
  report["pods"] = Json::array();
  for (const auto& [ordinal, lines] : entries) {
    for (const Json& line : lines) report["pods"].push_back(line);
  }
  if (Json claim_lines = ClaimsOf(plan, *spec, pods->members, claims); !claim_lines.empty()) {
    report["claims"] = std::move(claim_lines);
  }
  if (options.pre_download) {
    AddPreDownload(PlanPreDownload(PreDownloadOf(*spec, next), revisions, options.in_place),
                   report);
  }
  const PassFailures failures{.scale = "", .update = ErrorsOf(plan.actions, [&](int32_t i) {
                                             return pods->members[static_cast<size_t>(i)]->name;
                                           })};
  const std::vector<Condition> conditions = PlanStatefulSetConditions(
      ParseConditions(json::Find(next, {"status", "conditions"})), failures, options.now);
  if (!conditions.empty()) report["conditions"] = RenderConditions(conditions);
  AddOwners(*pods, report);
  report["status"] = StatusOf(plan);
  ModelOptions cluster = options.model;
  cluster.pod_ready_gate = !spec->native;
  ModelCluster model(cluster, options.now, spec->hooks, spec->uid);
  for (const PodPtr& pod : pods->members) model.Add(pod);
  return FinishReport(std::move(report),
                      SimulateStatefulSet(*spec, revisions, planner, model, {}, nullptr, claims),
                      options.simulate);
}

}  // namespace rekindle::plan
