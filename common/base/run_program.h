#ifndef REKINDLE_COMMON_BASE_RUN_PROGRAM_H_
#define REKINDLE_COMMON_BASE_RUN_PROGRAM_H_

#include <atomic>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rekindle {

struct RunProgramOptions {
  // Added to this process's environment; a name that is there already gets the new value.
  std::vector<std::pair<std::string, std::string>> env = {};
  bool own_input = false;    // standard input is this process's own, not empty
  bool errors_pass = false;  // standard error goes where this process's goes, and is not kept
  size_t max_output_bytes = std::numeric_limits<size_t>::max();
};

// Runs a program found by PATH, without input, and returns what it wrote on its standard output.
// Errors: kNotFound (no such program), kAborted (it ended with anything but 0: its last words on
// the standard error), kDeadlineExceeded and kCancelled (killed after `limit`, or because
// `interrupted` was set), kResourceExhausted (killed: it wrote too
// much), kInternal (no pipe, no process).
// Threads: any.
absl::StatusOr<std::string> RunProgram(const std::vector<std::string>& argv, absl::Duration limit,
                                       const std::atomic<bool>& interrupted,
                                       const RunProgramOptions& options = {});

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_RUN_PROGRAM_H_
