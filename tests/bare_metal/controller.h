#ifndef REKINDLE_TESTS_BARE_METAL_CONTROLLER_H_
#define REKINDLE_TESTS_BARE_METAL_CONTROLLER_H_

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "tests/bed/process.h"
#include "tests/conformance/http.h"

namespace rekindle::bare_metal {

// A real `rekindle-controller --embedded` as users run it: its binary, its command line, its data
// directory. Killed with the object. Threads: owned by one.
class ControllerProcess {
 public:
  struct Options {
    std::string program;
    std::string dir;     // data and log; made if it is not there. Used again by the next one
    std::string daemon;  // path of the local rekindled's socket
    std::vector<std::string> flags;
    // Another user than the test's own, with no capability and this one group, as its unit starts
    // it.
    struct User {
      uid_t uid = 0;
      gid_t group = 0;
    };
    std::optional<User> user = std::nullopt;
  };

  // Starts on free ports and waits until the API answers. kDeadlineExceeded with the log's last
  // lines.
  static absl::StatusOr<std::unique_ptr<ControllerProcess>> Start(Options options);

  // As the administrator.
  const conformance::Endpoint& endpoint() const { return endpoint_; }
  std::string kubeconfig() const { return options_.dir + "/data/admin.kubeconfig"; }
  std::string Log() const { return bed::ReadFile(log_); }
  bool Running() const { return process_->Running(); }
  bed::ChildProcess& process() { return *process_; }

 private:
  explicit ControllerProcess(Options options) : options_(std::move(options)) {}

  const Options options_;
  std::string log_;
  conformance::Endpoint endpoint_;
  std::unique_ptr<bed::ChildProcess> process_;
};

}  // namespace rekindle::bare_metal

#endif  // REKINDLE_TESTS_BARE_METAL_CONTROLLER_H_
