#ifndef REKINDLE_CONTROLLER_PLAN_SIMULATE_H_
#define REKINDLE_CONTROLLER_PLAN_SIMULATE_H_

#include <functional>
#include <string>
#include <vector>

#include "controller/plan/cloneset.h"
#include "controller/plan/model.h"
#include "controller/plan/restart.h"
#include "controller/plan/statefulset.h"

namespace rekindle::plan {

struct Sample {
  int64_t second = 0;  // since the start
  int64_t total = 0;
  int64_t available = 0;
  int64_t updated = 0;
  int64_t restarts = 0;
};

struct TimelineEvent {
  int64_t second = 0;
  std::string pod;
  std::string action;
  std::string why;
  int64_t pass = 0;  // several passes may fall into one second
};

// How a simulation ends.
enum class Ending : uint8_t {
  kFinished,     // everything is as the spec wants it, as far as its partition goes
  kAtRest,       // the spec asks to leave the rest alone: paused, OnDelete
  kStandsStill,  // nothing can happen any more, and something is not as it should be
  kCutOff,       // a limit of the simulation
};
absl::string_view EndingName(Ending ending);

struct Timeline {
  std::vector<Sample> samples;        // one per second in which something changed
  std::vector<TimelineEvent> events;  // at most `max_events`
  int64_t seconds = 0;
  int64_t lowest_available = 0;
  int64_t restarts = 0;
  int64_t created = 0;
  int64_t deleted = 0;
  int64_t passes = 0;
  Ending ending = Ending::kCutOff;
  int64_t kept = 0;                // pods that the partition keeps on another revision
  std::vector<std::string> stuck;  // pods that are not as wanted, and what they wait for

  bool Finished() const { return ending == Ending::kFinished; }
};

struct SimulationLimits {
  int64_t max_passes = 100'000;
  int64_t max_seconds = 7 * 24 * 3600;
  size_t max_events = 10'000;
};

// Watches a simulation; called for every plan before it is carried out.
template <typename Plan>
using Observer = std::function<void(const Plan&, const ModelCluster&)>;

// Runs plan after plan on the model until nothing is left to do or nothing can happen any more.
Timeline SimulateCloneSet(CloneSetIndex& index, ModelCluster& model, const SimulationLimits& limits,
                          const Observer<CloneSetPlan>& observer = nullptr);
// Claims are created, bound, resized and, with their owner, collected, each within a second.
Timeline SimulateStatefulSet(const StatefulSetSpec& spec, const RevisionSet& revisions,
                             const StatefulSetOptions& options, ModelCluster& model,
                             const SimulationLimits& limits,
                             const Observer<StatefulSetPlan>& observer = nullptr,
                             std::vector<SetClaim> claims = {});

// Runs a bulk restart to its end: every restart succeeds and takes as long as the model says. Of
// the pods only their readiness counts; a pod that is not ready stays so until it is restarted.
Timeline SimulateRestart(const RestartSpec& spec, std::vector<PodPtr> pods,
                         std::map<std::string, RestartState> states, const RestartOptions& options,
                         const ModelOptions& model, absl::Time now);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_SIMULATE_H_
