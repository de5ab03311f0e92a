#include "common/client/access.h"

#include <utility>

#include "common/base/status_macros.h"
#include "common/client/http/curl_transport.h"

namespace rekindle::client {

absl::StatusOr<std::unique_ptr<ApiAccess>> ApiAccess::Open(Loop& loop, Blocking& blocking,
                                                           const ClientConfig& config,
                                                           const CredentialOptions& options) {
  absl::StatusOr<std::unique_ptr<CredentialSource>> credentials =
      MakeCredentialSource(loop, blocking, config, options);
  if (!credentials.ok()) return Annotate(credentials.status(), config.source);
  absl::StatusOr<std::unique_ptr<CurlTransport>> transport =
      CurlTransport::Make(loop, {.server = config.cluster.server,
                                 .tls_server_name = config.cluster.tls_server_name,
                                 .insecure_skip_verify = config.cluster.insecure_skip_verify});
  if (!transport.ok()) return Annotate(transport.status(), config.source);
  return std::unique_ptr<ApiAccess>(
      new ApiAccess(loop, *std::move(credentials), *std::move(transport)));
}

ApiAccess::ApiAccess(Loop& loop, std::unique_ptr<CredentialSource> credentials,
                     std::unique_ptr<Transport> transport)
    : loop_(loop), credentials_(std::move(credentials)), transport_(std::move(transport)) {
  credentials_->OnTlsChange([this] { transport_->RetireConnections(/*end_streams=*/true); });
}

std::unique_ptr<ApiClient> ApiAccess::NewClient(ApiClient::Options options) {
  return std::make_unique<ApiClient>(loop_, *transport_, *credentials_, std::move(options));
}

}  // namespace rekindle::client
