#ifndef REKINDLE_DAEMON_RESTART_TRANSITIONS_H_
#define REKINDLE_DAEMON_RESTART_TRANSITIONS_H_

#include "absl/strings/string_view.h"

#include "daemon/restart/operation.h"

namespace rekindle::restart {

// The state machine of an operation (DESIGN.md section 3), one row for each step that may follow
// another. Phases without anything to do are passed over (no unready grace: no kDraining; no hook:
// no kPreStop), so several rows leave a phase. docs/operations.md draws the same table.
struct Transition {
  Method method;
  Phase from;
  Phase to;
};

inline constexpr Transition kTransitions[] = {
    // replace: the replacement is created, the old container stops, the replacement starts.
    {Method::kReplace, Phase::kAccepted, Phase::kDraining},
    {Method::kReplace, Phase::kAccepted, Phase::kStaged},
    {Method::kReplace, Phase::kDraining, Phase::kStaged},
    {Method::kReplace, Phase::kStaged, Phase::kPreStop},
    {Method::kReplace, Phase::kStaged, Phase::kStopping},
    {Method::kReplace, Phase::kStaged, Phase::kStarting},  // nothing runs (forced, or it exited)
    {Method::kReplace, Phase::kPreStop, Phase::kStopping},
    {Method::kReplace, Phase::kPreStop, Phase::kStarting},  // exited during its hook
    {Method::kReplace, Phase::kStopping, Phase::kStarting},
    {Method::kReplace, Phase::kStarting, Phase::kPostStart},
    {Method::kReplace, Phase::kStarting, Phase::kVerifying},
    {Method::kReplace, Phase::kPostStart, Phase::kVerifying},
    {Method::kReplace, Phase::kPostStart, Phase::kStarting},  // it died: the next attempt
    {Method::kReplace, Phase::kVerifying, Phase::kStarting},  // it died: the next attempt
    {Method::kReplace, Phase::kVerifying, Phase::kDone},
    // hot: the replacement starts and is up before the old container stops.
    {Method::kHot, Phase::kAccepted, Phase::kDraining},
    {Method::kHot, Phase::kAccepted, Phase::kStaged},
    {Method::kHot, Phase::kDraining, Phase::kStaged},
    {Method::kHot, Phase::kStaged, Phase::kStarting},
    {Method::kHot, Phase::kStarting, Phase::kPostStart},
    {Method::kHot, Phase::kStarting, Phase::kVerifying},
    {Method::kHot, Phase::kPostStart, Phase::kVerifying},
    {Method::kHot, Phase::kVerifying, Phase::kStarting},  // a kubelet killed it: once more
    {Method::kHot, Phase::kVerifying, Phase::kPreStop},
    {Method::kHot, Phase::kVerifying, Phase::kStopping},
    {Method::kHot, Phase::kVerifying, Phase::kDone},  // the old one exited meanwhile
    {Method::kHot, Phase::kPreStop, Phase::kStopping},
    {Method::kHot, Phase::kStopping, Phase::kDone},
    // delegate: the old container stops, and the kubelet is waited for.
    {Method::kDelegate, Phase::kAccepted, Phase::kDraining},
    {Method::kDelegate, Phase::kAccepted, Phase::kPreStop},
    {Method::kDelegate, Phase::kAccepted, Phase::kStopping},
    {Method::kDelegate, Phase::kAccepted, Phase::kStarting},  // nothing runs
    {Method::kDelegate, Phase::kDraining, Phase::kPreStop},
    {Method::kDelegate, Phase::kDraining, Phase::kStopping},
    {Method::kDelegate, Phase::kDraining, Phase::kStarting},
    {Method::kDelegate, Phase::kPreStop, Phase::kStopping},
    {Method::kDelegate, Phase::kStopping, Phase::kStarting},
    {Method::kDelegate, Phase::kStarting, Phase::kVerifying},
    {Method::kDelegate, Phase::kVerifying, Phase::kStarting},  // it died: the kubelet's next one
    {Method::kDelegate, Phase::kVerifying, Phase::kDone},
};

// True when the table holds the step, or `to` is kFailed and `from` is not an end, or `to` is
// kCancelled and MayCancel. kAccepted or kDraining -> kDone: another operation has already done
// what was asked. Threads: any.
bool MayMove(Method method, Phase from, Phase to);

// True while the container that runs has not been touched.
bool MayCancel(Method method, Phase phase);

// True from the first step that the container notices until its successor is up: what has begun
// must be brought to its end, whatever the deadline says.
bool IsTouched(Method method, Phase phase);

// "accepted", "pre-stop", ... as logs, metrics and the CLI show it.
absl::string_view PhaseName(Phase phase);
// "replace", "hot", "delegate" or "auto".
absl::string_view MethodName(Method method);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_TRANSITIONS_H_
