#ifndef REKINDLE_DAEMON_CONFIG_KEYS_H_
#define REKINDLE_DAEMON_CONFIG_KEYS_H_

#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "daemon/config/config.h"

namespace rekindle::config {

// When a changed value takes effect.
enum class Applies { kOnRestart, kOnReload };

// One setting. The file's reader, the flags, --help, --check-config and the reload all go through
// this table; a new setting is one new row (and a member of DaemonConfig).
struct Key {
  absl::string_view name;     // in the file; the flag is "--" and the name with dashes
  absl::string_view allowed;  // in words, for messages and --help
  absl::string_view help;
  Applies applies;
  bool is_list;
  // Stores the value(s). Errors: kInvalidArgument; the message says what is wrong with the value
  // but names neither key nor place. One value unless is_list.
  absl::Status (*set)(const std::vector<std::string>& values, DaemonConfig& config);
  // The value as YAML that `set` reads back.
  std::string (*print)(const DaemonConfig& config);
  // Takes over the value of this key alone.
  void (*copy)(const DaemonConfig& from, DaemonConfig& to);
};

// In the order of docs/configuration.md. Threads: any.
std::span<const Key> Keys();

// Null when there is no such key.
const Key* FindKey(absl::string_view name);

// "keep_operations" -> "--keep-operations".
std::string FlagName(const Key& key);

}  // namespace rekindle::config

#endif  // REKINDLE_DAEMON_CONFIG_KEYS_H_
