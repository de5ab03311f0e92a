#ifndef REKINDLE_COMMON_CLIENT_CONFIG_CREDENTIALS_H_
#define REKINDLE_COMMON_CLIENT_CONFIG_CREDENTIALS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"

#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "common/client/config/client_config.h"
#include "common/client/http/transport.h"

namespace rekindle::client {

// What one request proves its identity with.
struct Credentials {
  std::vector<Header> headers;  // Authorization, Impersonate-...
  std::shared_ptr<const TlsIdentity> tls;
  uint64_t generation = 0;  // of the source; grows when something in here has changed
};

// Where credentials come from. Threads: the loop's.
class CredentialSource {
 public:
  using Done = absl::AnyInvocable<void(absl::StatusOr<Credentials>)>;

  virtual ~CredentialSource() = default;

  // Those to use now. `done` comes on the loop, perhaps before Get returns.
  // Errors: of whatever they are made from; the message names the file or the program.
  virtual void Get(Done done) = 0;

  // A server answered 401 to the credentials of this generation: what is cached is read or made
  // anew before the next Get answers.
  virtual void Rejected(uint64_t generation) = 0;

  // Called when the certificate or the authority is another than before: connections that are open
  // belong to the old one.
  virtual void OnTlsChange(std::function<void()> changed) = 0;
};

struct CredentialOptions {
  bool terminal = false;                         // standard input is a person's; for exec plugins
  absl::Duration token_age = absl::Seconds(50);  // a token file is read again after it
  absl::Duration tls_poll = absl::Minutes(1);    // how soon changed certificates close connections
};

// The source of a configuration. Token files are read again once a minute, certificates and
// authorities when they change, exec plugins run when what they gave has expired or was rejected; a
// re-read that fails leaves the last good value in force (spec kubernetes-api 11.2, 11.3, 11.5).
// With an http server nothing is ever sent.
// Errors: of a file that cannot be read or used, before any request, naming it and its cluster.
// Threads: the loop's, the destructor too. `loop` and `blocking` outlive it.
absl::StatusOr<std::unique_ptr<CredentialSource>> MakeCredentialSource(
    Loop& loop, Blocking& blocking, const ClientConfig& config,
    const CredentialOptions& options = {});

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_CONFIG_CREDENTIALS_H_
