#ifndef REKINDLE_DAEMON_SERVICE_ADMISSION_H_
#define REKINDLE_DAEMON_SERVICE_ADMISSION_H_

#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include <grpcpp/server_context.h>

#include "common/base/loop.h"
#include "common/base/sync.h"
#include "common/base/token_bucket.h"
#include "daemon/service/caller.h"

namespace rekindle::service {

// Decides for one server which calls are let in: identity, then role, then whether new work is
// taken at all, then rate. Each role has its own rate: a viewer cannot use up the controller's.
// Threads: thread-safe.
class Admission {
 public:
  // How the server knows its callers. Two servers, never one that tells them apart by the name of
  // the peer: a mistake there would hand TCP callers the rights of local ones.
  enum class Trust {
    kLocalPeers,    // every connection was checked when it was accepted
    kCertificates,  // by the verified certificate of the connection
  };

  struct Options {
    Trust trust = Trust::kCertificates;
    double calls_per_second = 200;
    double burst = 1000;
  };

  // `clock` must outlive this object.
  Admission(const Options& options, const Loop& clock);

  // Errors: kUnauthenticated, kPermissionDenied, kUnavailable (draining; changes only),
  // kResourceExhausted (rate).
  absl::StatusOr<Caller> Admit(const grpc::ServerContextBase& context, Access access);

  // Refuses changes with `reason` from now on.
  void StopChanges(const std::string& reason);

 private:
  absl::StatusOr<Caller> Identify(const grpc::ServerContextBase& context) const;

  const Options options_;
  const Loop& clock_;
  TokenBucket change_rate_;  // of callers that may change something
  TokenBucket viewer_rate_;
  Mutex mutex_;
  std::string refusal_ ABSL_GUARDED_BY(mutex_);  // empty: changes are taken
};

}  // namespace rekindle::service

#endif  // REKINDLE_DAEMON_SERVICE_ADMISSION_H_
