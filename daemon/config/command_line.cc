#include "daemon/config/command_line.h"

#include <errno.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include <CLI/CLI.hpp>

#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "daemon/config/keys.h"
#include "daemon/config/yaml_file.h"

namespace rekindle::config {
namespace {

constexpr char kDescription[] =
    "rekindled restarts and updates containers of this node in place: same pod, same IP, same\n"
    "volumes. Settings come from the configuration file; flags override it.";
constexpr char kFooter[] =
    "Durations have units: 30s, 2m, 1h30m. Sizes: 65536, 512KiB, 4MiB. Lists on the command line "
    "are\n"
    "separated by commas.\n\n"
    "Signals: TERM and INT stop the daemon (containers run on), HUP reads the configuration "
    "again.\n\n"
    "Exit codes: 0 ended well, 1 could not start or go on (--health-check: no), 2 wrong "
    "configuration or flags.\n\n"
    "Examples:\n"
    "  rekindled --config /etc/rekindle/rekindled.yaml\n"
    "  rekindled --check-config --listen 0.0.0.0:10240";

struct Flags {
  std::string config_file;
  bool check_config = false;
  bool version = false;
  std::string health_check;
  std::map<absl::string_view, std::string> values;  // by key name, where given
};

void DeclareFlags(CLI::App& app, const DaemonConfig& defaults, Flags& flags) {
  app.set_help_flag("-h,--help", "Print this and exit.");
  app.add_flag("--version", flags.version, "Print the version and exit.");
  app.add_option(
         "--config", flags.config_file,
         absl::StrCat("Configuration file (YAML). Default: ", kDefaultConfigFile, " if it exists."))
      ->type_name("FILE");
  app.add_flag("--check-config", flags.check_config,
               "Print the configuration in force and exit: 0 when it is right, 2 when not.");
  app.add_option("--health-check", flags.health_check,
                 "Ask the daemon that runs, over its socket, and exit: 0 when it is, 1 when not. "
                 "liveness: it works. readiness: restarts can be asked for.")
      ->check(CLI::IsMember({"liveness", "readiness"}))
      ->type_name("WHAT");
  for (const Key& key : Keys()) {
    const std::string names = key.name == "verbosity" ? "-v,--verbosity" : FlagName(key);
    app.add_option_function<std::string>(
           names, [&flags, &key](const std::string& value) { flags.values[key.name] = value; },
           absl::StrCat(key.help, " Allowed: ", key.allowed, ". Default: ", key.print(defaults),
                        "."))
        ->type_name("VALUE")
        ->group("Settings (the same names with _ are the keys of the file)");
  }
}

// What CLI11 says about arguments that it cannot read, with the nearest flag.
absl::Status ArgumentError(const CLI::App& app, const CLI::ParseError& error) {
  std::string message = error.what();
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    std::vector<std::string> names;
    for (const CLI::Option* option : app.get_options()) {
      for (const std::string& name : option->get_lnames())
        names.push_back(absl::StrCat("--", name));
    }
    const std::vector<std::string> extras = app.remaining();
    const std::string first = extras.empty() ? "" : extras.front();
    const auto near = NearestWords(first.substr(0, first.find('=')), names, 1);
    message = absl::StrCat("unknown argument \"", PrintableText(first), "\"",
                           near.empty() ? "" : absl::StrCat("; did you mean ", near[0], "?"));
  }
  return absl::InvalidArgumentError(absl::StrCat(message, "\nSee rekindled --help."));
}

absl::Status ReadFileInto(const Flags& flags, const Host& host, CommandLine& result) {
  const bool chosen = !flags.config_file.empty();
  const std::string path = chosen ? flags.config_file : kDefaultConfigFile;
  const absl::StatusOr<std::string> text = host.read_file(path);
  if (absl::IsNotFound(text.status()) && !chosen) return absl::OkStatus();
  if (!text.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(chosen ? "--config: " : "", path, ": ", text.status().message()));
  }
  result.config_file = path;
  return ReadYaml(*text, path, result.config, result.origins);
}

absl::Status ApplyFlags(const Flags& flags, CommandLine& result) {
  std::vector<std::string> errors;
  for (const Key& key : Keys()) {
    const auto given = flags.values.find(key.name);
    if (given == flags.values.end()) continue;
    std::vector<std::string> values = {given->second};
    if (key.is_list) values = absl::StrSplit(given->second, ',', absl::SkipEmpty());
    const absl::Status status = key.set(values, result.config);
    if (!status.ok()) {
      errors.push_back(
          absl::StrCat(FlagName(key), ": ", status.message(), "; allowed: ", key.allowed));
    }
    result.origins[std::string(key.name)] = FlagName(key);
  }
  if (errors.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrJoin(errors, "\n"));
}

absl::StatusOr<std::string> ReadWholeFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) {
    const int error = errno;
    const std::string why = std::strerror(error);
    return error == ENOENT ? absl::NotFoundError(why) : absl::UnavailableError(why);
  }
  std::string text(kLargestConfigFile + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad() || (in.fail() && !in.eof())) return absl::UnavailableError("cannot be read");
  text.resize(static_cast<size_t>(in.gcount()));
  return text;
}

}  // namespace

Host Host::ThisMachine(std::string version) {
  char name[256] = {};
  Host host{.hostname = "", .version = std::move(version), .read_file = ReadWholeFile};
  if (gethostname(name, sizeof(name) - 1) == 0) host.hostname = name;
  return host;
}

absl::StatusOr<CommandLine> ParseCommandLine(const std::vector<std::string>& args,
                                             const Host& host) {
  CommandLine result;
  result.config.node_name = host.hostname.empty() ? "localhost" : host.hostname;
  Flags flags;
  CLI::App app(kDescription, "rekindled");
  app.footer(kFooter);
  DeclareFlags(app, result.config, flags);
  try {
    // CLI11 takes the arguments last first.
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::CallForHelp&) {
    result.action = Action::kPrint;
    result.text = app.help();
    return result;
  } catch (const CLI::ParseError& error) {
    return ArgumentError(app, error);
  } catch (const std::exception& error) {
    return absl::InvalidArgumentError(absl::StrCat("arguments: ", error.what()));
  }
  if (flags.version) {
    result.action = Action::kPrint;
    result.text = absl::StrCat("rekindled ", host.version, "\n");
    return result;
  }
  // Mistakes of the file and of the flags are told together.
  const absl::Status file = ReadFileInto(flags, host, result);
  const absl::Status given = ApplyFlags(flags, result);
  if (!file.ok() && !given.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(file.message(), "\n", given.message()));
  }
  RK_RETURN_IF_ERROR(file);
  RK_RETURN_IF_ERROR(given);
  RK_RETURN_IF_ERROR(Validate(result.config, result.origins));
  if (!flags.health_check.empty()) {
    result.action = Action::kCheckHealth;
    // The daemon's own name for readiness is the whole server.
    result.health_service = flags.health_check == "liveness" ? "liveness" : "";
    return result;
  }
  if (flags.check_config) {
    result.action = Action::kPrint;
    result.text = EffectiveConfigYaml(result.config);
  }
  return result;
}

}  // namespace rekindle::config
