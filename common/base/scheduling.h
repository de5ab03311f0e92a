#ifndef REKINDLE_COMMON_BASE_SCHEDULING_H_
#define REKINDLE_COMMON_BASE_SCHEDULING_H_

#include "absl/status/status.h"
#include "absl/time/time.h"

namespace rekindle {

// Puts the calling thread, and every thread and process that comes of it later, under the lowest
// real-time priority (SCHED_RR, 1): it runs as soon as it has something to do, whatever else the
// machine computes. A thread that computes for `runaway` (whole seconds, at least 1 s) without once
// waiting ends the process with SIGXCPU, since nothing else would get at that processor any more.
// Errors: kInvalidArgument for `runaway`; kPermissionDenied where the kernel does not allow it
// (neither CAP_SYS_NICE nor RLIMIT_RTPRIO, or a cgroup without real-time budget). Nothing is
// changed then. Threads: any; call it before others are made.
absl::Status UseRealtimeScheduling(absl::Duration runaway);

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_SCHEDULING_H_
