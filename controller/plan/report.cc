#include "controller/plan/report.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/report_parts.h"

namespace rekindle::plan {

absl::StatusOr<Report> MakeReport(const Json& next, const std::vector<Json>& against,
                                  const ReportOptions& options) {
  const absl::string_view kind = json::String(next, "kind");
  const ReportWorld world = SortDocuments(next, against);
  if (kind == "CloneSet") return ReportCloneSet(Completed(next, world), world, options);
  if (kind == "StatefulSet") return ReportStatefulSet(Completed(next, world), world, options);
  if (kind == "ContainerRecreateJob") return ReportRestart(next, world, options);
  return absl::InvalidArgumentError(
      absl::StrCat("kind: \"", kind, "\" is none of CloneSet, StatefulSet, ContainerRecreateJob"));
}

}  // namespace rekindle::plan
