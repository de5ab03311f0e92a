#include "daemon/config/keys.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"

#include "common/base/status_macros.h"
#include "common/base/text.h"

namespace rekindle::config {
namespace {

using Values = std::vector<std::string>;

constexpr size_t kLongestPath = 4096;
constexpr size_t kLongestSocketPath = 107;  // sun_path without its final zero
constexpr size_t kLongestNodeName = 253;    // a DNS name
constexpr size_t kLongestGroupName = 32;    // as useradd and systemd have it

absl::Status Wrong(absl::string_view value, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("\"", PrintableText(value), "\" ", why));
}

std::string Quote(absl::string_view text) {
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\\", "\\\\"}, {"\"", "\\\""}}), "\"");
}

absl::Status SetPath(const Values& values, size_t longest, bool may_be_empty, std::string& out) {
  const std::string& path = values[0];
  if (!(may_be_empty && path.empty())) {
    if (path.empty() || path[0] != '/') return Wrong(path, "is not an absolute path");
    if (path.size() > longest) {
      return absl::InvalidArgumentError(absl::StrCat("path is longer than ", longest, " bytes"));
    }
    if (std::any_of(path.begin(), path.end(), absl::ascii_iscntrl)) {
      return Wrong(path, "contains control characters");
    }
  }
  out = path;
  return absl::OkStatus();
}

absl::Status SetNumber(const Values& values, uint32_t min, uint32_t max, uint32_t& out) {
  RK_ASSIGN_OR_RETURN(const uint64_t number, ParseNumberText(values[0], min, max));
  out = static_cast<uint32_t>(number);
  return absl::OkStatus();
}

absl::Status SetDuration(const Values& values, absl::Duration min, absl::Duration max,
                         absl::Duration& out) {
  RK_ASSIGN_OR_RETURN(const absl::Duration duration, ParseDurationText(values[0]));
  if (duration < min || duration > max) return Wrong(values[0], "is out of range");
  out = duration;
  return absl::OkStatus();
}

absl::Status SetBool(const Values& values, bool& out) {
  if (values[0] != "true" && values[0] != "false")
    return Wrong(values[0], "is neither true nor false");
  out = values[0] == "true";
  return absl::OkStatus();
}

absl::Status SetHostPort(const Values& values, absl::string_view off, std::string& out) {
  if (values[0] == off) {
    out.clear();
    return absl::OkStatus();
  }
  RK_RETURN_IF_ERROR(ParseHostPort(values[0]).status());
  out = values[0];
  return absl::OkStatus();
}

// As SetHostPort, or with the host left out.
absl::Status SetAdvertise(const Values& values, std::string& out) {
  const std::string& text = values[0];
  const bool port_only = absl::StartsWith(text, ":");
  if (port_only) RK_RETURN_IF_ERROR(ParseNumberText(text.substr(1), 1, 65535).status());
  if (!port_only) return SetHostPort(values, "", out);
  out = text;
  return absl::OkStatus();
}

// A DNS name or an address, as certificates have them.
absl::Status SetServerName(const Values& values, std::string& out) {
  const std::string& name = values[0];
  const bool ok =
      name.size() <= kLongestNodeName && std::all_of(name.begin(), name.end(), [](unsigned char c) {
        return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == ':';
      });
  if (!ok) return Wrong(name.substr(0, kLongestNodeName), "is neither a DNS name nor an address");
  out = name;
  return absl::OkStatus();
}

absl::Status SetEndpoint(const Values& values, std::string& out) {
  const std::string& text = values[0];
  const absl::string_view path =
      absl::StartsWith(text, "unix://") ? absl::string_view(text).substr(7) : text;
  if (!text.empty() && (path.empty() || path[0] != '/' || path.size() > kLongestSocketPath ||
                        std::any_of(path.begin(), path.end(), absl::ascii_iscntrl))) {
    return Wrong(text, "is not the address of a Unix socket");
  }
  out = text;
  return absl::OkStatus();
}

absl::Status SetNodeName(const Values& values, std::string& out) {
  const std::string& name = values[0];
  const bool ok = !name.empty() && name.size() <= kLongestNodeName &&
                  std::all_of(name.begin(), name.end(), [](unsigned char c) {
                    return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
                  });
  if (!ok) return Wrong(name.substr(0, kLongestNodeName), "is not a node name");
  out = name;
  return absl::OkStatus();
}

// A number is no name: it would mean another group on the next machine.
absl::Status SetGroup(const Values& values, std::string& out) {
  const std::string& name = values[0];
  const bool ok = name.empty() ||
                  (name.size() <= kLongestGroupName &&
                   (absl::ascii_isalpha(static_cast<unsigned char>(name[0])) || name[0] == '_') &&
                   std::all_of(name.begin(), name.end(), [](unsigned char c) {
                     return absl::ascii_isalnum(c) || c == '-' || c == '.' || c == '_';
                   }));
  if (!ok) return Wrong(name.substr(0, kLongestNodeName), "is not the name of a group");
  out = name;
  return absl::OkStatus();
}

absl::Status SetGids(const Values& values, std::vector<uint32_t>& out) {
  std::vector<uint32_t> gids;
  for (const std::string& value : values) {
    RK_ASSIGN_OR_RETURN(const uint64_t gid,
                        ParseNumberText(value, 0, std::numeric_limits<uint32_t>::max() - 1));
    if (std::find(gids.begin(), gids.end(), gid) != gids.end())
      return Wrong(value, "is listed twice");
    gids.push_back(static_cast<uint32_t>(gid));
  }
  out = std::move(gids);
  return absl::OkStatus();
}

absl::Status SetPaths(const Values& values, std::vector<std::string>& out) {
  std::vector<std::string> paths;
  for (const std::string& value : values) {
    std::string path;
    RK_RETURN_IF_ERROR(SetPath({value}, kLongestPath, false, path));
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
      return Wrong(value, "is listed twice");
    }
    paths.push_back(std::move(path));
  }
  out = std::move(paths);
  return absl::OkStatus();
}

template <typename Choice, size_t kSize>
using Choices = std::array<std::pair<absl::string_view, Choice>, kSize>;

constexpr Choices<LogFormatChoice, 3> kLogFormats = {{{"auto", LogFormatChoice::kAuto},
                                                      {"text", LogFormatChoice::kText},
                                                      {"journal", LogFormatChoice::kJournal}}};

template <typename Choice, size_t kSize>
absl::Status SetChoice(const Values& values, const Choices<Choice, kSize>& choices, Choice& out) {
  for (const auto& [name, choice] : choices) {
    if (values[0] == name) {
      out = choice;
      return absl::OkStatus();
    }
  }
  return Wrong(values[0], "is not one of them");
}

template <typename Choice, size_t kSize>
std::string PrintChoice(const Choices<Choice, kSize>& choices, Choice value) {
  for (const auto& [name, choice] : choices) {
    if (choice == value) return std::string(name);
  }
  return "";
}

using C = DaemonConfig;

constexpr Key kKeys[] = {
    {"runtime_endpoint", "unix:///PATH, an absolute path, or empty",
     "Socket of the container runtime (CRI v1). Empty: the usual sockets of containerd and CRI-O "
     "are tried in turn.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetEndpoint(v, c.runtime_endpoint); },
     [](const C& c) { return Quote(c.runtime_endpoint); },
     [](const C& from, C& to) { to.runtime_endpoint = from.runtime_endpoint; }},
    {"node_name", "1 to 253 characters of [A-Za-z0-9._-]",
     "Name of this node in answers and logs. Default: the host name.", Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetNodeName(v, c.node_name); },
     [](const C& c) { return Quote(c.node_name); },
     [](const C& from, C& to) { to.node_name = from.node_name; }},
    {"state_dir", "an absolute path",
     "Directory of the journal. Must be on a local disk; made with mode 0700 when missing.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetPath(v, kLongestPath, false, c.state_dir); },
     [](const C& c) { return Quote(c.state_dir); },
     [](const C& from, C& to) { to.state_dir = from.state_dir; }},
    {"visible_paths", "a list of absolute paths",
     "Directories of the node that the daemon sees, where it runs in a container of its own. "
     "Whether "
     "a source of a mount exists is looked at below them only. Empty: it sees all.",
     Applies::kOnRestart, true, [](const Values& v, C& c) { return SetPaths(v, c.visible_paths); },
     [](const C& c) {
       return absl::StrCat("[",
                           absl::StrJoin(c.visible_paths, ", ",
                                         [](std::string* out, const std::string& path) {
                                           absl::StrAppend(out, Quote(path));
                                         }),
                           "]");
     },
     [](const C& from, C& to) { to.visible_paths = from.visible_paths; }},
    {"socket", "an absolute path of at most 107 bytes",
     "Unix socket for the local command line tool. The caller's identity is taken from the kernel.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetPath(v, kLongestSocketPath, false, c.socket); },
     [](const C& c) { return Quote(c.socket); },
     [](const C& from, C& to) { to.socket = from.socket; }},
    {"socket_group",
     "a name of at most 32 characters of [A-Za-z0-9._-] that begins with a letter or _, or empty",
     "Group that the socket belongs to, with mode 0660: its members may use it as root may. The "
     "default counts where /etc/group has such a group; any other has to be there. Empty: none.",
     Applies::kOnRestart, false, [](const Values& v, C& c) { return SetGroup(v, c.socket_group); },
     [](const C& c) { return Quote(c.socket_group); },
     [](const C& from, C& to) { to.socket_group = from.socket_group; }},
    {"socket_admin_gids", "a list of numeric group IDs",
     "Further groups whose members may use the socket as root may. Without socket_group the first "
     "one is the socket's own; others need another way through its mode, an ACL for instance.",
     Applies::kOnRestart, true,
     [](const Values& v, C& c) { return SetGids(v, c.socket_admin_gids); },
     [](const C& c) { return absl::StrCat("[", absl::StrJoin(c.socket_admin_gids, ", "), "]"); },
     [](const C& from, C& to) { to.socket_admin_gids = from.socket_admin_gids; }},
    {"listen", "HOST:PORT, [IPV6]:PORT, or empty",
     "Address for the controller; mutual TLS only. Empty: no TCP.", Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetHostPort(v, "", c.listen); },
     [](const C& c) { return Quote(c.listen); },
     [](const C& from, C& to) { to.listen = from.listen; }},
    {"tls_cert", "an absolute path, or empty",
     "PEM file with the daemon's certificate chain. Required with listen; read again when it "
     "changes.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetPath(v, kLongestPath, true, c.tls_cert); },
     [](const C& c) { return Quote(c.tls_cert); },
     [](const C& from, C& to) { to.tls_cert = from.tls_cert; }},
    {"tls_key", "an absolute path, or empty",
     "PEM file with the certificate's private key. Required with listen; read again when it "
     "changes.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetPath(v, kLongestPath, true, c.tls_key); },
     [](const C& c) { return Quote(c.tls_key); },
     [](const C& from, C& to) { to.tls_key = from.tls_key; }},
    {"tls_client_ca", "an absolute path, or empty",
     "PEM file with the authorities that callers' certificates must come from. Required with "
     "listen; read again when it changes.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetPath(v, kLongestPath, true, c.tls_client_ca); },
     [](const C& c) { return Quote(c.tls_client_ca); },
     [](const C& from, C& to) { to.tls_client_ca = from.tls_client_ca; }},
    {"controller", "HOST:PORT, [IPV6]:PORT, or empty",
     "Bare metal: where the controller takes registrations of nodes (its --node-listen); needs "
     "listen and its TLS files. Empty: none.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetHostPort(v, "", c.controller); },
     [](const C& c) { return Quote(c.controller); },
     [](const C& from, C& to) { to.controller = from.controller; }},
    {"controller_name", "a DNS name, an address, or empty",
     "Name that the controller's certificate must be for. Empty: the host of controller.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetServerName(v, c.controller_name); },
     [](const C& c) { return Quote(c.controller_name); },
     [](const C& from, C& to) { to.controller_name = from.controller_name; }},
    {"advertise", "HOST:PORT, [IPV6]:PORT, :PORT, or empty",
     "Where the controller reaches this daemon: an address or name of its certificate, or without "
     "a "
     "host the address that its registration comes from. Empty: listen.",
     Applies::kOnRestart, false, [](const Values& v, C& c) { return SetAdvertise(v, c.advertise); },
     [](const C& c) { return Quote(c.advertise); },
     [](const C& from, C& to) { to.advertise = from.advertise; }},
    {"http_listen", "HOST:PORT on a loopback address, or off",
     "Address of /metrics, /healthz and /readyz (plain HTTP, read-only).", Applies::kOnRestart,
     false, [](const Values& v, C& c) { return SetHostPort(v, "off", c.http_listen); },
     [](const C& c) { return c.http_listen.empty() ? Quote("off") : Quote(c.http_listen); },
     [](const C& from, C& to) { to.http_listen = from.http_listen; }},
    {"allow_remote_http", "true or false", "Permits an http_listen that other machines can reach.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetBool(v, c.allow_remote_http); },
     [](const C& c) { return std::string(c.allow_remote_http ? "true" : "false"); },
     [](const C& from, C& to) { to.allow_remote_http = from.allow_remote_http; }},
    {"max_active_operations", "a number from 1 to 100000",
     "Restarts under way or waiting at one time; further requests are refused.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetNumber(v, 1, 100'000, c.max_active_operations); },
     [](const C& c) { return absl::StrCat(c.max_active_operations); },
     [](const C& from, C& to) { to.max_active_operations = from.max_active_operations; }},
    {"max_stored_operations", "a number from 1 to 1000000, at least max_active_operations",
     "Operations kept in the journal, ended ones among them; the oldest ended ones go first.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetNumber(v, 1, 1'000'000, c.max_stored_operations); },
     [](const C& c) { return absl::StrCat(c.max_stored_operations); },
     [](const C& from, C& to) { to.max_stored_operations = from.max_stored_operations; }},
    {"keep_operations", "a duration from 1m to 8760h",
     "How long an ended operation can still be looked up.", Applies::kOnRestart, false,
     [](const Values& v, C& c) {
       return SetDuration(v, absl::Minutes(1), absl::Hours(8760), c.keep_operations);
     },
     [](const C& c) { return DurationText(c.keep_operations); },
     [](const C& from, C& to) { to.keep_operations = from.keep_operations; }},
    {"max_concurrent_starts", "a number from 1 to 1024",
     "Creates and starts that the runtime works on at one time; starts go first.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetNumber(v, 1, 1024, c.max_concurrent_starts); },
     [](const C& c) { return absl::StrCat(c.max_concurrent_starts); },
     [](const C& from, C& to) { to.max_concurrent_starts = from.max_concurrent_starts; }},
    {"container_log_links", "an absolute path, or empty",
     "Beside a kubelet: directory where log collectors find the containers' logs, as links; a "
     "replacement gets its own there. Empty, or a directory that does not exist: none are made.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetPath(v, kLongestPath, true, c.container_log_links); },
     [](const C& c) { return Quote(c.container_log_links); },
     [](const C& from, C& to) { to.container_log_links = from.container_log_links; }},
    {"rate_limit_per_second", "a number from 1 to 100000",
     "Calls per second that each listener takes in the long run.", Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetNumber(v, 1, 100'000, c.rate_limit_per_second); },
     [](const C& c) { return absl::StrCat(c.rate_limit_per_second); },
     [](const C& from, C& to) { to.rate_limit_per_second = from.rate_limit_per_second; }},
    {"rate_limit_burst", "a number from 1 to 100000",
     "Calls that each listener takes at once after a quiet time.", Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetNumber(v, 1, 100'000, c.rate_limit_burst); },
     [](const C& c) { return absl::StrCat(c.rate_limit_burst); },
     [](const C& from, C& to) { to.rate_limit_burst = from.rate_limit_burst; }},
    {"shutdown_grace", "a duration from 0s to 10m",
     "How long a stopping daemon waits for containers that are between stop and start before it "
     "exits; the next start goes on with the rest.",
     Applies::kOnReload, false,
     [](const Values& v, C& c) {
       return SetDuration(v, absl::ZeroDuration(), absl::Minutes(10), c.shutdown_grace);
     },
     [](const C& c) { return DurationText(c.shutdown_grace); },
     [](const C& from, C& to) { to.shutdown_grace = from.shutdown_grace; }},
    {"realtime", "true or false",
     "Run under the lowest real-time priority where the kernel allows it, so that a busy node does "
     "not hold up a restart.",
     Applies::kOnRestart, false, [](const Values& v, C& c) { return SetBool(v, c.realtime); },
     [](const C& c) { return std::string(c.realtime ? "true" : "false"); },
     [](const C& from, C& to) { to.realtime = from.realtime; }},
    {"verbosity", "a number from 0 to 9", "0: what an operator needs; 1 and more: details.",
     Applies::kOnReload, false,
     [](const Values& v, C& c) { return SetNumber(v, 0, 9, c.verbosity); },
     [](const C& c) { return absl::StrCat(c.verbosity); },
     [](const C& from, C& to) { to.verbosity = from.verbosity; }},
    {"log_format", "auto, text or journal",
     "Form of the log lines on standard error. auto: journal under systemd, else text.",
     Applies::kOnRestart, false,
     [](const Values& v, C& c) { return SetChoice(v, kLogFormats, c.log_format); },
     [](const C& c) { return PrintChoice(kLogFormats, c.log_format); },
     [](const C& from, C& to) { to.log_format = from.log_format; }},
};

}  // namespace

std::span<const Key> Keys() { return kKeys; }

const Key* FindKey(absl::string_view name) {
  for (const Key& key : kKeys) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::string FlagName(const Key& key) {
  return absl::StrCat("--", absl::StrReplaceAll(key.name, {{"_", "-"}}));
}

}  // namespace rekindle::config
