#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/api/container_hash.h"
#include "common/api/keys.h"
#include "common/api/names.h"
#include "common/api/time.h"
#include "controller/plan/inplace.h"

namespace rekindle::plan {
namespace {

using api::Bit;
using api::PodRecord;

Json Condition(absl::string_view status, absl::string_view reason, absl::Time now) {
  return {{"type", std::string(api::kGateInPlace)},
          {"status", std::string(status)},
          {"reason", std::string(reason)},
          {"message", ""},
          {"lastTransitionTime", api::FormatTime(now)}};
}

// Ready is recomputed only together with a write of False, and only while the containers are ready
// (spec 16.3); unlike the reference the transition time is set (pitfall 46).
std::optional<Json> ReadyCondition(const PodRecord& pod, absl::Time now) {
  if (pod.ready != api::Tri::kTrue || pod.containers_ready != api::Tri::kTrue) return std::nullopt;
  std::string message =
      "the status of pod readiness gate \"InPlaceUpdateReady\" is not \"True\", but False";
  if (pod.shape->gate_pod_ready && pod.pod_ready != api::Tri::kTrue) {
    message += pod.pod_ready == api::Tri::kAbsent
                   ? ", corresponding condition of pod readiness gate \"KruisePodReady\" does not "
                     "exist."
                   : ", the status of pod readiness gate \"KruisePodReady\" is not \"True\", but "
                     "False";
  }
  return Json{{"type", "Ready"},
              {"status", "False"},
              {"reason", "ReadinessGatesNotReady"},
              {"message", message},
              {"lastTransitionTime", api::FormatTime(now)}};
}

Json PodPatch(const PodRecord& pod, const InPlaceStep& step, absl::Time now, bool with_resources) {
  Json patch = Json::object();
  Json& metadata = patch["metadata"] = Json::object();
  const MetadataChange& m = step.metadata;
  for (const auto& [key, value] : m.set_labels) metadata["labels"][key] = value;
  for (const std::string& key : m.drop_labels) metadata["labels"][key] = nullptr;
  for (const auto& [key, value] : m.set_annotations) metadata["annotations"][key] = value;
  for (const std::string& key : m.drop_annotations) metadata["annotations"][key] = nullptr;
  if (!m.drop_finalizers.empty()) {
    metadata["$deleteFromPrimitiveList/finalizers"] = m.drop_finalizers;
  }
  if (!m.add_finalizers.empty()) metadata["finalizers"] = m.add_finalizers;
  if (step.revision) {
    metadata["labels"][std::string(api::kLabelRevision)] = step.revision->str();
    if (pod.has_template_hash) {
      metadata["labels"][std::string(api::kLabelTemplateHash)] =
          std::string(api::AfterLastDash(step.revision->view()));
    }
  }
  if (step.lifecycle) {
    metadata["labels"][std::string(api::kLabelLifecycle)] =
        std::string(api::LifecycleName(*step.lifecycle));
    metadata["annotations"][std::string(api::kAnnotationLifecycleTime)] = api::FormatTime(now);
  }
  if (step.progress) {
    metadata["annotations"][std::string(api::kAnnotationState)] =
        api::FormatInPlaceState(api::ExpandState(*step.progress, *pod.shape));
    metadata["annotations"][std::string(api::kAnnotationStateOld)] = nullptr;
  }
  if (step.grace) {
    metadata["annotations"][std::string(api::kAnnotationGrace)] = api::FormatGrace(*step.grace);
  }
  if (step.drop_grace) {
    metadata["annotations"][std::string(api::kAnnotationGrace)] = nullptr;
    metadata["annotations"][std::string(api::kAnnotationGraceOld)] = nullptr;
  }
  Json containers = Json::array();
  for (size_t i = 0; i < pod.shape->containers.size(); ++i) {
    Json entry = Json::object();
    for (const auto& [index, image] : step.images) {
      if (index == i) entry["image"] = image.str();
    }
    for (const auto& [index, resources] : step.resources) {
      if (index == i && with_resources) entry["resources"] = api::ResourcesToJson(resources);
    }
    if (entry.empty()) continue;
    entry["name"] = pod.shape->containers[i].name;
    containers.push_back(std::move(entry));
  }
  if (!containers.empty()) patch["spec"]["containers"] = std::move(containers);
  return patch;
}

std::shared_ptr<const Json> Share(Json tree) {
  return std::make_shared<const Json>(std::move(tree));
}

}  // namespace

std::vector<Write> RenderWrites(const PodRecord& pod, const InPlaceStep& step, absl::Time now,
                                const InPlaceOptions& options) {
  std::vector<Write> out;
  if (step.set_unready || step.set_ready) {
    Json conditions = Json::array();
    if (step.set_unready) {
      conditions.push_back(Condition("False", "StartInPlaceUpdate", now));
      if (std::optional<Json> ready = ReadyCondition(pod, now)) conditions.push_back(*ready);
    } else {
      conditions.push_back(Condition("True", "", now));
    }
    out.push_back({Write::Kind::kStatus, Share({{"status", {{"conditions", conditions}}}})});
  }
  if (step.WritesPod()) {
    out.push_back(
        {Write::Kind::kPod, Share(PodPatch(pod, step, now, !options.resize_subresource))});
  }
  if (options.resize_subresource && !step.resources.empty()) {
    Json containers = Json::array();
    for (const auto& [index, resources] : step.resources) {
      containers.push_back({{"name", pod.shape->containers[index].name},
                            {"resources", api::ResourcesToJson(resources)}});
    }
    out.push_back({Write::Kind::kResize, Share({{"spec", {{"containers", containers}}}})});
  }
  if (step.restarts != 0) {
    Json containers = Json::array();
    for (size_t i = 0; i < pod.shape->containers.size(); ++i) {
      if ((step.restarts & Bit(i)) == 0) continue;
      containers.push_back({{"name", pod.shape->containers[i].name},
                            {"newDefinition", (step.replaces & Bit(i)) != 0}});
    }
    out.push_back({Write::Kind::kDaemonRestart, Share({{"containers", containers}})});
  }
  return out;
}

PodRecord ApplyStep(const PodRecord& pod, const InPlaceStep& step) {
  PodRecord out = pod;
  if (step.set_unready) {
    out.in_place_ready = api::Tri::kFalse;
    if (out.containers_ready == api::Tri::kTrue) out.ready = api::Tri::kFalse;
  }
  if (step.set_ready) {
    out.in_place_ready = api::Tri::kTrue;
    out.in_place_noise = false;
  }
  if (step.revision) out.revision = *step.revision;
  if (step.lifecycle) out.lifecycle = *step.lifecycle;
  if (!step.images.empty() || !step.resources.empty()) {
    auto shape = std::make_shared<api::PodShape>(*pod.shape);
    for (const auto& [index, image] : step.images) {
      api::ContainerShape& container = shape->containers[index];
      container.image = image;
      container.plain_hash = api::PlainHash(container.name, image.view());
    }
    for (const auto& [index, resources] : step.resources) {
      api::Resources& have = shape->containers[index].resources;
      for (const auto& [name, value] : resources.requests) have.requests[name] = value;
      for (const auto& [name, value] : resources.limits) have.limits[name] = value;
    }
    out.shape = std::move(shape);
  }
  const MetadataChange& m = step.metadata;
  if (!m.set_labels.empty() || !m.drop_labels.empty()) {
    auto labels = std::make_shared<api::StringMap>(pod.labels ? *pod.labels : api::StringMap());
    for (const auto& [key, value] : m.set_labels) labels->Set(key, value);
    for (const std::string& key : m.drop_labels) labels->Erase(key);
    out.labels = std::move(labels);
  }
  if (!m.set_annotations.empty() || !m.drop_annotations.empty()) {
    auto notes =
        std::make_shared<api::StringMap>(pod.annotations ? *pod.annotations : api::StringMap());
    for (const auto& [key, value] : m.set_annotations) notes->Set(key, value);
    for (const std::string& key : m.drop_annotations) notes->Erase(key);
    out.annotations = std::move(notes);
  }
  if (!m.add_finalizers.empty() || !m.drop_finalizers.empty()) {
    auto list = std::make_shared<std::vector<std::string>>();
    if (pod.finalizers) *list = *pod.finalizers;
    for (const std::string& name : m.drop_finalizers) std::erase(*list, name);
    for (const std::string& name : m.add_finalizers) {
      if (std::find(list->begin(), list->end(), name) == list->end()) list->push_back(name);
    }
    out.finalizers = std::move(list);
  }
  if (step.progress || step.grace || step.drop_grace) {
    auto book = std::make_shared<api::InPlaceBook>(pod.book ? *pod.book : api::InPlaceBook());
    if (step.progress) {
      book->progress = step.progress;
      book->state_invalid = false;
    }
    if (step.drop_grace) {
      book->grace = nullptr;
      book->grace_invalid = false;
    }
    if (step.grace) book->grace = std::make_shared<const api::GraceDocument>(*step.grace);
    out.book = std::move(book);
  }
  return out;
}

}  // namespace rekindle::plan
