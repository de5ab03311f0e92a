#ifndef REKINDLE_CLI_IO_H_
#define REKINDLE_CLI_IO_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <istream>
#include <optional>
#include <ostream>
#include <string>

#include "absl/time/time.h"

namespace rekindle::cli {

// Everything the tool needs of the process it runs in; tests put their own in.
struct Io {
  std::ostream& out;
  std::ostream& err;
  std::istream& in;
  bool out_is_tty = false;
  size_t width = 80;  // columns of the terminal
  std::function<std::optional<std::string>(const std::string& name)> getenv;
  std::function<absl::Time()> now;
  std::function<std::string()> new_request_id;  // unique, [A-Za-z0-9._:-]
  std::function<uint32_t()> random;             // uniform; for the names of new objects
  // Set by SIGINT and SIGTERM; waits look at it several times a second.
  const std::atomic<bool>& interrupted;
};

// How often a wait looks at the interrupt flag and redraws.
inline constexpr absl::Duration kTick = absl::Milliseconds(50);

// How the program ends; documented in docs/cli.md and in --help. Never change a number.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailed = 1,       // an operation failed, or an error of the daemon's own
  kExitUsage = 2,        // wrong arguments; the daemon calls a field invalid
  kExitNotFound = 3,     // no such pod, container, operation or image
  kExitRefused = 4,      // not permitted, or the state does not allow it
  kExitUnreachable = 5,  // no daemon, no runtime
  kExitTimedOut = 6,     // gave up waiting; the operation goes on
  kExitInterrupted = 130,
};

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_IO_H_
