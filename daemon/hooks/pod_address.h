#ifndef REKINDLE_DAEMON_HOOKS_POD_ADDRESS_H_
#define REKINDLE_DAEMON_HOOKS_POD_ADDRESS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include <boost/asio/ip/tcp.hpp>

#include "daemon/hooks/handler.h"

namespace rekindle::hooks {

// Where a hook may connect to: the pod itself and nothing else. Nothing is looked up by name.
//
//   host                                     own namespace             host network
//   empty                                    first pod IP, else        127.0.0.1
//                                            127.0.0.1 (the pod's)
//   localhost, 127.0.0.1, ::1                the pod's loopback        the node's loopback
//   an address out of pod_ips                that address              (there are none)
//   any other                                refused                   refused
//
// Errors: kInvalidArgument naming field and value: host not the pod's or not an address, port 0,
// pod_ips given without a network namespace to reach them in.
// Threads: any.
absl::StatusOr<boost::asio::ip::tcp::endpoint> PodEndpoint(const std::string& host, uint16_t port,
                                                           const HookTarget& target);

}  // namespace rekindle::hooks

#endif  // REKINDLE_DAEMON_HOOKS_POD_ADDRESS_H_
