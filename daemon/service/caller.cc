#include "daemon/service/caller.h"

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "common/net/peer_certificate.h"
#include "daemon/service/fields.h"

namespace rekindle::service {

namespace {

constexpr absl::string_view kControllerOrganization = "rekindle:controller";
constexpr absl::string_view kViewerOrganization = "rekindle:viewer";

}  // namespace

absl::StatusOr<Caller> CallerOfCertificate(absl::string_view pem, absl::Time now) {
  RK_ASSIGN_OR_RETURN(const net::PeerCertificate peer, net::ReadPeerCertificate(pem, now));
  Caller caller;
  caller.name = MakeUtf8(peer.name);
  for (const std::string& organization : peer.organizations) {
    if (organization == kControllerOrganization) caller.role = Role::kController;
    if (organization == kViewerOrganization && caller.role == Role::kOther) {
      caller.role = Role::kViewer;
    }
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
