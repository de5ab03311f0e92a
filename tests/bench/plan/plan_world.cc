#include "tests/bench/plan/plan_world.h"

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

namespace rekindle::bench {
namespace {

constexpr int64_t kPodsPerNode = 10;
constexpr absl::string_view kAlphabet = "bcdfghjklmnpqrstvwxz2456789";

Json TemplateTree(const char* image) {
  return Json::parse(absl::StrCat(
      R"({"metadata":{"labels":{"app":"web","zone":"eu"}},"spec":{"containers":[
        {"name":"main","image":"registry.example/shop/web:)",
      image,
      R"(","env":[{"name":"ZONE","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['zone']"}}}],
         "resources":{"requests":{"cpu":"250m","memory":"256Mi"}}},
        {"name":"log","image":"registry.example/ops/log:1"}],
      "readinessGates":[{"conditionType":"InPlaceUpdateReady"}]}})"));
}

}  // namespace

PlanWorld::PlanWorld() : owner_("workload-uid"), none_(std::make_shared<api::StringMap>()) {
  const auto revision = [&](const char* name, int64_t number, const char* image) {
    plan::Revision out;
    out.name = name;
    out.number = number;
    out.pod_template = *plan::MakeTemplate(TemplateTree(image), {}, parser_);
    return out;
  };
  revisions_.current = revision("web-64d7f9c8b", 1, "2.4");
  revisions_.update = revision("web-7c5b9d846", 2, "2.5");
  revisions_.history = {revisions_.current, revisions_.update};
  for (size_t r = 0; r < 2; ++r) {
    const plan::Template& made = revisions_.history[r].pod_template;
    labels_[r] = std::make_shared<api::StringMap>(made.labels);
    for (size_t c = 0; c < 2; ++c) {
      const std::string image = made.shape->containers[c].image.str();
      images_[r][c] = std::make_shared<api::ImageStatus>(
          api::ImageStatus{image, absl::StrCat("sha256:", image)});
    }
  }
}

std::string PlanWorld::Name(int64_t serial) {
  std::string id;
  for (int i = 0; i < 5; ++i) {
    id += kAlphabet[static_cast<size_t>(serial) % kAlphabet.size()];
    serial /= static_cast<int64_t>(kAlphabet.size());
  }
  return absl::StrCat("web-", id);
}

std::shared_ptr<api::PodRecord> PlanWorld::Pod(const std::string& name, int64_t serial,
                                               bool updated) {
  const size_t r = updated ? 1 : 0;
  const plan::Revision& revision = revisions_.history[r];
  auto pod = std::make_shared<api::PodRecord>();
  pod->name = name;
  pod->uid = absl::StrCat("0f3c2c4e-1111-4222-8333-", 100'000'000'000 + serial);
  pod->instance_id = name.substr(name.rfind('-') + 1);
  pod->owner_uid = owner_;
  pod->revision = texts_.Get(revision.name);
  pod->has_template_hash = true;
  pod->node = texts_.Get(absl::StrCat("node-", serial / kPodsPerNode));
  pod->phase = api::Phase::kRunning;
  pod->created = kNow - 100'000 - serial % 1000;
  pod->ready_since = kNow - 50'000 - serial % 997;
  pod->ready = pod->containers_ready = pod->in_place_ready = api::Tri::kTrue;
  pod->lifecycle = api::Lifecycle::kNormal;
  pod->shape = revision.pod_template.shape;
  pod->labels = labels_[r];
  pod->annotations = none_;
  pod->statuses.resize(2);
  for (size_t c = 0; c < 2; ++c) {
    api::ContainerStatus& status = pod->statuses[c];
    status.image = images_[r][c];
    status.id = static_cast<uint64_t>(serial) * 2 + c + 1;
    status.present = status.running = status.ready = true;
  }
  return pod;
}

std::vector<plan::PodPtr> PlanWorld::CloneSetPods(int64_t count, int64_t updated) {
  std::vector<plan::PodPtr> out;
  out.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) out.push_back(Pod(Name(i), i, i < updated));
  return out;
}

std::vector<plan::PodPtr> PlanWorld::StatefulSetPods(int64_t count, int64_t updated) {
  std::vector<plan::PodPtr> out;
  out.reserve(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) {
    out.push_back(Pod(absl::StrCat("web-", i), i, i >= count - updated));
  }
  return out;
}

plan::CloneSetSpec PlanWorld::CloneSet(int64_t replicas, int64_t max_unavailable) const {
  const Json object = {
      {"apiVersion", "apps.kruise.io/v1beta1"},
      {"metadata", {{"name", "web"}, {"uid", "workload-uid"}}},
      {"spec",
       {{"replicas", replicas},
        {"selector", {{"matchLabels", {{"app", "web"}}}}},
        {"template", *revisions_.update.pod_template.tree},
        {"updateStrategy",
         {{"rollingUpdate",
           {{"podUpdatePolicy", "InPlaceIfPossible"}, {"maxUnavailable", max_unavailable}}}}}}}};
  return *plan::ParseCloneSet(object);
}

plan::StatefulSetSpec PlanWorld::StatefulSet(int64_t replicas, int64_t max_unavailable) const {
  const Json object = {
      {"apiVersion", "apps.kruise.io/v1beta1"},
      {"metadata", {{"name", "web"}, {"uid", "workload-uid"}}},
      {"spec",
       {{"replicas", replicas},
        {"podManagementPolicy", "Parallel"},
        {"selector", {{"matchLabels", {{"app", "web"}}}}},
        {"template", *revisions_.update.pod_template.tree},
        {"updateStrategy",
         {{"rollingUpdate",
           {{"podUpdatePolicy", "InPlaceIfPossible"}, {"maxUnavailable", max_unavailable}}}}}}}};
  return *plan::ParseStatefulSet(object, {});
}

Json PlanWorld::BusyPodTree(int64_t serial) const {
  const std::string name = Name(serial);
  Json pod = *revisions_.update.pod_template.tree;
  Json& metadata = pod["metadata"];
  metadata["name"] = name;
  metadata["uid"] = absl::StrCat("0f3c2c4e-1111-4222-8333-", 100'000'000'000 + serial);
  metadata["creationTimestamp"] = "2026-03-01T10:00:00Z";
  metadata["finalizers"] = {"shop.example/drain"};
  metadata["ownerReferences"] = {{{"uid", "workload-uid"}, {"controller", true}}};
  Json& labels = metadata["labels"];
  labels["controller-revision-hash"] = revisions_.update.name;
  labels["pod-template-hash"] = "7c5b9d846";
  labels["apps.kruise.io/cloneset-instance-id"] = name.substr(4);
  labels["lifecycle.apps.kruise.io/state"] = "Updating";
  metadata["annotations"]["apps.kruise.io/inplace-update-state"] =
      R"({"revision":"web-7c5b9d846","updateTimestamp":"2026-03-04T05:06:07Z","lastContainerStatuses":{"main":{"imageID":"registry.example/shop/web@sha256:3f8e5d4c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7c6b5a49382716"},"log":{"imageID":"registry.example/ops/log@sha256:0f8e5d4c2b1a09f8e7d6c5b4a39281706f5e4d3c2b1a0f9e8d7c6b5a49382716"}},"updateEnvFromMetadata":true,"updateImages":true,"nextContainerImages":{"log":"registry.example/ops/log:2"},"preCheckBeforeNext":{"containersRequiredReady":["main"]},"containerBatchesRecord":[{"timestamp":"2026-03-04T05:06:07Z","containers":["main"]}]})";
  pod["spec"]["nodeName"] = absl::StrCat("node-", serial / kPodsPerNode);
  Json& status = pod["status"];
  status["phase"] = "Running";
  status["conditions"] = Json::parse(
      R"([{"type":"InPlaceUpdateReady","status":"False","reason":"StartInPlaceUpdate","lastTransitionTime":"2026-03-04T05:06:07Z"},
          {"type":"Ready","status":"False","lastTransitionTime":"2026-03-04T05:06:07Z"},
          {"type":"ContainersReady","status":"True","lastTransitionTime":"2026-03-04T05:06:07Z"}])");
  for (const Json& container : pod["spec"]["containers"]) {
    const std::string container_name = container["name"];
    status["containerStatuses"].push_back(
        {{"name", container_name},
         {"image", container["image"]},
         {"imageID", absl::StrCat("registry.example/x@sha256:", container_name)},
         {"containerID", absl::StrCat("containerd://", serial, container_name)},
         {"ready", true},
         {"restartCount", 1},
         {"state", {{"running", {{"startedAt", "2026-03-01T10:00:05Z"}}}}}});
  }
  return pod;
}

}  // namespace rekindle::bench
