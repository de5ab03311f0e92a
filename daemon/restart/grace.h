#ifndef REKINDLE_DAEMON_RESTART_GRACE_H_
#define REKINDLE_DAEMON_RESTART_GRACE_H_

#include "absl/time/time.h"

namespace rekindle::restart {

// The least time a container gets between stop signal and kill (spec/container-recreate 9.2
// rule 4).
inline constexpr absl::Duration kMinStopTimeout = absl::Seconds(2);
// Grace of a pod that does not say (spec/container-recreate 9.1).
inline constexpr absl::Duration kDefaultGrace = absl::Seconds(30);

// A grace of zero runs no hook (9.2 rule 3).
constexpr bool RunsPreStop(absl::Duration grace) { return grace > absl::ZeroDuration(); }

// The timeout of the stop call when `spent` of `grace` went to the hook: whole seconds are charged,
// at least kMinStopTimeout remain (9.2 rules 3 and 4; worked figures in 9.3).
absl::Duration StopTimeout(absl::Duration grace, absl::Duration spent);

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_GRACE_H_
