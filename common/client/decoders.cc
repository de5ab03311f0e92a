#include "common/client/decoders.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/json/fast_parse.h"

namespace rekindle::client {
namespace {

// What a pod record is made without. Containers stay whole: their hashes are over all of them.
std::vector<std::string> UnreadOfPods() {
  std::vector<std::string> out = {"metadata.managedFields",
                                  "metadata.generateName",
                                  "metadata.selfLink",
                                  "status.conditions.lastProbeTime",
                                  "status.containerStatuses.lastState",
                                  "status.containerStatuses.state.terminated",
                                  "status.ephemeralContainerStatuses",
                                  "status.initContainerStatuses.lastState",
                                  "status.initContainerStatuses.state",
                                  "status.podIPs",
                                  "status.hostIPs",
                                  "status.hostIP",
                                  "status.podIP",
                                  "status.startTime",
                                  "status.qosClass"};
  for (const char* field :
       {"affinity", "tolerations", "nodeSelector", "securityContext", "imagePullSecrets",
        "hostAliases", "topologySpreadConstraints", "dnsConfig", "dnsPolicy", "schedulerName",
        "serviceAccount", "serviceAccountName", "ephemeralContainers", "enableServiceLinks",
        "priority", "priorityClassName", "preemptionPolicy", "overhead", "resourceClaims"}) {
    out.push_back(std::string("spec.") + field);
  }
  // Of volumes only the claims count.
  for (const char* kind : {"projected", "configMap", "secret", "emptyDir", "hostPath",
                           "downwardAPI", "csi", "nfs", "ephemeral", "image"}) {
    out.push_back(std::string("spec.volumes.") + kind);
  }
  return out;
}

struct PodReader {
  json::FastParser parser{UnreadOfPods()};
  api::PodParser pods;
};

}  // namespace

DecodeFunction<Json> TreeDecoder(const ApiResource& resource) {
  auto parser =
      std::make_shared<json::FastParser>(std::vector<std::string>{"metadata.managedFields"});
  return [parser, resource](absl::string_view object) -> absl::StatusOr<Json> {
    RK_ASSIGN_OR_RETURN(Json tree, parser->Parse(object));
    if (!tree.is_object()) return absl::InvalidArgumentError("is no object");
    tree.emplace("apiVersion", resource.ApiVersion());
    tree.emplace("kind", resource.kind);
    return tree;
  };
}

DecodeFunction<api::PodRecord> PodDecoder() {
  auto reader = std::make_shared<PodReader>();
  return [reader](absl::string_view object) -> absl::StatusOr<api::PodRecord> {
    RK_ASSIGN_OR_RETURN(const Json tree, reader->parser.Parse(object));
    return reader->pods.Parse(tree);
  };
}

}  // namespace rekindle::client
