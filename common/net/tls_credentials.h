#ifndef REKINDLE_COMMON_NET_TLS_CREDENTIALS_H_
#define REKINDLE_COMMON_NET_TLS_CREDENTIALS_H_

#include <memory>

#include <grpcpp/security/server_credentials.h>

#include "common/net/tls_files.h"

namespace rekindle::net {

// Mutual TLS, 1.2 at least: every client must show a certificate that the authority of `files` has
// signed and that is valid. The files are looked at on every handshake, so new connections use new
// certificates at once; existing ones keep theirs.
//
// The result must outlive the server that uses it: gRPC keeps a bare pointer into it.
//
// Why not gRPC's own file watcher: it hands out whatever the files hold, so that a key and a
// certificate replaced one after the other would break every handshake in between.
std::shared_ptr<grpc::ServerCredentials> ReloadingTls(std::shared_ptr<TlsFiles> files);

}  // namespace rekindle::net

#endif  // REKINDLE_COMMON_NET_TLS_CREDENTIALS_H_
