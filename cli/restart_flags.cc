#include "cli/restart_flags.h"

#include <set>

#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

#include "common/base/text.h"

namespace rekindle::cli {

void AddContainerFlags(CLI::App& command, RestartFlags& flags) {
  command
      .add_option("-c,--container", flags.containers,
                  "Container (repeatable). Default: the pod's only one.")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  command.add_flag("--all", flags.all, "All containers of the pod.");
}

void AddMethodFlag(CLI::App& command, RestartFlags& flags) {
  command
      .add_option("--method", flags.method,
                  "replace: stop the old container, start the new one. hot: start the new one "
                  "beside the old one, then stop the old one. delegate: stop it, the kubelet "
                  "starts the next one. auto: the daemon chooses, replace where that is right. "
                  "Default: auto.")
      ->check(CLI::IsMember({"replace", "hot", "delegate", "auto"}))
      ->type_name("METHOD");
}

void AddOrderFlags(CLI::App& command, RestartFlags& flags) {
  command.add_flag("--ordered", flags.ordered,
                   "One container after the other, in the order of -c. Default: all at once.");
  command
      .add_option("--on-failure", flags.on_failure,
                  "fail: a failure leaves containers not yet begun untouched. ignore: go on "
                  "with the others. Default: fail.")
      ->check(CLI::IsMember({"fail", "ignore"}))
      ->type_name("POLICY");
}

void AddStopFlags(CLI::App& command, RestartFlags& flags, const std::string& group) {
  CLI::Option* grace =
      command
          .add_option("--grace", flags.grace,
                      "Budget for pre-stop hook and stop, such as 30s. Default: the pod's own.")
          ->type_name("DURATION");
  CLI::Option* skip =
      command.add_flag("--skip-pre-stop", flags.skip_pre_stop, "Run no pre-stop hook.");
  if (group.empty()) return;
  grace->group(group);
  skip->group(group);
}

absl::Status WrongFlag(absl::string_view flag, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(flag, ": ", what));
}

absl::Status CheckContainers(const RestartFlags& flags) {
  if (flags.all && !flags.containers.empty()) {
    return WrongFlag("--all", "is for all containers; leave out -c");
  }
  std::set<std::string> names;
  for (const std::string& name : flags.containers) {
    if (!names.insert(name).second) {
      return WrongFlag("-c", absl::StrCat(PrintableText(name), " is given twice"));
    }
  }
  return absl::OkStatus();
}

}  // namespace rekindle::cli
