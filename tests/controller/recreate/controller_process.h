#ifndef REKINDLE_TESTS_CONTROLLER_RECREATE_CONTROLLER_PROCESS_H_
#define REKINDLE_TESTS_CONTROLLER_RECREATE_CONTROLLER_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "tests/bed/process.h"

namespace rekindle {

// rekindle-controller as a program of its own, killed with the object. Threads: owned by one.
class ControllerProcess {
 public:
  // Starts `program` with `flags`; `log` is a file that does not exist yet. kNotFound.
  static absl::StatusOr<std::unique_ptr<ControllerProcess>> Start(
      const std::string& program, const std::vector<std::string>& flags, const std::string& log);

  // What stands in its log after `before`, up to a blank, comma, semicolon or line's end. Waits for
  // it. Errors: kDeadlineExceeded with the end of the log; kUnavailable when it has ended.
  absl::StatusOr<std::string> Said(absl::string_view before,
                                   absl::Duration limit = absl::Minutes(1)) const;
  // Waits until it leads and its controllers run, by its /readyz. Errors: as Said.
  absl::Status AwaitLeading(absl::Duration limit = absl::Minutes(1)) const;
  // The sum of a metric over all its labels; 0 when it is not there. Errors: no answer.
  absl::StatusOr<double> Metric(absl::string_view name) const;

  pid_t pid() const { return process_->pid(); }
  bool Running() const { return process_->Running(); }
  void Signal(int signal) const { process_->Signal(signal); }
  absl::StatusOr<int> WaitExit(absl::Duration limit) { return process_->WaitExit(limit); }
  std::string Log() const { return bed::ReadFile(log_); }
  // Of it, for messages.
  std::string LastWords() const;

 private:
  ControllerProcess(std::unique_ptr<bed::ChildProcess> process, std::string log)
      : process_(std::move(process)), log_(std::move(log)) {}
  absl::StatusOr<int> MetricsPort() const;

  const std::unique_ptr<bed::ChildProcess> process_;
  const std::string log_;
};

}  // namespace rekindle

#endif  // REKINDLE_TESTS_CONTROLLER_RECREATE_CONTROLLER_PROCESS_H_
