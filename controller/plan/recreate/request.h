#ifndef REKINDLE_CONTROLLER_PLAN_RECREATE_REQUEST_H_
#define REKINDLE_CONTROLLER_PLAN_RECREATE_REQUEST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"

namespace rekindle::plan {

// status.phase of a request; one that nobody has looked at yet has none (container-recreate 3.3).
enum class RecreatePhase : uint8_t { kNone, kPending, kRecreating, kCompleted };
absl::string_view RecreatePhaseName(RecreatePhase phase);  // "" for kNone

// containerRecreateStates[].phase (6.3).
enum class ContainerPhase : uint8_t { kPending, kRecreating, kSucceeded, kFailed };
absl::string_view ContainerPhaseName(ContainerPhase phase);
inline bool IsFinal(ContainerPhase phase) {
  return phase == ContainerPhase::kSucceeded || phase == ContainerPhase::kFailed;
}

// One entry of spec.containers with its statusContext.
struct RecreateContainer {
  std::string name;
  std::string id;  // "containerd://<id>"; empty: nobody filled it in
  int32_t restarts = 0;
};

struct RecreateState {
  std::string name;
  ContainerPhase phase = ContainerPhase::kPending;
  std::string message;
  bool killed = false;  // isKilled: is not to be killed any more (8.7)
  friend bool operator==(const RecreateState&, const RecreateState&) = default;
};

struct SnapshotEntry {
  std::string name;
  bool ready = false;
  int32_t restarts = 0;
  std::string id;  // "containerd://<id>"
  friend bool operator==(const SnapshotEntry&, const SnapshotEntry&) = default;
};

// Annotation rekindle.io/method.
enum class RestartMethod : uint8_t { kAuto, kReplace, kHot, kDelegate };

// A ContainerRecreateRequest of v1beta1, as far as decisions need it. Copyable; thread-compatible.
struct RecreateRequest {
  std::string name_space;
  std::string name;
  std::string uid;
  std::string resource_version;
  absl::Time created;
  bool deleting = false;

  std::string pod_name;
  std::string pod_uid;  // label; empty: the request was never admitted
  std::string node;     // label
  bool active = false;  // has the label `active`
  bool virtual_kubelet = false;
  std::vector<std::string> finalizers;
  bool HasFinalizer() const;  // ours

  std::vector<RecreateContainer> containers;
  bool ignore_failures = false;
  bool ordered = false;
  bool force = false;
  std::optional<absl::Duration> grace;
  std::optional<absl::Duration> unready_grace;
  absl::Duration min_started;
  std::optional<absl::Duration> active_deadline;
  std::optional<absl::Duration> ttl;

  RestartMethod method = RestartMethod::kAuto;
  bool skip_pre_stop = false;
  bool respect_budget = false;
  std::string problem;  // an annotation that cannot be read; empty: none

  RecreatePhase phase = RecreatePhase::kNone;
  std::optional<absl::Time> completed;
  std::string message;
  std::vector<RecreateState> states;
  std::vector<SnapshotEntry> snapshot;
  // Of one that has completed, in the place of its snapshot: api::Fingerprint of each containerID.
  std::vector<uint64_t> made;
  std::optional<absl::Time> drain_since;  // condition PreRecreateGrace while it is True
  std::string other_conditions;           // JSON list of those that are not ours; empty: none

  bool Completed() const { return phase == RecreatePhase::kCompleted || completed.has_value(); }
};

// Reads a request from its object. A phase that the API does not have counts as none. Of one that
// has completed, what only a restart needs is left out, since thousands of them may be kept.
// Errors: kInvalidArgument when the tree is no object with a name. Pure. Threads: any.
absl::StatusOr<RecreateRequest> ParseRecreateRequest(const Json& object);

// An ID without its runtime: "aa" of "containerd://aa". Pure.
absl::string_view BareContainerId(absl::string_view id);
// The same runtime's prefix for another ID: "containerd://bb". Pure.
std::string WithRuntimeOf(absl::string_view id, absl::string_view bare);

// Why the runtime of a request's containers cannot be told, in the words of 8.5; empty: it can.
// Pure.
std::string RuntimeProblem(const RecreateRequest& request);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_RECREATE_REQUEST_H_
