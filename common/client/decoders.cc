#include "common/client/decoders.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
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

// A node daemon reports a hash of a container that is not the plain one: it may be the older form,
// which PodParser recognises in whole containers.
bool HashDiffers(const api::PodRecord& pod) {
  if (!pod.meta_present) return false;
  for (size_t i = 0; i < pod.statuses.size(); ++i) {
    const api::ContainerStatus& status = pod.statuses[i];
    if (status.meta_id != 0 && status.meta_plain != pod.shape->containers[i].plain_hash) {
      return true;
    }
  }
  return false;
}

// Reads pods to records. Nearly all of a pod's text is about its containers, which are the same
// for all pods of a template: they are read once, and found again by their text.
class PodReader {
 public:
  absl::StatusOr<api::PodRecord> Read(absl::string_view object) {
    RK_ASSIGN_OR_RETURN(const Json tree, parser_.Parse(object, &text_));
    auto found = known_.find(text_);
    if (found == known_.end()) {
      RK_ASSIGN_OR_RETURN(Json with_containers, containers_.Parse(object));
      auto made = std::make_unique<Containers>();
      made->tree = std::move(with_containers);
      RK_ASSIGN_OR_RETURN(made->containers, api::ContainersOf(made->tree));
      if (known_.size() >= kMostKnown) known_.clear();
      found = known_.emplace(text_, std::move(made)).first;
    }
    RK_ASSIGN_OR_RETURN(api::PodRecord record, pods_.Parse(tree, found->second->containers));
    if (!HashDiffers(record)) return record;
    RK_ASSIGN_OR_RETURN(const Json whole, whole_.Parse(object));
    return pods_.Parse(whole);
  }

 private:
  struct Containers {
    Json tree;
    api::PodContainers containers;  // points into it
  };
  // Some 10 MiB; a cluster with more templates at a time reads them again now and then.
  static constexpr size_t kMostKnown = 2000;

  json::FastParser parser_{UnreadOfContainers(), {"spec.containers", "spec.initContainers"}};
  json::FastParser containers_{UnreadOfContainers()};
  json::FastParser whole_{UnreadOfPods()};
  api::PodParser pods_;
  std::string text_;
  absl::flat_hash_map<std::string, std::unique_ptr<const Containers>> known_;
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
  return [reader](absl::string_view object) { return reader->Read(object); };
}

}  // namespace rekindle::client
