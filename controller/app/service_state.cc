#include "controller/app/service_state.h"

#include <string>

#include "common/base/logging.h"
#include "common/base/sync.h"

namespace rekindle {
namespace {

void Warn(const absl::Status& sent) {
  if (!sent.ok()) LOG(WARNING) << sent.message();
}

}  // namespace

ServiceState::ServiceState(Loop& loop) : loop_(loop) {}

ServiceState::~ServiceState() {
  Latch gone;
  loop_.Post([this, &gone] {
    notifier_.reset();
    gone.Open();
  });
  gone.Wait();
}

void ServiceState::Ready(absl::string_view status) {
  loop_.Post([this, text = std::string(status)] {
    notifier_ = std::make_unique<SystemdNotifier>(loop_, SystemdEnvironment::FromProcess());
    Warn(notifier_->Ready(text));
  });
}

void ServiceState::Status(absl::string_view status) {
  loop_.Post([this, text = std::string(status)] {
    if (notifier_ != nullptr) Warn(notifier_->Status(text));
  });
}

void ServiceState::Stopping() {
  loop_.Post([this] {
    if (notifier_ != nullptr) Warn(notifier_->Stopping("stopping"));
  });
}

}  // namespace rekindle
