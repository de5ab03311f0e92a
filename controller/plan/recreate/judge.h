#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_JUDGE_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_JUDGE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "controller/plan/recreate/decide.h"

namespace rekindle::plan {

// How one container of a request stands, and what that means for those after it.
struct ContainerVerdict {
  enum class Next : uint8_t {
    kSettled,    // final, or left untouched: the next one may go
    kStopping,   // in the daemon's hands, the old one not stopped yet: nobody else may go
    kRestarted,  // stopped or exited: the next one may go, unless they are ordered
    kCall,       // to be handed over now
    kBlocked,    // not there: those after it are not touched (8.7)
    kUnknown,    // the daemon has not been asked yet
  };
  RecreateState state;
  Next next = Next::kUnknown;
  std::optional<SnapshotEntry> snapshot;
  std::string waiting;    // for what; empty: nothing worth telling
  bool read_pod = false;  // the pod must be read to tell the new container's ID
  uint64_t watched = 0;   // see RecreatePlan::watched
  absl::Duration wake = absl::InfiniteDuration();
};

// Whether the request is for `live`, although its statusContext names the container before: its
// author saw the end of the request that made it. `made_before`: see RecreateInput. Pure.
bool MadeBefore(const RecreateContainer& container, const LiveContainer& live,
                const std::vector<uint64_t>& made_before);

// Judges spec.containers[index] (8.6, with the daemon's operation in the place of a kill). Pure.
ContainerVerdict JudgeContainer(const RecreateInput& input, size_t index);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_JUDGE_H_
