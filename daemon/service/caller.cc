#include "daemon/service/caller.h"

#include <ctime>
#include <memory>

#include "absl/strings/str_cat.h"
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "daemon/service/fields.h"

namespace rekindle::service {

namespace {

constexpr absl::string_view kControllerOrganization = "rekindle:controller";
constexpr absl::string_view kViewerOrganization = "rekindle:viewer";

struct CertFree {
  void operator()(X509* cert) const { X509_free(cert); }
};
struct BioFree {
  void operator()(BIO* bio) const { BIO_free_all(bio); }
};

std::string EntryText(const X509_NAME_ENTRY* entry) {
  unsigned char* utf8 = nullptr;
  const int length = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(entry));
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

}  // namespace

absl::StatusOr<Caller> CallerOfCertificate(absl::string_view pem, absl::Time now) {
  std::unique_ptr<BIO, BioFree> bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  std::unique_ptr<X509, CertFree> cert(PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr));
  if (!cert) {
    ERR_clear_error();
    return absl::UnauthenticatedError("the client's certificate cannot be read");
  }
  if (!IsValidAt(*cert, now)) {
    return absl::UnauthenticatedError("the client's certificate is not valid now");
  }
  Caller caller;
  const X509_NAME* subject = X509_get_subject_name(cert.get());
  for (int i = 0; i < X509_NAME_entry_count(subject); ++i) {
    const X509_NAME_ENTRY* entry = X509_NAME_get_entry(subject, i);
    const int kind = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry));
    const std::string text = EntryText(entry);
    if (kind == NID_commonName) caller.name = MakeUtf8(text);
    if (kind != NID_organizationName) continue;
    if (text == kControllerOrganization) caller.role = Role::kController;
    if (text == kViewerOrganization && caller.role == Role::kOther) caller.role = Role::kViewer;
  }
  return caller;
}

absl::Status Authorize(const Caller& caller, Access access) {
  switch (caller.role) {
    case Role::kLocal:
    case Role::kController:
      return absl::OkStatus();
    case Role::kViewer:
      if (access == Access::kRead) return absl::OkStatus();
      return absl::PermissionDeniedError(absl::StrCat(
          "certificate \"", caller.name, "\": O=", kViewerOrganization, " may read only"));
    case Role::kOther:
      break;
  }
  return absl::PermissionDeniedError(
      absl::StrCat("certificate \"", caller.name, "\": its organization is neither ",
                   kControllerOrganization, " nor ", kViewerOrganization));
}

}  // namespace rekindle::service
