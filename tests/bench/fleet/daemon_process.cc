#include "tests/bench/fleet/daemon_process.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include <grpcpp/security/server_credentials.h>

#include "tests/fakes/sim_daemons.h"

namespace rekindle::bench {
namespace {

std::string ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace

absl::StatusOr<std::unique_ptr<DaemonProcess>> DaemonProcess::Start(
    int nodes, const std::string& certificates) {
  int to[2];
  int from[2];
  if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0) {
    return absl::UnavailableError("no pipes");
  }
  const std::string count = absl::StrCat(nodes);
  const pid_t pid = fork();
  if (pid < 0) return absl::UnavailableError("cannot fork");
  if (pid == 0) {
    dup2(to[0], STDIN_FILENO);
    dup2(from[1], STDOUT_FILENO);
    execl("/proc/self/exe", "rekindle-fleet-bench", "--serve", certificates.c_str(), "--nodes",
          count.c_str(), nullptr);
    _exit(127);
  }
  close(to[0]);
  close(from[1]);
  std::unique_ptr<DaemonProcess> process(new DaemonProcess(pid, to[1], from[0]));
  process->targets_ = absl::StrSplit(process->ReadLine(), ' ');
  if (process->targets_.size() != static_cast<size_t>(nodes)) {
    return absl::UnavailableError("the simulated daemons did not start");
  }
  return process;
}

DaemonProcess::~DaemonProcess() {
  if (to_ >= 0) close(to_);
  close(from_);
  if (pid_ > 0) waitpid(pid_, nullptr, 0);
}

std::string DaemonProcess::ReadLine() {
  std::string line;
  char c = 0;
  while (read(from_, &c, 1) == 1 && c != '\n') line += c;
  return line;
}

absl::Status DaemonProcess::Finish(int requests) {
  close(to_);
  to_ = -1;
  const std::string line = ReadLine();
  const std::string expected = absl::StrCat("begun ", requests, " at most 1 times");
  if (line == expected) return absl::OkStatus();
  return absl::InternalError(absl::StrCat("the daemons say \"", line, "\""));
}

int ServeDaemons(int nodes, const std::string& certificates) {
  grpc::SslServerCredentialsOptions options(
      GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY);
  options.pem_root_certs = ReadFile(certificates + "/ca");
  options.pem_key_cert_pairs = {
      {ReadFile(certificates + "/daemon.key"), ReadFile(certificates + "/daemon.crt")}};
  const SimDaemons daemons({.nodes = nodes, .credentials = grpc::SslServerCredentials(options)});
  std::puts(absl::StrJoin(daemons.targets(), " ").c_str());
  std::fflush(stdout);
  char byte = 0;
  while (read(STDIN_FILENO, &byte, 1) > 0) {
  }
  int most = 0;
  const auto begun = daemons.begun();
  for (const auto& [id, times] : begun) most = std::max(most, times);
  std::printf("begun %zu at most %d times\n", begun.size(), most);
  std::fflush(stdout);
  std::_Exit(0);  // thousands of listeners take long to close in good order
}

}  // namespace rekindle::bench
