#include "tests/bench/realtime.h"

#include <sched.h>
#include <sys/types.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace rekindle::bench {

absl::StatusOr<bool> SetRealtime(bool on) {
  sched_param parameters{};
  parameters.sched_priority = on ? 1 : 0;
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    pid_t thread = 0;
    if (!absl::SimpleAtoi(task.path().filename().string(), &thread)) continue;
    if (sched_setscheduler(thread, on ? SCHED_RR : SCHED_OTHER, &parameters) == 0) continue;
    if (errno == EPERM) return false;
    if (errno != ESRCH) {
      return absl::InternalError(absl::StrCat("sched_setscheduler: ", std::strerror(errno)));
    }
  }
  return true;
}

}  // namespace rekindle::bench
