#include "common/base/lock_checks.h"

#include "absl/synchronization/mutex.h"

namespace rekindle {

void SkipLockOrderChecks() { absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore); }

}  // namespace rekindle
