#include "common/net/tls_credentials.h"

#include <string>
#include <utility>

#include <grpc/grpc.h>
#include <grpc/grpc_security.h>

namespace rekindle::net {

namespace {

// gRPC's core asks its callback for the certificates on every handshake; the C++ wrapper does not
// offer that, hence this small one.
class ReloadingTlsCredentials final : public grpc::ServerCredentials {
 public:
  explicit ReloadingTlsCredentials(std::shared_ptr<TlsFiles> files)
      : files_(std::move(files)),
        credentials_(grpc_ssl_server_credentials_create_with_options(
            grpc_ssl_server_credentials_create_options_using_config_fetcher(
                GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY, &Fetch, this))) {}

  ~ReloadingTlsCredentials() override { grpc_server_credentials_release(credentials_); }

  // Callers are judged by the handlers (admission.h), not by a metadata processor.
  void SetAuthMetadataProcessor(const std::shared_ptr<grpc::AuthMetadataProcessor>&) override {}

 private:
  int AddPortToServer(const std::string& address, grpc_server* server) override {
    return grpc_server_add_http2_port(server, address.c_str(), credentials_);
  }

  // Calls are serialised by gRPC's core.
  static grpc_ssl_certificate_config_reload_status Fetch(
      void* self, grpc_ssl_server_certificate_config** config) {
    auto& credentials = *static_cast<ReloadingTlsCredentials*>(self);
    std::shared_ptr<const TlsMaterial> material = credentials.files_->Refresh();
    if (material == credentials.delivered_) return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_UNCHANGED;
    const grpc_ssl_pem_key_cert_pair pair = {material->key_pem.c_str(),
                                             material->certificate_pem.c_str()};
    *config = grpc_ssl_server_certificate_config_create(material->ca_pem.c_str(), &pair, 1);
    credentials.delivered_ = std::move(material);
    return GRPC_SSL_CERTIFICATE_CONFIG_RELOAD_NEW;
  }

  std::shared_ptr<TlsFiles> files_;
  std::shared_ptr<const TlsMaterial> delivered_;  // what gRPC has
  grpc_server_credentials* credentials_;
};

}  // namespace

std::shared_ptr<grpc::ServerCredentials> ReloadingTls(std::shared_ptr<TlsFiles> files) {
  return std::make_shared<ReloadingTlsCredentials>(std::move(files));
}

}  // namespace rekindle::net
