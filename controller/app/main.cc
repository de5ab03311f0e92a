#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

#include "common/base/lock_checks.h"
#include "common/base/logging.h"
#include "common/base/version.h"
#include "controller/app/command_line.h"
#include "controller/app/commands.h"
#include "controller/app/program.h"

namespace rekindle {
namespace {

// What the program itself sends when it has ended without being asked.
constexpr int kEnded = SIGUSR1;

// Waits for a signal, or until the program ends by itself.
int Await(ControllerProgram& program, const sigset_t& signals) {
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != kEnded) {
      const absl::Status stopped = program.Stop(absl::StrCat("stopping on signal ", signal));
      if (stopped.ok()) return 0;
      LOG(ERROR) << "the end was not orderly: " << stopped.message();
      return 1;
    }
    if (const auto status = program.status()) {
      LOG(ERROR) << "ended: " << status->message();
      return 1;
    }
  }
}

int Serve(const ControllerCommandLine& line) {
  InitLogging("rekindle-controller", DefaultLogFormat(getenv("JOURNAL_STREAM")), line.verbosity);
  // Blocked before any thread is made: all of them inherit that, and only sigwait takes them.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, kEnded}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  absl::StatusOr<std::unique_ptr<ControllerProgram>> program = ControllerProgram::Start(
      line.run, line.embedded, [main = pthread_self()] { pthread_kill(main, kEnded); });
  if (!program.ok()) {
    LOG(ERROR) << "cannot start: " << program.status().message();
    return 1;
  }
  return Await(**program, signals);
}

int Main(const std::vector<std::string>& args) {
  absl::StatusOr<ControllerCommandLine> line = ParseControllerCommandLine(args, kVersion);
  if (!line.ok()) {
    std::fprintf(stderr, "rekindle-controller: %s\n", std::string(line.status().message()).c_str());
    return 2;
  }
  if (line->action == ControllerCommandLine::Action::kServe) return Serve(*line);
  absl::StatusOr<std::string> output = RunControllerCommand(*line, absl::Now());
  if (!output.ok()) {
    std::fprintf(stderr, "rekindle-controller: %s\n",
                 std::string(output.status().message()).c_str());
    return 1;
  }
  std::fputs(output->c_str(), stdout);
  return 0;
}

}  // namespace
}  // namespace rekindle

int main(int argc, char** argv) {
  rekindle::SkipLockOrderChecks();
  return rekindle::Main(std::vector<std::string>(argv + 1, argv + argc));
}
