#ifndef REKINDLE_CLI_FOLLOW_RECREATE_H_
#define REKINDLE_CLI_FOLLOW_RECREATE_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "cli/api_session.h"

#include "common/json/json_fwd.h"

namespace rekindle::cli {

// A request that this command has made.
struct MadeRequest {
  ObjectPtr object;        // as the server answered
  absl::Duration started;  // on the session's monotonic clock, before it was sent
};

// Follows requests of one namespace to their ends: prints progress, outcomes and errors, and
// returns the exit code. The work goes on without it: an interrupted or lost wait says how to look.
// A watch that breaks is resumed, for two minutes. `batch` is the label that several requests
// share; empty: there is one.
int FollowRequests(ApiSession& session, const std::vector<MadeRequest>& made,
                   const std::string& batch);

// How to look at requests that go on.
std::string HowToLook(const std::string& name_space, const std::string& name,
                      const std::string& batch);

// The objects as one document: itself, or a List of several.
Json AsDocument(const std::vector<Json>& objects);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_FOLLOW_RECREATE_H_
