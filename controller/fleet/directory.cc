#include "controller/fleet/directory.h"

#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/logging.h"
#include "common/base/status_macros.h"
#include "common/json/fast_parse.h"
#include "common/json/tree.h"

namespace rekindle::fleet {

namespace {

constexpr char kByNode[] = "node";

bool IsReady(const Json& pod) {
  const auto status = pod.find("status");
  if (status == pod.end() || !status->is_object()) return false;
  const auto conditions = status->find("conditions");
  if (conditions == status->end() || !conditions->is_array()) return false;
  for (const Json& condition : *conditions) {
    if (json::String(condition, "type") == "Ready") {
      return json::String(condition, "status") == "True";
    }
  }
  return false;
}

DaemonPod ReadDaemonPod(const Json& pod) {
  DaemonPod out;
  out.uid = std::string(json::String(pod, {"metadata", "uid"}));
  out.node = std::string(json::String(pod, {"spec", "nodeName"}));
  out.host_ip = std::string(json::String(pod, {"status", "hostIP"}));
  std::string error;  // unreadable: as old as can be
  absl::ParseTime(absl::RFC3339_full, json::String(pod, {"metadata", "creationTimestamp"}),
                  &out.created, &error);
  out.ready = IsReady(pod);
  out.deleting = !json::String(pod, {"metadata", "deletionTimestamp"}).empty();
  const absl::string_view phase = json::String(pod, {"status", "phase"});
  out.ended = phase == "Succeeded" || phase == "Failed";
  return out;
}

client::ReflectorOptions Following(const DaemonPods::Options& options) {
  return {.collection = {.resource = client::PodResource(),
                         .name_space = options.name_space,
                         .label_selector = options.label_selector}};
}

std::string HostPort(const std::string& ip, uint16_t port) {
  return absl::StrContains(ip, ':') ? absl::StrCat("[", ip, "]:", port)
                                    : absl::StrCat(ip, ":", port);
}

}  // namespace

client::DecodeFunction<DaemonPod> DaemonPodDecoder() {
  auto parser = std::make_shared<json::FastParser>(std::vector<std::string>{
      "metadata.managedFields", "metadata.annotations", "metadata.labels", "spec.affinity",
      "spec.containers", "spec.initContainers", "spec.tolerations", "spec.volumes",
      "status.containerStatuses", "status.initContainerStatuses"});
  return [parser](absl::string_view object) -> absl::StatusOr<DaemonPod> {
    RK_ASSIGN_OR_RETURN(const Json pod, parser->Parse(object));
    if (!pod.is_object()) return absl::InvalidArgumentError("is no object");
    return ReadDaemonPod(pod);
  };
}

std::shared_ptr<const DaemonPod> PickDaemon(
    const std::vector<std::shared_ptr<const DaemonPod>>& pods) {
  std::shared_ptr<const DaemonPod> best;
  const auto rank = [](const DaemonPod& pod) {
    return std::make_tuple(!pod.deleting, pod.ready, pod.created, pod.uid);
  };
  for (const auto& pod : pods) {
    if (pod->ended || pod->host_ip.empty()) continue;
    if (best == nullptr || rank(*pod) > rank(*best)) best = pod;
  }
  return best;
}

DaemonPods::DaemonPods(client::ApiClient& client, const Options& options, Endpoints& endpoints,
                       client::Random random)
    : options_(options),
      endpoints_(endpoints),
      pods_(client, Following(options), DaemonPodDecoder(), std::move(random)) {
  pods_.AddIndex(kByNode, [](const client::ObjectKey&, const DaemonPod& pod) {
    return std::vector<std::string>{pod.node};
  });
  using Pod = std::shared_ptr<const DaemonPod>;
  pods_.AddHandler({
      .added = [this](const client::ObjectKey&, const Pod& now) { Look(now->node); },
      .updated =
          [this](const client::ObjectKey&, const Pod& before, const Pod& now) {
            if (before->node != now->node) Look(before->node);
            Look(now->node);
          },
      .deleted = [this](const client::ObjectKey&, const Pod& last, bool) { Look(last->node); },
  });
}

void DaemonPods::Look(const std::string& node) {
  if (node.empty()) return;
  const std::shared_ptr<const DaemonPod> pod = PickDaemon(pods_.ByIndex(kByNode, node));
  if (pod == nullptr) {
    if (known_.erase(node) > 0) endpoints_.RemoveEndpoint(node);
    return;
  }
  // Only what is news: an endpoint that is set again is tried at once.
  const auto [it, added] = known_.try_emplace(node, *pod);
  if (!added && it->second == *pod) return;
  it->second = *pod;
  const absl::Status set = endpoints_.SetEndpoint(
      node, {.target = HostPort(pod->host_ip, options_.port),
             .server_name = options_.server_name.empty() ? node : options_.server_name});
  if (!set.ok()) {
    LOG(WARNING) << "daemon of node " << node << ": " << set.message();
  }
}

}  // namespace rekindle::fleet
