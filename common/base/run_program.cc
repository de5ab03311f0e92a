#include "common/base/run_program.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "common/base/status_macros.h"
#include "common/base/text.h"

namespace rekindle {
namespace {

constexpr size_t kLastWords = 2000;
// How soon an interruption is noticed.
constexpr int kTickMilliseconds = 50;

absl::Status Failure(absl::string_view attempted, int error) {
  return absl::InternalError(absl::StrCat(attempted, ": ", strerror(error)));
}

// What one end of a program's output has said so far.
class Output {
 public:
  Output() = default;
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() {
    CloseWriter();
    if (ends_[0] >= 0) close(ends_[0]);
  }

  absl::Status Open() {
    if (pipe2(ends_.data(), O_CLOEXEC) != 0) return Failure("pipe", errno);
    return absl::OkStatus();
  }
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void CloseWriter() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

  // There is something to read, or the end.
  void Read() {
    std::array<char, 64 * 1024> buffer;
    const ssize_t count = read(ends_[0], buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) return;
    if (count > 0) return text_.append(buffer.data(), static_cast<size_t>(count)), void();
    close(ends_[0]);
    ends_[0] = -1;
  }
  bool ended() const { return ends_[0] < 0; }
  std::string& text() { return text_; }

 private:
  std::array<int, 2> ends_ = {-1, -1};
  std::string text_;
};

// This process's environment with the additions, as NAME=VALUE.
std::vector<std::string> Environment(const RunProgramOptions& options) {
  std::vector<std::string> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const absl::string_view text(*entry);
    const absl::string_view name = text.substr(0, text.find('='));
    const bool replaced = std::any_of(options.env.begin(), options.env.end(),
                                      [&](const auto& added) { return added.first == name; });
    if (!replaced) out.emplace_back(text);
  }
  for (const auto& [name, value] : options.env) out.push_back(absl::StrCat(name, "=", value));
  return out;
}

std::vector<char*> Pointers(const std::vector<std::string>& words) {
  std::vector<char*> out;
  for (const std::string& word : words) out.push_back(const_cast<char*>(word.c_str()));
  out.push_back(nullptr);
  return out;
}

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& argv, const Output& out,
                            const Output& err, const RunProgramOptions& options) {
  std::vector<char*> words = Pointers(argv);
  const std::vector<std::string> environment = Environment(options);
  std::vector<char*> variables = Pointers(environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (!options.own_input) {
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  }
  posix_spawn_file_actions_adddup2(&actions, out.writer(), STDOUT_FILENO);
  if (!options.errors_pass) {
    posix_spawn_file_actions_adddup2(&actions, err.writer(), STDERR_FILENO);
  }
  pid_t pid = 0;
  const int error = posix_spawnp(&pid, words[0], &actions, nullptr, words.data(), variables.data());
  posix_spawn_file_actions_destroy(&actions);
  if (error == ENOENT || error == EACCES) {
    return absl::NotFoundError(absl::StrCat(argv[0], ": ", strerror(error)));
  }
  if (error != 0) return Failure(argv[0], error);
  return pid;
}

int Reap(pid_t pid) {
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

// Reads both until they end. What is wrong otherwise.
absl::Status ReadAll(Output& out, Output& err, absl::Duration limit,
                     const std::atomic<bool>& interrupted, size_t most) {
  const auto until = std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(limit);
  while (!out.ended() || !err.ended()) {
    if (interrupted.load()) return absl::CancelledError("interrupted");
    if (std::chrono::steady_clock::now() >= until) {
      return absl::DeadlineExceededError(
          absl::StrCat("no end within ", absl::FormatDuration(limit)));
    }
    // A negative descriptor is passed over.
    std::array<pollfd, 2> ends = {pollfd{out.reader(), POLLIN, 0}, pollfd{err.reader(), POLLIN, 0}};
    if (poll(ends.data(), ends.size(), kTickMilliseconds) <= 0) {
      continue;
    }
    if (ends[0].revents != 0) out.Read();
    if (out.text().size() > most) {
      return absl::ResourceExhaustedError(absl::StrCat("wrote over ", most, " bytes"));
    }
    if (ends[1].revents != 0) err.Read();
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> RunProgram(const std::vector<std::string>& argv, absl::Duration limit,
                                       const std::atomic<bool>& interrupted,
                                       const RunProgramOptions& options) {
  Output out;
  Output err;
  RK_RETURN_IF_ERROR(out.Open());
  RK_RETURN_IF_ERROR(err.Open());
  RK_ASSIGN_OR_RETURN(const pid_t pid, Spawn(argv, out, err, options));
  out.CloseWriter();
  err.CloseWriter();
  const absl::Status read = ReadAll(out, err, limit, interrupted, options.max_output_bytes);
  if (!read.ok()) kill(pid, SIGKILL);
  const int status = Reap(pid);
  if (!read.ok()) {
    return absl::Status(read.code(), absl::StrCat(argv[0], ": ", read.message()));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return std::move(out.text());
  std::string words = err.text();
  absl::StripAsciiWhitespace(&words);
  if (words.size() > kLastWords) words.erase(0, words.size() - kLastWords);
  if (words.empty()) {
    words = WIFEXITED(status) ? absl::StrCat("ended with code ", WEXITSTATUS(status))
                              : absl::StrCat("ended by signal ", WTERMSIG(status));
  }
  return absl::AbortedError(absl::StrCat(argv[0], ": ", PrintableText(words)));
}

}  // namespace rekindle
