#include "controller/app/command_line.h"

#include <algorithm>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <CLI/CLI.hpp>

#include "common/base/status_macros.h"
#include "common/base/text.h"

namespace rekindle {
namespace {

constexpr char kDefaultDataDir[] = "/var/lib/rekindle-controller";

// "127.0.0.1:6443", "[::1]:6443".
absl::Status ReadListen(const std::string& text, EmbeddedOptions& options) {
  const size_t colon = text.rfind(':');
  if (colon == std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("--listen: \"", text, "\" must be ADDRESS:PORT, such as 127.0.0.1:6443"));
  }
  std::string address = text.substr(0, colon);
  if (address.size() >= 2 && address.front() == '[' && address.back() == ']') {
    address = address.substr(1, address.size() - 2);
  }
  const absl::StatusOr<uint64_t> port = ParseNumberText(text.substr(colon + 1), 0, 65535);
  if (!port.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--listen: the port of \"", text, "\": ", port.status().message()));
  }
  options.address = address;
  options.port = static_cast<uint16_t>(*port);
  return absl::OkStatus();
}

absl::Status ReadDuration(absl::string_view flag, const std::string& text, absl::Duration least,
                          absl::Duration& out) {
  const absl::StatusOr<absl::Duration> duration = ParseDurationText(text);
  if (!duration.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(flag, ": ", duration.status().message()));
  }
  if (*duration < least) {
    return absl::InvalidArgumentError(
        absl::StrCat(flag, ": must be at least ", DurationText(least)));
  }
  out = *duration;
  return absl::OkStatus();
}

// The flags as they are written.
struct Flags {
  bool embedded = false;
  std::string listen = "127.0.0.1:6443";
  std::string keep_history = "5m";
  std::string keep_events = "1h";
};

void AddDataDir(CLI::App& app, EmbeddedOptions& options) {
  app.add_option("--data-dir", options.data_dir,
                 "where objects, certificates and the admin's "
                 "kubeconfig are kept")
      ->capture_default_str();
}

void AddServe(CLI::App& app, Flags& flags, ControllerCommandLine& line) {
  app.add_flag("--embedded", flags.embedded,
               "serve the Kubernetes API from this process, objects in SQLite");
  AddDataDir(app, line.embedded);
  app.add_option("--listen", flags.listen, "ADDRESS:PORT of the API (HTTPS); port 0: any free one")
      ->capture_default_str();
  app.add_option("--name", line.embedded.names,
                 "DNS name or address that clients use, may be repeated; goes into the server's "
                 "certificate, the first one into the admin's kubeconfig");
  app.add_option("--token-file", line.embedded.token_file,
                 "bearer tokens, a line each: token,user,uid,\"group1,group2\"; chmod 600");
  app.add_option("--keep-history", flags.keep_history,
                 "how long lists in pages and watches can be resumed")
      ->capture_default_str();
  app.add_option("--keep-events", flags.keep_events, "how long Events are kept")
      ->capture_default_str();
  app.add_option("--verbosity,-v", line.verbosity, "more log lines: 0 to 3")
      ->check(CLI::Range(0, 3));
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

absl::Status Check(const Flags& flags, ControllerCommandLine& line) {
  if (line.embedded.data_dir.empty()) {
    return absl::InvalidArgumentError("--data-dir: must not be empty");
  }
  if (line.action != ControllerCommandLine::Action::kServe) return absl::OkStatus();
  if (!flags.embedded) {
    return absl::InvalidArgumentError(
        "--embedded: is needed; this version runs with its own API server only");
  }
  RK_RETURN_IF_ERROR(ReadListen(flags.listen, line.embedded));
  RK_RETURN_IF_ERROR(ReadDuration("--keep-history", flags.keep_history, absl::Seconds(10),
                                  line.embedded.keep_history));
  return ReadDuration("--keep-events", flags.keep_events, absl::Seconds(1),
                      line.embedded.keep_events);
}

}  // namespace

absl::StatusOr<ControllerCommandLine> ParseControllerCommandLine(
    const std::vector<std::string>& args, const std::string& version) {
  ControllerCommandLine line;
  line.action = ControllerCommandLine::Action::kServe;
  line.embedded.data_dir = kDefaultDataDir;
  Flags flags;
  CLI::App app("Rekindle's controller with its embedded Kubernetes API server",
               "rekindle-controller");
  app.set_version_flag("--version", "rekindle-controller " + version);
  AddServe(app, flags, line);
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
