#ifndef REKINDLE_CLI_CONNECTION_H_
#define REKINDLE_CLI_CONNECTION_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cli/io.h"
#include <grpcpp/channel.h>

namespace rekindle::cli {

inline constexpr char kDefaultSocket[] = "/run/rekindle/rekindled.sock";

// Where the daemon is: a Unix socket, or an address with mutual TLS.
struct Target {
  std::string socket;   // used when `address` is empty
  std::string address;  // HOST:PORT
  std::string tls_cert;
  std::string tls_key;
  std::string tls_ca;
  std::string
      tls_server_name;  // name expected in the daemon's certificate; empty: that of `address`
};

// A channel to `target`; nothing is connected yet. Reads the TLS files.
// Errors: kInvalidArgument (a file is missing from the options), kUnavailable (cannot be read).
absl::StatusOr<std::shared_ptr<grpc::Channel>> Connect(const Target& target);

// The exit code for an error of a call. Pure.
ExitCode ExitCodeFor(const absl::Status& status);

// What a person should read when a call has failed: for kUnavailable, looks at the socket and says
// whether the daemon does not run, or root is needed. `target` as given to Connect.
std::string Explain(const absl::Status& status, const Target& target);

}  // namespace rekindle::cli

#endif  // REKINDLE_CLI_CONNECTION_H_
