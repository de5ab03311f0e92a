#ifndef REKINDLE_DAEMON_CRI_DISCOVERY_H_
#define REKINDLE_DAEMON_CRI_DISCOVERY_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rekindle::cri {

// Where containerd listens by default: what to try again and again when nothing was found.
inline constexpr char kDefaultEndpoint[] = "unix:///run/containerd/containerd.sock";

// The sockets that are looked for, best first: containerd, its embedded distributions, CRI-O,
// cri-dockerd.
const std::vector<std::string>& UsualRuntimeSockets();

// The runtime's endpoint in gRPC's form, "unix:///run/containerd/containerd.sock".
//
//   value of --runtime-endpoint        result
//   unix:///path, unix:/path, /path    that socket, whether it is there yet or not
//   empty                              the first usual socket that is there
//   anything else                      kInvalidArgument, with the value
//
// Errors: kNotFound when none of the usual sockets is there (names them). `is_socket` tells whether
// a path is a socket.
// Threads: any.
absl::StatusOr<std::string> FindRuntimeEndpoint(
    const std::string& value, const std::function<bool(const std::string& path)>& is_socket);

// `is_socket` for the real file system; follows symbolic links.
bool IsSocket(const std::string& path);

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_DISCOVERY_H_
