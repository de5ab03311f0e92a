// rekindle-client-bench: measures the client's cache; one JSON object a line in the results file.
#include <cstdio>

#include "CLI/CLI.hpp"

#include "tests/bench/client/client_bench.h"

int main(int argc, char** argv) {
  CLI::App app("Benchmarks of the API client's cache.");
  rekindle::bench::ClientBenchSettings settings;
  std::string file = "build/bench/results.jsonl";
  bool strict = false;
  app.add_option("--results", file, "file that rows are appended to")
      ->envname("REKINDLE_BENCH_RESULTS")
      ->capture_default_str();
  app.add_option("--rounds", settings.rounds, "rounds of each measurement")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  app.add_option("--pods", settings.pods, "pods in the cache")
      ->check(CLI::Range(10, 10'000'000))
      ->capture_default_str();
  app.add_flag("--strict", strict, "exit with 1 when a limit is missed");
  CLI11_PARSE(app, argc, argv);
  rekindle::bench::Results results(file);
  const absl::Status status = rekindle::bench::ClientBench(settings, results);
  if (!status.ok()) {
    std::fprintf(stderr, "client: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  if (!results.all_within_limits()) std::puts("a limit was missed");
  return strict && !results.all_within_limits() ? 1 : 0;
}
