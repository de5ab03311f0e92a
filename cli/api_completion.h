#ifndef REKINDLE_CLI_API_COMPLETION_H_
#define REKINDLE_CLI_API_COMPLETION_H_

#include <map>
#include <string>
#include <vector>

#include "cli/io.h"
#include <CLI/CLI.hpp>

namespace rekindle::cli {

// Whether the command is one on the API. Pure.
bool IsOfApi(const CLI::App& command);

// What may come next on the command line of one: pods, containers, namespaces and requests of the
// API, which is asked for at most a second and whose silence means none. `values` are the options
// given so far, `option` the one whose value is wanted (empty: an argument).
std::vector<std::string> ApiCandidates(const CLI::App& command,
                                       const std::map<std::string, std::string>& values,
                                       const std::vector<std::string>& positionals,
                                       const std::string& option, const Io& io);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_API_COMPLETION_H_
