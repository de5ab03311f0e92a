#include "tests/bare_metal/controller.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::bare_metal {
namespace {

constexpr char kToken[] = "bare-metal-administrator";
constexpr char kServing[] = "serving https://";

// What the log says it serves; empty: nothing yet.
std::string UrlIn(const std::string& log) {
  const size_t at = log.rfind(kServing);
  if (at == std::string::npos) return "";
  const size_t from = at + sizeof(kServing) - 1;
  const size_t end = log.find(';', from);
  return end == std::string::npos ? "" : absl::StrCat("https://", log.substr(from, end - from));
}

// Makes `options.dir` that user's and gives back the command line that runs `argv` as him.
absl::StatusOr<std::vector<std::string>> AsUser(const ControllerProcess::Options& options,
                                                std::vector<std::string> argv) {
  const auto [uid, group] = *options.user;
  // The build's directory may be closed to others.
  const std::string program = options.dir + "/rekindle-controller";
  std::error_code error;
  std::filesystem::copy_file(options.program, program,
                             std::filesystem::copy_options::overwrite_existing, error);
  if (error) return absl::InternalError(absl::StrCat("copy to ", program, ": ", error.message()));
  argv[0] = program;
  for (const std::string& path : {options.dir, options.dir + "/tokens"}) {
    if (::chown(path.c_str(), uid, uid) != 0) return absl::ErrnoToStatus(errno, "chown " + path);
  }
  std::vector<std::string> out = {"setpriv",
                                  absl::StrCat("--reuid=", uid),
                                  absl::StrCat("--regid=", uid),
                                  absl::StrCat("--groups=", group),
                                  "--inh-caps=-all",
                                  "--bounding-set=-all",
                                  "--no-new-privs",
                                  "--"};
  out.insert(out.end(), argv.begin(), argv.end());
  return out;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ControllerProcess>> ControllerProcess::Start(Options options) {
  std::unique_ptr<ControllerProcess> made(new ControllerProcess(std::move(options)));
  const Options& given = made->options_;
  std::error_code error;
  std::filesystem::create_directories(given.dir, error);
  const std::string tokens = given.dir + "/tokens";
  RK_RETURN_IF_ERROR(bed::WriteFile(tokens, absl::StrCat(kToken, ",admin,1,\"system:masters\"\n")));
  ::chmod(tokens.c_str(), 0600);
  // A log of its own for each process: its address is read from there.
  for (int run = 1; made->log_.empty() || std::filesystem::exists(made->log_); ++run) {
    made->log_ = absl::StrCat(given.dir, "/controller-", run, ".log");
  }
  std::vector<std::string> argv = {
      given.program,    "--embedded",           "--data-dir",       given.dir + "/data",
      "--listen",       "127.0.0.1:0",          "--token-file",     tokens,
      "--local-daemon", "unix:" + given.daemon, "--metrics-listen", "127.0.0.1:0"};
  argv.insert(argv.end(), given.flags.begin(), given.flags.end());
  if (given.user.has_value()) {
    RK_ASSIGN_OR_RETURN(argv, AsUser(given, std::move(argv)));
  }
  RK_ASSIGN_OR_RETURN(made->process_, bed::ChildProcess::Start(argv, made->log_));
  bool answers = false;
  bed::WaitUntil(
      [&] {
        if (!made->Running()) return true;
        if (made->endpoint_.url.empty()) {
          made->endpoint_ = {.url = UrlIn(made->Log()), .token = kToken};
        }
        if (made->endpoint_.url.empty()) return false;
        conformance::Http http(made->endpoint_);
        const auto ready = http.Call({.path = "/readyz"});
        answers = ready.ok() && ready->status == 200;
        return answers;
      },
      absl::Seconds(60));
  if (answers) return made;
  const std::string log = made->Log();
  return absl::DeadlineExceededError(
      absl::StrCat("rekindle-controller does not answer:\n",
                   log.substr(log.size() > 3000 ? log.size() - 3000 : 0)));
}

}  // namespace rekindle::bare_metal
