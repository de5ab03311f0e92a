#include "controller/app/controllers.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "controller/app/webhooks.h"
#include "controller/nodes/node_mirror.h"
#include "controller/readiness/readiness_controller.h"
#include "controller/recreate/recreate_controller.h"

namespace rekindle {
namespace {

using Where = ControllerEntry::Where;

using Made = absl::StatusOr<std::unique_ptr<Controller>>;

Made MakeNodes(const ControllerParts& parts) {
  const ControllerContext& context = parts.context;
  nodes::NodeMirror::Options options;
  options.local_daemon = parts.run.local_daemon;
  options.observer = context.observe("nodes");
  auto mirror = std::make_unique<nodes::NodeMirror>(
      nodes::NodeMirror::Deps{
          .loop = context.loop,
          .api = context.client,
          .pods = context.pods,
          .events = context.events,
          .open = parts.nodes.Feeds(),
          .random = context.random,
          .on_endpoint = [&nodes = parts.nodes](
                             const nodes::NodeEndpoint& endpoint) { nodes.SetEndpoint(endpoint); }},
      std::move(options));
  parts.nodes.OnRegistered([mirror = mirror.get()](const nodes::NodeEndpoint& endpoint) {
    mirror->Registered(endpoint);
  });
  return mirror;
}

Made MakeReadiness(const ControllerParts& parts) {
  const ControllerContext& context = parts.context;
  readiness::ReadinessController::Options options;
  options.loop.observer = context.observe("readiness");
  return std::make_unique<readiness::ReadinessController>(context.client, context.pods,
                                                          std::move(options), context.random);
}

Made MakeRecreate(const ControllerParts& parts) {
  const ControllerContext& context = parts.context;
  recreate::RecreateController::Options options;
  options.loop.observer = context.observe("recreate");
  if (!parts.run.embedded) parts.nodes.FollowDaemonPods(context);
  return std::make_unique<recreate::RecreateController>(context.client, context.pods,
                                                        parts.nodes.calls(), context.events,
                                                        std::move(options), context.random);
}

Made MakeWebhooks(const ControllerParts& parts) {
  admission::AdmissionServer::Options options;
  options.registration.name_space = parts.context.name_space;
  options.address = parts.run.webhooks.host.empty() ? EveryAddress() : parts.run.webhooks.host;
  options.port = parts.run.webhooks.port;
  options.gates = parts.run.gates;
  return std::make_unique<Webhooks>(parts.context.loop, parts.new_client("webhooks"),
                                    std::move(options), parts.context.random);
}

// Name, what it does (for --help), where it runs, what makes it.
constexpr ControllerEntry kControllers[] = {
    {"nodes", "shows nodes without a kubelet and their pods", Where::kEmbedded, &MakeNodes},
    {"readiness", "sets the first KruisePodReady of pods with that gate", Where::kAnywhere,
     &MakeReadiness},
    {"recreate", "carries out ContainerRecreateRequests", Where::kAnywhere, &MakeRecreate},
    {"webhooks", "defaults, refusals and conversions for the API server", Where::kCluster,
     &MakeWebhooks},
};

bool RunsIn(const ControllerEntry& entry, bool embedded) {
  return entry.where == Where::kAnywhere || (entry.where == Where::kEmbedded) == embedded;
}

absl::string_view OnlyWhere(Where where) {
  switch (where) {
    case Where::kAnywhere:
      return "";
    case Where::kCluster:
      return ", not with --embedded";
    case Where::kEmbedded:
      return ", with --embedded only";
  }
  return "";
}

}  // namespace

absl::Span<const ControllerEntry> ControllerTable() { return kControllers; }

std::vector<std::string> AvailableControllers(bool embedded) {
  std::vector<std::string> names;
  for (const ControllerEntry& entry : ControllerTable()) {
    if (RunsIn(entry, embedded)) names.emplace_back(entry.name);
  }
  return names;
}

std::string DescribeControllers() {
  std::string text;
  for (const ControllerEntry& entry : ControllerTable()) {
    absl::StrAppend(&text, text.empty() ? "" : "; ", entry.name, " (", entry.what,
                    OnlyWhere(entry.where), ")");
  }
  return text.empty() ? "none" : text;
}

absl::StatusOr<Manager::Controllers> MakeControllers(const std::vector<std::string>& names,
                                                     const ControllerParts& parts) {
  Manager::Controllers out;
  for (const ControllerEntry& entry : ControllerTable()) {
    if (std::find(names.begin(), names.end(), entry.name) == names.end()) continue;
    absl::StatusOr<std::unique_ptr<Controller>> made = entry.make(parts);
    if (!made.ok()) {
      return absl::Status(made.status().code(),
                          absl::StrCat("controller ", entry.name, ": ", made.status().message()));
    }
    out.push_back(*std::move(made));
  }
  return out;
}

}  // namespace rekindle
