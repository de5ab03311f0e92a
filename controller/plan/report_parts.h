#ifndef REKINDLE_CONTROLLER_PLAN_REPORT_PARTS_H_
#define REKINDLE_CONTROLLER_PLAN_REPORT_PARTS_H_

#include <string>

#include "common/json/json_fwd.h"
#include "controller/plan/cloneset.h"
#include "controller/plan/predownload.h"
#include "controller/plan/report.h"
#include "controller/plan/report_world.h"
#include "controller/plan/simulate.h"

// What the reports of the kinds share. Used only by MakeReport.
namespace rekindle::plan {

Json ReasonJson(const Reason& why);
// An action with its reason and, where it writes, what is written in which order.
Json ActionJson(const PodAction& action, const api::PodRecord& pod, const Hooks& hooks,
                absl::Time now, const InPlaceOptions& options);
Json CreationJson(const Creation& creation, bool two_revisions);
Json StatusJson(const StatusCounters& status);

// The revisions of the report and whether their difference can be made in place. `back`: pods move
// to the present revision.
struct ChangeOptions {
  PodUpdatePolicy policy = PodUpdatePolicy::kReCreate;
  bool on_delete = false;
  bool back = false;
  bool native = false;  // apps/v1
  InPlaceOptions in_place;
};
void AddChange(const RevisionSet& revisions, const RevisionPlan& plan, const ChangeOptions& options,
               Json& report);

absl::string_view PolicyName(PodUpdatePolicy policy);

// What is pulled ahead, where the gate of that is open and there is something to say.
void AddPreDownload(const PreDownloadPlan& plan, Json& report);

// Puts the timeline in and renders the whole; `all`: with samples and events.
Report FinishReport(Json report, const Timeline& timeline, bool all);
// The report for people.
std::string ReportText(const Json& report);

absl::StatusOr<Report> ReportCloneSet(const Json& next, const ReportWorld& world,
                                      const ReportOptions& options);
absl::StatusOr<Report> ReportStatefulSet(const Json& next, const ReportWorld& world,
                                         const ReportOptions& options);
absl::StatusOr<Report> ReportRestart(const Json& next, const ReportWorld& world,
                                     const ReportOptions& options);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_REPORT_PARTS_H_
