#include "common/net/peer_certificate.h"

#include <arpa/inet.h>

#include <array>
#include <ctime>
#include <memory>

#include "common/base/pem.h"

namespace rekindle::net {

namespace {

std::string TextOf(const ASN1_STRING* string) {
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(&utf8, string);
  if (length < 0) {
    ERR_clear_error();
    return "";
  }
  std::string text(utf8, utf8 + length);
  OPENSSL_free(utf8);
  return text;
}

bool IsValidAt(const X509& cert, absl::Time now) {
  std::time_t at = absl::ToTimeT(now);
  return X509_cmp_time(X509_get0_notBefore(&cert), &at) < 0 &&
         X509_cmp_time(X509_get0_notAfter(&cert), &at) > 0;
}

std::string AddressText(const ASN1_OCTET_STRING* address) {
  const int length = ASN1_STRING_length(address);
  if (length != 4 && length != 16) return "";
  std::array<char, INET6_ADDRSTRLEN> text{};
  const char* out = inet_ntop(length == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(address),
                              text.data(), text.size());
  return out == nullptr ? "" : out;
}

std::vector<std::string> AltNames(const X509& cert) {
  std::vector<std::string> out;
  const openssl::Owned<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(&cert, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    std::string text;
    if (name->type == GEN_DNS) text = TextOf(name->d.dNSName);
    if (name->type == GEN_IPADD) text = AddressText(name->d.iPAddress);
    if (!text.empty()) out.push_back(std::move(text));
  }
  return out;
}

}  // namespace

absl::StatusOr<PeerCertificate> ReadPeerCertificate(absl::string_view pem, absl::Time now) {
  const openssl::Certificate cert = openssl::ReadCertificate(pem);
  if (!cert) return absl::UnauthenticatedError("the client's certificate cannot be read");
  if (!IsValidAt(*cert, now)) {
    return absl::UnauthenticatedError("the client's certificate is not valid now");
  }
  PeerCertificate out;
  const X509_NAME* subject = X509_get_subject_name(cert.get());
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    std::string text = TextOf(X509_NAME_ENTRY_get_data(entry));
    if (kind == NID_commonName)
      out.name = std::move(text);
    else if (kind == NID_organizationName)
      out.organizations.push_back(std::move(text));
  }
  out.alt_names = AltNames(*cert);
  return out;
}

}  // namespace rekindle::net
