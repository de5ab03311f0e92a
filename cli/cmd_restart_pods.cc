#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/api_command.h"
#include "cli/api_errors.h"
#include "cli/follow_recreate.h"
#include "cli/recreate_object.h"
#include "cli/restart_flags.h"
#include "cli/session.h"
#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/base/status_macros.h"
#include "common/base/sync.h"
#include "common/base/text.h"
#include "common/json/tree.h"

namespace rekindle::cli {
namespace {

constexpr int kMostNames = 5;  // that are tried until one is free
// How long is looked whether a request was made whose answer got lost.
constexpr absl::Duration kFindOut = absl::Seconds(10);
constexpr absl::Duration kFindOutPause = absl::Milliseconds(200);

struct Options {
  ApiOptions api;
  PodRestartOptions restart;
};

std::string NameOf(const Json& object) {
  return std::string(json::String(object, {"metadata", "name"}));
}

class Restarter {
 public:
  Restarter(const PodRestartOptions& options, ApiSession& session)
      : options_(options), session_(session) {}

  int Run() {
    absl::StatusOr<std::vector<ObjectPtr>> pods = FindPods();
    if (!pods.ok()) return session_.Fail(pods.status());
    if (pods->size() > 1 && !options_.dry_run) {
      batch_ = api::RandomSuffix(10, session_.io().random);
    }
    std::vector<Json> wanted;
    for (const ObjectPtr& pod : *pods) {
      const std::string name = options_.name.empty()
                                   ? NewRequestName(NameOf(*pod), session_.io().random)
                                   : options_.name;
      absl::StatusOr<Json> request = MakeRecreateRequest(options_, *pod, name, batch_);
      if (!request.ok()) return session_.Fail(request.status());
      wanted.push_back(*std::move(request));
    }
    return options_.dry_run ? DryRun(wanted) : Restart(wanted);
  }

 private:
  client::ObjectRef RefOf(const std::string& name) const {
    return {.resource = RecreateResource(), .key = {session_.name_space(), name}};
  }
  absl::Status Explain(const absl::Status& status, absl::string_view verb,
                       const client::ApiResource& resource, const std::string& name) const {
    return ExplainApi(
        status,
        {.verb = verb, .resource = resource, .name_space = session_.name_space(), .name = name},
        session_.config());
  }

  absl::StatusOr<std::vector<ObjectPtr>> FindPods() {
    if (!options_.selector.empty()) return SelectPods();
    RK_ASSIGN_OR_RETURN(const std::vector<std::string> names, PodNames(options_));
    std::vector<ObjectPtr> out;
    for (const std::string& name : names) {
      absl::StatusOr<Json> pod =
          session_.Get({.resource = client::PodResource(), .key = {session_.name_space(), name}});
      if (absl::IsNotFound(pod.status())) return NoSuchPod(name);
      if (!pod.ok()) return Explain(pod.status(), "get", client::PodResource(), name);
      out.push_back(std::make_shared<const Json>(*std::move(pod)));
    }
    return out;
  }

  absl::Status NoSuchPod(const std::string& name) {
    const absl::Status status = absl::NotFoundError(
        absl::StrCat("POD: there is no pod ", session_.name_space(), "/", name));
    const auto all =
        session_.List({.resource = client::PodResource(), .name_space = session_.name_space()});
    if (!all.ok()) return status;
    if (all->empty()) {
      return absl::NotFoundError(absl::StrCat(status.message(),
                                              "; the namespace has no pods, -n "
                                              "names another one"));
    }
    std::vector<std::string> names;
    for (const ObjectPtr& pod : *all) names.push_back(NameOf(*pod));
    return WithNearest(status, name, names);
  }

  absl::StatusOr<std::vector<ObjectPtr>> SelectPods() {
    absl::StatusOr<std::vector<ObjectPtr>> all =
        session_.List({.resource = client::PodResource(),
                       .name_space = session_.name_space(),
                       .label_selector = options_.selector});
    if (!all.ok()) return Explain(all.status(), "list", client::PodResource(), "");
    std::vector<ObjectPtr> out;
    for (ObjectPtr& pod : *all) {
      const absl::string_view phase = json::String(*pod, {"status", "phase"});
      const bool deleted = json::Find(*pod, {"metadata", "deletionTimestamp"}) != nullptr;
      if (phase == "Running" && !deleted) {
        out.push_back(std::move(pod));
        continue;
      }
      session_.io().err << "note: pod " << PrintableText(NameOf(*pod)) << " is left out: it is "
                        << (deleted ? "being deleted" : PrintableText(phase)) << "\n";
    }
    if (out.empty()) {
      return absl::NotFoundError(absl::StrCat("-l: no running pod in namespace ",
                                              session_.name_space(), " has the labels ",
                                              PrintableText(options_.selector)));
    }
    return out;
  }

  int DryRun(const std::vector<Json>& wanted) {
    std::vector<Json> made;
    for (const Json& request : wanted) {
      absl::StatusOr<Json> one = session_.Create(RefOf(NameOf(request)), request, /*dry_run=*/true);
      if (!one.ok()) {
        return session_.Fail(Explain(one.status(), "create", RecreateResource(), NameOf(request)));
      }
      made.push_back(*std::move(one));
    }
    session_.Print(AsDocument(made));
    return kExitOk;
  }

  int Restart(const std::vector<Json>& wanted) {
    std::vector<MadeRequest> made;
    int code = kExitOk;
    for (const Json& request : wanted) {
      const absl::Duration started = session_.client().loop().Monotonic();
      absl::StatusOr<Json> one = Make(request);
      if (one.ok()) {
        made.push_back(
            {.object = std::make_shared<const Json>(*std::move(one)), .started = started});
        continue;
      }
      const std::string pod(json::String(request, {"spec", "podName"}));
      code = session_.Fail(wanted.size() == 1 ? one.status()
                                              : Annotate(one.status(), absl::StrCat("pod/", pod)));
      // What is refused for one pod may be right for the next; a server that is away is not.
      if (!absl::IsFailedPrecondition(one.status())) break;
    }
    if (made.empty()) return code;
    if (code == kExitInterrupted) {
      session_.io().err << "Requests have been made; look at them with: "
                        << HowToLook(session_.name_space(), NameOf(*made[0].object), batch_)
                        << "\n";
      return code;
    }
    const int followed =
        options_.no_wait ? SayWhatIsMade(made) : FollowRequests(session_, made, batch_);
    return followed == kExitOk && code != kExitOk ? static_cast<int>(kExitFailed) : followed;
  }

  int SayWhatIsMade(const std::vector<MadeRequest>& made) const {
    std::vector<Json> objects;
    for (const MadeRequest& one : made) {
      objects.push_back(*one.object);
      if (session_.for_people()) session_.io().out << PrintableText(NameOf(*one.object)) << "\n";
    }
    if (!session_.for_people()) session_.Print(AsDocument(objects));
    session_.io().out.flush();
    return kExitOk;
  }

  // Creates the request, once.
  absl::StatusOr<Json> Make(Json request) {
    for (int attempt = 1;; ++attempt) {
      const std::string name = NameOf(request);
      absl::StatusOr<Json> made = session_.Create(RefOf(name), request, /*dry_run=*/false);
      if (made.ok()) return made;
      const absl::Status status = Explain(made.status(), "create", RecreateResource(), name);
      if (absl::IsCancelled(status)) session_.io().err << NotKnown(name) << "\n";
      if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) {
        return FindOut(request, status);
      }
      if (!absl::IsAlreadyExists(made.status())) return status;
      if (!options_.name.empty()) {
        return absl::AlreadyExistsError(
            absl::StrCat("--name: a request ", name, " exists already; look at it with \"",
                         HowToLook(session_.name_space(), name, ""), "\", or choose another name"));
      }
      // The connection may have sent a creation twice.
      absl::StatusOr<Json> there = session_.Get(RefOf(name));
      if (there.ok() && IsOurs(*there, request)) return there;
      if (attempt == kMostNames) return status;
      request["metadata"]["name"] =
          NewRequestName(json::String(request, {"spec", "podName"}), session_.io().random);
    }
  }

  static bool IsOurs(const Json& there, const Json& request) {
    return json::String(there, {"spec", "podName"}) == json::String(request, {"spec", "podName"}) &&
           json::Int(there, {"spec", "activeDeadlineSeconds"}) ==
               json::Int(request, {"spec", "activeDeadlineSeconds"});
  }

  // Whether a request whose answer got lost was made: the object when it was, else `lost` with what
  // is known.
  absl::StatusOr<Json> FindOut(const Json& request, const absl::Status& lost) {
    const std::string name = NameOf(request);
    const absl::Duration end = session_.client().loop().Monotonic() + kFindOut;
    Latch never;
    while (!session_.io().interrupted.load() && session_.client().loop().Monotonic() < end) {
      absl::StatusOr<Json> there = session_.Get(RefOf(name));
      if (there.ok() && IsOurs(*there, request)) return there;
      if (absl::IsNotFound(there.status()) || there.ok()) {
        return absl::Status(lost.code(), absl::StrCat(lost.message(), "\nNothing was made."));
      }
      never.WaitFor(kFindOutPause);
    }
    if (session_.io().interrupted.load()) session_.io().err << NotKnown(name) << "\n";
    return absl::Status(lost.code(), absl::StrCat(lost.message(), "\n", NotKnown(name)));
  }

  std::string NotKnown(const std::string& name) const {
    return absl::StrCat(
        "Whether request ", PrintableText(name),
        " was made is not known; look with: ", HowToLook(session_.name_space(), name, ""));
  }

  const PodRestartOptions& options_;
  ApiSession& session_;
  std::string batch_;  // label of all requests; empty: there is one
};

int RunRestart(const Options& options, Io& io) {
  if (const absl::Status status = CheckPodRestart(options.restart); !status.ok()) {
    return FailApi(status, io);
  }
  absl::StatusOr<std::unique_ptr<ApiSession>> session = ApiSession::Open(options.api, io);
  if (!session.ok()) return FailApi(session.status(), io);
  return Restarter(options.restart, **session).Run();
}

void AddWhat(CLI::App& command, PodRestartOptions& options) {
  command.add_option("POD", options.pods, "pod/NAME; several are restarted at once.")
      ->type_name("pod/NAME");
  command
      .add_option("-l,--selector", options.selector,
                  "All running pods with these labels, at once: app=web, tier in (a,b).")
      ->type_name("LABELS");
  AddContainerFlags(command, options);
}

void AddHow(CLI::App& command, PodRestartOptions& options) {
  AddMethodFlag(command, options);
  AddStopFlags(command, options);
  command
      .add_option("--unready-grace", options.unready_grace,
                  "Take the pod out of service this long before the first container is touched; "
                  "needs the readiness gate KruisePodReady. Default: not at all.")
      ->type_name("DURATION");
  command
      .add_option("--min-started", options.min_started,
                  "The new container must run longer than this to count as success. Default: 0s.")
      ->type_name("DURATION");
  AddOrderFlags(command, options);
  command.add_flag("--force", options.force,
                   "Also restart a container that has changed since the request was made.");
  command.add_flag("--respect-budget", options.respect_budget,
                   "Wait while a PodDisruptionBudget allows no disruption of the pod.");
}

void AddRequest(CLI::App& command, PodRestartOptions& options) {
  const char* kGroup = "Request";
  command
      .add_option("--deadline", options.deadline,
                  "Everything must have ended by then; at least 3s. Default: grace, waits and 5m; "
                  "with --respect-budget 1h more.")
      ->type_name("DURATION")
      ->group(kGroup);
  command
      .add_option("--ttl", options.ttl,
                  "The request is deleted this long after its end. Default: 1h.")
      ->type_name("DURATION")
      ->group(kGroup);
  command
      .add_option("--name", options.name,
                  "Name of the request. Default: the pod's, -restart- and five letters.")
      ->type_name("NAME")
      ->group(kGroup);
  command
      .add_flag("--no-wait,!--wait", options.no_wait,
                "Return once the request is made, printing its name (--wait, the default: wait for "
                "the end).")
      ->group(kGroup);
  command
      .add_flag("--dry-run", options.dry_run,
                "Have the server check the request and print it; restart nothing.")
      ->group(kGroup);
}

}  // namespace

void AddPodRestartCommand(CLI::App& app, LocalChosen& chosen) {
  auto options = std::make_shared<Options>();
  CLI::App* command = AddApiCommand(
      app,
      {.name = "restart",
       .summary = "Restart containers of pods in place and wait for the end: asks the API with a "
                  "ContainerRecreateRequest, which rekindle-controller carries out.\n"
                  "An interrupted wait does not stop the restart.",
       .examples = "  rekindle restart pod/web\n"
                   "  rekindle restart pod/web -n shop -c app --grace 10s --min-started 5s\n"
                   "  rekindle restart pod/web-0 pod/web-1 --all --ordered\n"
                   "  rekindle restart -l app=web --respect-budget\n"
                   "  rekindle restart pod/web --no-wait -o yaml\n"
                   "  rekindle restart pod/web --dry-run"},
      options->api);
  AddWhat(*command, options->restart);
  AddHow(*command, options->restart);
  AddRequest(*command, options->restart);
  command->callback(
      [options, &chosen] { chosen.run = [options](Io& io) { return RunRestart(*options, io); }; });
}

}  // namespace rekindle::cli
