#ifndef REKINDLE_CONTROLLER_PLAN_REASON_H_
#define REKINDLE_CONTROLLER_PLAN_REASON_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

#include "common/api/text.h"

namespace rekindle::plan {

// Why a plan does something to a pod, or does nothing. The text of each code stands in a table in
// reason.cc; {0} {1} {2} are the figures, {d} the detail, {0:pod} is a figure with its noun: "1
// pod".
enum class Code : uint8_t {
  // Nothing to do.
  kUpToDate,
  kKeptByPartition,
  kKeptBroken,
  kNotActive,
  kOnDelete,
  kPaused,
  kContentDiffers,
  // In-place update.
  kInPlace,
  kInPlaceReplace,
  kGraceRunning,
  kGraceOver,
  kGraceSuperseded,
  kGraceWithoutState,
  kNextBatch,
  kBatchNotReady,
  kStateBroken,
  kFinished,
  kOpenGate,
  kRepair,
  kMetaMissing,
  kMetaBroken,
  kHashesDiffer,
  kEnvHashDiffers,
  kImageUnchanged,
  kStatusMissing,
  kResourcesDiffer,
  kResizeInfeasible,
  kResizeDeferred,
  kNotRestarted,
  // Not in place.
  kPolicyReCreate,
  kNativeReplaces,
  kOldRevisionUnknown,
  kFieldNotInPlace,
  kQosChanges,
  kClaimsChanged,
  kNoGate,
  kNeverRestarts,
  kInPlaceOnlyImpossible,
  // Waiting.
  kMaxUnavailable,
  kTargetUnavailable,
  kScalingFirst,
  kOrderedPredecessor,
  kPredecessorEnd,
  kDisruptionBudget,
  kPreUpdateHook,
  kPostUpdateHook,
  kPreNormalHook,
  kPreDeleteHook,
  kUnscheduled,
  kNotReady,
  kMinReady,
  kTerminating,
  kExpectations,
  kScaleLimited,
  kDeleteBudget,
  kPlannedDeletions,
  kReplacedBySurge,
  kClaimTerminating,
  kClaimStale,
  kClaimResize,
  kClaimUnfit,
  kSetDeleting,
  // Scaling and deletion.
  kScaleUp,
  kSurge,
  kScaleDown,
  kSpecifiedDelete,
  kHookReleased,
  kRegret,
  kRecreate,
  kFinishedPod,
  kCondemned,
  kReplaceMissing,
  kIdentityRepair,
  kLifecycle,
  kPrepareUpdate,
  kPrepareAgain,
  kPrepareDelete,
  kGrowClaim,
  kVolumesMissing,
  kBroken,
  // Bulk restarts.
  kRestart,
  kRestartDone,
  kRestartRunning,
  kRestartFailed,
  kBatchFull,
  kSpread,
  kFailureThreshold,
  kOutOfPartition,
  kCount,
};

struct Reason {
  Code code = Code::kUpToDate;
  std::array<int64_t, 3> figures = {0, 0, 0};
  api::Text detail;
};

// A reason with its detail, or with its figures too.
Reason Because(Code code, absl::string_view detail = "");
Reason Figures(Code code, int64_t a, int64_t b = 0, int64_t c = 0, absl::string_view detail = "");

// CamelCase name of a code, stable for programs: "MaxUnavailable".
absl::string_view CodeName(Code code);

// An in-place policy without alternative meets an obstacle, whose words tell why.
Reason InPlaceOnlyImpossible(const Reason& obstacle);

// The reason in words with its figures.
std::string Words(const Reason& reason);

// "1 pod", "2 pods".
std::string Counted(int64_t count, absl::string_view noun);

// A pod with this reason is as its spec wants it for now: nothing will happen to it, and nothing is
// wrong.
bool IsRest(Code code);

}  // namespace rekindle::plan

#endif  // REKINDLE_CONTROLLER_PLAN_REASON_H_
