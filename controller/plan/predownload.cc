#include "controller/plan/predownload.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/int_or_percent.h"
#include "common/api/keys.h"
#include "common/api/names.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

constexpr int64_t kFewReplicas = 3;  // with so few pods the jobs come too late to help
constexpr int64_t kJobBackoff = 1;
constexpr int64_t kJobTtlSeconds = 600;

using Step = PreDownloadPlan::Step;

// Regular containers whose image is new.
std::vector<const api::ContainerShape*> NewImages(const Template& before, const Template& after) {
  std::vector<const api::ContainerShape*> out;
  for (const api::ContainerShape& container : after.shape->containers) {
    const int index = before.shape->IndexOf(container.name);
    const bool same =
        index >= 0 && before.shape->containers[static_cast<size_t>(index)].image == container.image;
    if (!same) out.push_back(&container);
  }
  return out;
}

Json JobOf(const PreDownloadInput& input, const Revision& update,
           const api::ContainerShape& container) {
  const absl::string_view hash = api::AfterLastDash(update.name);
  Json labels = Json::object();
  for (const auto& [key, value] : update.pod_template.labels) labels[key] = value;
  labels[std::string(api::kLabelHash)] = std::string(hash);
  Json annotations = Json::object();
  for (const auto& [key, value] : update.pod_template.annotations) annotations[key] = value;
  Json selector = input.selector != nullptr ? *input.selector : Json::object();
  // Only nodes that still run an older revision.
  selector["matchExpressions"].push_back({{"key", std::string(api::kLabelRevision)},
                                          {"operator", "NotIn"},
                                          {"values", {update.name, std::string(hash)}}});
  Json secrets = Json::array();
  const Json* list = json::Find(*update.pod_template.tree, {"spec", "imagePullSecrets"});
  if (list != nullptr && list->is_array()) {
    for (const Json& item : *list) secrets.push_back(std::string(json::String(item, "name")));
  }
  Json job = {
      {"apiVersion", "apps.kruise.io/v1beta1"},
      {"kind", "ImagePullJob"},
      {"metadata", {{"name", absl::StrCat(update.name, "-", container.name)}, {"labels", labels}}},
      {"spec",
       {{"image", container.image.str()},
        {"podSelector", selector},
        {"pullSecrets", secrets},
        {"parallelism", input.parallelism},
        {"pullPolicy", {{"backoffLimit", kJobBackoff}, {"timeoutSeconds", input.timeout_seconds}}},
        {"completionPolicy", {{"type", "Always"}, {"ttlSecondsAfterFinished", kJobTtlSeconds}}},
        {"sandboxConfig", {{"labels", labels}, {"annotations", annotations}}}}}};
  if (!input.name_space.empty()) job["metadata"]["namespace"] = input.name_space;
  return job;
}

// Why a revision is left alone, in the order of the specification; empty: it is not.
std::string Ignored(const PreDownloadInput& input, const RevisionSet& revisions,
                    const InPlaceOptions& options) {
  if (input.recreates) return "pods are recreated, so they pull on whatever node they land";
  if (input.replicas <= kFewReplicas) {
    return absl::StrCat(input.replicas, " replicas are too few to gain anything");
  }
  if (input.partition == 0 && input.max_unavailable_down >= input.replicas) {
    return "all pods are updated at once";
  }
  const Comparison comparison =
      Compare(revisions.current, revisions.update, options, input.ignore_claims);
  return comparison.in_place
             ? ""
             : absl::StrCat("the change is not made in place: ", Words(comparison.refusal));
}

}  // namespace

absl::string_view MarkerOf(Step step) {
  if (step == Step::kCreate) return api::kLabelPreDownloadCreated;
  return step == Step::kIgnore ? api::kLabelPreDownloadIgnored : absl::string_view();
}

PreDownloadInput PreDownloadOf(const CloneSetSpec& spec, const Json& object) {
  PreDownloadInput out;
  out.name_space = spec.name_space;
  out.replicas = spec.replicas;
  out.partition = spec.Partition();
  out.max_unavailable_down = spec.max_unavailable.Resolve(spec.replicas, api::Rounding::kDown);
  out.recreates = !spec.has_rolling || spec.on_delete || spec.policy == PodUpdatePolicy::kReCreate;
  out.ignore_claims = spec.policy == PodUpdatePolicy::kInPlaceOnly;
  out.selector = json::Find(object, {"spec", "selector"});
  out.parallelism = spec.pre_download_parallelism;
  out.timeout_seconds = spec.pre_download_timeout;
  out.min_updated_ready = spec.pre_download_min_ready;
  out.updated_ready = spec.status_updated_ready;
  out.stored_revision = spec.update_revision;
  return out;
}

PreDownloadInput PreDownloadOf(const StatefulSetSpec& spec, const Json& object) {
  PreDownloadInput out;
  out.name_space = spec.name_space;
  out.replicas = spec.replicas;
  out.partition = spec.partition;
  out.max_unavailable_down = spec.Budget();  // absent means one pod, not one per cent (P-31)
  out.recreates = spec.native || spec.on_delete || spec.policy == PodUpdatePolicy::kReCreate;
  out.ignore_claims = true;
  out.selector = json::Find(object, {"spec", "selector"});
  const auto annotation = [&](absl::string_view key) {
    return json::String(object, {"metadata", "annotations", key});
  };
  int64_t number = 0;
  if (absl::SimpleAtoi(annotation(api::kAnnotationPreDownloadParallelism), &number)) {
    out.parallelism = number;
  }
  if (absl::SimpleAtoi(annotation(api::kAnnotationPreDownloadTimeout), &number)) {
    out.timeout_seconds = number;
  }
  const absl::string_view share = annotation(api::kAnnotationPreDownloadMinReady);
  if (absl::SimpleAtoi(share, &number)) {
    out.min_updated_ready = number;
  } else if (auto parsed = api::IntOrPercent::Parse(share, "annotation"); parsed.ok()) {
    out.min_updated_ready = parsed->Resolve(spec.replicas, api::Rounding::kUp);
  }
  out.updated_ready = json::Int(object, {"status", "updatedReadyReplicas"}).value_or(0);
  out.stored_revision = spec.update_revision;
  return out;
}

PreDownloadPlan PlanPreDownload(const PreDownloadInput& input, const RevisionSet& revisions,
                                const InPlaceOptions& options) {
  PreDownloadPlan out;
  if (revisions.current.name == revisions.update.name) {
    out.step = Step::kDeleteJobs;
    out.why = "the rollout is over";
    return out;
  }
  if (revisions.update.pre_download_done) return out;
  const int64_t ready = input.stored_revision == revisions.update.name ? input.updated_ready : 0;
  if (ready < input.min_updated_ready) {
    out.step = Step::kWait;
    out.why =
        absl::StrCat("waits: ", ready, " of ", input.min_updated_ready, " updated pods are ready");
    return out;
  }
  out.why = Ignored(input, revisions, options);
  if (!out.why.empty()) {
    out.step = Step::kIgnore;
    return out;
  }
  out.step = Step::kCreate;
  for (const api::ContainerShape* container :
       NewImages(revisions.current.pod_template, revisions.update.pod_template)) {
    out.jobs.push_back(JobOf(input, revisions.update, *container));
  }
  out.why = absl::StrCat(out.jobs.size(), " to be pulled ahead");
  return out;
}

}  // namespace rekindle::plan
