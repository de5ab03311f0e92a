#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "controller/apiserver/pki/pki.h"

namespace rekindle::apiserver {
namespace {

absl::Status FileError(absl::string_view attempted) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return absl::Status(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
                      absl::StrCat(attempted, ": ", strerror(error)));
}

bool Exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

absl::StatusOr<std::string> ReadText(const std::string& path) {
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return FileError(absl::StrCat("read ", path));
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

absl::Status WriteFile(const std::string& path, const std::string& text, mode_t mode) {
  const std::string made = path + ".new";
  ::unlink(made.c_str());
  const int fd = ::open(made.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
  if (fd < 0) return FileError(absl::StrCat("make ", made));
  size_t done = 0;
  while (done < text.size()) {
    const ssize_t written = ::write(fd, text.data() + done, text.size() - done);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) break;
    done += static_cast<size_t>(written);
  }
  const bool good = done == text.size() && ::fsync(fd) == 0;
  const absl::Status status = good ? absl::OkStatus() : FileError(absl::StrCat("write ", made));
  ::close(fd);
  if (!status.ok() || ::rename(made.c_str(), path.c_str()) != 0) {
    const absl::Status failed = status.ok() ? FileError(absl::StrCat("rename ", made)) : status;
    ::unlink(made.c_str());
    return failed;
  }
  return absl::OkStatus();
}

// The key first: a certificate that is there has its key.
absl::Status WritePair(const std::string& stem, const KeyPair& pair) {
  RK_RETURN_IF_ERROR(WriteFile(stem + ".key", pair.key, 0600));
  return WriteFile(stem + ".crt", pair.certificate, 0644);
}

absl::StatusOr<KeyPair> ReadPair(const std::string& stem) {
  KeyPair pair;
  RK_ASSIGN_OR_RETURN(pair.certificate, ReadText(stem + ".crt"));
  RK_ASSIGN_OR_RETURN(pair.key, ReadText(stem + ".key"));
  if (!KeyFits(pair)) {
    return absl::InvalidArgumentError(
        absl::StrCat(stem, ".crt and ", stem, ".key: not a certificate and its key"));
  }
  return pair;
}

absl::StatusOr<KeyPair> EnsureAuthority(const std::string& directory, absl::Time now) {
  const std::string stem = directory + "/ca";
  if (Exists(stem + ".crt")) {
    RK_ASSIGN_OR_RETURN(KeyPair pair, ReadPair(stem));
    RK_ASSIGN_OR_RETURN(const bool ended, MustBeRenewed(pair.certificate, {}, now - kRenewBefore));
    if (ended) {
      return absl::FailedPreconditionError(
          absl::StrCat(stem,
                       ".crt has expired; move it and ca.key away for a new authority, which "
                       "makes all certificates and kubeconfigs of the old one void"));
    }
    return pair;
  }
  RK_ASSIGN_OR_RETURN(KeyPair pair, MakeAuthority("rekindle-embedded-ca", now));
  RK_RETURN_IF_ERROR(WritePair(stem, pair));
  return pair;
}

// The text after a key of the kubeconfigs that we write.
std::string ValueOf(const std::string& text, const std::string& key) {
  const size_t at = text.find(key + ": ");
  if (at == std::string::npos) return {};
  const size_t from = at + key.size() + 2;
  return text.substr(from, text.find('\n', from) - from);
}

}  // namespace

absl::Status WritePrivateFile(const std::string& path, const std::string& text) {
  return WriteFile(path, text, 0600);
}

absl::StatusOr<KeyPair> ReadAuthority(const std::string& directory) {
  if (!Exists(directory + "/ca.crt")) {
    return absl::NotFoundError(
        absl::StrCat(directory, " holds no authority; it is made at the server's first start"));
  }
  return ReadPair(directory + "/ca");
}

absl::StatusOr<ServerPki> EnsureServerPki(const std::string& directory,
                                          const std::vector<std::string>& names, absl::Time now) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return FileError(absl::StrCat("make ", directory));
  }
  ServerPki pki;
  RK_ASSIGN_OR_RETURN(pki.authority, EnsureAuthority(directory, now));
  const std::string stem = directory + "/server";
  if (Exists(stem + ".crt")) {
    // One that cannot be used is made anew; nothing but this server needs it.
    const absl::StatusOr<KeyPair> pair = ReadPair(stem);
    if (pair.ok() && SignedBy(pair->certificate, pki.authority.certificate)) {
      RK_ASSIGN_OR_RETURN(const bool renew, MustBeRenewed(pair->certificate, names, now));
      if (!renew) {
        pki.server = *pair;
        return pki;
      }
    }
  }
  RK_ASSIGN_OR_RETURN(
      pki.server, Issue(pki.authority, {.common_name = "rekindle-apiserver", .names = names}, now,
                        kCertificateLife));
  RK_RETURN_IF_ERROR(WritePair(stem, pki.server));
  return pki;
}

std::string KubeconfigText(const std::string& server, const std::string& authority_certificate,
                           const std::string& user, const KeyPair& client) {
  return absl::StrCat(
      "apiVersion: v1\nkind: Config\nclusters:\n- name: rekindle\n  cluster:\n    server: ", server,
      "\n    certificate-authority-data: ", absl::Base64Escape(authority_certificate),
      "\nusers:\n- name: ", user,
      "\n  user:\n    client-certificate-data: ", absl::Base64Escape(client.certificate),
      "\n    client-key-data: ", absl::Base64Escape(client.key), "\ncontexts:\n- name: ", user,
      "@rekindle\n  context:\n    cluster: rekindle\n    user: ", user, "\ncurrent-context: ", user,
      "@rekindle\n");
}

absl::Status EnsureAdminKubeconfig(const std::string& path, const std::string& server,
                                   const KeyPair& authority, absl::Time now) {
  if (Exists(path)) {
    RK_ASSIGN_OR_RETURN(const std::string text, ReadText(path));
    std::string certificate;
    const bool ours =
        ValueOf(text, "server") == server &&
        absl::Base64Unescape(ValueOf(text, "client-certificate-data"), &certificate) &&
        SignedBy(certificate, authority.certificate);
    if (ours && !MustBeRenewed(certificate, {}, now).value_or(true)) return absl::OkStatus();
  }
  RK_ASSIGN_OR_RETURN(
      const KeyPair client,
      Issue(authority, {.common_name = "rekindle-admin", .organizations = {"system:masters"}}, now,
            kCertificateLife));
  return WritePrivateFile(path,
                          KubeconfigText(server, authority.certificate, "rekindle-admin", client));
}

}  // namespace rekindle::apiserver
