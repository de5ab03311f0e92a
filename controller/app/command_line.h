#ifndef REKINDLE_CONTROLLER_APP_COMMAND_LINE_H_
#define REKINDLE_CONTROLLER_APP_COMMAND_LINE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

#include "controller/app/embedded_server.h"
#include "controller/app/run_options.h"

namespace rekindle {

struct ControllerCommandLine {
  enum class Action { kPrint, kServe, kBackup, kRestore, kKubeconfig };
  Action action = Action::kPrint;
  std::string text;  // of kPrint: --help, --version
  RunOptions run;    // of kServe
  EmbeddedOptions embedded;
  int verbosity = 0;
  std::string file;                 // of kBackup and kRestore
  std::string server;               // of kKubeconfig; empty: what the admin's says
  std::string user;                 // of kKubeconfig
  std::vector<std::string> groups;  // of kKubeconfig
  int valid_days = 365;             // of kKubeconfig
};

// `args` are the program's arguments without its name. Errors: kInvalidArgument; the message names
// the flag and what is allowed. Exit with 2 then. Never throws. Pure.
absl::StatusOr<ControllerCommandLine> ParseControllerCommandLine(
    const std::vector<std::string>& args, const std::string& version);

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_COMMAND_LINE_H_
