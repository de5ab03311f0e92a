#ifndef REKINDLE_CLI_API_ERRORS_H_
#define REKINDLE_CLI_API_ERRORS_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cli/io.h"

#include "common/client/config/client_config.h"
#include "common/client/resource.h"

namespace rekindle::cli {

// ContainerRecreateRequest v1beta1.
client::ApiResource RecreateResource();

// What was asked of an API server.
struct ApiAttempt {
  absl::string_view verb;  // "get", "list", "watch", "create"
  client::ApiResource resource;
  std::string name_space;
  std::string name;  // of the object; empty: of none in particular
};

// A server whose certificate is not trusted, or that does not take ours, counts as unreachable:
// what the transport says of it becomes kUnavailable. Anything else stays. Pure.
absl::Status AsUnreachable(const absl::Status& status);

// Whether waiting may help: the server or the way to it is away, or busy. Errors that say that this
// is not permitted or not there stay as they are. Pure.
bool MayPass(const absl::Status& status);

// What a person should read when `attempt` has failed: which right is missing, which definition is
// not installed, which server cannot be reached; else the server's own words. The code says how the
// program ends: refusals of a creation are kFailedPrecondition, for they are no mistake of the
// command line. An error that is not of the server stays. Pure. Threads: any.
absl::Status ExplainApi(const absl::Status& status, const ApiAttempt& attempt,
                        const client::ClientConfig& config);

// Prints "error: ..." ("interrupted" when the user did it) and returns the exit code.
int FailApi(const absl::Status& status, const Io& io);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_API_ERRORS_H_
