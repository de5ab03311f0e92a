#ifndef REKINDLE_DAEMON_CONFIG_YAML_FILE_H_
#define REKINDLE_DAEMON_CONFIG_YAML_FILE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "daemon/config/config.h"

namespace rekindle::config {

// Reads the configuration file's text into `config` on top of what is there, and records where each
// key came from. `file` is the name for messages. The format: one YAML mapping of the keys in
// keys.cc to scalars or lists of scalars; no anchors, aliases, tags or further documents.
// Errors: kInvalidArgument with one line per mistake, "FILE:LINE: KEY: what, and what is allowed";
// then `config` is half read and of no use. Never throws; cost is linear in the text.
// Fuzzed by tests/fuzz/config_fuzz.cc. Threads: any.
absl::Status ReadYaml(absl::string_view text, absl::string_view file, DaemonConfig& config,
                      Origins& origins);

// The largest file that is read, in bytes.
inline constexpr size_t kLargestConfigFile = size_t{256} << 10;

}  // namespace rekindle::config

#endif  // REKINDLE_DAEMON_CONFIG_YAML_FILE_H_
