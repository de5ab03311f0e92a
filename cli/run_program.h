#ifndef REKINDLE_CLI_RUN_PROGRAM_H_
#define REKINDLE_CLI_RUN_PROGRAM_H_

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rekindle::cli {

// Runs a program found by PATH, without input, and returns what it wrote on its standard output.
// Errors: kNotFound (no such program), kAborted (it ended with anything but 0: its last words on
// the standard error), kDeadlineExceeded and kCancelled (killed after `limit`, or because
// `interrupted` was set), kInternal (no pipe, no process).
// Threads: any.
absl::StatusOr<std::string> RunProgram(const std::vector<std::string>& argv, absl::Duration limit,
                                       const std::atomic<bool>& interrupted);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_RUN_PROGRAM_H_
