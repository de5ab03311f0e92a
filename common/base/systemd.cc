#include "common/base/systemd.h"

#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/str_cat.h"
#include <systemd/sd-daemon.h>

#include "common/base/text.h"

namespace rekindle {

SystemdEnvironment SystemdEnvironment::FromProcess() {
  SystemdEnvironment environment;
  const char* socket = std::getenv("NOTIFY_SOCKET");
  environment.notify = socket != nullptr && *socket != '\0';
  uint64_t watchdog_usec = 0;
  if (environment.notify && sd_watchdog_enabled(/*unset_environment=*/0, &watchdog_usec) > 0) {
    environment.watchdog = absl::Microseconds(static_cast<int64_t>(watchdog_usec));
  }
  return environment;
}

SystemdNotifier::SystemdNotifier(Loop& loop, const SystemdEnvironment& environment)
    : loop_(loop), environment_(environment) {}

absl::Status SystemdNotifier::Ready(absl::string_view status) {
  if (environment_.notify && environment_.watchdog > absl::ZeroDuration()) FeedWatchdog();
  return Send(absl::StrCat("READY=1\nSTATUS=", PrintableText(status)));
}

absl::Status SystemdNotifier::Reloading() {
  // systemd wants the kernel's own monotonic clock here to order this message after its request.
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t usec = absl::ToInt64Microseconds(absl::DurationFromTimespec(now));
  return Send(absl::StrCat("RELOADING=1\nMONOTONIC_USEC=", usec));
}

absl::Status SystemdNotifier::Stopping(absl::string_view status) {
  return Send(absl::StrCat("STOPPING=1\nSTATUS=", PrintableText(status)));
}

absl::Status SystemdNotifier::Status(absl::string_view status) {
  return Send(absl::StrCat("STATUS=", PrintableText(status)));
}

void SystemdNotifier::FeedWatchdog() {
  // A feed that is lost is made good by the next one.
  Send("WATCHDOG=1").IgnoreError();
  watchdog_timer_.Set(loop_, environment_.watchdog / 2, [this] { FeedWatchdog(); });
}

absl::Status SystemdNotifier::Send(const std::string& state) const {
  if (!environment_.notify) return absl::OkStatus();
  const int result = sd_notify(/*unset_environment=*/0, state.c_str());
  if (result > 0) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("notify the service manager: ",
                   result == 0 ? "NOTIFY_SOCKET is not set" : std::string(std::strerror(-result))));
}

}  // namespace rekindle
