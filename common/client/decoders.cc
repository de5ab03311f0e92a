#include "common/client/decoders.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/base/status_macros.h"
#include "common/json/fast_parse.h"

namespace rekindle::client {
namespace {

// What a pod record is made without.
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

// And of its containers, unless an older hash over all of one has to be compared.
std::vector<std::string> UnreadOfContainers() {
  std::vector<std::string> out = UnreadOfPods();
  for (const char* list : {"containers", "initContainers"}) {
    for (const char* field :
         {"args", "command", "envFrom", "imagePullPolicy", "lifecycle", "livenessProbe", "ports",
          "readinessProbe", "securityContext", "startupProbe", "terminationMessagePath",
          "terminationMessagePolicy", "volumeDevices", "volumeMounts", "workingDir"}) {
      out.push_back(absl::StrCat("spec.", list, ".", field));
    }
  }
  return out;
}

struct PodReader {
  json::FastParser parser{UnreadOfContainers()};
  json::FastParser whole{UnreadOfPods()};
  api::PodParser pods;
};

// A node daemon reports a hash of a container that is not the plain one: it may be the older form,
// which PodParser recognises in whole containers.
bool HashDiffers(const api::PodRecord& pod) {
  for (size_t i = 0; i < pod.statuses.size(); ++i) {
    const api::ContainerStatus& status = pod.statuses[i];
    if (status.meta_id != 0 && status.meta_plain != pod.shape->containers[i].plain_hash) {
      return true;
    }
  }
  return false;
}

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
    absl::StatusOr<api::PodRecord> record = reader->pods.Parse(tree);
    if (!record.ok() || !record->meta_present || !HashDiffers(*record)) return record;
    RK_ASSIGN_OR_RETURN(const Json whole, reader->whole.Parse(object));
    return reader->pods.Parse(whole);
  };
}

}  // namespace rekindle::client
