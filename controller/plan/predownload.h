#ifndef REKINDLE_CONTROLLER_PLAN_PREDOWNLOAD_H_
#define REKINDLE_CONTROLLER_PLAN_PREDOWNLOAD_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

#include "common/json/json_fwd.h"
#include "controller/plan/cloneset.h"
#include "controller/plan/statefulset_spec.h"

namespace rekindle::plan {

// What is done about pulling the images of a new revision before its pods need them (spec cloneset
// 24, statefulset 14).
struct PreDownloadPlan {
  enum class Step {
    kNone,        // nothing to do, or done for this revision
    kDeleteJobs,  // the rollout is over: the jobs of the workload go
    kWait,        // too few updated and ready pods
    kIgnore,      // mark the revision as ignored
    kCreate,      // create the jobs, then mark the revision as created
  };
  Step step = Step::kNone;
  std::string why;         // in words; empty for kNone
  std::vector<Json> jobs;  // ImagePullJob objects without owner, in the order of the containers
};

// The marker label for ControllerRevisions; "" when the step sets none.
absl::string_view MarkerOf(PreDownloadPlan::Step step);

// What both kinds of workload give in.
struct PreDownloadInput {
  std::string name_space;
  int64_t replicas = 1;
  int64_t partition = 0;
  int64_t max_unavailable_down = 1;  // rounded down
  bool recreates = false;            // ReCreate, OnDelete or no rolling block
  bool ignore_claims = false;        // policy InPlaceOnly
  const Json* selector = nullptr;
  int64_t parallelism = 1;
  int64_t timeout_seconds = 300;
  int64_t min_updated_ready = 0;
  int64_t updated_ready = 0;    // of the stored status
  std::string stored_revision;  // status.updateRevision as stored
};
PreDownloadInput PreDownloadOf(const CloneSetSpec& spec, const Json& object);
PreDownloadInput PreDownloadOf(const StatefulSetSpec& spec, const Json& object);

PreDownloadPlan PlanPreDownload(const PreDownloadInput& input, const RevisionSet& revisions,
                                const InPlaceOptions& options);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_PREDOWNLOAD_H_
