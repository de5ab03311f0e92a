#ifndef REKINDLE_CONTROLLER_PLAN_REPORT_WORLD_H_
#define REKINDLE_CONTROLLER_PLAN_REPORT_WORLD_H_

#include <map>
#include <string>
#include <vector>

#include "controller/plan/cloneset.h"
#include "controller/plan/report.h"
#include "controller/plan/restart.h"
#include "controller/plan/statefulset.h"

namespace rekindle::plan {

// The documents of a report, sorted by what they are.
struct ReportWorld {
  const Json* present = nullptr;  // the workload as it is now
  std::vector<const Json*> revisions;
  std::vector<const Json*> pods;
  std::vector<const Json*> claims;
  std::vector<const Json*> requests;  // ContainerRecreateRequests
  std::map<std::string, std::map<std::string, std::string>> node_labels;
};
// Documents of another namespace than the workload's are left out.
ReportWorld SortDocuments(const Json& next, const std::vector<Json>& against);

// The documents that the controller of the workload would find: revisions by selector that it or
// nobody controls, claims that it controls. Where the workload has no UID of its own, nothing comes
// from an API server: what the selector matches and nobody owns belongs to it.
ReportWorld OwnDocuments(ReportWorld world, absl::string_view uid, const api::Selector& selector);

// `next` with what only the API server knows of it, the UID and the status, from the present
// workload; the UID otherwise from the pods, claims and revisions that name it as their owner.
inline constexpr char kDefaultUid[] = "workload";
Json Completed(const Json& next, const ReportWorld& world);

// The revisions that the new object leads to.
absl::StatusOr<RevisionPlan> RevisionsOf(const std::string& owner, const Json& next_template,
                                         const std::optional<std::string>& claims_hash,
                                         const ReportWorld& world, const NormalizeOptions& options,
                                         api::PodParser& parser, RevisionSet& out);

// What pods of a settled workload look like.
struct Settled {
  std::vector<std::string> names;
  std::string owner_uid;
  Hooks hooks;
  std::string set_name;  // of a StatefulSet: its pods are known by name
  bool deleting = false;
  bool lifecycle = true;   // label of the lifecycle and gate KruisePodReady
  bool adds_gate = false;  // their controller adds the gate InPlaceUpdateReady
  std::vector<std::string> claim_names;
};

// The pods that a plan is about, and those whose owner changes.
struct WorldPods {
  std::vector<PodPtr> members;  // adopted ones among them
  std::vector<std::string> adopted;
  std::vector<std::string> released;
};

// Which pods of the world belong to the workload (`selector` by ownership.h). Without any Pod
// document, those of a settled present workload. Where the workload has no UID of its own, nothing
// comes from an API server: pods without owner that the selector matches are then members.

absl::StatusOr<WorldPods> PodsOf(const ReportWorld& world, const RevisionSet& revisions,
                                 const Settled& settled, const api::Selector& selector,
                                 absl::Time now, api::PodParser& parser);

// Puts the pods whose owner changes into the report.
void AddOwners(const WorldPods& pods, Json& report);

NodeLabel NodeLabelOf(const ReportWorld& world);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_REPORT_WORLD_H_
