// rekindle-demo: what ./demo runs once everything is built.
#include <cstdio>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"

#include "tests/demo/demo.h"

int main(int argc, char** argv) {
  CLI::App app("Shows a restart in place on a private containerd, and measures it.");
  rekindle::demo::DemoOptions options;
  app.add_option("--rekindled", options.programs.rekindled, "path of the daemon")->required();
  app.add_option("--rekindle", options.programs.rekindle, "path of the command line tool")
      ->required();
  app.add_option("--rounds", options.rounds, "restarts to compare with the floor")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--load", options.load_rate, "requests a second during the hot restart")
      ->check(CLI::Range(10, 20000))
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  absl::Status status = rekindle::demo::Demo(options).Run();
  if (status.ok()) return 0;
  absl::FPrintF(stderr, "demo: %s\n", status.message());
  return 1;
}
