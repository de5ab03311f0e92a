#include "daemon/service/admission.h"

#include <memory>
#include <vector>

#include "absl/strings/str_cat.h"
#include <grpc/grpc_security_constants.h>
#include <grpcpp/security/auth_context.h>

#include "common/base/status_macros.h"
#include "common/base/sync.h"

namespace rekindle::service {

Admission::Admission(const Options& options, const Loop& clock)
    : options_(options),
      clock_(clock),
      change_rate_(options.calls_per_second, options.burst),
      viewer_rate_(options.calls_per_second, options.burst) {}

absl::StatusOr<Caller> Admission::Identify(const grpc::ServerContextBase& context) const {
  if (options_.trust == Trust::kLocalPeers) return Caller{.role = Role::kLocal, .name = "local"};
  const std::shared_ptr<const grpc::AuthContext> auth = context.auth_context();
  if (!auth || !auth->IsPeerAuthenticated()) {
    return absl::UnauthenticatedError("a client certificate is required");
  }
  const std::vector<grpc::string_ref> pem =
      auth->FindPropertyValues(GRPC_X509_PEM_CERT_PROPERTY_NAME);
  if (pem.size() != 1) return absl::UnauthenticatedError("a client certificate is required");
  return CallerOfCertificate(absl::string_view(pem[0].data(), pem[0].size()), clock_.Now());
}

absl::StatusOr<Caller> Admission::Admit(const grpc::ServerContextBase& context, Access access) {
  RK_ASSIGN_OR_RETURN(Caller caller, Identify(context));
  RK_RETURN_IF_ERROR(Authorize(caller, access));
  if (access == Access::kChange) {
    MutexLock lock(&mutex_);
    if (!refusal_.empty()) return absl::UnavailableError(refusal_);
  }
  TokenBucket& rate = caller.role == Role::kViewer ? viewer_rate_ : change_rate_;
  const absl::Duration wait = rate.Take(clock_.Monotonic());
  if (wait > absl::ZeroDuration()) {
    return absl::ResourceExhaustedError(
        absl::StrCat("too many calls; try again in ", absl::FormatDuration(wait)));
  }
  return caller;
}

void Admission::StopChanges(const std::string& reason) {
  MutexLock lock(&mutex_);
  refusal_ = reason;
}

}  // namespace rekindle::service
