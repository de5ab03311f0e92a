#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "tests/bench/bench.h"
#include "tests/measure/stats.h"
#include "tests/measure/swap.h"

namespace rekindle::bench {
namespace {

constexpr int kPort = 8080;

absl::Status Restart(const measure::Daemon& daemon, const bed::Pod& pod,
                     std::vector<std::string> more) {
  std::vector<std::string> command = {"restart", absl::StrCat(pod.spec.ns, "/", pod.spec.name)};
  command.insert(command.end(), more.begin(), more.end());
  return daemon.Cli(command).status();
}

}  // namespace

absl::Status GapBench(const Settings& settings, Results* results) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<bed::Bed> bed, bed::Bed::Up());
  RK_ASSIGN_OR_RETURN(std::unique_ptr<measure::Daemon> daemon,
                      measure::Daemon::Start(bed.get(), settings.programs));
  RK_ASSIGN_OR_RETURN(bed::Pod pod, bed->RunPod({}));
  std::vector<double> gaps;
  std::vector<double> floors;
  // In turn, so that whatever else the machine does meets both alike.
  for (int i = 0; i < settings.rounds; ++i) {
    RK_ASSIGN_OR_RETURN(measure::ProbeResult floor,
                        measure::SwapByHand(bed.get(), &pod, "main", kPort));
    floors.push_back(floor.gap_ms);
    RK_ASSIGN_OR_RETURN(measure::ProbeResult seen,
                        measure::Watch(pod, kPort, [&] { return Restart(*daemon, pod, {}); }));
    gaps.push_back(seen.gap_ms);
  }
  auto row = [](const char* metric, double value, double floor) {
    return Row{.bench = "gap",
               .metric = metric,
               .value = value,
               .unit = "ms",
               .reference = Reference{"floor", "StopContainer+StartContainer", floor},
               .limit = std::nullopt};
  };
  Row median = row("replace_median", measure::Median(gaps), measure::Median(floors));
  median.limit = 1.10;
  RK_RETURN_IF_ERROR(results->Add(median));
  RK_RETURN_IF_ERROR(results->Add(
      row("replace_p99", measure::Quantile(gaps, 0.99), measure::Quantile(floors, 0.99))));
  return bed->Down();
}

absl::Status HotBench(const Settings& settings, Results* results) {
  constexpr int kRestarts = 20;
  constexpr int kConnections = 20;
  constexpr int kRate = 2000;
  RK_ASSIGN_OR_RETURN(std::unique_ptr<bed::Bed> bed, bed::Bed::Up());
  RK_ASSIGN_OR_RETURN(std::unique_ptr<measure::Daemon> daemon,
                      measure::Daemon::Start(bed.get(), settings.programs));
  bed::PodSpec spec;
  spec.containers[0].args = {"serve", "--reuse-port", "--drain-ms", "500"};
  if (!bed::ReadFile("/proc/sys/net/ipv4/tcp_migrate_req").empty()) {
    spec.sysctls["net.ipv4.tcp_migrate_req"] = "1";
  }
  RK_ASSIGN_OR_RETURN(bed::Pod pod, bed->RunPod(spec));
  RK_RETURN_IF_ERROR(bed::WaitHttp(pod.ip, kPort, "/id").status());
  measure::LoadGenerator load(pod.ip, kPort, kConnections, kRate);
  for (int i = 0; i < kRestarts; ++i) {
    RK_RETURN_IF_ERROR(Restart(*daemon, pod, {"--method", "hot", "--ready-http", "8080/healthz"}));
  }
  measure::LoadResult result = load.Stop();
  auto row = [](const char* metric, double value, const char* unit) {
    return Row{.bench = "hot",
               .metric = metric,
               .value = value,
               .unit = unit,
               .reference = std::nullopt,
               .limit = std::nullopt};
  };
  Row failed = row("failed_requests", static_cast<double>(result.failed), "requests");
  failed.limit = 0;
  RK_RETURN_IF_ERROR(results->Add(failed));
  RK_RETURN_IF_ERROR(results->Add(row("restarts", kRestarts, "restarts")));
  RK_RETURN_IF_ERROR(results->Add(
      row("requests_per_second", static_cast<double>(result.sent) / result.seconds, "1/s")));
  RK_RETURN_IF_ERROR(results->Add(row("latency_p99", result.p99_ms, "ms")));
  return bed->Down();
}

}  // namespace rekindle::bench
