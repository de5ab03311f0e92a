#ifndef REKINDLE_CONTROLLER_FLEET_ENDPOINT_H_
#define REKINDLE_CONTROLLER_FLEET_ENDPOINT_H_

#include <string>

#include "absl/status/status.h"

namespace rekindle::fleet {

// Where the daemon of a node is.
struct Endpoint {
  // "10.0.0.7:10240", "[fd00::7]:10240", "node-7.example:10240": mutual TLS.
  // "unix:/run/rekindle/rekindled.sock": this machine's socket; its permissions guard it.
  std::string target;
  // The DNS name or address that the daemon's certificate must have. Empty: the host of `target`.
  // Not used for a socket.
  std::string server_name;

  bool local() const { return target.rfind("unix:", 0) == 0; }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// Whether it has the form above. Pure. Errors: kInvalidArgument naming the field.
absl::Status CheckEndpoint(const Endpoint& endpoint);

// Told where daemons are; a Fleet is one, tests have others.
// Threads: the loop's.
class Endpoints {
 public:
  virtual ~Endpoints() = default;

  // The daemon of `node` is there from now on. Another endpoint than before: calls under way leave
  // the old one. The same as before: a node that waits to be tried again is tried now.
  // Errors: as CheckEndpoint, also kFailedPrecondition when there are no certificates for TLS; what
  // was known before stands.
  virtual absl::Status SetEndpoint(const std::string& node, const Endpoint& endpoint) = 0;

  // Nothing is known of `node` any more. Calls under way go on while their connection holds.
  virtual void RemoveEndpoint(const std::string& node) = 0;
};

}  // namespace rekindle::fleet

#endif  // REKINDLE_CONTROLLER_FLEET_ENDPOINT_H_
