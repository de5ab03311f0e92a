#ifndef REKINDLE_TEST_BED_PROCESS_H_
#define REKINDLE_TEST_BED_PROCESS_H_

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace rekindle::bed {

// A process as the kernel never reuses it: the pid together with its start time in clock ticks.
struct ProcessId {
  pid_t pid = 0;
  uint64_t start = 0;
};

// No value: no such process, or only its unreaped remains.
std::optional<ProcessId> Identify(pid_t pid);
bool Alive(const ProcessId& process);

// "pid start" and back, for files that tell who owns something.
std::string ToString(const ProcessId& process);
std::optional<ProcessId> ParseProcessId(absl::string_view text);

// Sends `signal` (0: none) and waits for the end; reaps it if it is our child.
// kDeadlineExceeded when it lives on. A process that is gone already is OK.
absl::Status EndProcess(const ProcessId& process, int signal, absl::Duration timeout);

// Runs a program found by PATH with no input; its output and errors come back together.
// kNotFound: no such program; kAborted: it ended with anything but 0 (the message has its last
// words); kDeadlineExceeded: killed after `timeout`.
absl::StatusOr<std::string> RunCommand(const std::vector<std::string>& argv,
                                       absl::Duration timeout);

// Runs a program in a session of its own with output appended to `log_path`. Additional
// environment entries are "NAME=value". kNotFound if it cannot be started.
absl::StatusOr<ProcessId> Spawn(const std::vector<std::string>& argv, const std::string& log_path,
                                const std::vector<std::string>& environment = {});

// A spawned program that is killed when the object goes. Threads: owned by one.
class ChildProcess {
 public:
  static absl::StatusOr<std::unique_ptr<ChildProcess>> Start(
      const std::vector<std::string>& argv, const std::string& log_path,
      const std::vector<std::string>& environment = {});
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return id_.pid; }
  bool Running() const { return Alive(id_); }
  // Sends a signal without waiting.
  void Signal(int signal) const;
  // Waits for the end. The exit code, or 128 + signal; kDeadlineExceeded.
  absl::StatusOr<int> WaitExit(absl::Duration timeout);

 private:
  explicit ChildProcess(ProcessId id) : id_(id) {}
  ProcessId id_;
  std::optional<int> exit_code_;
};

// Waits until `condition` holds, looking again every 5 ms. False when it did not within `timeout`.
bool WaitUntil(const std::function<bool()>& condition, absl::Duration timeout);

// The whole file; empty if it cannot be read.
std::string ReadFile(const std::string& path);
// kUnavailable if it cannot be written.
absl::Status WriteFile(const std::string& path, absl::string_view content);

}  // namespace rekindle::bed

#endif  // REKINDLE_TEST_BED_PROCESS_H_
