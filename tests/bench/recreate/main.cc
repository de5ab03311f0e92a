// rekindle-recreate-bench: requests for recreation from end to end; one JSON object a line in the
// results file.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"

#include "common/base/lock_checks.h"
#include "tests/bench/recreate/recreate_bench.h"

int main(int argc, char** argv) {
  rekindle::SkipLockOrderChecks();
  using rekindle::bench::RecreateBenchSettings;
  CLI::App app("Benchmark of ContainerRecreateRequests, from their creation to their end.");
  const std::string here = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
  RecreateBenchSettings settings;
  settings.programs = {here + "/rekindled", here + "/rekindle"};
  settings.controller = here + "/rekindle-controller";
  settings.node_image = here + "/../deploy/rekindled-image.tar";
  settings.controller_image = here + "/../deploy/rekindle-controller-image.tar";
  settings.manifests = RK_SOURCE_DIR "/deploy/kubernetes";
  std::string file = "build/bench/results.jsonl";
  std::string only;
  bool strict = false;
  app.add_option("--results", file, "file that rows are appended to")
      ->envname("REKINDLE_BENCH_RESULTS")
      ->capture_default_str();
  app.add_option("--only", only,
                 "latency, kubernetes or scale; without it kubernetes is left out unless "
                 "$REKINDLE_KUBERNETES names its programs")
      ->check(CLI::IsMember({"latency", "kubernetes", "scale"}));
  app.add_option("--rounds", settings.rounds, "requests of `latency` and of `kubernetes`")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--nodes", settings.nodes, "nodes of `scale`; each takes three descriptors")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--controller-flags", settings.controller_flags,
                 "further flags of the controller of `scale`, separated by blanks")
      ->capture_default_str();
  app.add_option("--connections", settings.connections,
                 "of `scale`: warm (all made ahead) or cold (none); default: both")
      ->check(CLI::IsMember({"warm", "cold"}));
  app.add_option("--rekindled", settings.programs.rekindled, "path of the daemon");
  app.add_option("--rekindle", settings.programs.rekindle, "path of the command line tool");
  app.add_option("--rekindle-controller", settings.controller, "path of the controller");
  app.add_flag("--strict", strict, "exit with 1 when a limit is missed");
  CLI11_PARSE(app, argc, argv);
  rekindle::bench::Results results(file);
  const struct {
    const char* name;
    absl::Status (*run)(const RecreateBenchSettings&, rekindle::bench::Results&);
  } benches[] = {{"latency", &rekindle::bench::RecreateLatencyBench},
                 {"kubernetes", &rekindle::bench::RecreateKubernetesBench},
                 {"scale", &rekindle::bench::RecreateScaleBench}};
  const char* kubernetes = std::getenv("REKINDLE_KUBERNETES");
  bool failed = false;
  for (const auto& bench : benches) {
    if (!only.empty() && only != bench.name) continue;
    const bool asked = only == bench.name || (kubernetes != nullptr && *kubernetes != '\0');
    if (std::string(bench.name) == "kubernetes" && !asked) continue;
    const absl::Status status = bench.run(settings, results);
    if (status.ok()) continue;
    std::fprintf(stderr, "%s: %s\n", bench.name, std::string(status.message()).c_str());
    failed = true;
  }
  if (!results.all_within_limits()) std::puts("a limit was missed");
  return failed || (strict && !results.all_within_limits()) ? 1 : 0;
}
