#ifndef REKINDLE_DAEMON_RESTART_OPERATION_H_
#define REKINDLE_DAEMON_RESTART_OPERATION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "daemon/hooks/handler.h"
#include "daemon/kubelet/eligibility.h"

namespace rekindle::restart {

// How a container is replaced (DESIGN.md section 3). Numbers are on disk: never change them.
enum class Method : uint32_t {
  kReplace = 1,
  kHot = 2,
  kDelegate = 3,  // beside a kubelet: stop, the kubelet starts the next one
  kAuto = 4,      // asked for, never in use
};

// Where an operation is. "In phase X" means: X is journaled and its action may have begun.
// Numbers are on disk: never change them.
enum class Phase : uint32_t {
  kAccepted = 1,
  kDraining = 2,
  kStaged = 3,
  kPreStop = 4,
  kStopping = 5,
  kStarting = 6,
  kPostStart = 7,
  kVerifying = 8,
  kDone = 9,
  kFailed = 10,
  kCancelled = 11,
};

constexpr bool IsTerminal(Phase phase) {
  return phase == Phase::kDone || phase == Phase::kFailed || phase == Phase::kCancelled;
}

struct PodRef {
  std::string ns;
  std::string name;
  std::string uid;  // in a request it may be empty (not checked); in a record it is always known
  bool operator==(const PodRef&) const = default;
};

struct ReadyCheck {
  hooks::Handler handler;
  absl::Duration period = absl::Seconds(1);
  absl::Duration timeout = absl::Seconds(1);
  uint32_t success_threshold = 1;
  bool operator==(const ReadyCheck&) const = default;
};

// What is asked for one container. Unset optionals mean "the default named at the field".
struct ContainerRestart {
  std::string name;
  std::string expected_container_id;  // plain ID; empty: whatever is current
  Method method = Method::kReplace;
  std::optional<absl::Duration> grace;     // default: the pod's, else 30 s
  std::optional<hooks::Handler> pre_stop;  // default: the hook recorded on the container
  bool skip_pre_stop = false;
  std::optional<hooks::Handler> post_start;  // default: none
  absl::Duration min_started;                // kHot without ready check: zero means 3 s
  std::optional<ReadyCheck> ready_check;     // kHot only
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> unset_env;
  // Beside a kubelet, where the caller knows what the daemon cannot.
  bool env_from_references = false;  // variables come from ConfigMaps or Secrets
  bool keep_env = false;             // the old values of such are fine
  bool health_checked = false;       // by the kubelet: it has a liveness or a startup probe
  // The container's own; unknown: the pod's.
  kubelet::RestartPolicy restart_policy = kubelet::RestartPolicy::kUnknown;
};

// What only the Kubernetes API knows of a pod that a kubelet owns.
struct KubernetesPod {
  kubelet::RestartPolicy restart_policy = kubelet::RestartPolicy::kUnknown;
  bool terminating = false;
  bool allow_static_pod = false;
};

enum class Order { kParallel, kListed };
enum class FailurePolicy { kFail, kIgnore };

struct RestartRequest {
  std::string request_id;
  PodRef pod;
  std::vector<ContainerRestart> containers;
  Order order = Order::kParallel;
  FailurePolicy failure_policy = FailurePolicy::kFail;
  bool force = false;
  absl::Duration unready_grace;
  std::optional<absl::Duration> deadline;       // default: see Engine::Submit
  std::optional<KubernetesPod> kubernetes_pod;  // required for a pod of a kubelet
};

// A kubelet kills a replacement that it has taken for a failed one at its second look: so long it
// is watched at least.
inline constexpr absl::Duration kKubeletLooks = absl::Milliseconds(2500);

struct PhaseTime {
  Phase phase;
  absl::Time entered;
  bool operator==(const PhaseTime&) const = default;
};

// One container's restart: what was asked and what has happened. A plain value; the journal
// stores it, the service shows it.
struct OperationRecord {
  // What was asked, with defaults applied.
  std::string request_id;
  PodRef pod;
  uint32_t index = 0;  // position in the request
  bool ordered = false;
  bool ignore_failures = false;
  bool force = false;
  absl::Duration unready_grace;
  std::string container_name;
  std::string expected_container_id;
  Method method = Method::kReplace;
  absl::Duration grace;
  std::optional<hooks::Handler> pre_stop;
  std::optional<hooks::Handler> post_start;
  absl::Duration min_started;
  std::optional<ReadyCheck> ready_check;
  std::vector<std::pair<std::string, std::string>> env;
  std::vector<std::string> unset_env;
  Method requested_method = Method::kReplace;
  std::string method_reason;    // why `method` is in use
  bool beside_kubelet = false;  // a kubelet owns the pod
  bool health_checked = false;  // and checks the container's health
  absl::Time created;
  absl::Time deadline;

  // What has happened.
  Phase phase = Phase::kAccepted;
  std::vector<PhaseTime> history;
  std::string message;
  std::string sandbox_id;
  std::string old_container_id;
  bool old_was_running = true;
  std::string new_container_id;
  uint32_t attempt = 0;  // of the replacement; 0 until it is decided
  uint32_t start_failures = 0;
  int32_t old_exit_code = 0;
  std::optional<absl::Duration> gap;
  std::string pre_stop_result;
  std::string post_start_result;
  bool service_down = false;
  absl::Time ended = absl::InfiniteFuture();
  std::vector<std::string> leftovers;  // container IDs that still have to be removed
  std::string log_path;                // absolute log file of the old container; for clean-up

  // Beside a kubelet.
  uint32_t old_attempt = 0;
  bool adopted = false;  // the new container is one that the kubelet made although we meant to
  std::optional<absl::Time> backoff_until;  // the kubelet waits until about then
  bool aftercare = false;  // it has ended and is still being looked after (aftercare.h)
  absl::Time aftercare_from = absl::UnixEpoch();  // what the schedule of that counts from
  uint32_t aftercare_step = 0;                    // the next of its steps
  std::string aftercare_result;

  // "<request_id>/<container name>".
  std::string id() const { return request_id + "/" + container_name; }

  bool operator==(const OperationRecord&) const = default;
};

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_OPERATION_H_
