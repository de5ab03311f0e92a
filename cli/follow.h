#ifndef REKINDLE_CLI_FOLLOW_H_
#define REKINDLE_CLI_FOLLOW_H_

#include "cli/session.h"

namespace rekindle::cli {

enum class Wait {
  kUntilEnded,     // show progress until every operation has ended
  kUntilAccepted,  // return as soon as the daemon has taken the work over
};

// Sends a restart request and follows its operations. A connection that is lost after the daemon
// has taken the work over is made anew (the same request ID attaches), for at most a minute.
// Returns the exit code; prints progress, outcome and errors. `request` names its containers.
int FollowRestart(const Session& session, const v1::RestartContainersRequest& request, Wait wait);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_FOLLOW_H_
