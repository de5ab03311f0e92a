#include <fstream>
#include <memory>
#include <sstream>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cli/connection.h"
#include "cli/live_state.h"
#include "cli/plan_command.h"
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "common/json/yaml.h"
#include "controller/plan/report.h"

namespace rekindle::cli {
namespace {

struct PlanOptions {
  std::string file;
  std::string against;
  std::string output = "table";
  std::string svg;
  std::string server = "v1.32.0";
  Kubectl kubectl;
  plan::ReportOptions report;
  bool no_daemon = false;
};

absl::StatusOr<std::vector<Json>> ReadFile(const std::string& path, std::istream& in) {
  std::ostringstream text;
  if (path == "-") {
    text << in.rdbuf();
  } else {
    std::ifstream file(path, std::ios::binary);
    if (!file) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
    text << file.rdbuf();
  }
  absl::StatusOr<std::vector<Json>> documents = json::ReadYaml(text.str());
  if (!documents.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": ", documents.status().message()));
  }
  return documents;
}

bool IsWorkload(const Json& document) {
  const absl::string_view kind = json::String(document, "kind");
  return kind == "CloneSet" || kind == "StatefulSet" || kind == "ContainerRecreateJob";
}

absl::StatusOr<plan::Report> Make(PlanOptions options, Io& io) {
  if (options.file == "-" && options.against == "-") {
    return absl::InvalidArgumentError("-f and --against cannot both be standard input");
  }
  absl::StatusOr<std::vector<Json>> next = ReadFile(options.file, io.in);
  if (!next.ok()) return next.status();
  std::vector<Json> workloads;
  std::vector<Json> rest;
  for (Json& document : *next) {
    (IsWorkload(document) ? workloads : rest).push_back(std::move(document));
  }
  if (workloads.size() != 1) {
    return absl::InvalidArgumentError(
        absl::StrCat(options.file, ": holds ", workloads.size(),
                     " workloads (CloneSet, StatefulSet, ContainerRecreateJob) instead of one"));
  }
  if (options.against == "live") {
    absl::StatusOr<std::vector<Json>> present = ReadLive(options.kubectl, workloads.front(), io);
    if (!present.ok()) {
      return absl::Status(present.status().code(),
                          absl::StrCat("--against live: ", present.status().message()));
    }
    rest.insert(rest.end(), present->begin(), present->end());
  } else if (!options.against.empty()) {
    absl::StatusOr<std::vector<Json>> present = ReadFile(options.against, io.in);
    if (!present.ok()) return present.status();
    rest.insert(rest.end(), present->begin(), present->end());
  }
  options.report.now = io.now();
  options.report.in_place.resize_subresource = plan::HasResizeSubresource(options.server);
  options.report.in_place.env_from_metadata = !options.no_daemon;
  options.report.in_place.restart_annotation = !options.no_daemon;
  options.report.model.daemon = !options.no_daemon;
  return plan::MakeReport(workloads.front(), rest, options.report);
}

int RunPlan(const PlanOptions& options, Io& io) {
  const absl::StatusOr<plan::Report> report = Make(options, io);
  if (!report.ok()) {
    io.err << "error: " << report.status().message() << "\n";
    return ExitCodeFor(report.status());
  }
  if (!options.svg.empty()) {
    std::ofstream file(options.svg, std::ios::binary);
    file << report->svg;
    file.close();
    if (!file) {
      io.err << "error: " << options.svg << ": cannot be written\n";
      return kExitFailed;
    }
  }
  if (options.output == "json") {
    io.out << report->json->dump(2) << "\n";
  } else {
    io.out << report->text;
  }
  return kExitOk;
}

}  // namespace

void AddPlanCommand(CLI::App& app, LocalChosen& chosen) {
  auto options = std::make_shared<PlanOptions>();
  CLI::App* command = app.add_subcommand(
      "plan",
      "Show what a workload object would do: which pods, in which order, in place or not and why, "
      "and what is waited for. Changes nothing.");
  command->footer(
      "The present state is read from --against: the workload as it is, its ControllerRevisions,\n"
      "Pods, PersistentVolumeClaims and Nodes, whatever of them there is. Without Pods the "
      "present\n"
      "workload counts as settled. \"live\" reads it from the cluster with kubectl, which must be\n"
      "there; nothing is changed.\n\n"
      "Examples:\n"
      "  rekindle plan -f new.yaml --against live\n"
      "  rekindle plan -f new.yaml --against old.yaml\n"
      "  kubectl get clone,po,controllerrevisions -o yaml > now.yaml\n"
      "  rekindle plan -f new.yaml --against now.yaml --simulate --svg rollout.svg");
  command->add_option("-f,--filename", options->file, "The new object; - is standard input.")
      ->required()
      ->type_name("FILE");
  command
      ->add_option("--against", options->against,
                   "What is there now: a file, - for standard input, live for the cluster.")
      ->type_name("FILE|live");
  const char* kLive = "Of --against live";
  command->add_option("--kubeconfig", options->kubectl.kubeconfig, "Default: kubectl's own.")
      ->type_name("FILE")
      ->group(kLive);
  command->add_option("--context", options->kubectl.context, "Default: the current one.")
      ->type_name("NAME")
      ->group(kLive);
  command->add_option("--kubectl", options->kubectl.program, "Default: kubectl, found by PATH.")
      ->type_name("PROGRAM")
      ->group(kLive);
  command->add_option("-o,--output", options->output, "Output format. Default: table.")
      ->check(CLI::IsMember({"table", "json"}))
      ->type_name("FORMAT");
  command->add_flag("--simulate", options->report.simulate,
                    "Print the whole timeline of the rollout on the model cluster.");
  command->add_option("--svg", options->svg, "Draw the timeline into this file.")
      ->type_name("FILE");
  const char* kModel = "Model cluster";
  plan::ModelOptions& model = options->report.model;
  const auto seconds = [&](const char* name, int64_t& value, const char* help) {
    command->add_option(name, value, help)
        ->check(CLI::Range(0, 86400))
        ->type_name("SECONDS")
        ->group(kModel);
  };
  seconds("--start-seconds", model.start_seconds, "Until a container runs. Default: 2.");
  seconds("--ready-seconds", model.ready_seconds, "From running to ready. Default: 3.");
  seconds("--stop-seconds", model.stop_seconds, "From the stop request to the end. Default: 2.");
  seconds("--hook-seconds", model.hook_seconds, "Until a hook's owner answers. Default: 2.");
  seconds("--jitter-seconds", model.jitter_seconds,
          "At most this much more, by chance. Default: 0.");
  command->add_option("--seed", model.seed, "Seed of the chance. Default: 1.")->group(kModel);
  command
      ->add_option_function<std::vector<std::string>>(
          "--never-ready",
          [options](const std::vector<std::string>& images) {
            for (const std::string& image : images) options->report.model.never_ready[image] = true;
          },
          "Images whose containers start and never become ready.")
      ->type_name("IMAGE")
      ->group(kModel);
  const char* kCluster = "Cluster";
  command
      ->add_flag("--bare-metal", options->report.in_place.bare_metal,
                 "rekindled owns the pods: definitions of containers change in place, too.")
      ->group(kCluster);
  command->add_flag("--no-daemon", options->no_daemon, "No node daemon: images only.")
      ->group(kCluster);
  command
      ->add_flag("--vertical", options->report.in_place.vertical, "cpu and memory change in place.")
      ->group(kCluster);
  command
      ->add_flag("--resize-claims", options->report.gates.resize_claims,
                 "Claims are resized (StatefulSetAutoResizePVCGate).")
      ->group(kCluster);
  command
      ->add_flag("--claim-change-recreates", options->report.in_place.claim_rule,
                 "Changed claim templates recreate pods of the next revision "
                 "(RecreatePodWhenChangeVCTInCloneSetGate).")
      ->group(kCluster);
  command
      ->add_flag("!--no-start-ordinal", options->report.gates.start_ordinal,
                 "spec.ordinals.start does not count (StatefulSetStartOrdinal is off).")
      ->group(kCluster);
  command
      ->add_flag("--native-max-unavailable", options->report.gates.native_max_unavailable,
                 "maxUnavailable of native StatefulSets counts (MaxUnavailableStatefulSet).")
      ->group(kCluster);
  command
      ->add_flag("--pre-download", options->report.pre_download,
                 "Images are pulled ahead (PreDownloadImageForInPlaceUpdate).")
      ->group(kCluster);
  command
      ->add_flag("--partition-rollback", options->report.partition_rollback,
                 "A raised partition moves pods back (CloneSetPartitionRollback).")
      ->group(kCluster);
  command->add_option("--server-version", options->server, "Of the API server. Default: v1.32.0.")
      ->type_name("VERSION")
      ->group(kCluster);
  command->callback(
      [options, &chosen] { chosen.run = [options](Io& io) { return RunPlan(*options, io); }; });
}

}  // namespace rekindle::cli
