#ifndef REKINDLE_CONTROLLER_NODES_REGISTRY_SERVER_H_
#define REKINDLE_CONTROLLER_NODES_REGISTRY_SERVER_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/net/tls_files.h"
#include "controller/nodes/node_feed.h"

namespace rekindle::nodes {

// Takes registrations of nodes (rekindle.controller.v1.NodeRegistry) over mutual TLS, 1.2 at least.
// Callers whose certificates are of another authority or not valid are refused in the handshake;
// the rest is JudgeRegistration's. Nothing is stored: daemons say again where they are.
// Threads: owned by one that is not the loop's; may block as said.
class RegistryServer {
 public:
  struct Options {
    std::string address;                             // "HOST:PORT"; port 0: the system chooses
    absl::Duration again_after = absl::Seconds(10);  // what daemons are told
    size_t max_nodes = 10'000;                       // of one life
    absl::Duration max_connection_age = absl::Hours(1);
  };

  // Listens. `registered` is called on `loop` for each registration that is good, also for one that
  // says nothing new; not after the destructor has returned. `loop` outlives the server.
  // Errors: kUnavailable (address in use).
  static absl::StatusOr<std::unique_ptr<RegistryServer>> Start(
      Loop& loop, const Options& options, std::shared_ptr<net::TlsFiles> tls,
      std::function<void(const NodeEndpoint&)> registered);

  // Takes no more calls and waits for those that are being answered: never long. The loop must
  // still run.
  ~RegistryServer();

  int port() const;

 private:
  struct Parts;
  explicit RegistryServer(std::unique_ptr<Parts> parts);
  const std::unique_ptr<Parts> parts_;
};

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_REGISTRY_SERVER_H_
