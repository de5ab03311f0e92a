// rekindle-bench: measures rekindled on beds of its own; one JSON object a line in the results
// file.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"

#include "common/base/lock_checks.h"
#include "tests/bench/bench.h"

namespace rekindle::bench {

const std::vector<Bench>& AllBenches() {
  static const std::vector<Bench>* benches = new std::vector<Bench>{
      {"gap", "gap of replace beside the runtime's own stop and start", GapBench},
      {"hot", "hot restarts under 2,000 requests a second", HotBench},
      {"idle", "memory and processor time with 110 pods", IdleBench},
      {"stopcall", "own time from a request to the stop call with 110 pods", StopCallBench},
      {"batch", "200 containers by one call beside a bare client", BatchBench},
      {"podman", "gap of replace beside podman restart", PodmanBench},
      {"kubelet", "replace, hot and delegate beside a kubelet", KubeletBench}};
  return *benches;
}

}  // namespace rekindle::bench

int main(int argc, char** argv) {
  rekindle::SkipLockOrderChecks();
  using rekindle::bench::AllBenches;
  using rekindle::bench::Bench;
  CLI::App app("Benchmarks of rekindled on a private containerd.");
  std::string here = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  rekindle::bench::Settings settings;
  settings.programs = {here + "/rekindled", here + "/rekindle"};
  std::string file = "build/bench/results.jsonl";
  std::vector<std::string> only;
  bool list = false;
  bool strict = false;
  app.add_option("--results", file, "file that rows are appended to")
      ->envname("REKINDLE_BENCH_RESULTS")
      ->capture_default_str();
  app.add_option("--rounds", settings.rounds, "rounds of each comparison")
      ->check(CLI::Range(1, 100000))
      ->capture_default_str();
  app.add_option("--rekindled", settings.programs.rekindled, "path of the daemon");
  app.add_option("--rekindle", settings.programs.rekindle, "path of the command line tool");
  app.add_option("--only", only, "names of benchmarks")->delimiter(',');
  app.add_flag("--strict", strict,
               "exit with 1 when a limit is missed, not only when a benchmark fails");
  app.add_flag("--list", list, "list the benchmarks and leave");
  CLI11_PARSE(app, argc, argv);
  for (const std::string& name : only) {
    if (std::none_of(AllBenches().begin(), AllBenches().end(),
                     [&](const Bench& bench) { return bench.name == name; })) {
      absl::FPrintF(stderr, "--only: unknown benchmark %s (try --list)\n", name);
      return 2;
    }
  }
  rekindle::bench::Results results(file);
  bool failed = false;
  for (const Bench& bench : AllBenches()) {
    if (list) absl::PrintF("%-8s %s\n", bench.name, bench.what);
    bool chosen = only.empty() || std::count(only.begin(), only.end(), bench.name) > 0;
    if (list || !chosen) continue;
    absl::Status status = bench.run(settings, &results);
    if (status.ok()) continue;
    absl::FPrintF(stderr, "%s: %s\n", bench.name, status.message());
    failed = true;
  }
  if (!results.all_within_limits()) absl::PrintF("a limit was missed\n");
  return failed || (strict && !results.all_within_limits()) ? 1 : 0;
}
