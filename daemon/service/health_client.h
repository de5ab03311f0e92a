#ifndef REKINDLE_DAEMON_SERVICE_HEALTH_CLIENT_H_
#define REKINDLE_DAEMON_SERVICE_HEALTH_CLIENT_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::service {

// Asks the daemon behind the Unix socket for the health of `service` (grpc.health.v1; the names are
// in server.h). For probes that can only run a program. Returns within `limit`.
// Errors: kUnavailable (nobody answers there, or not as a daemon would), kNotFound (no such
// service), kDeadlineExceeded, kPermissionDenied; kFailedPrecondition: it answers, and is not
// serving. Threads: any; blocks.
absl::Status CheckHealth(const std::string& socket, absl::string_view service,
                         absl::Duration limit);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_HEALTH_CLIENT_H_
