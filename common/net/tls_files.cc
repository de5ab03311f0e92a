#include "common/net/tls_files.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/pem.h"
#include "common/base/status_macros.h"
#include "common/base/sync.h"

namespace rekindle::net {

namespace {

constexpr int64_t kMaxFileBytes = 1 << 20;  // a bundle of some hundred authorities fits

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  }
  if (!S_ISREG(info.st_mode) || info.st_size > kMaxFileBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": must be a regular file of at most ", kMaxFileBytes, " bytes"));
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

absl::Status NotPem(const std::string& path, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(path, ": holds no ", what, " in PEM form"));
}

absl::StatusOr<absl::Time> NotAfter(const std::string& path, const X509& cert) {
  std::tm tm{};
  if (ASN1_TIME_to_tm(X509_get0_notAfter(&cert), &tm) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError(absl::StrCat(path, ": has a malformed validity"));
  }
  return absl::FromTM(tm, absl::UTCTimeZone());
}

}  // namespace

absl::StatusOr<TlsMaterial> LoadTlsMaterial(const TlsPaths& paths) {
  TlsMaterial out;
  RK_ASSIGN_OR_RETURN(out.certificate_pem, ReadFile(paths.certificate));
  RK_ASSIGN_OR_RETURN(out.key_pem, ReadFile(paths.key));
  RK_ASSIGN_OR_RETURN(out.ca_pem, ReadFile(paths.ca));
  const openssl::Certificate cert = openssl::ReadCertificate(out.certificate_pem);
  if (!cert) return NotPem(paths.certificate, "certificate");
  if (!openssl::ReadCertificate(out.ca_pem)) return NotPem(paths.ca, "certificate");
  // A key behind a pass phrase cannot be used by a daemon.
  const openssl::Key key = openssl::ReadKey(out.key_pem);
  if (!key) return NotPem(paths.key, "private key without pass phrase");
  if (X509_check_private_key(cert.get(), key.get()) != 1) {
    ERR_clear_error();
    return absl::InvalidArgumentError(
        absl::StrCat(paths.key, ": is not the key of the certificate in ", paths.certificate));
  }
  RK_ASSIGN_OR_RETURN(out.not_after, NotAfter(paths.certificate, *cert));
  return out;
}

absl::StatusOr<std::shared_ptr<TlsFiles>> TlsFiles::Open(const TlsPaths& paths) {
  // Stamps first: a change during the read is then seen by the next Refresh.
  const Stamps stamps = ReadStamps(paths);
  RK_ASSIGN_OR_RETURN(TlsMaterial material, LoadTlsMaterial(paths));
  return std::shared_ptr<TlsFiles>(new TlsFiles(paths, stamps, std::move(material)));
}

TlsFiles::TlsFiles(const TlsPaths& paths, const Stamps& stamps, TlsMaterial material)
    : paths_(paths),
      stamps_(stamps),
      material_(std::make_shared<const TlsMaterial>(std::move(material))) {}

TlsFiles::Stamps TlsFiles::ReadStamps(const TlsPaths& paths) {
  Stamps stamps;
  const std::array<const std::string*, 3> names = {&paths.certificate, &paths.key, &paths.ca};
  for (size_t i = 0; i < names.size(); ++i) {
    struct stat info {};
    if (stat(names[i]->c_str(), &info) != 0) continue;
    stamps[i] = {.mtime_ns = absl::ToUnixNanos(absl::TimeFromTimespec(info.st_mtim)),
                 .inode = info.st_ino,
                 .size = info.st_size};
  }
  return stamps;
}

std::shared_ptr<const TlsMaterial> TlsFiles::Refresh() {
  const Stamps stamps = ReadStamps(paths_);
  MutexLock lock(&mutex_);
  if (stamps == stamps_) return material_;
  stamps_ = stamps;
  absl::StatusOr<TlsMaterial> loaded = LoadTlsMaterial(paths_);
  last_error_ = loaded.status();
  if (loaded.ok()) material_ = std::make_shared<const TlsMaterial>(*std::move(loaded));
  return material_;
}

absl::Status TlsFiles::last_error() const {
  MutexLock lock(&mutex_);
  return last_error_;
}

}  // namespace rekindle::net
