#ifndef REKINDLE_CLI_APP_H_
#define REKINDLE_CLI_APP_H_

#include <string>
#include <vector>

#include "cli/io.h"

namespace rekindle::cli {

// The whole tool: parses `args` (without the program's name), runs the command, returns the exit
// code (see ExitCode). Never throws. Threads: one at a time.
int Run(const std::vector<std::string>& args, Io& io);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_APP_H_
