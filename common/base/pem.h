#ifndef REKINDLE_COMMON_BASE_PEM_H_
#define REKINDLE_COMMON_BASE_PEM_H_

#include <memory>

#include "absl/strings/string_view.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

// OpenSSL's objects with an owner, and how they are read. Threads: any, an object by one at a time.
namespace rekindle::openssl {

struct Free {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
  void operator()(X509* certificate) const { X509_free(certificate); }
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(X509_EXTENSION* extension) const { X509_EXTENSION_free(extension); }
  void operator()(GENERAL_NAMES* names) const { GENERAL_NAMES_free(names); }
  void operator()(ASN1_OCTET_STRING* text) const { ASN1_OCTET_STRING_free(text); }
};
template <typename Object>
using Owned = std::unique_ptr<Object, Free>;
using Bio = Owned<BIO>;
using Certificate = Owned<X509>;
using Key = Owned<EVP_PKEY>;

// Reads from `text`, which outlives it.
inline Bio Reader(absl::string_view text) {
  return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

// The first certificate; null: there is none in PEM form. Leaves no errors behind.
inline Certificate ReadCertificate(absl::string_view pem) {
  Certificate out(PEM_read_bio_X509(Reader(pem).get(), nullptr, nullptr, nullptr));
  if (out == nullptr) ERR_clear_error();
  return out;
}

// The first private key; null: there is none in PEM form, or it has a pass phrase, for which
// OpenSSL would ask on the terminal. Leaves no errors behind.
inline Key ReadKey(absl::string_view pem) {
  Key out(PEM_read_bio_PrivateKey(
      Reader(pem).get(), nullptr, [](char*, int, int, void*) { return -1; }, nullptr));
  if (out == nullptr) ERR_clear_error();
  return out;
}

}  // namespace rekindle::openssl

#endif  // REKINDLE_COMMON_BASE_PEM_H_
