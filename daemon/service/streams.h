#ifndef REKINDLE_DAEMON_SERVICE_STREAMS_H_
#define REKINDLE_DAEMON_SERVICE_STREAMS_H_

#include <memory>

#include "common/base/loop.h"
#include "daemon/images/puller.h"
#include "daemon/restart/operation.h"
#include "daemon/service/calls.h"
#include "daemon/service/convert.h"
#include "daemon/service/operation_hub.h"
#include "daemon/service/pod_hub.h"
#include "daemon/service/slots.h"
#include "rekindle/node/v1/node.grpc.pb.h"

namespace rekindle::service {

// What the streaming calls do once their request has been let in and checked. Each function
// returns at once; the work runs on the loop and ends when the stream does. `slot` is given back
// then. `ended` hears the stream's status, once.
// Threads: the queue's; what they are given must outlive the stream, or the loop must have stopped.
struct StreamContext {
  Loop& loop;
  Slots::Slot slot;
  Ended ended;
};

// Submits `request` and sends each operation's current state, then its changes, the latest state
// of each for a slow reader; ends with OK when all have ended. A client that goes away changes
// nothing for the operations.
void RunRestart(StreamContext context, std::shared_ptr<OperationHub> hub,
                restart::RestartRequest request,
                std::shared_ptr<OutStream<v1::RestartContainersResponse>> stream);

// Sends the operations that match, a marker, then changes. A reader with more than
// kMaxWatchBacklog responses waiting is cut off with kResourceExhausted.
void RunWatch(StreamContext context, std::shared_ptr<OperationHub> hub,
              restart::Engine::Filter filter,
              std::shared_ptr<OutStream<v1::WatchOperationsResponse>> stream);

// Sends the pods that match `wanted` (empty parts match all), a marker, then changes and removals,
// the latest of each sandbox for a slow reader. One with more than kMaxWatchBacklog responses
// waiting all the same is cut off with kResourceExhausted.
void RunWatchPods(StreamContext context, std::shared_ptr<PodHub> hub, v1::PodRef wanted,
                  std::shared_ptr<OutStream<v1::WatchPodsResponse>> stream);

// Pulls and sends progress (the latest for a slow reader), then the result. A client that goes
// away cancels the pull.
void RunPull(StreamContext context, images::Puller& puller, PullQuery query,
             std::shared_ptr<OutStream<v1::PullImageResponse>> stream);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_STREAMS_H_
