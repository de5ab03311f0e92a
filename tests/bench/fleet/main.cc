// rekindle-fleet-bench: restarts on thousands of simulated nodes; one JSON object a line in the
// results file.
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"

#include "common/base/lock_checks.h"
#include "tests/bench/fleet/daemon_process.h"
#include "tests/bench/fleet/fleet_bench.h"

int main(int argc, char** argv) {
  rekindle::SkipLockOrderChecks();
  CLI::App app("Benchmark of the controller's connections to the daemons of many nodes.");
  rekindle::bench::FleetBenchSettings settings;
  std::string file = "build/bench/results.jsonl";
  std::string serve;
  bool strict = false;
  app.add_option("--results", file, "file that rows are appended to")
      ->envname("REKINDLE_BENCH_RESULTS")
      ->capture_default_str();
  app.add_option("--nodes", settings.nodes, "nodes; each takes three descriptors")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--serve", serve, "be the daemons, with the certificates in this directory");
  app.add_flag("--strict", strict, "exit with 1 when a limit is missed");
  CLI11_PARSE(app, argc, argv);
  if (!serve.empty()) return rekindle::bench::ServeDaemons(settings.nodes, serve);
  rekindle::bench::Results results(file);
  const absl::Status status = rekindle::bench::FleetBench(settings, results);
  if (!status.ok()) {
    std::fprintf(stderr, "fleet: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  if (!results.all_within_limits()) std::puts("a limit was missed");
  return strict && !results.all_within_limits() ? 1 : 0;
}
