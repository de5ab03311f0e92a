#ifndef REKINDLE_CLI_RESTART_REQUEST_H_
#define REKINDLE_CLI_RESTART_REQUEST_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cli/restart_flags.h"

#include "rekindle/node/v1/node.pb.h"

namespace rekindle::cli {

// The flags of `rekindle node restart`, as given.
struct RestartOptions : RestartFlags {
  std::string pod;
  std::vector<std::string> env;
  std::vector<std::string> unset_env;
  std::string ready_tcp;
  std::string ready_http;
  std::string ready_exec;
  std::vector<std::string> expect_ids;
  std::string request_id;
};

// Checks everything that can be checked without the daemon and makes the request; the containers
// are those of -c, or none yet (see ChooseContainers). `new_id` is used when --request-id is
// absent. Errors: kInvalidArgument naming the flag. Pure.
absl::StatusOr<node::v1::RestartContainersRequest> BuildRestart(const RestartOptions& options,
                                                                const std::string& new_id);

// Fills in `names` as the containers, each with what the flags say for all, and applies
// --expect-id. Errors: kInvalidArgument (--expect-id of a container that is not restarted). Pure.
absl::Status NameContainers(const RestartOptions& options, const std::vector<std::string>& names,
                            node::v1::RestartContainersRequest& request);

// Fills in the containers when -c was not given: all of the pod's with --all, else the only one.
// `pods` is what the daemon lists for the pod. Then applies --expect-id.
// Errors: kNotFound (no such pod, no container that could be restarted), kInvalidArgument (several
// containers: lists them; --expect-id of a container that is not restarted). Pure.
absl::Status ChooseContainers(const RestartOptions& options, const node::v1::ListPodsResponse& pods,
                              node::v1::RestartContainersRequest& request);

// Splits a command the way shells do: blanks separate, '...' and "..." keep together, \ escapes.
// Nothing is expanded. Errors: kInvalidArgument (open quote). Pure.
absl::StatusOr<std::vector<std::string>> SplitCommand(absl::string_view text);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_RESTART_REQUEST_H_
