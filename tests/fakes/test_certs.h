#ifndef REKINDLE_TEST_FAKES_TEST_CERTS_H_
#define REKINDLE_TEST_FAKES_TEST_CERTS_H_

#include <fstream>
#include <memory>
#include <string>

#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

namespace rekindle {

struct PemPair {
  std::string certificate;
  std::string key;
};

// A certificate authority that lives in memory. Errors end the test program: they are bugs here.
class TestCa {
 public:
  struct Subject {
    std::string cn;
    std::string o = {};                       // several, separated by commas, become as many fields
    absl::Duration begins = -absl::Hours(1);  // from now
    absl::Duration ends = absl::Hours(1);
    std::string names = "DNS:localhost,IP:127.0.0.1";
  };

  explicit TestCa(const std::string& name = "test authority", absl::Duration ends = absl::Hours(1))
      : key_(EVP_EC_gen("P-256")), cert_(Make({.cn = name, .o = "test", .ends = ends}, nullptr)) {}

  // An authority that was stored (`pem`, `key_pem`).
  TestCa(const std::string& certificate, const std::string& key)
      : key_(PEM_read_bio_PrivateKey(Text(key).get(), nullptr, nullptr, nullptr)),
        cert_(PEM_read_bio_X509(Text(certificate).get(), nullptr, nullptr, nullptr)) {}

  std::string pem() const { return CertPem(*cert_); }
  std::string key_pem() const { return KeyPem(*key_); }

  PemPair Issue(const Subject& subject) const {
    Key key(EVP_EC_gen("P-256"));
    Cert cert = Make(subject, key.get());
    return {CertPem(*cert), KeyPem(*key)};
  }

 private:
  struct Free {
    void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
    void operator()(X509* cert) const { X509_free(cert); }
    void operator()(BIO* bio) const { BIO_free_all(bio); }
  };
  using Key = std::unique_ptr<EVP_PKEY, Free>;
  using Cert = std::unique_ptr<X509, Free>;
  using Bio = std::unique_ptr<BIO, Free>;

  static void AddName(X509_NAME* name, const char* field, const std::string& value) {
    if (value.empty()) return;
    X509_NAME_add_entry_by_txt(name, field, MBSTRING_UTF8,
                               reinterpret_cast<const unsigned char*>(value.data()),
                               static_cast<int>(value.size()), -1, 0);
  }

  static void AddExtension(X509* cert, int kind, const char* value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, nullptr, nullptr, 0);
    X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value);
    X509_add_ext(cert, extension, -1);
    X509_EXTENSION_free(extension);
  }

  // No key of its own: the authority itself.
  Cert Make(const Subject& subject, EVP_PKEY* own) const {
    Cert cert(X509_new());
    X509_set_version(cert.get(), X509_VERSION_3);
    static int serial = 0;
    ASN1_INTEGER_set(X509_get_serialNumber(cert.get()), ++serial);
    const absl::Time now = absl::Now();
    ASN1_TIME_set(X509_getm_notBefore(cert.get()), absl::ToTimeT(now + subject.begins));
    ASN1_TIME_set(X509_getm_notAfter(cert.get()), absl::ToTimeT(now + subject.ends));
    X509_NAME* name = X509_get_subject_name(cert.get());
    AddName(name, "CN", subject.cn);
    for (absl::string_view o : absl::StrSplit(subject.o, ',')) AddName(name, "O", std::string(o));
    const bool authority = own == nullptr;
    X509_set_issuer_name(cert.get(), authority ? name : X509_get_subject_name(cert_.get()));
    X509_set_pubkey(cert.get(), authority ? key_.get() : own);
    AddExtension(cert.get(), NID_basic_constraints, authority ? "critical,CA:TRUE" : "CA:FALSE");
    if (!authority) AddExtension(cert.get(), NID_subject_alt_name, subject.names.c_str());
    X509_sign(cert.get(), key_.get(), EVP_sha256());
    return cert;
  }

  static Bio Text(const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
  }
  static std::string Drain(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<size_t>(size)};
  }
  static std::string CertPem(X509& cert) {
    Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_X509(bio.get(), &cert);
    return Drain(bio.get());
  }
  static std::string KeyPem(EVP_PKEY& key) {
    Bio bio(BIO_new(BIO_s_mem()));
    PEM_write_bio_PrivateKey(bio.get(), &key, nullptr, nullptr, 0, nullptr, nullptr);
    return Drain(bio.get());
  }

  Key key_;
  Cert cert_;
};

inline void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << text;
}

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_TEST_CERTS_H_
