#include "controller/app/command_line.h"

#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

#include "common/base/status_macros.h"
#include "controller/app/run_flags.h"

namespace rekindle {
namespace {

constexpr char kDefaultDataDir[] = "/var/lib/rekindle-controller";

void AddDataDir(CLI::App& app, EmbeddedOptions& options) {
  app.add_option("--data-dir", options.data_dir,
                 "where objects, certificates and the admin's kubeconfig are kept")
      ->capture_default_str();
}

void AddCommands(CLI::App& app, ControllerCommandLine& line) {
  using Action = ControllerCommandLine::Action;
  app.require_subcommand(0, 1);
  CLI::App* backup = app.add_subcommand(
      "backup", "Write all objects to FILE, as they are at one moment; the server may be running");
  backup->add_option("FILE", line.file, "must not exist")->required();
  AddDataDir(*backup, line.embedded);
  backup->callback([&line] { line.action = Action::kBackup; });
  CLI::App* restore = app.add_subcommand(
      "restore",
      "Put the objects of a backup in place of those that are there; the server must be "
      "stopped");
  restore->add_option("FILE", line.file, "made by backup")->required();
  AddDataDir(*restore, line.embedded);
  restore->callback([&line] { line.action = Action::kRestore; });
  CLI::App* kubeconfig = app.add_subcommand(
      "kubeconfig", "Print a kubeconfig for a user, with a new client certificate");
  kubeconfig->add_option("--user", line.user, "name of the user")->required();
  kubeconfig->add_option(
      "--group", line.groups,
      "may be repeated: system:masters (admin), rekindle:read-only, system:nodes");
  kubeconfig->add_option("--server", line.server, "URL of the API; default: the admin's");
  kubeconfig->add_option("--valid-days", line.valid_days, "until the certificate ends")
      ->check(CLI::Range(1, 3650))
      ->capture_default_str();
  AddDataDir(*kubeconfig, line.embedded);
  kubeconfig->callback([&line] { line.action = Action::kKubeconfig; });
}

absl::Status Check(const RunFlags& flags, ControllerCommandLine& line) {
  if (line.action == ControllerCommandLine::Action::kServe) {
    return flags.Read(line.run, line.embedded);
  }
  if (!line.embedded.data_dir.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError("--data-dir: must not be empty");
}

}  // namespace

absl::StatusOr<ControllerCommandLine> ParseControllerCommandLine(
    const std::vector<std::string>& args, const std::string& version) {
  ControllerCommandLine line;
  line.action = ControllerCommandLine::Action::kServe;
  line.embedded.data_dir = kDefaultDataDir;
  CLI::App app(
      "Rekindle's controller. It works on the Kubernetes API: that of a cluster, or with "
      "--embedded "
      "one that it serves itself.",
      "rekindle-controller");
  app.set_version_flag("--version", "rekindle-controller " + version);
  app.add_option("--verbosity,-v", line.verbosity, "more log lines: 0 to 3")
      ->check(CLI::Range(0, 3));
  const RunFlags flags(app, line.embedded);
  AddCommands(app, line);
  // CLI11 takes them from the back.
  std::vector<std::string> reversed(args.rbegin(), args.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForVersion&) {
    line.action = ControllerCommandLine::Action::kPrint;
    line.text = "rekindle-controller " + version + "\n";
    return line;
  } catch (const CLI::CallForHelp&) {
    line.action = ControllerCommandLine::Action::kPrint;
    CLI::App* asked = &app;
    for (CLI::App* command : app.get_subcommands()) asked = command;
    line.text = asked->help();
    return line;
  } catch (const CLI::Error& error) {
    return absl::InvalidArgumentError(absl::StrCat(error.what(), " (try --help)"));
  }
  RK_RETURN_IF_ERROR(Check(flags, line));
  return line;
}

}  // namespace rekindle
