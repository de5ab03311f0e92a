#ifndef REKINDLE_COMMON_NET_SERVER_TLS_H_
#define REKINDLE_COMMON_NET_SERVER_TLS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include <boost/asio/ssl/context.hpp>

#include "common/net/https_types.h"

namespace rekindle::net {

// TLS 1.2 and later, ALPN http/1.1, client certificates asked for and not demanded: one that cannot
// be trusted lets the handshake pass, so that its owner is told (401). PEM texts; without a
// `client_ca` nobody is asked for a certificate. Errors: kInvalidArgument saying which of them is
// wrong.
absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> MakeServerContext(
    const std::string& certificate, const std::string& key, const std::string& client_ca);

// Who the peer of a finished handshake is, as HttpsRequest has it.
void IdentifyPeer(SSL* connection, HttpsRequest& request);

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_SERVER_TLS_H_
