#ifndef REKINDLE_CONTROLLER_APISERVER_PKI_PKI_H_
#define REKINDLE_CONTROLLER_APISERVER_PKI_PKI_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace rekindle::apiserver {

// A certificate with its key, PEM.
struct KeyPair {
  std::string certificate;
  std::string key;
};

// The authority of one embedded server and the certificates that it signs: elliptic curves (P-256),
// SHA-256, ours through OpenSSL. Files are 0600 but for the certificates.
//
//   <directory>/             0700
//     ca.crt, ca.key         the authority, made at the first start, ten years
//     server.crt, server.key made anew when they end within 30 days or lack a name; one year
//
// All functions block and are made for one thread at a time; times come in as arguments.
struct CertificateSubject {
  std::string common_name;
  std::vector<std::string> organizations;
  // Of a server: DNS names and IP addresses; empty: of a client.
  std::vector<std::string> names;
};

inline constexpr absl::Duration kAuthorityLife = absl::Hours(24 * 3650);
inline constexpr absl::Duration kCertificateLife = absl::Hours(24 * 365);
inline constexpr absl::Duration kRenewBefore = absl::Hours(24 * 30);

// A new authority that signs its own certificate. Errors: kInternal (OpenSSL).
absl::StatusOr<KeyPair> MakeAuthority(const std::string& common_name, absl::Time now);

// A certificate signed by `authority`, for a server when the subject has names, else for a client.
// Errors: kInvalidArgument (a name that is too long or no name, the authority cannot be read),
// kInternal.
absl::StatusOr<KeyPair> Issue(const KeyPair& authority, const CertificateSubject& subject,
                              absl::Time now, absl::Duration life);

struct ServerPki {
  KeyPair authority;
  KeyPair server;
};

// Reads what is in the directory and makes what is missing or ends soon. Errors: kInvalidArgument
// (a file that is no certificate or key, a key that does not fit), kFailedPrecondition (the
// authority has expired), kUnavailable, kResourceExhausted.
absl::StatusOr<ServerPki> EnsureServerPki(const std::string& directory,
                                          const std::vector<std::string>& names, absl::Time now);
// The authority alone. Errors: as EnsureServerPki; kNotFound when there is none yet.
absl::StatusOr<KeyPair> ReadAuthority(const std::string& directory);

// Names that the certificate lacks, or that it ends within kRenewBefore: it is to be made anew.
// Errors: kInvalidArgument.
absl::StatusOr<bool> MustBeRenewed(const std::string& certificate,
                                   const std::vector<std::string>& names, absl::Time now);

// Looks at certificates and keys. PEM; of several certificates the first counts. Threads: any.
struct Validity {
  absl::Time begin;
  absl::Time end;
};
// Errors: kInvalidArgument.
absl::StatusOr<Validity> ValidityOf(const std::string& certificate);
bool KeyFits(const KeyPair& pair);
bool SignedBy(const std::string& certificate, const std::string& authority);

// A kubeconfig with everything in it: `server` is a URL.
std::string KubeconfigText(const std::string& server, const std::string& authority_certificate,
                           const std::string& user, const KeyPair& client);

// Writes a file that only its owner can read, whole or not at all. Errors: kUnavailable,
// kResourceExhausted.
absl::Status WritePrivateFile(const std::string& path, const std::string& text);

// Writes an admin's kubeconfig unless the file has one of this authority and server that is valid
// for a while. Errors: those of Issue and WritePrivateFile.
absl::Status EnsureAdminKubeconfig(const std::string& path, const std::string& server,
                                   const KeyPair& authority, absl::Time now);

}  // namespace rekindle::apiserver

#endif  // REKINDLE_CONTROLLER_APISERVER_PKI_PKI_H_
