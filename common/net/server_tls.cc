#include "common/net/server_tls.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include <boost/asio/buffer.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace rekindle::net {
namespace {

namespace ssl = boost::asio::ssl;
using Error = boost::system::error_code;

constexpr unsigned char kAlpn[] = {8, 'h', 't', 't', 'p', '/', '1', '.', '1'};

int SelectProtocol(SSL*, const unsigned char** out, unsigned char* out_size,
                   const unsigned char* offered, unsigned offered_size, void*) {
  unsigned char* chosen = nullptr;
  // What it gives back points into one of the two lists.
  const int result =
      SSL_select_next_proto(&chosen, out_size, kAlpn, sizeof(kAlpn), offered, offered_size);
  *out = chosen;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_NOACK;
}

// The result of the verification stays in the connection; IdentifyPeer looks at it.
int AcceptAnyCertificate(int, X509_STORE_CTX*) { return 1; }

absl::Status Bad(absl::string_view what, const Error& error) {
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat(what, ": ", error.message()));
}

std::string EntryText(const X509_NAME_ENTRY* entry) {
  unsigned char* utf8 = nullptr;
  const int size = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
  if (size < 0) return {};
  std::string text(reinterpret_cast<const char*>(utf8), static_cast<size_t>(size));
  OPENSSL_free(utf8);
  return text;
}

}  // namespace

absl::StatusOr<std::shared_ptr<ssl::context>> MakeServerContext(const std::string& certificate,
                                                                const std::string& key,
                                                                const std::string& client_ca) {
  auto context = std::make_shared<ssl::context>(ssl::context::tls_server);
  SSL_CTX* native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, TLS1_2_VERSION);
  // Nobody comes back often enough for tickets, and renegotiation is only there to be abused.
  SSL_CTX_set_options(native,
                      SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(native, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(native, &SelectProtocol, nullptr);
  Error error;
  context->use_certificate_chain(boost::asio::buffer(certificate), error);
  if (error) return Bad("certificate", error);
  context->use_private_key(boost::asio::buffer(key), ssl::context::pem, error);
  if (error) return Bad("key", error);
  if (client_ca.empty()) return context;
  context->add_certificate_authority(boost::asio::buffer(client_ca), error);
  if (error) return Bad("client authority", error);
  SSL_CTX_set_verify(native, SSL_VERIFY_PEER, &AcceptAnyCertificate);
  return context;
}

void IdentifyPeer(SSL* connection, HttpsRequest& request) {
  X509* certificate = SSL_get0_peer_certificate(connection);
  if (certificate == nullptr) return;
  if (SSL_get_verify_result(connection) != X509_V_OK) {
    request.certificate_untrusted = true;
    return;
  }
  PeerName user;
  const X509_NAME* subject = X509_get_subject_name(certificate);
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    if (kind == NID_commonName) user.name = EntryText(entry);
    if (kind == NID_organizationName) user.groups.push_back(EntryText(entry));
  }
  if (user.name.empty()) {
    request.certificate_untrusted = true;
    return;
  }
  request.certificate = std::move(user);
}

}  // namespace rekindle::net
