#include "common/base/scheduling.h"

#include <sched.h>
#include <sys/resource.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace rekindle {
namespace {

absl::Status Refused(const char* call) {
  return absl::PermissionDeniedError(absl::StrCat(call, ": ", std::strerror(errno)));
}

}  // namespace

absl::Status UseRealtimeScheduling(absl::Duration runaway) {
  if (runaway < absl::Seconds(1)) {
    return absl::InvalidArgumentError("runaway: must be at least 1 s");
  }
  rlimit before{};
  if (getrlimit(RLIMIT_RTTIME, &before) != 0) return Refused("getrlimit(RLIMIT_RTTIME)");
  rlimit limit = before;
  limit.rlim_cur = static_cast<rlim_t>(absl::ToInt64Microseconds(runaway));
  if (before.rlim_max != RLIM_INFINITY && limit.rlim_cur > before.rlim_max) {
    limit.rlim_cur = before.rlim_max;
  }
  if (setrlimit(RLIMIT_RTTIME, &limit) != 0) return Refused("setrlimit(RLIMIT_RTTIME)");
  sched_param parameters{};
  parameters.sched_priority = sched_get_priority_min(SCHED_RR);
  if (sched_setscheduler(0, SCHED_RR, &parameters) == 0) return absl::OkStatus();
  const absl::Status refused = Refused("sched_setscheduler");
  (void)setrlimit(RLIMIT_RTTIME, &before);
  return refused;
}

}  // namespace rekindle
