#ifndef REKINDLE_DAEMON_SERVICE_AUDIT_H_
#define REKINDLE_DAEMON_SERVICE_AUDIT_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

#include "daemon/service/caller.h"

namespace rekindle::service {

// Log lines about who may do what. Kept apart from the files that include gRPC (logging.h).
// Threads: any.

// A call that changes something was let in: who asked, and for what. Never secrets.
void LogChange(const Caller& caller, absl::string_view listener, absl::string_view what);

// The TLS files changed and are in force (OK), or cannot be used.
void LogTlsReload(const absl::Status& status);

void LogReadiness(bool ready, absl::string_view reason);

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_AUDIT_H_
