#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common/base/asio_loop.h"
#include "common/base/logging.h"
#include "common/base/systemd.h"
#include "common/base/version.h"
#include "controller/app/command_line.h"
#include "controller/app/commands.h"
#include "controller/app/embedded_server.h"

namespace rekindle {
namespace {

int Serve(const ControllerCommandLine& line) {
  InitLogging("rekindle-controller", DefaultLogFormat(getenv("JOURNAL_STREAM")), line.verbosity);
  // Blocked before any thread is made: all of them inherit that, and only sigwait takes them.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);

  absl::StatusOr<std::unique_ptr<EmbeddedServer>> server = EmbeddedServer::Start(line.embedded);
  if (!server.ok()) {
    LOG(ERROR) << "cannot start: " << server.status().message();
    return 1;
  }
  LOG(INFO) << "serving " << (*server)->url()
            << "; kubeconfig of the admin: " << (*server)->kubeconfig();
  AsioLoop loop("main-loop");
  ServiceState state(loop);
  state.Ready("serving " + (*server)->url());
  int signal = 0;
  while (sigwait(&signals, &signal) != 0) continue;
  LOG(INFO) << "stopping on signal " << signal;
  state.Stopping();
  server->reset();
  return 0;
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
  return rekindle::Main(std::vector<std::string>(argv + 1, argv + argc));
}
