#ifndef REKINDLE_DAEMON_KUBELET_OWNERSHIP_H_
#define REKINDLE_DAEMON_KUBELET_OWNERSHIP_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"

#include "cri/v1/api.pb.h"

namespace rekindle::kubelet {

// Labels and annotations of a kubelet (spec/node-runtime 2.1).
inline constexpr char kPodNameLabel[] = "io.kubernetes.pod.name";
inline constexpr char kPodNamespaceLabel[] = "io.kubernetes.pod.namespace";
inline constexpr char kPodUidLabel[] = "io.kubernetes.pod.uid";
inline constexpr char kContainerNameLabel[] = "io.kubernetes.container.name";
inline constexpr char kHashAnnotation[] = "io.kubernetes.container.hash";
inline constexpr char kRestartCountAnnotation[] = "io.kubernetes.container.restartCount";
inline constexpr char kDeletionGraceAnnotation[] = "io.kubernetes.pod.deletionGracePeriod";
inline constexpr char kConfigSourceAnnotation[] = "kubernetes.io/config.source";
inline constexpr char kConfigMirrorAnnotation[] = "kubernetes.io/config.mirror";

// True when a kubelet made the sandbox. Threads: any, as all functions here; pure.
bool OwnedByKubelet(const ::runtime::v1::PodSandbox& sandbox);

// True for a pod that the kubelet has from a file or URL instead of the API, and for its mirror.
bool IsStaticPod(const ::runtime::v1::PodSandbox& sandbox);

// True when the kubelet was already deleting the pod when it made the container.
bool WasMadeForDeletion(const ::runtime::v1::ContainerStatus& container);

// The restart count that the kubelet reads; none when it is missing or no number.
std::optional<uint32_t> RestartCount(
    const google::protobuf::Map<std::string, std::string>& annotations);

// Checks that a container in a kubelet's sandbox is one that the kubelet takes for its own: labels
// of this pod and of this container, a hash, and a restart count that is its attempt (else the next
// attempt of the kubelet would collide with a name in use: pitfall 10).
// Errors: kFailedPrecondition saying what is missing or differs.
absl::Status CheckKubeletContainer(const ::runtime::v1::PodSandbox& sandbox,
                                   const ::runtime::v1::ContainerStatus& container);

}  // namespace rekindle::kubelet

#endif  // REKINDLE_DAEMON_KUBELET_OWNERSHIP_H_
