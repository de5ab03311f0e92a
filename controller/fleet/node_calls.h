#ifndef REKINDLE_CONTROLLER_FLEET_NODE_CALLS_H_
#define REKINDLE_CONTROLLER_FLEET_NODE_CALLS_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "rekindle/node/v1/node.pb.h"

namespace rekindle::fleet {

// What controllers ask of the daemons of nodes, by the name of the node. The one seam between a
// reconciler and the network; tests replace it.
//
// Threads: the loop's. Callbacks arrive there, never inline.
class NodeCalls {
 public:
  using CallId = uint64_t;  // 0 is never a call

  struct RestartEvents {
    // An operation as it is now: the current state of each first, then each change. May be empty.
    std::function<void(const node::v1::Operation&)> progress;
    // The call goes on, but nothing is heard now: the node is not known, its daemon cannot be
    // reached (also: the connection broke, and is made anew), or too many calls are under way. Says
    // why, in words for a person; OK: it is heard of again. May be empty.
    std::function<void(const absl::Status& why)> waiting;
    // The end, once. OK: every operation of the request has ended, whatever its outcome. Else the
    // daemon's own refusal (nothing was touched: kInvalidArgument, kNotFound, kFailedPrecondition,
    // kPermissionDenied, kUnauthenticated), or kDeadlineExceeded with the last reason for waiting;
    // what the daemon had taken over goes on then.
    absl::AnyInvocable<void(absl::Status)> ended;
  };

  virtual ~NodeCalls() = default;

  // Has `request` carried out on `node`. A daemon that is away is waited for; the request is
  // repeated with its request_id, so that it is carried out at most once (proto:
  // RestartContainers).
  virtual CallId Restart(const std::string& node, node::v1::RestartContainersRequest request,
                         absl::Duration timeout, RestartEvents events) = 0;

  // One attempt. Errors: those of the daemon; kUnavailable (node not known, cannot be reached),
  // kResourceExhausted (no turn in time: too many other calls), kDeadlineExceeded.
  using PodsDone = absl::AnyInvocable<void(absl::StatusOr<node::v1::ListPodsResponse>)>;
  virtual CallId ListPods(const std::string& node, node::v1::ListPodsRequest request,
                          absl::Duration timeout, PodsDone done) = 0;

  // Cancels what has not begun to stop its container; with `pod_terminating` also keeps what has
  // from starting another one (proto: CancelOperation). One attempt.
  using OperationDone = absl::AnyInvocable<void(absl::StatusOr<node::v1::Operation>)>;
  virtual CallId CancelOperation(const std::string& node, const std::string& operation,
                                 bool pod_terminating, absl::Duration timeout,
                                 OperationDone done) = 0;

  // Drops a call: no callback of it comes any more. The daemon goes on with what it has taken over.
  virtual void Drop(CallId call) = 0;
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_NODE_CALLS_H_
