#ifndef REKINDLE_CLI_COMPLETION_H_
#define REKINDLE_CLI_COMPLETION_H_

#include <string>
#include <vector>

#include "cli/io.h"
#include <CLI/CLI.hpp>

namespace rekindle::cli {

// The hidden command that the completion scripts call: followed by the words of the command line
// after "rekindle", the last one being the (possibly empty) word to complete.
inline constexpr char kCompleteCommand[] = "__complete";

// Candidates for the last word, one a line: commands, options, fixed values; pods, containers and
// operations of the daemon or the API, which is asked for at most a second and whose silence means
// none.
std::string Complete(const CLI::App& app, const std::vector<std::string>& words, const Io& io);

// The script of `shell` (bash, zsh or fish).
std::string CompletionScript(const std::string& shell);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_COMPLETION_H_
