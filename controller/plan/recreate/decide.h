#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_DECIDE_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_DECIDE_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "controller/plan/recreate/request.h"
#include "controller/plan/recreate/status.h"

namespace rekindle::plan {

// A container of the pod as the API shows it.
struct PodContainerView {
  uint64_t id = 0;      // api::Fingerprint of its containerID; 0: none yet
  std::string id_text;  // the containerID; empty: only the fingerprint is known
  int32_t restarts = 0;
  bool ready = false;
  bool running = false;
  // A readiness or startup probe decides about `ready`, so that the daemon's word is not enough.
  bool probed = false;
};

// The target of a request as the API shows it now.
struct PodView {
  bool gone = false;  // no pod of the request's UID is there, or it is being deleted
  std::string ended;  // "Succeeded", "Failed"; empty: it has not
  bool gate = false;  // readiness gate KruisePodReady
  std::map<std::string, PodContainerView> containers;
};

// The newest container of a name as the runtime lists it.
struct LiveContainer {
  std::string id;  // bare
  int32_t attempt = 0;
  bool exited = false;
};

// What has been heard of one container's operation on the node.
struct HeardOperation {
  enum class At : uint8_t { kBefore, kStopping, kStarting, kDone, kFailed, kCancelled };
  At at = At::kBefore;
  bool killed = false;   // its old container got its stop signal
  bool stopped = false;  // the old container has been stopped, so a failure is not the stop's
  std::string message;
  std::string new_id;  // bare
  int32_t attempt = 0;
  uint32_t start_failures = 0;  // replacements before that one which did not stay up

  bool Ended() const { return at >= At::kDone; }
};

// One container's hand-over to the daemon.
struct RecreateCall {
  bool under_way = false;  // the call has been made and has not ended
  bool timed_out = false;  // the call ended without the operation's end
  bool not_taken = false;  // was to attach to an operation that the daemon does not have
  std::string refusal;     // the daemon's words; empty: it did not refuse
  std::string refused_id;  // the live container at that time
  std::string waiting;     // why nothing is heard; empty: nothing wrong
  std::optional<HeardOperation> operation;
};

// Everything that a decision about the request whose turn it is takes into account. Durations are
// by the controller's own monotonic clock: no clock of a node or of the API server is compared
// with another one (7.3).
struct RecreateInput {
  const RecreateRequest* request = nullptr;
  // As the last decision left them; at first those of the status.
  std::vector<RecreateState> states;
  std::vector<SnapshotEntry> snapshot;
  absl::Time now;
  absl::Duration age;  // since the request's creation
  // Another process worked on it before this one: what it asked of the daemon is not known.
  bool resumed = false;

  std::optional<PodView> pod;                                // none: not read yet
  std::optional<std::map<std::string, LiveContainer>> live;  // none: not listed yet
  bool fresh = true;                                         // both are young enough to act upon
  absl::Duration unreachable_for;             // 0: the daemon answered last, or was not asked
  std::string unreachable;                    // why
  bool refuses = false;                       // it does answer, but not this controller
  std::map<std::string, RecreateCall> calls;  // by container
  // Containers that were there before the request, although its statusContext does not name them:
  // requests that had completed by then made them, and the Pod did not show them yet.
  std::vector<uint64_t> made_before;  // api::Fingerprint of each containerID

  std::optional<absl::Duration> drained_for;  // none: the drain has not begun
  bool key_taken = false;                     // the pod holds this request's not-ready key
  std::string budget;  // why a disruption budget forbids it; empty: it does not
  // For how long the container that a name now stands for has been known; see Plan::watched.
  struct Watched {
    uint64_t id = 0;
    absl::Duration known;
  };
  std::map<std::string, Watched> watched;
};

// What is to be done now.
struct RecreatePlan {
  std::vector<RecreateState> states;
  std::vector<SnapshotEntry> snapshot;
  bool read_pod = false;         // read the pod afresh
  bool list_containers = false;  // ask the daemon what runs
  bool refresh = false;          // either of them where it is not young
  bool take_finalizer = false;
  bool take_key = false;       // then the pod is made not-ready
  bool no_gate = false;        // the drain begins, and the pod cannot be made not-ready
  std::optional<size_t> call;  // this container is handed over, while `write` is written
  std::optional<RecreateStatus> write;
  bool completes = false;  // `write` is the end
  bool give_up = false;    // cancel what the daemon has not begun
  std::string waiting;     // what is waited for, in words; empty: for the daemon's next word
  // Containers whose minimum running time counts from when they were first seen.
  std::map<std::string, uint64_t> watched;
  absl::Duration wake = absl::InfiniteDuration();  // look again after that long
};

inline constexpr absl::Duration kNoResponseAfter = absl::Seconds(60);

// Decides the next steps of a request whose turn it is (container-recreate 7, 8, 10 with their
// FIXes). One container is handed over at a time: the next one when the old container of the one
// before has been stopped, with orderedRecreate when it has succeeded. A restart takes two writes:
// one when it is handed over, one at its end; orderedRecreate one more for each further container.
// Pure. Threads: any.
RecreatePlan PlanRecreate(const RecreateInput& input);

// The end of a request before its time: unfinished containers become Failed with `message`, and
// with `detail` behind it where it is not empty. Pure.
RecreateStatus AbortedStatus(const RecreateRequest& request,
                             const std::vector<RecreateState>& states,
                             const std::vector<SnapshotEntry>& snapshot, const std::string& message,
                             const std::string& detail, absl::Time now);

// What is to be done about a request that waits for its turn: it is acknowledged at once, and says
// what it waits for. Deadlines and the pod's end hold for it too.
struct WaitingPlan {
  std::optional<RecreateStatus> write;
  bool completes = false;
  absl::Duration wake = absl::InfiniteDuration();
};
WaitingPlan PlanWaiting(const RecreateRequest& request, const std::string& reason, bool pod_gone,
                        absl::Duration age, absl::Time now);

// A request for a pod of a virtual node: its provider has 60 s to take notice (7.2, 11).
WaitingPlan PlanVirtual(const RecreateRequest& request, bool pod_gone, absl::Duration age,
                        absl::Time now);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_DECIDE_H_
