#include "daemon/service/audit.h"

#include "common/base/logging.h"

namespace rekindle::service {

void LogChange(const Caller& caller, absl::string_view listener, absl::string_view what) {
  LOG(INFO) << what << ": asked for by \"" << caller.name << "\" (" << listener << ")";
}

void LogTlsReload(const absl::Status& status) {
  if (status.ok()) {
    LOG(INFO) << "TLS files: new ones are in force";
  } else {
    LOG(WARNING) << "TLS files: keeping the old ones: " << status.message();
  }
}

void LogReadiness(bool ready, absl::string_view reason) {
  if (ready) {
    LOG(INFO) << "service: ready";
  } else {
    LOG(WARNING) << "service: not ready: " << reason;
  }
}

}  // namespace rekindle::service
