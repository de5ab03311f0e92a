#ifndef REKINDLE_COMMON_BASE_SYSTEMD_H_
#define REKINDLE_COMMON_BASE_SYSTEMD_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/loop.h"

namespace rekindle {

// What the service manager said when it started the process.
struct SystemdEnvironment {
  bool notify = false;      // NOTIFY_SOCKET is set
  absl::Duration watchdog;  // WATCHDOG_USEC when it is meant for this process; zero: no watchdog

  // Reads the process's environment. Threads: before any other thread may change it.
  static SystemdEnvironment FromProcess();
};

// Tells systemd how the service is (sd_notify protocol), and feeds its watchdog from the working
// loop: a loop that hangs stops feeding, and systemd restarts the daemon. Without NOTIFY_SOCKET
// every method does nothing and returns OK.
// Threads: the loop's thread; the destructor too.
class SystemdNotifier {
 public:
  SystemdNotifier(Loop& loop, const SystemdEnvironment& environment);
  SystemdNotifier(const SystemdNotifier&) = delete;
  SystemdNotifier& operator=(const SystemdNotifier&) = delete;

  // Start-up is complete; `status` is what `systemctl status` shows. Starts feeding the watchdog
  // at once and then every half of its period. Call it after a reload as well.
  // Errors of all methods: kUnavailable when the manager cannot be reached; the caller may log it.
  absl::Status Ready(absl::string_view status);

  // Reload has begun; Ready() ends it.
  absl::Status Reloading();

  // Shutdown has begun. The watchdog is still fed until the notifier goes away.
  absl::Status Stopping(absl::string_view status);

  // One line for `systemctl status`; control characters are replaced.
  absl::Status Status(absl::string_view status);

 private:
  void FeedWatchdog();
  absl::Status Send(const std::string& state) const;

  Loop& loop_;
  const SystemdEnvironment environment_;
  ScopedTimer watchdog_timer_;
};

}  // namespace rekindle

#endif  // REKINDLE_COMMON_BASE_SYSTEMD_H_
