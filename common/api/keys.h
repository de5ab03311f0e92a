#ifndef REKINDLE_COMMON_API_KEYS_H_
#define REKINDLE_COMMON_API_KEYS_H_

#include "absl/strings/string_view.h"

// Labels, annotations, gates and variables that users, controllers and node daemons share
// (spec in-place-update 2, cloneset 8, statefulset 21).
namespace rekindle::api {

inline constexpr absl::string_view kGateInPlace = "InPlaceUpdateReady";
inline constexpr absl::string_view kGatePodReady = "KruisePodReady";

inline constexpr absl::string_view kLabelRevision = "controller-revision-hash";
inline constexpr absl::string_view kLabelTemplateHash = "pod-template-hash";
inline constexpr absl::string_view kLabelInstanceId = "apps.kruise.io/cloneset-instance-id";
inline constexpr absl::string_view kLabelLifecycle = "lifecycle.apps.kruise.io/state";
inline constexpr absl::string_view kLabelSpecifiedDelete = "apps.kruise.io/specified-delete";
inline constexpr absl::string_view kLabelPodName = "statefulset.kubernetes.io/pod-name";
inline constexpr absl::string_view kLabelPodIndex = "apps.kubernetes.io/pod-index";
inline constexpr absl::string_view kLabelHash = "controller.kubernetes.io/hash";
inline constexpr absl::string_view kLabelPreDownloadCreated =
    "apps.kruise.io/pre-predownload-created";
inline constexpr absl::string_view kLabelPreDownloadIgnored =
    "apps.kruise.io/image-predownload-ignored";
inline constexpr absl::string_view kLabelExcludePreparingDelete =
    "apps.kruise.io/cloneset-scaling-exclude-preparing-delete";

inline constexpr absl::string_view kLabelDeletionProtection = "policy.kruise.io/delete-protection";
// ContainerRecreateRequest (spec container-recreate 2.1).
inline constexpr absl::string_view kLabelRecreatePodUid = "crr.apps.kruise.io/pod-uid";
inline constexpr absl::string_view kLabelRecreateNode = "crr.apps.kruise.io/node-name";
inline constexpr absl::string_view kLabelRecreateActive = "crr.apps.kruise.io/active";
inline constexpr absl::string_view kAnnotationRecreateStatuses =
    "crr.apps.kruise.io/sync-container-statuses";
inline constexpr absl::string_view kAnnotationRecreateUnready =
    "crr.apps.kruise.io/unready-acquired";
inline constexpr absl::string_view kFinalizerRecreateUnready =
    "crr.apps.kruise.io/unready-acquired";
inline constexpr absl::string_view kConditionPreRecreateGrace = "PreRecreateGrace";
// Ours, on a ContainerRecreateRequest (docs/recreate.md).
inline constexpr absl::string_view kAnnotationRestartMethod = "rekindle.io/method";
inline constexpr absl::string_view kAnnotationSkipPreStop = "rekindle.io/skip-pre-stop";
inline constexpr absl::string_view kAnnotationRespectBudget = "rekindle.io/respect-budget";

inline constexpr absl::string_view kAnnotationLifecycleTime = "lifecycle.apps.kruise.io/timestamp";
inline constexpr absl::string_view kAnnotationState = "apps.kruise.io/inplace-update-state";
inline constexpr absl::string_view kAnnotationStateOld = "inplace-update-state";
inline constexpr absl::string_view kAnnotationGrace = "apps.kruise.io/inplace-update-grace";
inline constexpr absl::string_view kAnnotationGraceOld = "inplace-update-grace";
inline constexpr absl::string_view kAnnotationRuntimeMeta =
    "apps.kruise.io/runtime-containers-meta";
inline constexpr absl::string_view kAnnotationDeletionCost =
    "controller.kubernetes.io/pod-deletion-cost";
inline constexpr absl::string_view kAnnotationClaimHash =
    "kruise.io/cloneset-volumeclaimtemplate-hash";
inline constexpr absl::string_view kAnnotationRestartedAt = "kubectl.kubernetes.io/restartedAt";
inline constexpr absl::string_view kAnnotationOwnedByAsts = "apps.kruise.io/owned-by-asts";
inline constexpr absl::string_view kAnnotationPreDownloadParallelism =
    "apps.kruise.io/image-predownload-parallelism";
inline constexpr absl::string_view kAnnotationPreDownloadTimeout =
    "apps.kruise.io/image-predownload-timeout-seconds";
inline constexpr absl::string_view kAnnotationPreDownloadMinReady =
    "apps.kruise.io/image-predownload-min-updated-ready-pods";

// Pods that stand for those of a runtime without a kubelet: the UID on the labels of their
// containers, and that somebody keeps them true to the runtime.
inline constexpr absl::string_view kAnnotationRuntimeUid = "rekindle.io/runtime-uid";
inline constexpr absl::string_view kAnnotationMirrored = "rekindle.io/mirrored";
// On a sandbox of such a runtime, by whoever makes it: the pod's restartPolicy.
inline constexpr absl::string_view kAnnotationRestartPolicy = "rekindle.io/restart-policy";

inline constexpr absl::string_view kEnvBarrier = "KRUISE_CONTAINER_BARRIER";
inline constexpr absl::string_view kEnvPriority = "KRUISE_CONTAINER_PRIORITY";
// Set by hot-upgraded sidecars; never a reason to restart a container.
inline constexpr absl::string_view kEnvSidecarVersion = "SIDECARSET_VERSION";
inline constexpr absl::string_view kEnvSidecarVersionAlt = "SIDECARSET_VERSION_ALT";

}  // namespace rekindle::api

#endif  // REKINDLE_COMMON_API_KEYS_H_
