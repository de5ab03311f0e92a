#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

#include "common/base/status_macros.h"
#include "tests/bench/bench.h"
#include "tests/bench/usage.h"

namespace rekindle::bench {
namespace {

constexpr int kPods = 110;
constexpr absl::Duration kSettle = absl::Seconds(10);
constexpr absl::Duration kWatch = absl::Seconds(60);

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
  RK_ASSIGN_OR_RETURN(const absl::Duration begun, ProcessorTime(daemon->pid()));
  absl::SleepFor(kWatch);
  RK_ASSIGN_OR_RETURN(const absl::Duration ended, ProcessorTime(daemon->pid()));
  RK_ASSIGN_OR_RETURN(const size_t resident, ResidentBytes(daemon->pid(), "VmRSS"));
  const double used = absl::ToDoubleSeconds(ended - begun);
  RK_RETURN_IF_ERROR(results->Add({.bench = "idle",
                                   .metric = "resident_memory_110_pods",
                                   .value = static_cast<double>(resident) / (1 << 20),
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
