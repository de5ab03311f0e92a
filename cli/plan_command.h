#ifndef REKINDLE_CLI_PLAN_COMMAND_H_
#define REKINDLE_CLI_PLAN_COMMAND_H_

#include <functional>

#include "cli/io.h"
#include <CLI/CLI.hpp>

namespace rekindle::cli {

// A command that needs no daemon; `run` is empty until it was chosen.
struct LocalChosen {
  std::function<int(Io&)> run;
};

// Adds `rekindle plan`.
void AddPlanCommand(CLI::App& app, LocalChosen& chosen);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_PLAN_COMMAND_H_
