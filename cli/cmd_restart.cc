#include <memory>
#include <vector>

#include "cli/command.h"
#include "cli/follow.h"
#include "cli/restart_request.h"

namespace rekindle::cli {
namespace {

int RunRestart(const RestartOptions& options, const Session& session) {
  auto request = BuildRestart(options, session.io.new_request_id());
  if (!request.ok()) return session.Fail(request.status());
  if (options.containers.empty()) {
    const auto pods = session.ListPods(request->pod(), /*include_exited=*/options.force);
    if (!pods.ok()) return session.Fail(pods.status());
    absl::Status chosen = ChooseContainers(options, *pods, *request);
    if (absl::IsNotFound(chosen) && pods->pods().empty()) {
      std::vector<std::string> names;
      const auto all = session.ListPods({}, /*include_exited=*/false);
      if (all.ok()) {
        for (const v1::Pod& pod : all->pods()) names.push_back(PodName(pod.ref()));
      }
      chosen = WithNearest(chosen, PodName(request->pod()), names);
    }
    if (!chosen.ok()) return session.Fail(chosen);
  }
  return FollowRestart(session, *request,
                       options.no_wait ? Wait::kUntilAccepted : Wait::kUntilEnded);
}

void AddStopOptions(CLI::App& command, RestartOptions& options) {
  const char* kGroup = "Stopping";
  command
      .add_option("--grace", options.grace,
                  "Budget for pre-stop hook and stop, such as 30s. Default: the pod's own.")
      ->type_name("DURATION")
      ->group(kGroup);
  command.add_flag("--skip-pre-stop", options.skip_pre_stop, "Run no pre-stop hook.")
      ->group(kGroup);
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
  auto options = std::make_shared<RestartOptions>();
  CLI::App* command = AddCommand(
      node,
      {.name = "restart",
       .summary = "Restart containers of a pod in place and wait for the end.\n"
                  "An interrupted wait does not stop the restart.",
       .examples =
           "  rekindle node restart web\n"
           "  rekindle node restart shop/web -c app --grace 10s --min-started 5s\n"
           "  rekindle node restart shop/web -c app --method hot --ready-http 8080/healthz\n"
           "  rekindle node restart shop/web --all --ordered --no-wait -o json"},
      chosen);
  command->add_option("POD", options->pod, "NAME (namespace default) or NAMESPACE/NAME.")
      ->required();
  command
      ->add_option("-c,--container", options->containers,
                   "Container (repeatable). Default: the pod's only one.")
      ->type_name("NAME")
      ->expected(1)
      ->take_all();
  command->add_flag("--all", options->all, "All containers of the pod.");
  command
      ->add_option("--method", options->method,
                   "replace: stop the old container, start the new one. hot: start the new one "
                   "beside the old one, then stop the old one. auto: the daemon chooses. "
                   "Default: auto.")
      ->check(CLI::IsMember({"replace", "hot", "auto"}))
      ->type_name("METHOD");
  command->add_flag("--ordered", options->ordered,
                    "One container after the other, in the order of -c. Default: all at once.");
  command
      ->add_option("--on-failure", options->on_failure,
                   "fail: a failure leaves containers not yet begun untouched. ignore: go on "
                   "with the others. Default: fail.")
      ->check(CLI::IsMember({"fail", "ignore"}))
      ->type_name("POLICY");
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
  command->callback([options, &chosen] {
    chosen.run = [options](Session& session) { return RunRestart(*options, session); };
  });
}

}  // namespace rekindle::cli
