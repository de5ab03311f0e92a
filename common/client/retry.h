#ifndef REKINDLE_COMMON_CLIENT_RETRY_H_
#define REKINDLE_COMMON_CLIENT_RETRY_H_

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/client/pause.h"

namespace rekindle::client {

struct ConflictRetries {
  int attempts = 5;
  absl::Duration pause = absl::Milliseconds(10);
  double factor = 1.0;
  double jitter = 0.1;
};

// Whether a write was refused because the object had changed: to be decided anew from what it is
// now. That is 409 Conflict, and the 422 without causes of a JSON patch whose test failed (spec
// kubernetes-api 7.4); not a server-side apply's conflict with another manager.
bool IsLostRace(const absl::Status& status);

// Runs `attempt` until it does not lose the race: each time it must read the object, decide, and
// write; sending the same again would undo what somebody else wrote (spec kubernetes-api 12.4).
// `done` gets the last attempt's status, on the loop. `loop` outlives it all.
// Threads: the loop's.
void RetryOnConflict(Loop& loop, const ConflictRetries& retries, Random random,
                     absl::AnyInvocable<void(absl::AnyInvocable<void(absl::Status)>)> attempt,
                     absl::AnyInvocable<void(absl::Status)> done);

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_RETRY_H_
