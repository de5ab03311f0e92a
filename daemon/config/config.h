#ifndef REKINDLE_DAEMON_CONFIG_CONFIG_H_
#define REKINDLE_DAEMON_CONFIG_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::config {

enum class LogFormatChoice { kAuto, kText, kJournal };

// The daemon's settings: a plain value, made once by ParseCommandLine (command_line.h), never
// changed afterwards. Meaning, default and allowed values of each key: docs/configuration.md and
// the table in keys.cc, which the file, the flags and --help are made from.
struct DaemonConfig {
  std::string runtime_endpoint;  // empty: found by looking at the usual places
  std::string node_name;
  std::string state_dir = "/var/lib/rekindle";
  std::vector<std::string> visible_paths;  // of the node, from a container; empty: all

  std::string socket = "/run/rekindle/rekindled.sock";
  std::string socket_group = "rekindle";    // the socket's own; empty: none
  std::vector<uint32_t> socket_admin_gids;  // may restart over the socket, besides root

  std::string listen;  // HOST:PORT for the controller, mutual TLS; empty: no TCP
  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;

  std::string controller;       // HOST:PORT where this node is registered; empty: nowhere
  std::string controller_name;  // in its certificate; empty: the host of `controller`
  std::string advertise;        // HOST:PORT or :PORT for the controller; empty: `listen`

  std::string http_listen = "127.0.0.1:10231";  // metrics and health; empty: none
  bool allow_remote_http = false;

  uint32_t max_active_operations = 4096;
  uint32_t max_stored_operations = 5000;
  absl::Duration keep_operations = absl::Hours(24);
  uint32_t max_concurrent_starts = 16;

  std::string container_log_links = "/var/log/containers";  // empty: none are made

  uint32_t rate_limit_per_second = 200;  // calls
  uint32_t rate_limit_burst = 1000;      // calls

  absl::Duration shutdown_grace = absl::Seconds(10);

  bool realtime = true;

  uint32_t verbosity = 0;
  LogFormatChoice log_format = LogFormatChoice::kAuto;

  bool operator==(const DaemonConfig&) const = default;
};

// Where each key's value came from ("/etc/rekindle/rekindled.yaml:7", "--listen"); keys with their
// default value are absent.
using Origins = std::map<std::string, std::string, std::less<>>;

// The address that the controller is told: `advertise`, else `listen`, with `port` where that says
// 0. Without a host (":10240") where `listen` is on all addresses: the controller takes the one
// that the call comes from. Pure. Threads: any.
std::string AdvertisedAddress(const DaemonConfig& config, int port);

// The rules between keys: TLS files with listen, listen with controller, http_listen on loopback
// only, stored operations at least the active ones. (What one key allows is checked when it is
// read.) Errors: kInvalidArgument, one line per broken rule, each beginning with the key's origin.
// Pure. Threads: any.
absl::Status Validate(const DaemonConfig& config, const Origins& origins);

// "HOST:PORT" or "[IPV6]:PORT" in its parts.
struct HostPort {
  std::string host;
  uint16_t port = 0;
};
// Errors: kInvalidArgument, without naming a field. Port 0 means "any free one". Threads: any.
absl::StatusOr<HostPort> ParseHostPort(absl::string_view text);

// True for 127.0.0.0/8, ::1 and localhost.
bool IsLoopbackHost(absl::string_view host);

// What a reload (SIGHUP) does with a newly read configuration.
struct ReloadPlan {
  DaemonConfig config;                    // running values with the reloadable changes applied
  std::vector<std::string> applied;       // keys that change now
  std::vector<std::string> need_restart;  // changed keys that only a restart of the daemon applies
};

// Pure. Threads: any.
ReloadPlan PlanReload(const DaemonConfig& running, const DaemonConfig& loaded);

// The whole configuration in the file's own format, one line per key in the table's order.
// Reading it back gives the same configuration. Threads: any.
std::string EffectiveConfigYaml(const DaemonConfig& config);

}  // namespace rekindle::config

#endif  // REKINDLE_DAEMON_CONFIG_CONFIG_H_
