#include "common/base/lock_checks.h"

#include "absl/synchronization/mutex.h"
#include <gtest/gtest.h>

namespace rekindle {
namespace {

TEST(LockChecksTest, NobodyLooksAtTheOrderOfLocks) {
  SkipLockOrderChecks();
  // With the checks of Debian's package this ends the process.
  absl::Mutex first;
  absl::Mutex second;
  {
    const absl::MutexLock outer(&first);
    const absl::MutexLock inner(&second);
  }
  const absl::MutexLock outer(&second);
  const absl::MutexLock inner(&first);
  SUCCEED();
}

}  // namespace
}  // namespace rekindle
