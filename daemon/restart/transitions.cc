#include "daemon/restart/transitions.h"

namespace rekindle::restart {

bool MayMove(Method method, Phase from, Phase to) {
  if (IsTerminal(from)) return false;
  if (to == Phase::kFailed) return true;
  if (to == Phase::kCancelled) return MayCancel(method, from);
  if (to == Phase::kDone && (from == Phase::kAccepted || from == Phase::kDraining)) return true;
  for (const Transition& row : kTransitions) {
    if (row.method == method && row.from == from && row.to == to) return true;
  }
  return false;
}

bool MayCancel(Method method, Phase phase) {
  switch (phase) {
    case Phase::kAccepted:
    case Phase::kDraining:
    case Phase::kStaged:
      return true;
    case Phase::kStarting:
    case Phase::kPostStart:
    case Phase::kVerifying:
      return method == Method::kHot;
    default:
      return false;
  }
}

bool IsTouched(Method method, Phase phase) {
  return !IsTerminal(phase) && !MayCancel(method, phase);
}

absl::string_view PhaseName(Phase phase) {
  switch (phase) {
    case Phase::kAccepted:
      return "accepted";
    case Phase::kDraining:
      return "draining";
    case Phase::kStaged:
      return "staged";
    case Phase::kPreStop:
      return "pre-stop";
    case Phase::kStopping:
      return "stopping";
    case Phase::kStarting:
      return "starting";
    case Phase::kPostStart:
      return "post-start";
    case Phase::kVerifying:
      return "verifying";
    case Phase::kDone:
      return "done";
    case Phase::kFailed:
      return "failed";
    case Phase::kCancelled:
      return "cancelled";
  }
  return "unknown";
}

absl::string_view MethodName(Method method) {
  switch (method) {
    case Method::kReplace:
      return "replace";
    case Method::kHot:
      return "hot";
    case Method::kDelegate:
      return "delegate";
    case Method::kAuto:
      return "auto";
  }
  return "unknown";
}

}  // namespace rekindle::restart
