#ifndef REKINDLE_CONTROLLER_APP_COMMANDS_H_
#define REKINDLE_CONTROLLER_APP_COMMANDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "common/base/loop.h"
#include "common/base/systemd.h"
#include "controller/app/command_line.h"

namespace rekindle {

// Carries out every action but kServe and gives back what is to be printed. Errors: those of
// BackupStore, RestoreStore and of the certificates. Blocks.
absl::StatusOr<std::string> RunControllerCommand(const ControllerCommandLine& line, absl::Time now);

// Tells the service manager how the program is, from a loop's thread. Threads: not the loop's.
class ServiceState {
 public:
  explicit ServiceState(Loop& loop);
  ~ServiceState();
  void Ready(absl::string_view status);
  void Stopping();

 private:
  Loop& loop_;
  std::unique_ptr<SystemdNotifier> notifier_;
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_COMMANDS_H_
