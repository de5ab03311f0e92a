#ifndef REKINDLE_CLI_API_COMMAND_H_
#define REKINDLE_CLI_API_COMMAND_H_

#include <string>
#include <vector>

#include "cli/api_session.h"
#include "cli/command.h"
#include "cli/plan_command.h"
#include <CLI/CLI.hpp>

namespace rekindle::cli {

// Adds a command with the options that every command on the API has. `options` lives as long as
// the app.
CLI::App* AddApiCommand(CLI::App& parent, const CommandHelp& help, ApiOptions& options);

// `rekindle restart`, `rekindle get restarts`, `rekindle describe restart`.
void AddPodRestartCommand(CLI::App& app, LocalChosen& chosen);
void AddGetCommand(CLI::App& app, LocalChosen& chosen);
void AddDescribeCommand(CLI::App& app, LocalChosen& chosen);

// An error that names a request that is not there, with the names that may have been meant.
absl::Status NoSuchRequest(ApiSession& session, const std::string& name,
                           const absl::Status& status);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_API_COMMAND_H_
