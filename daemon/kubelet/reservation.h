#ifndef REKINDLE_DAEMON_KUBELET_RESERVATION_H_
#define REKINDLE_DAEMON_KUBELET_RESERVATION_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

#include "cri/v1/api.pb.h"

namespace rekindle::kubelet {

// How a placeholder is labelled (DESIGN.md section 4; both compared in docs/adr).
enum class PlaceholderKind {
  // Without any label of a kubelet. No pod of the kubelet has it, so its status stays as it is. The
  // kubelet's container garbage collection removes it within a minute: whatever becomes of the
  // daemon, the name is free again.
  kUnlabelled,
  // With the UID of the pod and the name of a container that the pod does not have. It survives
  // that garbage collection, and counts there as the newest dead container of the real name.
  kPodUid,
};

// Label of a placeholder: the name of the container whose next attempts it reserves.
inline constexpr char kReservesLabel[] = "node.rekindle/reserves";
// Annotation of a placeholder and of a replacement: the operation that made it.
inline constexpr char kOperationAnnotation[] = "node.rekindle/operation";

// The request that occupies the name of `attempt` of the container that `replacement` creates: the
// same sandbox and image, nothing mounted, never to be started. Its log is a name of its own, which
// no file has: see CheckReplacement. Pure. Threads: any.
::runtime::v1::CreateContainerRequest BuildPlaceholder(
    const ::runtime::v1::CreateContainerRequest& replacement, uint32_t attempt,
    PlaceholderKind kind, absl::string_view operation);

// True for a container that BuildPlaceholder's request made. Pure. Threads: any.
bool IsPlaceholder(const ::runtime::v1::Container& container);

// The operation that made the container; empty: none of ours did. Pure. Threads: any.
std::string MadeBy(const ::runtime::v1::Container& container);

// All placeholders that the runtime has: for a list call. With a `sandbox` and `container` those of
// one container only.
::runtime::v1::ContainerFilter PlaceholderFilter(absl::string_view sandbox,
                                                 absl::string_view container);

}  // namespace rekindle::kubelet

#endif  // REKINDLE_DAEMON_KUBELET_RESERVATION_H_
