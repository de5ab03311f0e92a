#include "common/client/config/tls_source.h"

#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/pem.h"
#include "common/base/status_macros.h"

namespace rekindle::client {
namespace {

absl::StatusOr<std::string> Load(const PemSource& source) {
  if (!source.data.empty() || source.path.empty()) return source.data;
  return ReadSmallFile(source.path);
}

}  // namespace

absl::Status CheckKeyPair(const std::string& certificate, const std::string& key) {
  const openssl::Certificate cert = openssl::ReadCertificate(certificate);
  if (!cert) return absl::InvalidArgumentError("the certificate is not in PEM form");
  const openssl::Key own = openssl::ReadKey(key);
  if (!own) return absl::InvalidArgumentError("the key is not in PEM form, or has a pass phrase");
  const bool fits = X509_check_private_key(cert.get(), own.get()) == 1;
  ERR_clear_error();
  if (!fits) return absl::InvalidArgumentError("the key is not the certificate's");
  return absl::OkStatus();
}

absl::Status CheckAuthority(const std::string& text) {
  if (openssl::ReadCertificate(text)) return absl::OkStatus();
  return absl::InvalidArgumentError("it holds no certificate in PEM form");
}

std::array<FileStamp, 3> TlsSource::Stamps() const {
  const std::array<const PemSource*, 3> sources = {&config_.cluster.authority,
                                                   &config_.user.certificate, &config_.user.key};
  std::array<FileStamp, 3> out;
  for (size_t i = 0; i < sources.size(); ++i) {
    if (sources[i]->data.empty() && !sources[i]->path.empty()) out[i] = StampOf(sources[i]->path);
  }
  return out;
}

absl::StatusOr<TlsIdentity> TlsSource::Read() const {
  TlsIdentity out;
  const PemSource& authority = config_.cluster.authority;
  if (!authority.empty()) {
    absl::StatusOr<std::string> text = Load(authority);
    absl::Status usable = text.ok() ? CheckAuthority(*text) : text.status();
    if (!usable.ok()) {
      return absl::Status(usable.code(),
                          absl::StrCat("unable to read certificate-authority ",
                                       authority.path.empty() ? "(data)" : authority.path, " for ",
                                       config_.cluster_name, " due to ", usable.message()));
    }
    out.ca = *std::move(text);
  }
  const UserAccess& user = config_.user;
  if (user.certificate.empty()) return out;
  const std::string where = absl::StrCat("users[", config_.user_name, "].user.client-certificate");
  absl::StatusOr<std::string> certificate = Load(user.certificate);
  if (!certificate.ok()) return Annotate(certificate.status(), where);
  absl::StatusOr<std::string> key = Load(user.key);
  if (!key.ok()) {
    return Annotate(key.status(), absl::StrCat("users[", config_.user_name, "].user.client-key"));
  }
  RK_RETURN_IF_ERROR(Annotate(CheckKeyPair(*certificate, *key), where));
  out.certificate = *std::move(certificate);
  out.key = *std::move(key);
  return out;
}

absl::StatusOr<std::unique_ptr<TlsSource>> TlsSource::Open(const ClientConfig& config) {
  std::unique_ptr<TlsSource> out(new TlsSource(config));
  // Stamps first: a change during the read is then seen by the next Refresh.
  out->stamps_ = out->Stamps();
  RK_ASSIGN_OR_RETURN(TlsIdentity identity, out->Read());
  out->identity_ = std::make_shared<const TlsIdentity>(std::move(identity));
  return out;
}

bool TlsSource::Refresh() {
  const std::array<FileStamp, 3> stamps = Stamps();
  if (stamps == stamps_) return false;
  stamps_ = stamps;
  absl::StatusOr<TlsIdentity> identity = Read();
  last_error_ = identity.status();
  if (!identity.ok() || *identity == *identity_) return false;
  identity_ = std::make_shared<const TlsIdentity>(*std::move(identity));
  return true;
}

}  // namespace rekindle::client
