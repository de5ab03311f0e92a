#include "tests/controller/plan/fixtures.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/time.h"

namespace rekindle::plan::testing {

absl::Time At(double seconds) { return absl::FromUnixSeconds(kStart) + absl::Seconds(seconds); }

Json J(const char* text) { return Json::parse(text); }

Template World::Make(const Json& pod_template) { return *MakeTemplate(pod_template, {}, parser_); }

Revision World::Rev(const std::string& name, const Json& pod_template, int64_t number) {
  Revision out;
  out.name = name;
  out.number = number;
  out.pod_template = Make(pod_template);
  return out;
}

Json World::PodTree(const Revision& revision, const PodDesc& desc) {
  Json pod = *revision.pod_template.tree;
  Json& metadata = pod["metadata"];
  metadata["name"] = desc.name;
  metadata["uid"] = absl::StrCat("uid-", desc.name);
  metadata["creationTimestamp"] = api::FormatTime(At(-desc.ready_for - 10));
  metadata["labels"][std::string(api::kLabelRevision)] = revision.name;
  metadata["labels"][std::string(api::kLabelTemplateHash)] = "x";
  metadata["labels"][std::string(api::kLabelInstanceId)] =
      desc.name.substr(desc.name.rfind('-') + 1);
  metadata["labels"][std::string(api::kLabelPodName)] = desc.name;
  if (!desc.lifecycle.empty()) {
    metadata["labels"][std::string(api::kLabelLifecycle)] = desc.lifecycle;
  }
  if (desc.specified) metadata["labels"][std::string(api::kLabelSpecifiedDelete)] = "true";
  for (const auto& [key, value] : desc.labels) metadata["labels"][key] = value;
  for (const auto& [key, value] : desc.annotations) metadata["annotations"][key] = value;
  for (const std::string& name : desc.finalizers) metadata["finalizers"].push_back(name);
  if (desc.terminating) metadata["deletionTimestamp"] = api::FormatTime(At(-1));
  metadata["ownerReferences"] = {{{"kind", "CloneSet"}, {"uid", desc.owner}, {"controller", true}}};
  if (!desc.node.empty()) pod["spec"]["nodeName"] = desc.node;
  Json gates = Json::array();
  if (desc.gate) gates.push_back({{"conditionType", "InPlaceUpdateReady"}});
  if (desc.pod_ready_gate) gates.push_back({{"conditionType", "KruisePodReady"}});
  pod["spec"]["readinessGates"] = gates;
  Json conditions = Json::array();
  const std::string since = api::FormatTime(At(-desc.ready_for));
  conditions.push_back({{"type", "Ready"},
                        {"status", desc.ready ? "True" : "False"},
                        {"lastTransitionTime", since}});
  conditions.push_back({{"type", "ContainersReady"}, {"status", desc.ready ? "True" : "False"}});
  if (desc.gate && desc.gate_condition) {
    conditions.push_back({{"type", "InPlaceUpdateReady"}, {"status", "True"}});
  }
  pod["status"] = {{"phase", desc.phase}, {"conditions", conditions}};
  for (const Json& container : pod["spec"]["containers"]) {
    const std::string name = container["name"].get<std::string>();
    Json status = {{"name", name},
                   {"image", container.value("image", "")},
                   {"imageID", "id:" + container.value("image", "")},
                   {"containerID", absl::StrCat("c://", desc.name, "/", name)},
                   {"restartCount", desc.restarts},
                   {"ready", desc.ready},
                   {"state", {{"running", Json::object()}}}};
    if (container.contains("resources")) status["resources"] = container["resources"];
    pod["status"]["containerStatuses"].push_back(status);
  }
  return pod;
}

api::PodRecord World::Record(const Revision& revision, const PodDesc& desc) {
  return *parser_.Parse(PodTree(revision, desc));
}

PodPtr World::Pod(const Revision& revision, const PodDesc& desc) {
  return std::make_shared<const api::PodRecord>(Record(revision, desc));
}

Json TemplateOf(const std::vector<std::string>& containers) {
  Json out = {{"metadata", {{"labels", {{"app", "web"}}}}},
              {"spec", {{"containers", Json::array()}}}};
  for (const std::string& container : containers) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(container, '=');
    out["spec"]["containers"].push_back({{"name", parts.first}, {"image", parts.second}});
  }
  return out;
}

}  // namespace rekindle::plan::testing
