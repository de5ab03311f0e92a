#ifndef REKINDLE_DAEMON_RESTART_ENGINE_H_
#define REKINDLE_DAEMON_RESTART_ENGINE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "daemon/restart/operation.h"

namespace rekindle::restart {

// The restart engine: runs one operation per container as the state machine of
// daemon/restart/transitions.h, journaled ahead of every action, never blocking a thread.
//
// This is the interface that the service talks to; EngineImpl is the implementation.
// Threads: every method on the loop's thread; callbacks arrive there too, never inline.
class Engine {
 public:
  using WatchId = uint64_t;

  struct Filter {
    PodRef pod;              // empty parts match all
    std::string request_id;  // empty matches all
    bool active_only = false;
  };

  struct Stats {
    size_t active = 0;
    size_t stored = 0;  // active and ended ones
    bool accepting = true;
    std::string accepting_reason;
  };

  virtual ~Engine() = default;

  // Checks a request against the runtime, journals it and starts it. Replies with the records of
  // its operations once they are durable (or were already: the same request_id attaches).
  // Default deadline: unready_grace + the largest (kListed: the sum) of grace + min_started,
  // + 2 min.
  // Errors, with nothing touched: kInvalidArgument, kNotFound, kFailedPrecondition (messages as
  // listed at RestartContainers in node.proto), kResourceExhausted, kUnavailable.
  virtual void Submit(
      RestartRequest request,
      absl::AnyInvocable<void(absl::StatusOr<std::vector<OperationRecord>>)> reply) = 0;

  // Cancels an operation whose container has not been touched yet.
  // Errors: kNotFound; kFailedPrecondition when it has ended or is past that point.
  virtual void Cancel(const std::string& operation_id,
                      absl::AnyInvocable<void(absl::StatusOr<OperationRecord>)> reply) = 0;

  // The operation's pod is being deleted. Cancels it as Cancel does, or, where that is too late,
  // has it start no container any more: it fails once its stop is over. Errors: kNotFound;
  // kFailedPrecondition when it has ended.
  virtual void EndWithPod(const std::string& operation_id,
                          absl::AnyInvocable<void(absl::StatusOr<OperationRecord>)> reply) = 0;

  // Null when it never was or has expired. Valid until the loop's next task.
  virtual const OperationRecord* Find(const std::string& operation_id) const = 0;

  // Matching records, newest first.
  virtual std::vector<OperationRecord> List(const Filter& filter) const = 0;

  // Calls `observer` on every change of any operation until Unwatch.
  virtual WatchId Watch(std::function<void(const OperationRecord&)> observer) = 0;
  virtual void Unwatch(WatchId watch) = 0;

  virtual Stats GetStats() const = 0;

  // Refuses new work with kUnavailable and `reason` from now on.
  virtual void StopAccepting(const std::string& reason) = 0;
};

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_ENGINE_H_
