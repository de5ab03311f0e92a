#include <memory>
#include <vector>

#include "cli/command.h"
#include "cli/follow.h"
#include "cli/kubelet_restart.h"
#include "cli/restart_flags.h"
#include "cli/restart_request.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"

namespace rekindle::cli {
namespace {

struct Options {
  RestartOptions restart;
  KubeletOptions kubelet;
};

// The pod that -c does not choose from: kNotFound with the nearest names.
absl::Status Choose(const RestartOptions& options, const v1::ListPodsResponse& pods,
                    const Session& session, v1::RestartContainersRequest& request) {
  const absl::Status chosen = ChooseContainers(options, pods, request);
  if (!absl::IsNotFound(chosen) || !pods.pods().empty()) return chosen;
  std::vector<std::string> names;
  const auto all = session.ListPods({}, /*include_exited=*/false);
  if (all.ok()) {
    for (const v1::Pod& pod : all->pods()) names.push_back(PodName(pod.ref()));
  }
  return WithNearest(chosen, PodName(request.pod()), names);
}

// Completes the request by what daemon and API know.
absl::Status Complete(const Options& options, const Session& session,
                      v1::RestartContainersRequest& request, std::vector<std::string>& notes) {
  const KubeletOptions& kubelet = options.kubelet;
  const bool named = !options.restart.containers.empty();
  const bool by_hand = !kubelet.restart_policy.empty();
  if (by_hand && kubelet.api.value_or(false)) {
    return absl::InvalidArgumentError("--restart-policy: is for where --api is not possible");
  }
  bool owned = kubelet.api.value_or(false);
  v1::ListPodsResponse pods;
  if (!owned && !(named && by_hand)) {
    RK_ASSIGN_OR_RETURN(pods, session.ListPods(request.pod(), options.restart.force));
    owned = OwnedByKubelet(pods);
  }
  if (by_hand) {
    if (!named) RK_RETURN_IF_ERROR(Choose(options.restart, pods, session, request));
    ApplyByHand(kubelet, request, notes);
    return absl::OkStatus();
  }
  if (!owned || !kubelet.api.value_or(true)) {
    return named ? absl::OkStatus() : Choose(options.restart, pods, session, request);
  }
  const absl::StatusOr<Json> pod = ReadPod(kubelet.kubectl, request.pod().namespace_(),
                                           request.pod().name(), session.call_limit(), session.io);
  if (!pod.ok()) return NoApi(pod.status(), PodName(request.pod()));
  return ApplyPod(*pod, options.restart, kubelet, request, notes);
}

int RunRestart(const Options& options, const Session& session) {
  auto request = BuildRestart(options.restart, session.io.new_request_id());
  if (!request.ok()) return session.Fail(request.status());
  std::vector<std::string> notes;
  const absl::Status complete = Complete(options, session, *request, notes);
  if (!complete.ok()) return session.Fail(complete);
  for (const std::string& note : notes) session.io.err << "note: " << note << "\n";
  return FollowRestart(session, *request,
                       options.restart.no_wait ? Wait::kUntilAccepted : Wait::kUntilEnded);
}

void AddKubeletOptions(CLI::App& command, KubeletOptions& options) {
  const char* kGroup = "Beside a kubelet";
  command
      .add_flag_function(
          "--api,!--no-api", [&options](int64_t count) { options.api = count > 0; },
          "Read the pod from the Kubernetes API with kubectl. Default: where a kubelet owns the "
          "pod.")
      ->group(kGroup);
  command.add_option("--kubeconfig", options.kubectl.kubeconfig, "Default: kubectl's own.")
      ->type_name("FILE")
      ->group(kGroup);
  command.add_option("--context", options.kubectl.context, "Default: the current one.")
      ->type_name("NAME")
      ->group(kGroup);
  command.add_option("--kubectl", options.kubectl.program, "Default: kubectl, found by PATH.")
      ->type_name("PROGRAM")
      ->group(kGroup);
  command
      .add_option("--restart-policy", options.restart_policy,
                  "Do not ask the API: this is the pod's restartPolicy. The kubelet makes the new "
                  "container then, unless --keep-env is given.")
      ->check(CLI::IsMember({"Always", "OnFailure", "Never"}))
      ->type_name("POLICY")
      ->group(kGroup);
  command
      .add_flag(
          "--keep-env", options.keep_env,
          "Old values of variables from ConfigMaps and Secrets are fine. Default: the kubelet "
          "makes a container that has such, with the values of now.")
      ->group(kGroup);
  command
      .add_flag("--static", options.allow_static,
                "Also a static pod, which the kubelet runs from a file.")
      ->group(kGroup);
}

void AddStopOptions(CLI::App& command, RestartOptions& options) {
  const char* kGroup = "Stopping";
  AddStopFlags(command, options, kGroup);
  command
      .add_option("--unready-grace", options.unready_grace,
                  "Wait before the first container is touched. Default: 0s.")
      ->type_name("DURATION")
      ->group(kGroup);
  command
      .add_option("--expect-id", options.expect_ids,
                  "Refuse unless this container ID is the current one; NAME=ID with several "
                  "containers.")
      ->type_name("ID")
      ->expected(1)
      ->take_all()
      ->group(kGroup);
  command
      .add_flag("--force", options.force,
                "Also restart a container that has exited or changed meanwhile.")
      ->group(kGroup);
}

void AddStartOptions(CLI::App& command, RestartOptions& options) {
  const char* kGroup = "Starting";
  command.add_option("--env", options.env, "Set a variable in the replacement (repeatable).")
      ->type_name("NAME=VALUE")
      ->expected(1)
      ->take_all()
      ->group(kGroup);
  command
      .add_option("--unset-env", options.unset_env,
                  "Remove a variable from the replacement (repeatable).")
      ->type_name("NAME")
      ->expected(1)
      ->take_all()
      ->group(kGroup);
  command
      .add_option("--min-started", options.min_started,
                  "The new container must run this long to count as success. Default: 0s; with "
                  "--method hot and no --ready option 3s.")
      ->type_name("DURATION")
      ->group(kGroup);
  command
      .add_option("--ready-tcp", options.ready_tcp,
                  "With --method hot: ready when this port accepts connections.")
      ->type_name("PORT")
      ->group(kGroup);
  command
      .add_option("--ready-http", options.ready_http,
                  "With --method hot: ready when this answers with 200 to 399.")
      ->type_name("PORT/PATH")
      ->group(kGroup);
  command
      .add_option("--ready-exec", options.ready_exec,
                  "With --method hot: ready when this command exits with 0 in the container. "
                  "Quotes work; no shell is involved.")
      ->type_name("COMMAND")
      ->group(kGroup);
}

}  // namespace

void AddRestartCommand(CLI::App& node, Chosen& chosen) {
  auto all = std::make_shared<Options>();
  RestartOptions* options = &all->restart;
  CLI::App* command = AddCommand(
      node,
      {.name = "restart",
       .summary = "Restart containers of a pod in place and wait for the end.\n"
                  "An interrupted wait does not stop the restart.",
       .examples =
           "  rekindle node restart web\n"
           "  rekindle node restart shop/web -c app --grace 10s --min-started 5s\n"
           "  rekindle node restart shop/web -c app --method hot --ready-http 8080/healthz\n"
           "  rekindle node restart shop/web --all --ordered --no-wait -o json\n"
           "  rekindle node restart shop/web --kubeconfig admin.conf --keep-env"},
      chosen);
  command->add_option("POD", options->pod, "NAME (namespace default) or NAMESPACE/NAME.")
      ->required();
  AddContainerFlags(*command, *options);
  AddMethodFlag(*command, *options);
  AddOrderFlags(*command, *options);
  command
      ->add_option("--deadline", options->deadline,
                   "Everything must have ended by then. Default: grace, waits and 2m.")
      ->type_name("DURATION");
  command
      ->add_option("--request-id", options->request_id,
                   "Identifies the request; the same ID attaches to work under way and starts "
                   "nothing twice. Default: a new one.")
      ->type_name("ID");
  command->add_flag("--no-wait,!--wait", options->no_wait,
                    "Return once the daemon has taken the work over, printing the operations' IDs "
                    "(--wait, the default: wait for the end).");
  AddStopOptions(*command, *options);
  AddStartOptions(*command, *options);
  AddKubeletOptions(*command, all->kubelet);
  command->callback([all, &chosen] {
    chosen.run = [all](Session& session) { return RunRestart(*all, session); };
  });
}

}  // namespace rekindle::cli
