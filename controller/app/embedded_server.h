#ifndef REKINDLE_CONTROLLER_APP_EMBEDDED_SERVER_H_
#define REKINDLE_CONTROLLER_APP_EMBEDDED_SERVER_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

#include "common/api/kinds/admission.h"
#include "common/client/config/client_config.h"

namespace rekindle {

// The embedded API server in one object (docs/embedded.md). Below the data directory:
//
//   store/            the objects (docs/formats/store.md)
//   pki/              authority and server's certificate
//   admin.kubeconfig  for the admin of this machine
struct EmbeddedOptions {
  std::string data_dir;
  std::string address = "127.0.0.1";  // an IP address
  uint16_t port = 6443;               // 0: the system chooses
  // Further names and addresses in the server's certificate; the first one is what the admin's
  // kubeconfig says. Empty: the address, or 127.0.0.1 when it is no particular one.
  std::vector<std::string> names;
  std::string token_file;  // empty: client certificates only
  absl::Duration keep_history = absl::Minutes(5);
  absl::Duration keep_events = absl::Hours(1);
  api::AdmissionGates gates;
  absl::Duration look_at_certificates = absl::Hours(6);
  std::function<absl::Time()> now = [] { return absl::Now(); };  // of certificates; any thread
};

std::string StoreDirectory(const std::string& data_dir);
std::string PkiDirectory(const std::string& data_dir);

// Makes the data directory (0700) unless it is there; its parent must exist. Errors: kUnavailable.
absl::Status MakeDataDirectory(const std::string& data_dir);

// The URL that a kubeconfig says. IPv6 addresses get their brackets.
std::string ServerUrl(const EmbeddedOptions& options, uint16_t port);

// Threads: all methods on one thread, which is not one of the server's own.
class EmbeddedServer {
 public:
  // Starts everything; returns when requests are answered. Errors, naming file, directory or
  // address: kInvalidArgument, kFailedPrecondition (another server uses the directory; a store of a
  // newer version; an authority that has expired), kDataLoss (a damaged store), kUnavailable.
  static absl::StatusOr<std::unique_ptr<EmbeddedServer>> Start(const EmbeddedOptions& options);

  // Takes no more requests, ends watches, lets what is under way finish, and closes the store.
  ~EmbeddedServer();

  uint16_t port() const;
  const std::string& url() const;
  // Where the admin's kubeconfig is.
  std::string kubeconfig() const;

  // How this process itself speaks to it: with a client certificate of `user` in `groups`, made
  // now, that is in memory only and as long-lived as the authority whose key is here anyway.
  // Errors: those of ReadAuthority and Issue. Blocks.
  absl::StatusOr<client::ClientConfig> AccessFor(const std::string& user,
                                                 const std::vector<std::string>& groups) const;

 private:
  struct Parts;
  explicit EmbeddedServer(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_EMBEDDED_SERVER_H_
