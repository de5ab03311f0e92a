#include <unistd.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"

#include "common/base/status_macros.h"
#include "tests/bench/bench.h"

namespace rekindle::bench {
namespace {

constexpr int kPods = 110;
constexpr absl::Duration kSettle = absl::Seconds(10);
constexpr absl::Duration kWatch = absl::Seconds(60);

double ResidentMiB(pid_t pid) {
  for (absl::string_view line :
       absl::StrSplit(bed::ReadFile(absl::StrCat("/proc/", pid, "/status")), '\n')) {
    int64_t kib = 0;
    if (absl::ConsumePrefix(&line, "VmRSS:") && absl::ConsumeSuffix(&line, " kB") &&
        absl::SimpleAtoi(line, &kib)) {
      return static_cast<double>(kib) / 1024;
    }
  }
  return 0;
}

double CpuSeconds(pid_t pid) {
  std::string stat = bed::ReadFile(absl::StrCat("/proc/", pid, "/stat"));
  std::vector<std::string> fields = absl::StrSplit(stat.substr(stat.rfind(')') + 1), ' ');
  int64_t user = 0;
  int64_t system = 0;
  if (fields.size() < 14 || !absl::SimpleAtoi(fields[12], &user) ||
      !absl::SimpleAtoi(fields[13], &system)) {
    return 0;
  }
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

absl::Status IdleBench(const Settings& settings, Results* results) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<bed::Bed> bed, bed::Bed::Up());
  std::vector<bed::PodSpec> specs(kPods);
  for (int i = 0; i < kPods; ++i) {
    specs[static_cast<size_t>(i)].name = absl::StrCat("pod-", i);
    specs[static_cast<size_t>(i)].containers[0].args = {"wait"};
  }
  RK_RETURN_IF_ERROR(bed->RunPods(std::move(specs)).status());
  RK_ASSIGN_OR_RETURN(std::unique_ptr<measure::Daemon> daemon,
                      measure::Daemon::Start(bed.get(), settings.programs));
  absl::SleepFor(kSettle);
  double begun = CpuSeconds(daemon->pid());
  absl::SleepFor(kWatch);
  double used = CpuSeconds(daemon->pid()) - begun;
  RK_RETURN_IF_ERROR(results->Add({.bench = "idle",
                                   .metric = "resident_memory_110_pods",
                                   .value = ResidentMiB(daemon->pid()),
                                   .unit = "MiB",
                                   .reference = std::nullopt,
                                   .limit = 20}));
  RK_RETURN_IF_ERROR(results->Add({.bench = "idle",
                                   .metric = "cpu_110_pods",
                                   .value = 100 * used / absl::ToDoubleSeconds(kWatch),
                                   .unit = "% of a core",
                                   .reference = std::nullopt,
                                   .limit = 0.2}));
  daemon.reset();
  return bed->Down();
}

}  // namespace rekindle::bench
