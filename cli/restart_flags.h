#ifndef REKINDLE_CLI_RESTART_FLAGS_H_
#define REKINDLE_CLI_RESTART_FLAGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace CLI {
class App;
}  // namespace CLI

namespace rekindle::cli {

// The flags that every command that restarts containers has, as given.
struct RestartFlags {
  std::vector<std::string> containers;
  bool all = false;
  std::string method = "auto";
  std::string grace;
  bool skip_pre_stop = false;
  std::string min_started;
  std::string unready_grace;
  bool ordered = false;
  std::string on_failure = "fail";
  bool force = false;
  std::string deadline;
  bool no_wait = false;
};

// -c and --all.
void AddContainerFlags(CLI::App& command, RestartFlags& flags);
void AddMethodFlag(CLI::App& command, RestartFlags& flags);
// --ordered and --on-failure.
void AddOrderFlags(CLI::App& command, RestartFlags& flags);
// --grace and --skip-pre-stop; `group` is their heading in --help, empty: the usual one.
void AddStopFlags(CLI::App& command, RestartFlags& flags, const std::string& group = "");

// kInvalidArgument: "FLAG: WHAT". Pure.
absl::Status WrongFlag(absl::string_view flag, absl::string_view what);

// Errors: kInvalidArgument (--all beside -c, a container twice). Pure.
absl::Status CheckContainers(const RestartFlags& flags);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_RESTART_FLAGS_H_
