#ifndef REKINDLE_CONTROLLER_PLAN_REPORT_H_
#define REKINDLE_CONTROLLER_PLAN_REPORT_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"
#include "controller/plan/inplace_compare.h"
#include "controller/plan/model.h"
#include "controller/plan/statefulset_spec.h"

namespace rekindle::plan {

struct ReportOptions {
  InPlaceOptions in_place;
  StatefulSetGates gates;
  bool partition_rollback = false;
  bool preparing_update_as_update = false;
  bool pre_download = false;  // gate PreDownloadImageForInPlaceUpdate
  ModelOptions model;
  bool simulate = false;  // include the whole timeline
  absl::Time now = absl::UnixEpoch();
};

// What `rekindle plan` prints.
struct Report {
  std::shared_ptr<const Json> json;
  std::string text;
  std::string svg;
};

// Explains what a workload object would do: `next` is the new object, `against` what is there now:
// the workload as it is, its ControllerRevisions, Pods, claims and Nodes, all optional. Without
// pods the present workload is taken to be settled: all its pods run and are ready. Kinds:
// CloneSet, StatefulSet (apps.kruise.io and apps/v1), ContainerRecreateJob. Errors:
// kInvalidArgument naming the field or document.
absl::StatusOr<Report> MakeReport(const Json& next, const std::vector<Json>& against,
                                  const ReportOptions& options);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_REPORT_H_
