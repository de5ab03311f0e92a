#ifndef REKINDLE_DAEMON_SERVICE_CALLER_H_
#define REKINDLE_DAEMON_SERVICE_CALLER_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::service {

// Who calls, and what that allows (docs/security.md):
//
//   role         how it is known                                       read  change
//   kLocal       peer credentials of the Unix socket                   yes   yes
//   kController  a verified certificate with O=rekindle:controller     yes   yes
//   kViewer      a verified certificate with O=rekindle:viewer         yes   no
//   kOther       any other verified certificate                        no    no
enum class Role { kOther, kViewer, kController, kLocal };

// What a call needs.
enum class Access { kRead, kChange };

struct Caller {
  Role role = Role::kOther;
  std::string name;  // the certificate's common name; for messages only
};

// Reads the caller off the certificate that the TLS handshake verified. A connection outlives its
// certificate, so the validity is checked again here.
// Errors: kUnauthenticated: not a certificate, or not valid at `now`. Threads: any; pure.
absl::StatusOr<Caller> CallerOfCertificate(absl::string_view pem, absl::Time now);

// kPermissionDenied unless the table above allows it. Threads: any; pure.
absl::Status Authorize(const Caller& caller, Access access);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_CALLER_H_
