#ifndef REKINDLE_DAEMON_APP_DAEMON_H_
#define REKINDLE_DAEMON_APP_DAEMON_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "common/base/systemd.h"
#include "daemon/config/config.h"

namespace rekindle {

// The node daemon in one object: start, reload, stop, each an ordered list of steps.
// Threads: all methods on one thread, which is not one of the daemon's own.
class Daemon {
 public:
  // Starts everything; returns when calls are served. A runtime that does not answer is no error:
  // the daemon says so in its health and goes on trying.
  // Errors, naming key, file or address: kInvalidArgument, kAlreadyExists (another daemon),
  // kFailedPrecondition (journal of a newer version), kUnavailable (address in use, state directory
  // not writable).
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const config::DaemonConfig& config,
                                                       const std::string& version,
                                                       const SystemdEnvironment& systemd);

  // Stops without waiting, if Stop has not been called. Containers are never touched.
  ~Daemon();

  // Takes over what of `loaded` may change while running, and looks at the TLS files again.
  // Returns the keys that need a restart. The error says why TLS files were not taken.
  absl::StatusOr<std::vector<std::string>> Reload(const config::DaemonConfig& loaded);

  // Refuses new work, waits until no container is between stop and start (shutdown_grace at most),
  // and ends. Operations go on at the next start.
  void Stop(const std::string& reason);

  // Port of the TLS listener; 0: none.
  int tls_port() const;

 private:
  struct Parts;
  explicit Daemon(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace rekindle

#endif  // REKINDLE_DAEMON_APP_DAEMON_H_
