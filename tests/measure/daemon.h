#ifndef REKINDLE_TEST_MEASURE_DAEMON_H_
#define REKINDLE_TEST_MEASURE_DAEMON_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tests/bed/bed.h"
#include "tests/bed/process.h"

namespace rekindle::measure {

// A real rekindled on a bed, as users run it: its binary, its command line, its socket. State and
// socket are in the bed's directory. Killed with the object. Threads: owned by one.
class Daemon {
 public:
  struct Programs {
    std::string rekindled;
    std::string rekindle;
  };

  // Starts and waits until it answers; an empty `endpoint` is the bed's, `environment` is added to
  // our own ("NAME=value"). kDeadlineExceeded with its last log lines.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(
      bed::Bed* bed, Programs programs, const std::vector<std::string>& flags = {},
      const std::string& endpoint = "", const std::vector<std::string>& environment = {});

  const std::string& socket() const { return socket_; }
  std::string log_path() const { return dir_ + "/rekindled.log"; }
  pid_t pid() const { return process_->pid(); }
  bool Running() const { return process_->Running(); }
  bed::ChildProcess& process() { return *process_; }

  // Runs `rekindle node ARGUMENTS...` against this daemon. Its output; errors as RunCommand.
  absl::StatusOr<std::string> Cli(const std::vector<std::string>& arguments,
                                  absl::Duration timeout = absl::Minutes(5)) const;

 private:
  Daemon(std::string dir, Programs programs);

  const std::string dir_;
  const Programs programs_;
  const std::string socket_;
  std::unique_ptr<bed::ChildProcess> process_;
};

}  // namespace rekindle::measure

#endif  // REKINDLE_TEST_MEASURE_DAEMON_H_
