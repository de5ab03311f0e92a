#ifndef REKINDLE_DAEMON_CONFIG_COMMAND_LINE_H_
#define REKINDLE_DAEMON_CONFIG_COMMAND_LINE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "daemon/config/config.h"

namespace rekindle::config {

inline constexpr char kDefaultConfigFile[] = "/etc/rekindle/rekindled.yaml";

// What the loader needs of the machine.
struct Host {
  std::string hostname;  // default of node_name
  std::string version;   // for --version
  // The text of a file. Errors: kNotFound when there is none; others as they are.
  std::function<absl::StatusOr<std::string>(const std::string& path)> read_file;

  // The real machine. Files beyond kLargestConfigFile are read only that far and one byte more.
  static Host ThisMachine(std::string version);
};

enum class Action {
  kRun,          // start the daemon with `config`
  kCheckHealth,  // ask the daemon that runs (health_service) and exit with 0 or 1
  kPrint,  // write `text` to standard output and exit with 0 (--help, --version, --check-config)
};

struct CommandLine {
  Action action = Action::kRun;
  std::string text;
  DaemonConfig config;
  Origins origins;
  std::string health_service;  // of grpc.health.v1, for kCheckHealth
  std::string config_file;     // the file that was read; empty: none
};

// Makes the configuration: defaults, then the file (--config, else kDefaultConfigFile if it
// exists), then flags. `args` are the program's arguments without its name. Errors:
// kInvalidArgument; the message has one line per mistake, naming file and line or flag, the key,
// and what is allowed. Exit with 2 then. Never throws. Threads: any.
absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& args,
                                             const Host& host);

}  // namespace rekindle::config

#endif  // REKINDLE_DAEMON_CONFIG_COMMAND_LINE_H_
