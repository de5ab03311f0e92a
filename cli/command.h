#ifndef REKINDLE_CLI_COMMAND_H_
#define REKINDLE_CLI_COMMAND_H_

#include <functional>
#include <string>

#include "cli/session.h"
#include <CLI/CLI.hpp>

namespace rekindle::cli {

// Options that every command of `rekindle node` has, and the command that was chosen.
struct Chosen {
  Target target;
  std::string output = "table";
  std::string timeout;
  std::function<int(Session&)> run;  // empty until a command was parsed
};

// What a command is, for its --help.
struct CommandHelp {
  const char* name;
  const char* summary;   // one sentence
  const char* examples;  // complete lines
  bool has_output = true;
  bool has_wide = false;
};

// Adds a command with the common options; the caller adds its own and sets `run` in its callback.
CLI::App* AddCommand(CLI::App& parent, const CommandHelp& help, Chosen& chosen);

// One function per command; each adds it to `rekindle node`. Options are kept alive by the app.
void AddPsCommand(CLI::App& node, Chosen& chosen);
void AddRestartCommand(CLI::App& node, Chosen& chosen);
void AddOpsCommand(CLI::App& node, Chosen& chosen);
void AddCancelCommand(CLI::App& node, Chosen& chosen);
void AddInfoCommand(CLI::App& node, Chosen& chosen);
void AddPullCommand(CLI::App& node, Chosen& chosen);
void AddWatchCommand(CLI::App& node, Chosen& chosen);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_COMMAND_H_
