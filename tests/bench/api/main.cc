// rekindle-api-bench: the embedded API server beside kube-apiserver; one JSON object a line in the
// results file.
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "CLI/CLI.hpp"

#include "tests/bench/api/api_bench.h"

int main(int argc, char** argv) {
  CLI::App app("Benchmarks of the embedded API server, beside kube-apiserver with etcd.");
  rekindle::bench::ApiBenchSettings settings;
  std::error_code ignored;
  settings.program = std::filesystem::read_symlink("/proc/self/exe", ignored)
                         .replace_filename("rekindle-controller");
  std::string file = "build/bench/results.jsonl";
  bool strict = false;
  bool alone = false;
  app.add_option("--results", file, "file that rows are appended to")
      ->envname("REKINDLE_BENCH_RESULTS")
      ->capture_default_str();
  app.add_option("--program", settings.program, "rekindle-controller")->capture_default_str();
  app.add_option("--pods", settings.pods, "pods that the servers hold")
      ->check(CLI::Range(1000, 10'000'000))
      ->capture_default_str();
  app.add_option("--reads", settings.reads, "single objects to read")
      ->check(CLI::Range(100, 10'000'000))
      ->capture_default_str();
  app.add_option("--changes", settings.changes, "changes that watches hear of")
      ->check(CLI::Range(100, 10'000'000))
      ->capture_default_str();
  app.add_option("--changes-per-second", settings.changes_per_second, "how fast they come")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--watchers", settings.watchers, "watches beside the cache")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  app.add_flag("--alone", alone, "measure the embedded server only");
  app.add_flag("--strict", strict, "exit with 1 when a limit is missed");
  CLI11_PARSE(app, argc, argv);
  settings.peer = !alone;
  rekindle::bench::Results results(file);
  const absl::Status status = rekindle::bench::ApiBench(settings, results);
  if (!status.ok()) {
    std::fprintf(stderr, "api: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  if (!results.all_within_limits()) std::puts("a limit was missed");
  return strict && !results.all_within_limits() ? 1 : 0;
}
