#ifndef REKINDLE_CONTROLLER_APP_COMMANDS_H_
#define REKINDLE_CONTROLLER_APP_COMMANDS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "controller/app/command_line.h"

namespace rekindle {

// Carries out every action but kServe and gives back what is to be printed. Errors: those of
// BackupStore, RestoreStore and of the certificates. Blocks.
absl::StatusOr<std::string> RunControllerCommand(const ControllerCommandLine& line, absl::Time now);

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_COMMANDS_H_
