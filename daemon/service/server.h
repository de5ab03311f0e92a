#ifndef REKINDLE_DAEMON_SERVICE_SERVER_H_
#define REKINDLE_DAEMON_SERVICE_SERVER_H_

#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/asio_loop.h"
#include "common/net/tls_files.h"
#include "daemon/service/local_socket.h"
#include "daemon/service/node_service.h"

namespace rekindle::service {

struct ServerOptions {
  // Path of the Unix socket for local callers; empty: none.
  std::string socket_path = {};
  LocalAccess local_access = {};

  // "address:port" for callers over TLS; empty: none. Port 0: the system chooses. Nothing listens
  // on TCP without `tls`.
  std::string tls_address = {};
  std::optional<net::TlsPaths> tls = {};

  // For each listener, and within TLS for viewers and controllers apart.
  double calls_per_second = 200;
  double call_burst = 1000;

  // Of a TLS connection; see constants.h.
  absl::Duration max_connection_age = absl::Hours(1);
};

// Health names of grpc.health.v1 beside "" and the service's full name, which both mean "restarts
// can be asked for": the runtime answers and the engine takes work.
inline constexpr char kLivenessName[] = "liveness";  // serving while the process does
inline constexpr char kServiceName[] = "rekindle.node.v1.NodeService";

// The daemon's gRPC servers: one behind the Unix socket, one behind TLS, each with health and
// reflection (docs/security.md says who may call what).
// Threads: all methods on a thread that is not the loop's and not gRPC's; they may block as said.
class Server {
 public:
  // What the servers are made of; see server_parts.h.
  struct Parts;

  // Listens. `loop` must be the one of `deps`; both must outlive the server.
  // Errors: kInvalidArgument (options, TLS files), kUnavailable (TCP address in use), as
  // LocalSocket::Listen.
  static absl::StatusOr<std::unique_ptr<Server>> Start(AsioLoop& loop, const ServerOptions& options,
                                                       const ServiceDeps& deps);

  // Shuts down with no time given, if that has not happened.
  ~Server();

  // First step of a stop: health says NOT_SERVING, changes are refused with kUnavailable and
  // `reason`, watchers are sent away. Running restarts and reads go on.
  void BeginDrain(const std::string& reason);

  // BeginDrain, then waits until the streams of running restarts have ended, `limit` at most; then
  // ends what is left and frees the sockets. Operations themselves are untouched by this.
  void Shutdown(const std::string& reason, absl::Duration limit);

  // Port of the TLS listener; 0: there is none.
  int tls_port() const;

  // Looks at the TLS files now instead of at the next handshake (SIGHUP). OK without TLS. The
  // error says why the files are not taken; the old ones stay in force.
  absl::Status ReloadTls();

 private:
  explicit Server(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_SERVER_H_
