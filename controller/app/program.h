#ifndef REKINDLE_CONTROLLER_APP_PROGRAM_H_
#define REKINDLE_CONTROLLER_APP_PROGRAM_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "controller/app/embedded_server.h"
#include "controller/app/run_options.h"

namespace rekindle {

// The controller in one object, in both deployments: start, and the orderly end.
// Threads: all methods on one thread, which is not one of the program's own.
class ControllerProgram {
 public:
  // Starts everything; returns when health is served, and with `run.embedded` the API too. An API
  // server that does not answer is no error: readiness says so, and it is tried on.
  // `ended` is called from one of its threads when the program ends by itself (see status()).
  // Errors, naming flag, file, directory or address: kInvalidArgument, kNotFound (no configuration
  // of an API), kUnavailable (an address in use), those of EmbeddedServer::Start.
  static absl::StatusOr<std::unique_ptr<ControllerProgram>> Start(const RunOptions& run,
                                                                  const EmbeddedOptions& embedded,
                                                                  std::function<void()> ended);

  // Ends everything at once unless Stop has been called.
  ~ControllerProgram();

  // The orderly end: controllers finish what is under way, events are written, the lease is given
  // back; then the API server ends. Blocks, some 25 s at most. What went wrong of it.
  absl::Status Stop(const std::string& reason);

  // None while it runs. Else why it has ended: the lease was lost.
  std::optional<absl::Status> status() const;

  // Ports that are listened on; 0: none.
  uint16_t metrics_port() const;
  uint16_t api_port() const;

 private:
  struct Parts;
  explicit ControllerProgram(std::unique_ptr<Parts> parts);
  std::unique_ptr<Parts> parts_;
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_APP_PROGRAM_H_
