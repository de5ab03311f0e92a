#ifndef REKINDLE_CONTROLLER_APP_SERVICE_STATE_H_
#define REKINDLE_CONTROLLER_APP_SERVICE_STATE_H_

#include <memory>

#include "absl/strings/string_view.h"

#include "common/base/loop.h"
#include "common/base/systemd.h"

namespace rekindle {

// Tells the service manager how the program is, from the loop that does its work: a loop that hangs
// stops feeding the watchdog.
// Threads: methods on any thread, the destructor not on the loop's.
class ServiceState {
 public:
  explicit ServiceState(Loop& loop);
  ~ServiceState();
  // The start is over; the watchdog is fed from now on.
  void Ready(absl::string_view status);
  void Status(absl::string_view status);
  void Stopping();

 private:
  Loop& loop_;
  std::unique_ptr<SystemdNotifier> notifier_;  // the loop's
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_SERVICE_STATE_H_
