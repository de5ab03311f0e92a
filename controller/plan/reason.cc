#include "controller/plan/reason.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace rekindle::plan {
namespace {

struct Row {
  Code code;
  absl::string_view name;
  absl::string_view words;
};

constexpr Row kRows[] = {
    {Code::kUpToDate, "UpToDate", "is on the wanted revision"},
    {Code::kKeptByPartition, "KeptByPartition",
     "stays on its revision: partition keeps {0} of {1:pod}"},
    {Code::kKeptBroken, "KeptBroken",
     "not ready ({d}) and not updated: partition keeps {0} of {1:pod} on their revision"},
    {Code::kNotActive, "NotActive", "has finished or is terminating; it is not counted"},
    {Code::kOnDelete, "OnDelete", "is updated only when somebody deletes it (OnDelete)"},
    {Code::kPaused, "Paused", "waits: the rollout is paused"},
    {Code::kContentDiffers, "ContentDiffers",
     "is labelled with the wanted revision but runs another content: {d}"},
    {Code::kInPlace, "InPlace", "update in place: {d}"},
    {Code::kInPlaceReplace, "InPlaceReplace",
     "update in place by replacing the container on its node: {d}"},
    {Code::kGraceRunning, "GraceRunning", "waits: grace period, {0} s of {1} s left"},
    {Code::kGraceOver, "GraceOver", "grace period is over: change the containers now"},
    {Code::kGraceSuperseded, "GraceSuperseded",
     "drop the pending grace document: the pod carries another revision"},
    {Code::kGraceWithoutState, "GraceWithoutState",
     "grace document without update state (apps.kruise.io/inplace-update-grace without "
     "apps.kruise.io/inplace-update-state): repair the pod"},
    {Code::kNextBatch, "NextBatch", "update the next containers: {d}"},
    {Code::kBatchNotReady, "BatchNotReady",
     "waits: container {d} of the previous batch is not ready"},
    {Code::kStateBroken, "StateBroken",
     "the in-place update state is not readable; it counts as complete"},
    {Code::kFinished, "Finished", "in-place update complete: mark the pod ready for its users"},
    {Code::kOpenGate, "OpenGate",
     "no in-place update is under way: open its readiness gate InPlaceUpdateReady"},
    {Code::kRepair, "Repair", "finish an interrupted update in place: {d}"},
    {Code::kMetaMissing, "MetaMissing",
     "waits: the node daemon has not reported the containers of this pod"},
    {Code::kMetaBroken, "MetaBroken", "waits: the node daemon's report is not readable"},
    {Code::kHashesDiffer, "HashesDiffer", "waits: container {d} still runs its old definition"},
    {Code::kEnvHashDiffers, "EnvHashDiffers",
     "waits: container {d} has not restarted with its new environment"},
    {Code::kImageUnchanged, "ImageUnchanged", "waits: container {d} still runs the old image"},
    {Code::kStatusMissing, "StatusMissing", "waits: container {d} has no reported status"},
    {Code::kResourcesDiffer, "ResourcesDiffer",
     "waits: the resize of container {d} is not reported yet"},
    {Code::kResizeInfeasible, "ResizeInfeasible",
     "the resize of container {d} does not fit on its node; choose other values"},
    {Code::kResizeDeferred, "ResizeDeferred",
     "waits: the resize of container {d} is deferred by its node"},
    {Code::kNotRestarted, "NotRestarted", "waits: container {d} has not been restarted"},
    {Code::kPolicyReCreate, "PolicyReCreate", "recreate: the update policy is ReCreate"},
    {Code::kNativeReplaces, "NativeReplaces",
     "recreate: a native StatefulSet changes no pod in place"},
    {Code::kOldRevisionUnknown, "OldRevisionUnknown",
     "recreate: revision {d} of the pod is no longer stored"},
    {Code::kFieldNotInPlace, "FieldNotInPlace", "recreate: {d} cannot change in place"},
    {Code::kQosChanges, "QosChanges",
     "recreate: the resources would change the quality-of-service class"},
    {Code::kClaimsChanged, "ClaimsChanged", "recreate: the claim templates changed"},
    {Code::kNoGate, "NoGate",
     "recreate: the change needs the readiness gate InPlaceUpdateReady, which the pod lacks"},
    {Code::kNeverRestarts, "NeverRestarts",
     "recreate: container {d} has ended and its restart policy would not start it again"},
    {Code::kInPlaceOnlyImpossible, "InPlaceOnlyImpossible",
     "cannot be updated: the policy is InPlaceOnly, {d}"},
    {Code::kMaxUnavailable, "MaxUnavailable", "waits: maxUnavailable {1}, {0} in use by {d}"},
    {Code::kTargetUnavailable, "TargetUnavailable",
     "waits: at most {1:pod} of the target revision may be unavailable, now {0}: {d}"},
    {Code::kScalingFirst, "ScalingFirst", "waits: scaling comes before updating"},
    {Code::kOrderedPredecessor, "OrderedPredecessor", "waits: {d} must be available first"},
    {Code::kPredecessorEnd, "PredecessorEnd", "waits: {d} must be gone first"},
    {Code::kDisruptionBudget, "DisruptionBudget",
     "waits: its disruption budget allows no more disruption"},
    {Code::kPreUpdateHook, "PreUpdateHook", "waits for the inPlaceUpdate hook to release it: {d}"},
    {Code::kPostUpdateHook, "PostUpdateHook",
     "updated; waits for the inPlaceUpdate hook to be put back: {d}"},
    {Code::kPreNormalHook, "PreNormalHook", "waits for the preNormal hook: {d}"},
    {Code::kPreDeleteHook, "PreDeleteHook", "waits for the preDelete hook to release it: {d}"},
    {Code::kUnscheduled, "Unscheduled", "waits: not assigned to a node"},
    {Code::kNotReady, "NotReady", "waits: not ready ({d})"},
    {Code::kMinReady, "MinReady", "waits: ready, available in {0} s (minReadySeconds {1})"},
    {Code::kTerminating, "Terminating", "waits: it is terminating"},
    {Code::kExpectations, "Expectations", "waits: the cache has not seen the last write"},
    {Code::kScaleLimited, "ScaleLimited",
     "waits: scaleStrategy.maxUnavailable {1} allows {0:creation} now, {2:pod} not available"},
    {Code::kDeleteBudget, "DeleteBudget",
     "waits to be deleted: {0:ready pod} may go now (maxUnavailable {1}, unavailable {2})"},
    {Code::kPlannedDeletions, "PlannedDeletions",
     "waits to be deleted: {0:pod} chosen before must be gone first"},
    {Code::kReplacedBySurge, "ReplacedBySurge",
     "is not updated: its place goes to {0:surge pod}; deleted once enough of the others are "
     "available"},
    {Code::kClaimTerminating, "ClaimTerminating", "waits: claim {d} is being deleted"},
    {Code::kClaimStale, "ClaimStale", "waits: claim {d} of the previous pod is being collected"},
    {Code::kClaimResize, "ClaimResize", "waits: claim {d} is being resized"},
    {Code::kClaimUnfit, "ClaimUnfit", "cannot be updated: claim {d}"},
    {Code::kSetDeleting, "SetDeleting", "the workload is being deleted; nothing is changed"},
    {Code::kScaleUp, "ScaleUp", "create: {0:pod} wanted, {1} there"},
    {Code::kSurge, "Surge", "create: surge of {0:pod} while others are replaced"},
    {Code::kScaleDown, "ScaleDown", "delete: {0:pod} too many{d}"},
    {Code::kSpecifiedDelete, "SpecifiedDelete", "delete: chosen by the user or an update"},
    {Code::kHookReleased, "HookReleased", "delete: the preDelete hook has released it"},
    {Code::kRegret, "Regret", "return to service: {0:pod} too few without it"},
    {Code::kRecreate, "Recreate", "recreate: {d}"},
    {Code::kFinishedPod, "FinishedPod", "delete: the pod has {d} and is replaced"},
    {Code::kCondemned, "Condemned", "delete: its ordinal is {d}"},
    {Code::kReplaceMissing, "ReplaceMissing", "create: ordinal {0} has no pod"},
    {Code::kIdentityRepair, "IdentityRepair", "repair labels or claim owners: {d}"},
    {Code::kLifecycle, "Lifecycle", "lifecycle state becomes {d}"},
    {Code::kPrepareUpdate, "PrepareUpdate",
     "prepare its update: the inPlaceUpdate hook has to release {d}"},
    {Code::kPrepareAgain, "PrepareAgain",
     "prepare its next update: the handlers of the inPlaceUpdate hook are put back{d}"},
    {Code::kPrepareDelete, "PrepareDelete",
     "prepare its deletion: the preDelete hook has to release {d}"},
    {Code::kGrowClaim, "GrowClaim", "resize claim {d}"},
    {Code::kVolumesMissing, "VolumesMissing",
     "recreate: the pod lacks the volume of claim template {d}"},
    {Code::kBroken, "Broken", "recreate: it is not available anyway, so no budget is used"},
    {Code::kRestart, "Restart", "restart in place: batch {0} of {1}"},
    {Code::kRestartDone, "RestartDone", "restarted"},
    {Code::kRestartRunning, "RestartRunning", "is restarting: {d}"},
    {Code::kRestartFailed, "RestartFailed", "the restart failed: {d}"},
    {Code::kBatchFull, "BatchFull", "waits: batch of {0} is full, {1:pod} ahead of it"},
    {Code::kSpread, "Spread", "waits: at most {1:restart} at a time in {d}, now {0}"},
    {Code::kFailureThreshold, "FailureThreshold",
     "waits: {0:restart} failed, at most {1} tolerated; the plan stands still"},
    {Code::kOutOfPartition, "OutOfPartition", "not restarted: partition keeps {0:pod}"},
};

constexpr bool InOrder() {
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if (static_cast<size_t>(kRows[i].code) != i) return false;
  }
  return std::size(kRows) == static_cast<size_t>(Code::kCount);
}
static_assert(InOrder(), "every code has its row, in the order of the enumeration");

}  // namespace

Reason Because(Code code, absl::string_view detail) {
  Reason out;
  out.code = code;
  out.detail = api::Text(detail);
  return out;
}

Reason Figures(Code code, int64_t a, int64_t b, int64_t c, absl::string_view detail) {
  Reason out = Because(code, detail);
  out.figures = {a, b, c};
  return out;
}

absl::string_view CodeName(Code code) { return kRows[static_cast<size_t>(code)].name; }

Reason InPlaceOnlyImpossible(const Reason& obstacle) {
  const std::string words = Words(obstacle);
  Reason out;
  out.code = Code::kInPlaceOnlyImpossible;
  out.detail = api::Text(absl::StripPrefix(words, "recreate: "));
  return out;
}

std::string Counted(int64_t count, absl::string_view noun) {
  return absl::StrCat(count, " ", noun, count == 1 ? "" : "s");
}

bool IsRest(Code code) {
  return code == Code::kUpToDate || code == Code::kKeptByPartition || code == Code::kOnDelete ||
         code == Code::kPaused || code == Code::kOutOfPartition || code == Code::kSetDeleting;
}

std::string Words(const Reason& reason) {
  std::string out;
  absl::string_view rest = kRows[static_cast<size_t>(reason.code)].words;
  while (!rest.empty()) {
    const size_t open = rest.find('{');
    absl::StrAppend(&out, rest.substr(0, open));
    if (open == absl::string_view::npos) break;
    const size_t close = rest.find('}', open);
    const absl::string_view field = rest.substr(open + 1, close - open - 1);
    rest.remove_prefix(close + 1);
    if (field == "d") {
      absl::StrAppend(&out, reason.detail.view());
      continue;
    }
    const int64_t figure = reason.figures[static_cast<size_t>(field.front() - '0')];
    if (field.size() > 2) {
      absl::StrAppend(&out, Counted(figure, field.substr(2)));
    } else {
      absl::StrAppend(&out, figure);
    }
  }
  return out;
}

}  // namespace rekindle::plan
