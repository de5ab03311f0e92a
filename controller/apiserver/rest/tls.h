#ifndef REKINDLE_CONTROLLER_APISERVER_REST_TLS_H_
#define REKINDLE_CONTROLLER_APISERVER_REST_TLS_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include <boost/asio/ssl/context.hpp>

#include "controller/apiserver/rest/http_types.h"

namespace rekindle::apiserver {

// TLS 1.2 and later, ALPN http/1.1, client certificates asked for and not demanded: one that cannot
// be trusted lets the handshake pass, so that its owner is told (401). PEM texts. Errors:
// kInvalidArgument saying which of them is wrong.
absl::StatusOr<std::shared_ptr<boost::asio::ssl::context>> MakeServerContext(
    const std::string& certificate, const std::string& key, const std::string& client_ca);

// Who the peer of a finished handshake is, as HttpRequest has it: CN is the user, each O a group
// (spec kubernetes-api 11.3).
void IdentifyPeer(SSL* connection, HttpRequest& request);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_REST_TLS_H_
