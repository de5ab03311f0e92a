#ifndef REKINDLE_DAEMON_SERVICE_CONVERT_HANDLER_H_
#define REKINDLE_DAEMON_SERVICE_CONVERT_HANDLER_H_

#include <string>

#include "absl/status/statusor.h"

#include "daemon/hooks/handler.h"
#include "daemon/restart/operation.h"
#include "rekindle/node/v1/node.pb.h"

namespace rekindle::service {

// A hook or check of the wire, checked. Exactly one action must be set. Whether a host is the pod's
// own is for the hook runner to say: only it knows the pod's addresses.
// Errors: kInvalidArgument naming a field below `field`. Threads: any; pure.
absl::StatusOr<hooks::Handler> ToHandler(const std::string& field,
                                         const rekindle::node::v1::Handler& wire);

// A ready check: exec, http_get or tcp_socket, with the defaults of node.proto applied.
absl::StatusOr<restart::ReadyCheck> ToReadyCheck(const std::string& field,
                                                 const rekindle::node::v1::ReadyCheck& wire);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_CONVERT_HANDLER_H_
