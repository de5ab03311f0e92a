#include "cli/app.h"

#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cli/api_command.h"
#include "cli/command.h"
#include "cli/completion.h"
#include "cli/plan_command.h"
#include <CLI/CLI.hpp>

#include "common/base/text.h"
#include "common/base/version.h"

namespace rekindle::cli {
namespace {

constexpr char kExitCodes[] =
    "Exit codes: 0 ok, 1 an operation failed, 2 wrong arguments, 3 not found, 4 refused,\n"
    "5 daemon, runtime or API server unreachable, 6 timed out waiting, 130 interrupted.";

constexpr char kRootFooter[] =
    "Examples:\n"
    "  rekindle restart pod/web -n shop\n"
    "  rekindle get restarts -A\n"
    "  rekindle node ps\n"
    "  rekindle node restart web\n"
    "  rekindle plan -f new.yaml --against old.yaml\n"
    "  source <(rekindle completion bash)";

// The nearest command or option for an argument that nobody knows.
std::string Suggestion(const CLI::App& app, const std::string& word) {
  std::vector<std::string> names;
  const CLI::App* deepest = &app;
  while (!deepest->get_subcommands().empty()) deepest = deepest->get_subcommands().front();
  for (const CLI::App* command : deepest->get_subcommands([](const CLI::App*) { return true; })) {
    if (!command->get_group().empty()) names.push_back(command->get_name());
  }
  for (const CLI::Option* option : deepest->get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back(absl::StrCat("--", name));
  }
  const auto near = NearestWords(word.substr(0, word.find('=')), names, 1);
  return near.empty() ? "" : absl::StrCat("; did you mean ", near[0], "?");
}

// "rekindle node ps": the program and the commands that were given.
std::string CommandPath(const CLI::App& app) {
  std::string path = "rekindle";
  for (const CLI::App* at = &app; !at->get_subcommands().empty();) {
    at = at->get_subcommands().front();
    absl::StrAppend(&path, " ", at->get_name());
  }
  return path;
}

int UsageError(const CLI::App& app, const CLI::ParseError& error, Io& io) {
  std::string message = error.what();
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::ExtrasError)) {
    const std::vector<std::string> extras = app.remaining(/*recurse=*/true);
    const std::string word = extras.empty() ? "" : extras.front();
    message = absl::StrCat("unknown argument \"", PrintableText(word), "\"", Suggestion(app, word));
  }
  io.err << "error: " << message << "\nSee " << CommandPath(app) << " --help.\n";
  return kExitUsage;
}

int RunChosen(const Chosen& chosen, Io& io) {
  Session session{.io = io,
                  .target = chosen.target,
                  .format = Format::kTable,
                  .timeout = std::nullopt,
                  .colors = WantsColors(io),
                  .stub = nullptr};
  if (session.target.socket.empty()) {
    session.target.socket = io.getenv("REKINDLE_SOCKET").value_or("");
    if (session.target.socket.empty()) session.target.socket = kDefaultSocket;
  }
  if (chosen.output == "json") session.format = Format::kJson;
  if (chosen.output == "yaml") session.format = Format::kYaml;
  if (chosen.output == "wide") session.format = Format::kWide;
  if (!chosen.timeout.empty()) {
    const auto timeout = ParseDurationText(chosen.timeout);
    if (!timeout.ok() || *timeout == absl::ZeroDuration()) {
      io.err << "error: --timeout: "
             << (timeout.ok() ? "must be more than 0s" : timeout.status().message()) << "\n";
      return kExitUsage;
    }
    session.timeout = *timeout;
  }
  auto channel = Connect(session.target);
  if (!channel.ok()) return session.Fail(channel.status());
  session.stub = v1::NodeService::NewStub(*channel);
  return chosen.run(session);
}

struct Tool {
  CLI::App app{
      "Restarts and updates containers in place: same pod, same IP, same volumes.\n"
      "\"rekindle restart\" asks the API of a cluster or of rekindle-controller; "
      "\"rekindle node\" talks to the daemon of this node (rekindled).",
      "rekindle"};
  Chosen chosen;
  LocalChosen local;
  bool version = false;
  std::string shell;
  CLI::App* completion = nullptr;
};

void Build(Tool& tool) {
  CLI::App& app = tool.app;
  app.footer(absl::StrCat(kRootFooter, "\n\n", kExitCodes));
  app.add_flag("--version", tool.version, "Print the version and exit.");
  AddPodRestartCommand(app, tool.local);
  AddGetCommand(app, tool.local);
  AddDescribeCommand(app, tool.local);
  CLI::App* node = app.add_subcommand("node", "Look at and restart the containers of one node.");
  node->footer(absl::StrCat("Each command has its own --help with an example.\n\n", kExitCodes));
  AddPsCommand(*node, tool.chosen);
  AddRestartCommand(*node, tool.chosen);
  AddOpsCommand(*node, tool.chosen);
  AddCancelCommand(*node, tool.chosen);
  AddInfoCommand(*node, tool.chosen);
  AddPullCommand(*node, tool.chosen);
  AddWatchCommand(*node, tool.chosen);
  AddPlanCommand(app, tool.local);
  tool.completion = app.add_subcommand(
      "completion",
      "Print the completion script of a shell; pods and containers are completed too.");
  tool.completion->add_option("SHELL", tool.shell, "bash, zsh or fish")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  tool.completion->footer(
      "Examples:\n"
      "  source <(rekindle completion bash)\n"
      "  rekindle completion zsh > \"${fpath[1]}/_rekindle\"\n"
      "  rekindle completion fish > ~/.config/fish/completions/rekindle.fish");
}

constexpr char kConnection[] = "Connection";

CLI::App* NewCommand(CLI::App& parent, const CommandHelp& help) {
  CLI::App* command = parent.add_subcommand(help.name, help.summary);
  command->footer(absl::StrCat("Examples:\n", help.examples, "\n\n", kExitCodes));
  return command;
}

// Of all commands, whomever they talk to.
void AddCommonOptions(CLI::App& command, const CommandHelp& help, std::string& timeout,
                      std::string& output) {
  command
      .add_option("--timeout", timeout,
                  "Give up after this long, such as 30s or 2m (exit code 6). Default: 30s for "
                  "plain calls; a restart is waited for until 2m after its deadline.")
      ->type_name("DURATION")
      ->group(kConnection);
  if (!help.has_output) return;
  std::vector<std::string> formats = {"table", "json", "yaml"};
  if (help.has_wide) formats.insert(formats.begin() + 1, "wide");
  command.add_option("-o,--output", output, "Output format. Default: table.")
      ->check(CLI::IsMember(formats))
      ->type_name("FORMAT");
}

}  // namespace

CLI::App* AddCommand(CLI::App& parent, const CommandHelp& help, Chosen& chosen) {
  CLI::App* command = NewCommand(parent, help);
  command
      ->add_option("--socket", chosen.target.socket,
                   absl::StrCat("The daemon's Unix socket. Default: $REKINDLE_SOCKET, else ",
                                kDefaultSocket, "."))
      ->type_name("PATH")
      ->group(kConnection);
  command
      ->add_option("--address", chosen.target.address,
                   "Talk to a daemon over TCP with mutual TLS instead of the socket.")
      ->type_name("HOST:PORT")
      ->group(kConnection);
  command->add_option("--tls-cert", chosen.target.tls_cert, "Own certificate (PEM).")
      ->type_name("FILE")
      ->group(kConnection);
  command->add_option("--tls-key", chosen.target.tls_key, "Its private key (PEM).")
      ->type_name("FILE")
      ->group(kConnection);
  command
      ->add_option("--tls-ca", chosen.target.tls_ca,
                   "Authorities of the daemon's certificate (PEM).")
      ->type_name("FILE")
      ->group(kConnection);
  command
      ->add_option("--tls-server-name", chosen.target.tls_server_name,
                   "Name expected in the daemon's certificate. Default: the host of --address.")
      ->type_name("NAME")
      ->group(kConnection);
  AddCommonOptions(*command, help, chosen.timeout, chosen.output);
  return command;
}

CLI::App* AddApiCommand(CLI::App& parent, const CommandHelp& help, ApiOptions& options) {
  CLI::App* command = NewCommand(parent, help);
  command
      ->add_option("-n,--namespace", options.name_space,
                   "Namespace. Default: that of the kubeconfig's context, else \"default\".")
      ->type_name("NAME");
  command
      ->add_option("--kubeconfig", options.kubeconfig,
                   absl::StrCat("Default: $KUBECONFIG, a pod's own account, ~/.kube/config, else ",
                                kAdminKubeconfig, "."))
      ->type_name("FILE")
      ->group(kConnection);
  command->add_option("--context", options.context, "Of the kubeconfig. Default: the current one.")
      ->type_name("NAME")
      ->group(kConnection);
  AddCommonOptions(*command, help, options.timeout, options.output);
  return command;
}

int Run(const std::vector<std::string>& args, Io& io) {
  Tool tool;
  Build(tool);
  if (!args.empty() && args[0] == kCompleteCommand) {
    io.out << Complete(tool.app, {args.begin() + 1, args.end()}, io);
    return kExitOk;
  }
  try {
    // CLI11 takes the arguments last first.
    tool.app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::CallForHelp&) {
    const CLI::App* at = &tool.app;
    std::string path;
    while (!at->get_subcommands().empty()) {
      absl::StrAppend(&path, path.empty() ? "" : " ", at->get_name());
      at = at->get_subcommands().front();
    }
    io.out << (path.empty() ? tool.app.help() : at->help(path));
    return kExitOk;
  } catch (const CLI::ParseError& error) {
    return UsageError(tool.app, error, io);
  } catch (const std::exception& error) {
    io.err << "error: " << error.what() << "\n";
    return kExitUsage;
  }
  if (tool.version) {
    io.out << "rekindle " << kVersion << "\n";
    return kExitOk;
  }
  if (tool.completion->parsed()) {
    io.out << CompletionScript(tool.shell);
    return kExitOk;
  }
  if (tool.local.run) return tool.local.run(io);
  if (!tool.chosen.run) {
    io.err << "error: a command is missing\nSee " << CommandPath(tool.app) << " --help.\n";
    return kExitUsage;
  }
  return RunChosen(tool.chosen, io);
}

}  // namespace rekindle::cli
