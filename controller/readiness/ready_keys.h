#ifndef REKINDLE_CONTROLLER_READINESS_READY_KEYS_H_
#define REKINDLE_CONTROLLER_READINESS_READY_KEYS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/json/json_fwd.h"

namespace rekindle::readiness {

// One holder of a pod's condition KruisePodReady: while somebody holds it, the pod is not ready
// (container-recreate 13.3).
struct ReadyKey {
  std::string user_agent;
  std::string key;
  friend auto operator<=>(const ReadyKey&, const ReadyKey&) = default;
};
inline constexpr char kRecreateAgent[] = "ContainerRecreateRequest";

// The holders in a condition's message; text that is no list of them holds nobody. Pure.
std::vector<ReadyKey> ParseReadyKeys(absl::string_view message);
// Compact JSON, sorted by agent and key. Pure.
std::string RenderReadyKeys(std::vector<ReadyKey> keys);

// Whether the pod, a v1 Pod, has readiness gate KruisePodReady. Pure.
bool HasReadyGate(const Json& pod);

// What makes `pod` not ready for `key`: a merge patch of its status with the whole list of
// conditions, and the version that it was made from, so that a writer in between is not undone. The
// condition Ready follows at once where all containers are ready (13.4). None: nothing is to be
// done. Pure. Threads: any.
std::optional<Json> AddReadyKey(const Json& pod, const ReadyKey& key, absl::Time now);
// What takes `key` away again; the pod is ready when nobody else holds it. Ready is left to the
// kubelet. As above.
std::optional<Json> RemoveReadyKey(const Json& pod, const ReadyKey& key, absl::Time now);
// The condition that a pod with the gate begins with (13.2): True. None: it has one, has no gate,
// or is being deleted. As above.
std::optional<Json> DefaultReadyCondition(const Json& pod, absl::Time now);

}  // namespace rekindle::readiness

#endif  // REKINDLE_CONTROLLER_READINESS_READY_KEYS_H_
