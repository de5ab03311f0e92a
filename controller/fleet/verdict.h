#ifndef REKINDLE_CONTROLLER_FLEET_VERDICT_H_
#define REKINDLE_CONTROLLER_FLEET_VERDICT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "rekindle/node/v1/node.pb.h"

namespace rekindle::fleet {

// What the end of a stream of RestartContainers means for the call.
enum class Verdict {
  kDone,     // every operation has ended
  kRefused,  // the daemon will say the same again
  kRepeat,   // with the same request_id, after a pause
};

// By the code alone (node.proto, RestartContainers). Pure.
Verdict JudgeRestart(absl::StatusCode code);

// Whether `now` says more than `last`, which was told before: after a reconnection the daemon
// sends the current state of each operation again. An operation that was created anew (a journal
// that was lost with its disk) is news, whatever its phase. Pure.
bool IsNews(const node::v1::Operation& last, const node::v1::Operation& now);

// What a person wants to know of gRPC's message about a connection that could not be made. Pure.
std::string ConnectReason(absl::string_view message);

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_VERDICT_H_
