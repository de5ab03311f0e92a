#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "common/base/lock_checks.h"
#include "common/base/logging.h"
#include "common/base/scheduling.h"
#include "common/base/systemd.h"
#include "common/base/version.h"
#include "daemon/app/daemon.h"
#include "daemon/config/command_line.h"
#include "daemon/service/health_client.h"

namespace rekindle {
namespace {

// Far beyond what any step of the daemon computes, well below the watchdog's period.
constexpr absl::Duration kRunaway = absl::Seconds(5);
// Less than a probe waits: it should say why it failed.
constexpr absl::Duration kHealthLimit = absl::Seconds(4);

int CheckHealth(const config::CommandLine& line) {
  const absl::Status health =
      service::CheckHealth(line.config.socket, line.health_service, kHealthLimit);
  if (!health.ok()) std::fprintf(stderr, "%s\n", std::string(health.message()).c_str());
  return health.ok() ? 0 : 1;
}

// Waits for signals until one asks for the end.
void Serve(Daemon& daemon, const std::vector<std::string>& args, const config::Host& host,
           const sigset_t& signals) {
  while (true) {
    int signal = 0;
    if (sigwait(&signals, &signal) != 0) continue;
    if (signal != SIGHUP) {
      LOG(INFO) << "stopping on signal " << signal;
      return daemon.Stop("the daemon is stopping");
    }
    absl::StatusOr<config::CommandLine> loaded = config::ParseCommandLine(args, host);
    if (!loaded.ok()) {
      LOG(ERROR) << "reload refused, the old configuration stays: " << loaded.status().message();
      continue;
    }
    const auto need_restart = daemon.Reload(loaded->config);
    if (!need_restart.ok()) {
      LOG(ERROR) << "reload: the old certificates stay: " << need_restart.status().message();
      continue;
    }
    LOG(INFO) << "configuration reloaded";
    for (const std::string& key : *need_restart) {
      LOG(WARNING) << "reload: " << key << " changes at the next restart only";
    }
  }
}

int Main(const std::vector<std::string>& args) {
  const config::Host host = config::Host::ThisMachine(kVersion);
  absl::StatusOr<config::CommandLine> line = config::ParseCommandLine(args, host);
  if (!line.ok()) {
    std::fprintf(stderr, "%s\n", std::string(line.status().message()).c_str());
    return 2;
  }
  if (line->action == config::Action::kPrint) {
    std::fputs(line->text.c_str(), stdout);
    return 0;
  }
  if (line->action == config::Action::kCheckHealth) return CheckHealth(*line);
  LogFormat format = DefaultLogFormat(getenv("JOURNAL_STREAM"));
  if (line->config.log_format == config::LogFormatChoice::kText) format = LogFormat::kText;
  if (line->config.log_format == config::LogFormatChoice::kJournal) format = LogFormat::kJournal;
  InitLogging("rekindled", format, static_cast<int>(line->config.verbosity));

  // Blocked before any thread is made: all of them inherit that, and only Serve takes them.
  sigset_t signals;
  sigemptyset(&signals);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  if (line->config.realtime) {
    const absl::Status realtime = UseRealtimeScheduling(kRunaway);
    if (!realtime.ok()) LOG(INFO) << "realtime: ordinary priority: " << realtime.message();
  }

  absl::StatusOr<std::unique_ptr<Daemon>> daemon =
      Daemon::Start(line->config, kVersion, SystemdEnvironment::FromProcess());
  if (!daemon.ok()) {
    LOG(ERROR) << "cannot start: " << daemon.status().message();
    return 1;
  }
  Serve(**daemon, args, host, signals);
  return 0;
}

}  // namespace
}  // namespace rekindle

int main(int argc, char** argv) {
  rekindle::SkipLockOrderChecks();
  // One heap for all threads: they hardly ever allocate at the same time, and each further heap
  // keeps pages that nobody uses (a quarter of a MiB in all).
  mallopt(M_ARENA_MAX, 1);
  return rekindle::Main(std::vector<std::string>(argv + 1, argv + argc));
}
