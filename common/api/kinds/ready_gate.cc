#include "common/api/kinds/ready_gate.h"

#include <algorithm>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/kinds/registry.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

// Of what a kubelet shows of a static pod (spec node-runtime 2.1).
constexpr absl::string_view kStaticPodAnnotation = "kubernetes.io/config.mirror";

bool ControlledByKruise(const Json& pod) {
  const Json* owners = json::Find(pod, {"metadata", "ownerReferences"});
  if (owners == nullptr || !owners->is_array()) return false;
  return std::any_of(owners->begin(), owners->end(), [](const Json& owner) {
    absl::string_view version = json::String(owner, "apiVersion");
    return json::Bool(owner, {"controller"}) && absl::ConsumePrefix(&version, kKruiseGroup) &&
           absl::StartsWith(version, "/");
  });
}

}  // namespace

bool WantsReadyGate(const Json& pod, const AdmissionGates& gates) {
  if (!gates.pod_webhook || !(gates.ready_gate_for_all || ControlledByKruise(pod))) return false;
  const Json* spec = json::Find(pod, "spec");
  if (spec == nullptr || !spec->is_object() ||
      json::Find(pod, {"metadata", "annotations", kStaticPodAnnotation}) != nullptr) {
    return false;
  }
  const Json* own = json::Find(*spec, "readinessGates");
  if (own == nullptr) return true;
  return own->is_array() && std::none_of(own->begin(), own->end(), [](const Json& gate) {
           return json::String(gate, "conditionType") == kGatePodReady;
         });
}

void AddReadyGate(Json& pod) {
  Json& own = pod["spec"]["readinessGates"];
  if (!own.is_array()) own = Json::array();
  own.push_back({{"conditionType", std::string(kGatePodReady)}});
}

}  // namespace rekindle::api
