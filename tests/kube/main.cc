// rekindle-kube: a private Kubernetes to try things on, from the command line.
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"

#include "common/base/status_macros.h"
#include "tests/kube/cluster.h"

namespace rekindle::kube {
namespace {

void Print(const Cluster& cluster, absl::Duration taken) {
  absl::PrintF(
      "dir=%s\nkubeconfig=%s\nserver=%s\nendpoint=unix://%s\nnode=%s\nkubectl=%s/kubectl\n"
      "seconds=%.1f\n",
      cluster.dir(), cluster.Kubeconfig(), cluster.layout().ServerUrl(),
      bed::NodeSocket(cluster.dir()), cluster.node_name(), cluster.layout().programs,
      absl::ToDoubleSeconds(taken));
  std::fflush(stdout);
}

absl::Status Up(ClusterOptions options, pid_t owner) {
  options.keep = true;
  if (owner != 0) {
    options.owner = bed::Identify(owner);
    if (!options.owner.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("--owner: no process ", owner));
    }
  }
  const absl::Time began = absl::Now();
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Cluster> cluster, Cluster::Up(options));
  Print(*cluster, absl::Now() - began);
  return absl::OkStatus();
}

// A cluster for as long as this program runs.
absl::Status Hold(const ClusterOptions& options) {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  // Before gRPC starts threads, so that these signals come to us alone.
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  const absl::Time began = absl::Now();
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Cluster> cluster, Cluster::Up(options));
  Print(*cluster, absl::Now() - began);
  int received = 0;
  sigwait(&stop, &received);
  return cluster->Down();
}

absl::Status Down(const std::string& dir) {
  absl::StatusOr<std::unique_ptr<Cluster>> cluster = Cluster::Attach(dir);
  if (cluster.ok()) return (*cluster)->Down();
  // What has come up half-way is a bed all the same.
  RK_ASSIGN_OR_RETURN(std::unique_ptr<bed::Bed> bed, bed::Bed::Attach(dir));
  return bed->Down();
}

absl::Status Restart(const std::string& dir, const std::string& name, const std::string& signal) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Cluster> cluster, Cluster::Attach(dir));
  std::optional<Component> component = ComponentOf(name);
  if (!component.has_value()) {
    return absl::InvalidArgumentError(absl::StrCat("component: \"", name, "\" is none"));
  }
  // Between the two containerds the bed must not look dead to somebody's sweep.
  RK_ASSIGN_OR_RETURN(bed::FileLock lock, bed::FileLock::Take(cluster->dir() + "/lock", true));
  return cluster->Restart(*component, signal == "KILL" ? SIGKILL : SIGTERM);
}

// Runs a program with our own input and output; its exit code.
int Run(const std::vector<std::string>& words) {
  std::vector<char*> argv;
  argv.reserve(words.size() + 1);
  for (const std::string& word : words) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  std::fflush(stdout);
  execvp(argv[0], argv.data());
  std::perror(argv[0]);
  return 127;
}

absl::StatusOr<int> Kubectl(const std::string& dir, const std::vector<std::string>& arguments) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Cluster> cluster, Cluster::Attach(dir));
  std::vector<std::string> words = {cluster->layout().programs + "/kubectl",
                                    "--kubeconfig=" + cluster->Kubeconfig(),
                                    "--cache-dir=" + cluster->layout().File("kubectl-cache")};
  words.insert(words.end(), arguments.begin(), arguments.end());
  return Run(words);
}

absl::StatusOr<int> Node(const std::string& dir, const std::vector<std::string>& arguments) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Cluster> cluster, Cluster::Attach(dir));
  return Run(cluster->InNode(arguments));
}

int Main(int argc, char** argv) {
  CLI::App app("A private single-node Kubernetes, for tests, the demo and trying by hand.");
  app.require_subcommand(1);
  absl::Status status;
  int code = 0;
  ClusterOptions options;
  std::string dir;
  std::string component;
  std::string signal = "TERM";
  std::vector<std::string> arguments;
  pid_t owner = 0;
  bool all = false;

  CLI::App* up = app.add_subcommand("up", "start a cluster that stays after this command");
  up->add_option("dir", options.dir, "an absolute directory that is empty or does not exist")
      ->required();
  up->add_option("--owner", owner, "process whose end makes the cluster fair game for a sweep");
  up->callback([&] { status = Up(options, owner); });
  CLI::App* hold = app.add_subcommand("hold", "a cluster until Ctrl-C");
  hold->callback([&] { status = Hold(options); });
  for (CLI::App* starting : {up, hold}) {
    starting->add_option("--programs", options.programs,
                         "directory of Kubernetes's binaries; else what was built last");
    starting->add_option("--max-pods", options.max_pods, "pods on the node")->capture_default_str();
  }
  CLI::App* down = app.add_subcommand("down", "take a cluster down and remove every trace");
  down->add_option("dir", dir, "the cluster's directory")->required();
  down->callback([&] { status = Down(dir); });
  CLI::App* kubectl = app.add_subcommand("kubectl", "run kubectl; put -- before its arguments");
  kubectl->add_option("dir", dir, "the cluster's directory")->required();
  kubectl->add_option("args", arguments, "kubectl's arguments");
  auto take = [&](const absl::StatusOr<int>& ran) {
    status = ran.status();
    code = ran.value_or(1);
  };
  kubectl->callback([&] { take(Kubectl(dir, arguments)); });
  CLI::App* node = app.add_subcommand(
      "node", "run a program with the node's view of /var/lib/kubelet, /var/log and /run");
  node->add_option("dir", dir, "the cluster's directory")->required();
  node->add_option("args", arguments, "program and arguments, after --")->required();
  node->callback([&] { take(Node(dir, arguments)); });
  CLI::App* restart = app.add_subcommand("restart", "restart one component; pods run on");
  restart->add_option("dir", dir, "the cluster's directory")->required();
  restart
      ->add_option("component", component,
                   "containerd, etcd, apiserver, controller-manager, scheduler or kubelet")
      ->required();
  restart->add_option("--signal", signal, "TERM or KILL")
      ->check(CLI::IsMember({"TERM", "KILL"}))
      ->capture_default_str();
  restart->callback([&] { status = Restart(dir, component, signal); });
  CLI::App* sweep = app.add_subcommand("sweep", "remove what dead clusters and beds have left");
  sweep->add_flag("--all", all, "take down living ones as well");
  sweep->callback([&] {
    absl::StatusOr<int> swept = bed::Sweep(all);
    status = swept.status();
    if (swept.ok()) absl::PrintF("%d swept\n", *swept);
  });

  CLI11_PARSE(app, argc, argv);
  if (status.ok()) return code;
  absl::FPrintF(stderr, "rekindle-kube: %s\n", status.message());
  return 1;
}

}  // namespace
}  // namespace rekindle::kube

int main(int argc, char** argv) { return rekindle::kube::Main(argc, argv); }
