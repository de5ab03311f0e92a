#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "cli/app.h"

#include "common/base/lock_checks.h"

namespace {

std::atomic<bool> g_interrupted{false};
static_assert(std::atomic<bool>::is_always_lock_free, "is set by a signal handler");

void OnSignal(int number) {
  g_interrupted.store(true);
  // A second signal ends the program at once.
  signal(number, SIG_DFL);
}

std::string NewRequestId() {
  std::random_device random;
  return absl::StrCat("cli-", absl::Hex(random(), absl::kZeroPad8),
                      absl::Hex(random(), absl::kZeroPad8));
}

}  // namespace

int main(int argc, char** argv) {
  rekindle::SkipLockOrderChecks();
  signal(SIGINT, OnSignal);
  signal(SIGTERM, OnSignal);
  signal(SIGPIPE, SIG_IGN);
  winsize size{};
  const bool tty = isatty(STDOUT_FILENO) == 1;
  const bool sized = tty && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  rekindle::cli::Io io{.out = std::cout,
                       .err = std::cerr,
                       .in = std::cin,
                       .out_is_tty = tty,
                       .width = sized ? size.ws_col : size_t{80},
                       .getenv = [](const std::string& name) -> std::optional<std::string> {
                         const char* value = std::getenv(name.c_str());
                         if (value == nullptr) return std::nullopt;
                         return value;
                       },
                       .now = absl::Now,
                       .new_request_id = NewRequestId,
                       .random = [device = std::make_shared<std::random_device>()]() -> uint32_t {
                         return (*device)();
                       },
                       .interrupted = g_interrupted};
  return rekindle::cli::Run(std::vector<std::string>(argv + 1, argv + argc), io);
}
