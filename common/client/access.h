#ifndef REKINDLE_COMMON_CLIENT_ACCESS_H_
#define REKINDLE_COMMON_CLIENT_ACCESS_H_

#include <memory>

#include "absl/status/statusor.h"

#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "common/client/api_client.h"
#include "common/client/config/client_config.h"
#include "common/client/config/credentials.h"
#include "common/client/http/transport.h"

namespace rekindle::client {

// Everything that clients of one server share: credentials and connections.
// Threads: the loop's, the destructor too.
class ApiAccess {
 public:
  // Errors: of the configuration, before any request: those of MakeCredentialSource and of
  // CurlTransport::Make. `loop` and `blocking` outlive it.
  static absl::StatusOr<std::unique_ptr<ApiAccess>> Open(Loop& loop, Blocking& blocking,
                                                         const ClientConfig& config,
                                                         const CredentialOptions& options = {});

  // Clients have rate limits of their own: one for the work, one for the lease. They do not outlive
  // the access.
  std::unique_ptr<ApiClient> NewClient(ApiClient::Options options);

  Transport& transport() { return *transport_; }
  CredentialSource& credentials() { return *credentials_; }

 private:
  ApiAccess(Loop& loop, std::unique_ptr<CredentialSource> credentials,
            std::unique_ptr<Transport> transport);

  Loop& loop_;
  std::unique_ptr<CredentialSource> credentials_;
  std::unique_ptr<Transport> transport_;
};

}  // namespace rekindle::client

#endif  // REKINDLE_COMMON_CLIENT_ACCESS_H_
