#ifndef REKINDLE_TEST_BENCH_FLEET_DAEMON_PROCESS_H_
#define REKINDLE_TEST_BENCH_FLEET_DAEMON_PROCESS_H_

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace rekindle::bench {

// The simulated daemons of many nodes (tests/fakes/sim_daemons.h), in a child process that ends
// with its parent. Threads: one.
class DaemonProcess {
 public:
  // Starts this program again with --serve. `certificates`: a directory with ca, daemon.crt and
  // daemon.key. Errors: kUnavailable.
  static absl::StatusOr<std::unique_ptr<DaemonProcess>> Start(int nodes,
                                                              const std::string& certificates);
  ~DaemonProcess();

  pid_t pid() const { return pid_; }
  // Where each node is.
  const std::vector<std::string>& targets() const { return targets_; }

  // Ends it. Errors: kInternal when it has not begun `requests` requests exactly once each.
  absl::Status Finish(int requests);

 private:
  DaemonProcess(pid_t pid, int to, int from) : pid_(pid), to_(to), from_(from) {}
  std::string ReadLine();

  pid_t pid_;
  int to_;
  int from_;
  std::vector<std::string> targets_;
};

// The child: serves until its standard input ends. Returns its exit code.
int ServeDaemons(int nodes, const std::string& certificates);

}  // namespace rekindle::bench

#endif  // REKINDLE_TEST_BENCH_FLEET_DAEMON_PROCESS_H_
