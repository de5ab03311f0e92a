// rekindle-demo: what ./demo runs once everything is built.
#include <cstdio>

#include "CLI/CLI.hpp"
#include "absl/strings/str_format.h"

#include "tests/demo/demo.h"
#include "tests/demo/kube_demo.h"

int main(int argc, char** argv) {
  CLI::App app("Shows a restart in place on a private containerd or Kubernetes, and measures it.");
  rekindle::demo::DemoOptions options;
  rekindle::demo::KubeDemoOptions kube;
  bool kubernetes = false;
  int rounds = 0;
  app.add_option("--rekindled", options.programs.rekindled, "path of the daemon")->required();
  app.add_option("--rekindle", options.programs.rekindle, "path of the command line tool")
      ->required();
  app.add_option("--controller", options.controller,
                 "path of rekindle-controller; needed without --kubernetes");
  app.add_option("--kubectl", options.kubectl,
                 "path of kubectl; without it the REST API is called directly; not with "
                 "--kubernetes, which has its own");
  app.add_option("--rounds", rounds,
                 "restarts to compare with the runtime's own; default 5, with --kubernetes 3")
      ->check(CLI::Range(1, 1000));
  app.add_option("--load", options.load_rate, "requests a second during the hot restart")
      ->check(CLI::Range(10, 20000))
      ->capture_default_str();
  CLI::Option* on_kube = app.add_flag("--kubernetes", kubernetes, "on a private Kubernetes");
  CLI::Option* image =
      app.add_option("--image", kube.install.image, "the daemon's image (OCI archive)");
  CLI::Option* controller_image = app.add_option(
      "--controller-image", kube.install.controller_image, "the controller's image, likewise");
  CLI::Option* manifests =
      app.add_option("--manifests", kube.install.manifests, "deploy/kubernetes");
  on_kube->needs(image)->needs(controller_image)->needs(manifests);
  CLI11_PARSE(app, argc, argv);
  if (!kubernetes && options.controller.empty()) {
    absl::FPrintF(stderr, "demo: --controller is needed\n");
    return 2;
  }
  if (rounds > 0) options.rounds = kube.rounds = rounds;
  kube.load_rate = options.load_rate;
  kube.install.rekindle = options.programs.rekindle;
  const absl::Status status =
      kubernetes ? rekindle::demo::KubeDemo(kube).Run() : rekindle::demo::Demo(options).Run();
  if (status.ok()) return 0;
  absl::FPrintF(stderr, "demo: %s\n", status.message());
  return 1;
}
