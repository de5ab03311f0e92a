#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_QUEUE_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_QUEUE_H_

#include <memory>
#include <vector>

#include "controller/plan/recreate/request.h"

namespace rekindle::plan {

using RecreatePtr = std::shared_ptr<const RecreateRequest>;

// Whose turn it is among the requests of one pod name.
struct RecreateQueue {
  RecreatePtr picked;                // null: nobody's
  std::vector<RecreatePtr> waiting;  // in their order; none of them is touched
};

// Orders the requests of one pod (container-recreate 8.3): one that has begun first, then those
// that were acknowledged, then the others, each by creation and name. Completed and deleted ones
// are left out, and those of virtual nodes, which their provider serves. Pure. Threads: any.
RecreateQueue OrderRequests(std::vector<RecreatePtr> requests);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_QUEUE_H_
