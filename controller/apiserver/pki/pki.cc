#include "controller/apiserver/pki/pki.h"

#include <arpa/inet.h>

#include <algorithm>
#include <memory>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include <openssl/rand.h>

#include "common/base/pem.h"
#include "common/base/status_macros.h"

namespace rekindle::apiserver {
namespace {

// Clocks of clients may be behind.
constexpr absl::Duration kBackdated = absl::Minutes(5);
constexpr size_t kMostNameBytes = 64;  // of X.520

using openssl::Bio;
using openssl::Certificate;
using openssl::Key;

absl::Status Failed(absl::string_view what) {
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return absl::InternalError(
      absl::StrCat(what, ": ", reason == nullptr ? "OpenSSL failed" : reason));
}

std::string Drain(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<size_t>(size)};
}

absl::StatusOr<Certificate> ParseCertificate(const std::string& pem) {
  Certificate certificate = openssl::ReadCertificate(pem);
  if (certificate != nullptr) return certificate;
  return absl::InvalidArgumentError("holds no certificate in PEM form");
}

absl::StatusOr<Key> ParseKey(const std::string& pem) {
  Key key = openssl::ReadKey(pem);
  if (key != nullptr) return key;
  return absl::InvalidArgumentError("holds no private key in PEM form");
}

absl::StatusOr<KeyPair> Print(X509* certificate, EVP_PKEY* key) {
  const Bio certificate_bio(BIO_new(BIO_s_mem()));
  const Bio key_bio(BIO_new(BIO_s_mem()));
  if (PEM_write_bio_X509(certificate_bio.get(), certificate) != 1 ||
      PEM_write_bio_PKCS8PrivateKey(key_bio.get(), key, nullptr, nullptr, 0, nullptr, nullptr) !=
          1) {
    return Failed("print certificate and key");
  }
  return KeyPair{Drain(certificate_bio.get()), Drain(key_bio.get())};
}

absl::Status AddName(X509_NAME* name, int kind, const std::string& value) {
  if (value.empty() || value.size() > kMostNameBytes) {
    return absl::InvalidArgumentError(absl::StrCat(
        "\"", value, "\": a name in a certificate has 1 to ", kMostNameBytes, " bytes"));
  }
  if (X509_NAME_add_entry_by_NID(name, kind, MBSTRING_UTF8,
                                 reinterpret_cast<const unsigned char*>(value.data()),
                                 static_cast<int>(value.size()), -1, 0) == 1) {
    return absl::OkStatus();
  }
  ERR_clear_error();
  return absl::InvalidArgumentError(absl::StrCat("\"", value, "\" cannot be put in a certificate"));
}

absl::Status AddExtension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  const openssl::Owned<X509_EXTENSION> extension(
      X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  if (extension == nullptr || X509_add_ext(certificate, extension.get(), -1) != 1) {
    return Failed(absl::StrCat("extension ", value));
  }
  return absl::OkStatus();
}

bool IsIp(const std::string& name) {
  unsigned char address[sizeof(in6_addr)];
  return inet_pton(AF_INET, name.c_str(), address) == 1 ||
         inet_pton(AF_INET6, name.c_str(), address) == 1;
}

absl::StatusOr<std::string> AlternativeNames(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) {
    // The text form of OpenSSL has commas and colons of its own.
    if (name.find_first_of(", \t\n=") != std::string::npos || name.size() > 253) {
      return absl::InvalidArgumentError(absl::StrCat("\"", name, "\" is no name of a server"));
    }
    absl::StrAppend(&out, out.empty() ? "" : ",", IsIp(name) ? "IP:" : "DNS:", name);
  }
  return out;
}

// A certificate without names, extensions and signature.
absl::StatusOr<Certificate> Blank(EVP_PKEY* key, absl::Time now, absl::Duration life) {
  Certificate certificate(X509_new());
  unsigned char serial[16];
  if (certificate == nullptr || RAND_bytes(serial, sizeof(serial)) != 1) return Failed("serial");
  serial[0] &= 0x7f;  // positive
  const std::unique_ptr<BIGNUM, decltype(&BN_free)> number(
      BN_bin2bn(serial, sizeof(serial), nullptr), &BN_free);
  BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate.get()));
  X509_set_version(certificate.get(), X509_VERSION_3);
  ASN1_TIME_set(X509_getm_notBefore(certificate.get()), absl::ToTimeT(now - kBackdated));
  ASN1_TIME_set(X509_getm_notAfter(certificate.get()), absl::ToTimeT(now + life));
  if (X509_set_pubkey(certificate.get(), key) != 1) return Failed("public key");
  return certificate;
}

absl::StatusOr<absl::Time> TimeOf(const ASN1_TIME* time) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(time, &tm) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError("has a malformed validity");
  }
  return absl::FromTM(tm, absl::UTCTimeZone());
}

std::set<std::string> NamesIn(X509* certificate) {
  std::set<std::string> out;
  const openssl::Owned<GENERAL_NAMES> names(static_cast<GENERAL_NAMES*>(
      X509_get_ext_d2i(certificate, NID_subject_alt_name, nullptr, nullptr)));
  for (int i = 0; names != nullptr && i < sk_GENERAL_NAME_num(names.get()); ++i) {
    const GENERAL_NAME* name = sk_GENERAL_NAME_value(names.get(), i);
    if (name->type == GEN_DNS) {
      out.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.dNSName)),
                  static_cast<size_t>(ASN1_STRING_length(name->d.dNSName)));
    } else if (name->type == GEN_IPADD) {
      out.emplace(reinterpret_cast<const char*>(ASN1_STRING_get0_data(name->d.iPAddress)),
                  static_cast<size_t>(ASN1_STRING_length(name->d.iPAddress)));
    }
  }
  return out;
}

// An IP address as the bytes that a certificate has of it.
std::string AsInCertificate(const std::string& name) {
  if (!IsIp(name)) return name;
  const openssl::Owned<ASN1_OCTET_STRING> bytes(a2i_IPADDRESS(name.c_str()));
  return {reinterpret_cast<const char*>(ASN1_STRING_get0_data(bytes.get())),
          static_cast<size_t>(ASN1_STRING_length(bytes.get()))};
}

}  // namespace

absl::StatusOr<KeyPair> MakeAuthority(const std::string& common_name, absl::Time now) {
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failed("make a key");
  RK_ASSIGN_OR_RETURN(const Certificate certificate, Blank(key.get(), now, kAuthorityLife));
  X509* raw = certificate.get();
  RK_RETURN_IF_ERROR(AddName(X509_get_subject_name(raw), NID_commonName, common_name));
  X509_set_issuer_name(raw, X509_get_subject_name(raw));
  RK_RETURN_IF_ERROR(AddExtension(raw, raw, NID_basic_constraints, "critical,CA:TRUE,pathlen:0"));
  RK_RETURN_IF_ERROR(
      AddExtension(raw, raw, NID_key_usage, "critical,keyCertSign,cRLSign,digitalSignature"));
  RK_RETURN_IF_ERROR(AddExtension(raw, raw, NID_subject_key_identifier, "hash"));
  if (X509_sign(raw, key.get(), EVP_sha256()) == 0) return Failed("sign the authority");
  return Print(raw, key.get());
}

absl::StatusOr<KeyPair> Issue(const KeyPair& authority, const CertificateSubject& subject,
                              absl::Time now, absl::Duration life) {
  RK_ASSIGN_OR_RETURN(const Certificate issuer, ParseCertificate(authority.certificate));
  RK_ASSIGN_OR_RETURN(const Key issuer_key, ParseKey(authority.key));
  const Key key(EVP_EC_gen("P-256"));
  if (key == nullptr) return Failed("make a key");
  RK_ASSIGN_OR_RETURN(const Certificate certificate, Blank(key.get(), now, life));
  X509* raw = certificate.get();
  X509_NAME* name = X509_get_subject_name(raw);
  for (const std::string& organization : subject.organizations) {
    RK_RETURN_IF_ERROR(AddName(name, NID_organizationName, organization));
  }
  RK_RETURN_IF_ERROR(AddName(name, NID_commonName, subject.common_name));
  X509_set_issuer_name(raw, X509_get_subject_name(issuer.get()));
  const bool server = !subject.names.empty();
  RK_RETURN_IF_ERROR(AddExtension(raw, issuer.get(), NID_basic_constraints, "critical,CA:FALSE"));
  RK_RETURN_IF_ERROR(AddExtension(raw, issuer.get(), NID_key_usage, "critical,digitalSignature"));
  RK_RETURN_IF_ERROR(
      AddExtension(raw, issuer.get(), NID_ext_key_usage, server ? "serverAuth" : "clientAuth"));
  RK_RETURN_IF_ERROR(AddExtension(raw, issuer.get(), NID_authority_key_identifier, "keyid"));
  if (server) {
    RK_ASSIGN_OR_RETURN(const std::string names, AlternativeNames(subject.names));
    RK_RETURN_IF_ERROR(AddExtension(raw, issuer.get(), NID_subject_alt_name, names));
  }
  if (X509_sign(raw, issuer_key.get(), EVP_sha256()) == 0) return Failed("sign the certificate");
  return Print(raw, key.get());
}

absl::StatusOr<bool> MustBeRenewed(const std::string& certificate,
                                   const std::vector<std::string>& names, absl::Time now) {
  RK_ASSIGN_OR_RETURN(const Certificate parsed, ParseCertificate(certificate));
  RK_ASSIGN_OR_RETURN(const absl::Time end, TimeOf(X509_get0_notAfter(parsed.get())));
  if (end - now < kRenewBefore) return true;
  const std::set<std::string> have = NamesIn(parsed.get());
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return have.count(AsInCertificate(name)) == 0;
  });
}

absl::StatusOr<Validity> ValidityOf(const std::string& certificate) {
  RK_ASSIGN_OR_RETURN(const Certificate parsed, ParseCertificate(certificate));
  Validity out;
  RK_ASSIGN_OR_RETURN(out.begin, TimeOf(X509_get0_notBefore(parsed.get())));
  RK_ASSIGN_OR_RETURN(out.end, TimeOf(X509_get0_notAfter(parsed.get())));
  return out;
}

bool KeyFits(const KeyPair& pair) {
  const absl::StatusOr<Certificate> certificate = ParseCertificate(pair.certificate);
  const absl::StatusOr<Key> key = ParseKey(pair.key);
  const bool fits =
      certificate.ok() && key.ok() && X509_check_private_key(certificate->get(), key->get()) == 1;
  ERR_clear_error();
  return fits;
}

bool SignedBy(const std::string& certificate, const std::string& authority) {
  const absl::StatusOr<Certificate> child = ParseCertificate(certificate);
  const absl::StatusOr<Certificate> parent = ParseCertificate(authority);
  const bool good =
      child.ok() && parent.ok() && X509_verify(child->get(), X509_get0_pubkey(parent->get())) == 1;
  ERR_clear_error();
  return good;
}

}  // namespace rekindle::apiserver
