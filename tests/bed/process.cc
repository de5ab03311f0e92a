#include "tests/bed/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/time/clock.h"

#include "common/base/status_macros.h"

extern char** environ;

namespace rekindle::bed {
namespace {

int PidfdOpen(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

int ExitCode(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Waits on the process's descriptor; true when it has ended.
bool WaitForEnd(pid_t pid, absl::Duration timeout) {
  int fd = PidfdOpen(pid);
  if (fd < 0) return errno == ESRCH;
  pollfd poller = {.fd = fd, .events = POLLIN, .revents = 0};
  int count = poll(&poller, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  close(fd);
  return count == 1;
}

absl::StatusOr<pid_t> SpawnWith(const std::vector<std::string>& argv, int output,
                                const std::vector<std::string>& environment) {
  std::vector<char*> words;
  words.reserve(argv.size() + 1);
  for (const std::string& word : argv) words.push_back(const_cast<char*>(word.c_str()));
  words.push_back(nullptr);
  std::vector<char*> env;
  for (char** entry = environ; *entry != nullptr; ++entry) env.push_back(*entry);
  for (const std::string& entry : environment) env.push_back(const_cast<char*>(entry.c_str()));
  env.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, 1);
  posix_spawn_file_actions_adddup2(&actions, output, 2);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK);
  pid_t pid = 0;
  int error = posix_spawnp(&pid, words[0], &actions, &attributes, words.data(), env.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error != 0) {
    return absl::NotFoundError(absl::StrCat("start ", argv[0], ": ", std::strerror(error)));
  }
  return pid;
}

}  // namespace

std::optional<ProcessId> Identify(pid_t pid) {
  std::string stat = ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  // The name in parentheses may hold anything, so fields count from the last parenthesis.
  size_t end = stat.rfind(')');
  if (end == std::string::npos) return std::nullopt;
  std::vector<std::string> fields = absl::StrSplit(stat.substr(end + 2), ' ');
  uint64_t start = 0;
  if (fields.size() < 20 || fields[0] == "Z" || fields[0] == "X") return std::nullopt;
  if (!absl::SimpleAtoi(fields[19], &start)) return std::nullopt;
  return ProcessId{pid, start};
}

bool Alive(const ProcessId& process) {
  std::optional<ProcessId> now = Identify(process.pid);
  return now.has_value() && now->start == process.start;
}

std::string ToString(const ProcessId& process) {
  return absl::StrCat(process.pid, " ", process.start);
}

std::optional<ProcessId> ParseProcessId(absl::string_view text) {
  std::vector<absl::string_view> words = absl::StrSplit(text, absl::ByAnyChar(" \n"));
  ProcessId id;
  if (words.size() < 2 || !absl::SimpleAtoi(words[0], &id.pid) ||
      !absl::SimpleAtoi(words[1], &id.start)) {
    return std::nullopt;
  }
  return id;
}

absl::Status EndProcess(const ProcessId& process, int signal, absl::Duration timeout) {
  if (!Alive(process)) {
    waitpid(process.pid, nullptr, WNOHANG);
    return absl::OkStatus();
  }
  if (signal != 0) kill(process.pid, signal);
  if (!WaitForEnd(process.pid, timeout)) {
    return absl::DeadlineExceededError(absl::StrCat("process ", process.pid, " lives on ",
                                                    absl::FormatDuration(timeout), " after signal ",
                                                    signal));
  }
  waitpid(process.pid, nullptr, WNOHANG);
  return absl::OkStatus();
}

absl::StatusOr<std::string> RunCommand(const std::vector<std::string>& argv,
                                       absl::Duration timeout) {
  int pipes[2];
  if (pipe2(pipes, O_CLOEXEC) != 0) return absl::UnavailableError("pipe");
  absl::StatusOr<pid_t> pid = SpawnWith(argv, pipes[1], {});
  close(pipes[1]);
  if (!pid.ok()) {
    close(pipes[0]);
    return pid.status();
  }
  std::string output;
  absl::Time deadline = absl::Now() + timeout;
  bool in_time = true;
  for (;;) {
    int left = static_cast<int>(absl::ToInt64Milliseconds(deadline - absl::Now()));
    pollfd poller = {.fd = pipes[0], .events = POLLIN, .revents = 0};
    if (left <= 0 || poll(&poller, 1, left) == 0) {
      in_time = false;
      break;
    }
    char buffer[4096];
    ssize_t n = read(pipes[0], buffer, sizeof(buffer));
    if (n <= 0) break;
    output.append(buffer, static_cast<size_t>(n));
  }
  close(pipes[0]);
  in_time = in_time && WaitForEnd(*pid, deadline - absl::Now());
  if (!in_time) kill(-*pid, SIGKILL);
  int status = 0;
  waitpid(*pid, &status, 0);
  std::string command = absl::StrJoin(argv, " ");
  if (!in_time) return absl::DeadlineExceededError(absl::StrCat(command, ": ", output));
  if (ExitCode(status) != 0) {
    size_t from = output.size() > 2000 ? output.size() - 2000 : 0;
    return absl::AbortedError(
        absl::StrCat(command, ": exit code ", ExitCode(status), ": ", output.substr(from)));
  }
  return output;
}

absl::StatusOr<ProcessId> Spawn(const std::vector<std::string>& argv, const std::string& log_path,
                                const std::vector<std::string>& environment) {
  int log = open(log_path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  if (log < 0) {
    return absl::UnavailableError(absl::StrCat("open ", log_path, ": ", std::strerror(errno)));
  }
  absl::StatusOr<pid_t> pid = SpawnWith(argv, log, environment);
  close(log);
  if (!pid.ok()) return pid.status();
  std::optional<ProcessId> id = Identify(*pid);
  if (!id.has_value()) {
    waitpid(*pid, nullptr, 0);
    return absl::AbortedError(absl::StrCat(argv[0], " ended at once; see ", log_path));
  }
  return *id;
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    const std::vector<std::string>& argv, const std::string& log_path,
    const std::vector<std::string>& environment) {
  RK_ASSIGN_OR_RETURN(ProcessId id, Spawn(argv, log_path, environment));
  return std::unique_ptr<ChildProcess>(new ChildProcess(id));
}

ChildProcess::~ChildProcess() {
  if (exit_code_.has_value()) return;
  kill(id_.pid, SIGKILL);
  waitpid(id_.pid, nullptr, 0);
}

void ChildProcess::Signal(int signal) const {
  if (!exit_code_.has_value()) kill(id_.pid, signal);
}

absl::StatusOr<int> ChildProcess::WaitExit(absl::Duration timeout) {
  if (exit_code_.has_value()) return *exit_code_;
  if (!WaitForEnd(id_.pid, timeout)) {
    return absl::DeadlineExceededError(
        absl::StrCat("process ", id_.pid, " lives on after ", absl::FormatDuration(timeout)));
  }
  int status = 0;
  waitpid(id_.pid, &status, 0);
  exit_code_ = ExitCode(status);
  return *exit_code_;
}

bool WaitUntil(const std::function<bool()>& condition, absl::Duration timeout) {
  absl::Time deadline = absl::Now() + timeout;
  while (!condition()) {
    if (absl::Now() >= deadline) return false;
    absl::SleepFor(absl::Milliseconds(5));
  }
  return true;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream content;
  content << file.rdbuf();
  return content.str();
}

absl::Status WriteFile(const std::string& path, absl::string_view content) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(content.data(), static_cast<std::streamsize>(content.size()));
  file.close();
  if (!file) return absl::UnavailableError(absl::StrCat("write ", path));
  return absl::OkStatus();
}

}  // namespace rekindle::bed
