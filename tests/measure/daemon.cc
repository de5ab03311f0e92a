#include "tests/measure/daemon.h"

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::measure {

Daemon::Daemon(std::string dir, Programs programs)
    : dir_(std::move(dir)), programs_(std::move(programs)), socket_(dir_ + "/rekindled.sock") {}

absl::StatusOr<std::unique_ptr<Daemon>> Daemon::Start(bed::Bed* bed, Programs programs,
                                                      const std::vector<std::string>& flags,
                                                      const std::string& endpoint,
                                                      const std::vector<std::string>& environment) {
  std::unique_ptr<Daemon> daemon(new Daemon(bed->dir() + "/rekindled", std::move(programs)));
  std::error_code error;
  std::filesystem::create_directories(daemon->dir_, error);
  std::vector<std::string> argv = {daemon->programs_.rekindled,
                                   "--runtime-endpoint",
                                   endpoint.empty() ? bed->endpoint() : endpoint,
                                   "--state-dir",
                                   daemon->dir_ + "/state",
                                   "--socket",
                                   daemon->socket_,
                                   "--http-listen",
                                   "127.0.0.1:0"};
  argv.insert(argv.end(), flags.begin(), flags.end());
  RK_ASSIGN_OR_RETURN(daemon->process_,
                      bed::ChildProcess::Start(bed->InNode(argv), daemon->log_path(), environment));
  absl::StatusOr<std::string> info;
  bool ready = bed::WaitUntil(
      [&] {
        if (!daemon->Running()) return true;
        info = daemon->Cli({"info"}, absl::Seconds(10));
        return info.ok();
      },
      absl::Seconds(60));
  if (ready && daemon->Running() && info.ok()) return daemon;
  std::string log = bed::ReadFile(daemon->log_path());
  return absl::DeadlineExceededError(
      absl::StrCat("rekindled does not answer: ", info.status().message(), "\n",
                   log.substr(log.size() > 3000 ? log.size() - 3000 : 0)));
}

absl::StatusOr<std::string> Daemon::Cli(const std::vector<std::string>& arguments,
                                        absl::Duration timeout) const {
  std::vector<std::string> argv = {programs_.rekindle, "node"};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  argv.insert(argv.end(), {"--socket", socket_});
  return bed::RunCommand(argv, timeout);
}

}  // namespace rekindle::measure
