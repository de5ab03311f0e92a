#include <memory>

#include "cli/command.h"

namespace rekindle::cli {
namespace {

struct PsOptions {
  std::string pod;
  std::string ns;
  bool all = false;
};

int RunPs(const PsOptions& options, const Session& session) {
  v1::PodRef filter;
  if (!options.pod.empty()) {
    auto pod = ParsePod(options.pod);
    if (!pod.ok()) return session.Fail(pod.status());
    filter = *pod;
  }
  if (!options.ns.empty()) filter.set_namespace_(options.ns);
  const auto pods = session.ListPods(filter, options.all);
  if (!pods.ok()) return session.Fail(pods.status());
  if (!options.pod.empty() && pods->pods().empty()) {
    std::vector<std::string> names;
    const auto all = session.ListPods({}, options.all);
    if (all.ok()) {
      for (const v1::Pod& pod : all->pods()) names.push_back(PodName(pod.ref()));
    }
    return session.Fail(
        WithNearest(absl::NotFoundError("POD: no pod " + PodName(filter) + " runs on this node"),
                    PodName(filter), names));
  }
  session.Print(*pods, [&] { return RenderPods(*pods, session.style()); });
  return kExitOk;
}

}  // namespace

void AddPsCommand(CLI::App& node, Chosen& chosen) {
  auto options = std::make_shared<PsOptions>();
  CLI::App* command = AddCommand(node,
                                 {.name = "ps",
                                  .summary = "List pods and containers as the runtime sees them.",
                                  .examples = "  rekindle node ps\n"
                                              "  rekindle node ps kube-system/dns -o wide\n"
                                              "  rekindle node ps -a -o json",
                                  .has_output = true,
                                  .has_wide = true},
                                 chosen);
  command->add_option("POD", options->pod,
                      "Only this pod: NAME (namespace default) or NAMESPACE/NAME.");
  command->add_option("-n,--namespace", options->ns, "Only this namespace.")->type_name("NAME");
  command->add_flag("-a,--all", options->all,
                    "Also exited containers and pods that are not ready.");
  command->callback([options, &chosen] {
    chosen.run = [options](Session& session) { return RunPs(*options, session); };
  });
}

}  // namespace rekindle::cli
