// rekindle-bed: a private containerd to try things on, from the command line.
#include <pthread.h>
#include <signal.h>
#include <sys/types.h>

#include <cstdio>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

#include "common/base/status_macros.h"
#include "tests/bed/bed.h"

namespace rekindle::bed {
namespace {

absl::Status Up(const std::string& dir, pid_t owner) {
  BedOptions options = {.dir = dir, .keep = true, .owner = std::nullopt};
  if (owner != 0) {
    options.owner = Identify(owner);
    if (!options.owner.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat("--owner: no process ", owner));
    }
  }
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Bed> bed, Bed::Up(options));
  absl::PrintF("dir=%s\nendpoint=%s\ncontainerd_pid=%d\n", bed->dir(), bed->endpoint(),
               bed->containerd_pid());
  return absl::OkStatus();
}

// A bed for as long as this program runs.
absl::Status Hold() {
  sigset_t stop;
  sigemptyset(&stop);
  sigaddset(&stop, SIGINT);
  sigaddset(&stop, SIGTERM);
  // Before gRPC starts threads, so that these signals come to us alone.
  pthread_sigmask(SIG_BLOCK, &stop, nullptr);
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Bed> bed, Bed::Up());
  RK_ASSIGN_OR_RETURN(Pod pod, bed->RunPod({}));
  absl::PrintF("endpoint=%s\nip=%s\ndir=%s\n", bed->endpoint(), pod.ip, bed->dir());
  std::fflush(stdout);
  int received = 0;
  sigwait(&stop, &received);
  return bed->Down();
}

absl::Status Down(const std::string& dir) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Bed> bed, Bed::Attach(dir));
  return bed->Down();
}

absl::Status Restart(const std::string& dir, const std::string& signal) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Bed> bed, Bed::Attach(dir));
  // Between the two containerds the bed must not look dead to somebody's sweep.
  RK_ASSIGN_OR_RETURN(FileLock lock, FileLock::Take(bed->dir() + "/lock", true));
  return bed->Restart(signal == "KILL" ? SIGKILL : SIGTERM);
}

struct RunArguments {
  std::string dir;
  PodSpec pod;
  ContainerSpec container;
  std::vector<std::string> names = {"main"};
  std::vector<std::string> volumes;
  std::vector<std::string> env;
};

absl::Status RunPod(RunArguments run) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Bed> bed, Bed::Attach(run.dir));
  for (const std::string& volume : run.volumes) {
    std::vector<std::string> parts = absl::StrSplit(volume, absl::MaxSplits(':', 1));
    if (parts.size() != 2) return absl::InvalidArgumentError("--volume: NAME:PATH expected");
    run.container.mounts.push_back({parts[1], bed->Volume(parts[0]), false});
  }
  for (const std::string& entry : run.env) {
    run.container.env.push_back(absl::StrSplit(entry, absl::MaxSplits('=', 1)));
  }
  run.pod.containers.clear();
  for (const std::string& name : run.names) {
    run.container.name = name;
    run.pod.containers.push_back(run.container);
  }
  RK_ASSIGN_OR_RETURN(Pod pod, bed->RunPod(run.pod));
  absl::PrintF("pod=%s/%s\nuid=%s\nsandbox=%s\nip=%s\n", pod.spec.ns, pod.spec.name, pod.spec.uid,
               pod.sandbox_id, pod.ip);
  for (const auto& [name, container] : pod.containers) {
    absl::PrintF("container.%s=%s\n", name, container.id);
  }
  return absl::OkStatus();
}

absl::Status ListPods(const std::string& dir) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Bed> bed, Bed::Attach(dir));
  RK_ASSIGN_OR_RETURN(std::vector<v1::PodSandbox> sandboxes, bed->cri().ListSandboxes());
  for (const v1::PodSandbox& sandbox : sandboxes) {
    absl::PrintF("%s/%s  sandbox %s  %s\n", sandbox.metadata().namespace_(),
                 sandbox.metadata().name(), sandbox.id().substr(0, 13),
                 v1::PodSandboxState_Name(sandbox.state()));
    RK_ASSIGN_OR_RETURN(std::vector<v1::Container> containers,
                        bed->cri().ListContainers(sandbox.id()));
    for (const v1::Container& container : containers) {
      absl::PrintF("  %-16s attempt %d  %s  %s\n", container.metadata().name(),
                   container.metadata().attempt(), container.id().substr(0, 13),
                   v1::ContainerState_Name(container.state()));
    }
  }
  return absl::OkStatus();
}

absl::Status RemovePods(const std::string& dir, const std::string& name) {
  RK_ASSIGN_OR_RETURN(std::unique_ptr<Bed> bed, Bed::Attach(dir));
  RK_ASSIGN_OR_RETURN(std::vector<v1::PodSandbox> sandboxes, bed->cri().ListSandboxes());
  int removed = 0;
  for (const v1::PodSandbox& sandbox : sandboxes) {
    if (sandbox.metadata().name() != name) continue;
    Pod pod;
    pod.sandbox_id = sandbox.id();
    RK_RETURN_IF_ERROR(bed->RemovePod(pod));
    ++removed;
  }
  if (removed == 0) return absl::NotFoundError(absl::StrCat("no pod ", name));
  return absl::OkStatus();
}

void AddPodCommands(CLI::App* app, RunArguments* run, std::string* name, absl::Status* status) {
  CLI::App* pod = app->add_subcommand("pod", "run, list and remove pods of a bed");
  pod->require_subcommand(1);
  CLI::App* start = pod->add_subcommand("run", "run a pod; arguments after -- go to its program");
  start->add_option("dir", run->dir, "the bed's directory")->required();
  start->add_option("name", run->pod.name, "the pod's name")->required();
  start->add_option("--namespace", run->pod.ns, "the pod's namespace")->capture_default_str();
  start->add_option("--uid", run->pod.uid, "the pod's UID; a random one if left out");
  start->add_option("--image", run->container.image, "image")->capture_default_str();
  start->add_option("-c,--container", run->names, "names of the containers, all alike")
      ->capture_default_str();
  start->add_option("--volume", run->volumes, "NAME:PATH, a directory of the bed; repeatable");
  start->add_option("--env", run->env, "NAME=VALUE; repeatable");
  start->add_option("--pre-stop", run->container.pre_stop, "JSON of the preStop handler");
  start->add_option("--grace", run->pod.grace_seconds, "termination grace period in seconds")
      ->capture_default_str();
  start->add_flag("--host-network", run->pod.host_network, "share the host's network");
  start->add_option("args", run->container.args, "the program's arguments");
  start->callback([=] { *status = RunPod(*run); });
  CLI::App* list = pod->add_subcommand("ls", "list pods and containers");
  list->add_option("dir", run->dir, "the bed's directory")->required();
  list->callback([=] { *status = ListPods(run->dir); });
  CLI::App* remove = pod->add_subcommand("rm", "stop and remove a pod");
  remove->add_option("dir", run->dir, "the bed's directory")->required();
  remove->add_option("name", *name, "the pod's name")->required();
  remove->callback([=] { *status = RemovePods(run->dir, *name); });
}

int Main(int argc, char** argv) {
  CLI::App app(
      "A private containerd with the test images, for tests, the demo and trying by hand.");
  app.require_subcommand(1);
  absl::Status status;
  std::string dir;
  std::string name;
  std::string signal = "TERM";
  pid_t owner = 0;
  bool all = false;
  RunArguments run;

  CLI::App* up = app.add_subcommand("up", "start a bed that stays after this command");
  up->add_option("dir", dir, "an absolute directory that is empty or does not exist")->required();
  up->add_option("--owner", owner, "process whose end makes the bed fair game for a sweep");
  up->callback([&] { status = Up(dir, owner); });
  CLI::App* down = app.add_subcommand("down", "take a bed down and remove every trace");
  down->add_option("dir", dir, "the bed's directory")->required();
  down->callback([&] { status = Down(dir); });
  CLI::App* restart = app.add_subcommand("restart", "restart containerd; containers run on");
  restart->add_option("dir", dir, "the bed's directory")->required();
  restart->add_option("--signal", signal, "TERM or KILL")
      ->check(CLI::IsMember({"TERM", "KILL"}))
      ->capture_default_str();
  restart->callback([&] { status = Restart(dir, signal); });
  CLI::App* hold = app.add_subcommand("hold", "a bed with one pod until Ctrl-C");
  hold->callback([&] { status = Hold(); });
  CLI::App* sweep = app.add_subcommand("sweep", "remove what dead beds have left");
  sweep->add_flag("--all", all, "take down living beds as well");
  sweep->callback([&] {
    absl::StatusOr<int> swept = Sweep(all);
    status = swept.status();
    if (swept.ok()) absl::PrintF("%d swept\n", *swept);
  });
  AddPodCommands(&app, &run, &name, &status);

  CLI11_PARSE(app, argc, argv);
  if (status.ok()) return 0;
  absl::FPrintF(stderr, "rekindle-bed: %s\n", status.message());
  return 1;
}

}  // namespace
}  // namespace rekindle::bed

int main(int argc, char** argv) { return rekindle::bed::Main(argc, argv); }
