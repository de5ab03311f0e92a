#ifndef REKINDLE_CONTROLLER_NODES_REGISTRATION_H_
#define REKINDLE_CONTROLLER_NODES_REGISTRATION_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

#include "common/net/peer_certificate.h"
#include "controller/nodes/node_feed.h"
#include "rekindle/controller/v1/registry.pb.h"

namespace rekindle::nodes {

// The address in what gRPC calls the other side: "ipv4:10.0.0.7:4711" -> "10.0.0.7",
// "ipv6:%5Bfd00::1%5D:4711" -> "fd00::1"; empty when it is neither. Pure.
std::string PeerAddress(absl::string_view peer);

// Where the daemon of a registration is, if the certificate it was made with allows it
// (docs/security.md): a node speaks for itself only, and the controller is sent nowhere but to
// addresses and names of that node. `peer` is the address that the call came from.
// Errors: as the service's (proto: Register): kPermissionDenied, kInvalidArgument naming the field.
// Pure. Threads: any.
absl::StatusOr<NodeEndpoint> JudgeRegistration(const controller::v1::RegisterRequest& request,
                                               const net::PeerCertificate& certificate,
                                               absl::string_view peer);

}  // namespace rekindle::nodes

#endif  // REKINDLE_CONTROLLER_NODES_REGISTRATION_H_
