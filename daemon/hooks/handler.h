#ifndef REKINDLE_DAEMON_HOOKS_HANDLER_H_
#define REKINDLE_DAEMON_HOOKS_HANDLER_H_

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace rekindle::hooks {

// The four kinds of a lifecycle hook or check (spec/node-runtime 3.10,
// spec/container-recreate 9.4).
struct ExecAction {
  std::vector<std::string> command;  // no shell
  bool operator==(const ExecAction&) const = default;
};
struct HttpGetAction {
  std::string host;  // empty, or an address of the pod itself
  uint16_t port = 0;
  std::string path = "/";
  bool tls = false;
  std::vector<std::pair<std::string, std::string>> headers;
  bool operator==(const HttpGetAction&) const = default;
};
struct TcpSocketAction {
  std::string host;  // as above
  uint16_t port = 0;
  bool operator==(const TcpSocketAction&) const = default;
};
struct SleepAction {
  absl::Duration duration;
  bool operator==(const SleepAction&) const = default;
};
using Handler = std::variant<ExecAction, HttpGetAction, TcpSocketAction, SleepAction>;

// Where a hook runs.
struct HookTarget {
  std::string container_id;  // for exec
  std::string netns_path;    // the pod's network namespace; empty: the host's (host network)
  std::vector<std::string> pod_ips;  // first is the default host; empty with host network
};

// Runs hooks and single tries of checks.
class HookRunner {
 public:
  virtual ~HookRunner() = default;

  // Runs `handler` once and replies on the loop, never inline, at the latest a moment after
  // `limit`. Reply: OK on success (exec: exit 0; httpGet: 200 <= code < 400; tcpSocket: connected;
  // sleep: slept). kInvalidArgument: the handler may not run (a host that is not the pod's, a bad
  // port). kDeadlineExceeded: cut off at `limit`. kAborted: it ran and failed (exit code, HTTP
  // code). kUnavailable or other: it could not be run. Messages never contain command output.
  // Threads: the loop's thread.
  virtual void Run(const Handler& handler, const HookTarget& target, absl::Duration limit,
                   absl::AnyInvocable<void(absl::Status)> reply) = 0;
};

}  // namespace rekindle::hooks

#endif  // REKINDLE_DAEMON_HOOKS_HANDLER_H_
