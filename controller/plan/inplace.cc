#include "controller/plan/inplace.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/api/names.h"
#include "common/json/tree.h"
#include "controller/plan/inplace_batch.h"

namespace rekindle::plan {
namespace {

using api::Bit;
using api::PodRecord;
using api::Progress;

Json ToJson(const MetadataChange& change) {
  Json out = Json::object();
  for (const auto& [key, value] : change.set_labels) out["labels"][key] = value;
  for (const std::string& key : change.drop_labels) out["labels"][key] = nullptr;
  for (const auto& [key, value] : change.set_annotations) out["annotations"][key] = value;
  for (const std::string& key : change.drop_annotations) out["annotations"][key] = nullptr;
  if (!change.drop_finalizers.empty()) {
    out["$deleteFromPrimitiveList/finalizers"] = change.drop_finalizers;
  }
  if (!change.add_finalizers.empty()) {
    out["finalizers"] = change.add_finalizers;
    out["$setElementOrder/finalizers"] = change.finalizers;
  }
  return out;
}

void ReadPatch(const std::string& text, MetadataChange& out) {
  absl::StatusOr<Json> patch = json::Parse(text);
  if (!patch.ok()) return;
  const auto read = [&](absl::string_view map, api::StringMap& set,
                        std::vector<std::string>& drop) {
    const auto metadata = patch->find("metadata");
    if (metadata == patch->end() || !metadata->is_object()) return;
    const auto keys = metadata->find(map);
    if (keys == metadata->end() || !keys->is_object()) return;
    for (const auto& [key, value] : keys->items()) {
      if (value.is_string()) {
        set.Set(key, value.get_ref<const std::string&>());
      } else {
        drop.push_back(key);
      }
    }
  };
  read("labels", out.set_labels, out.drop_labels);
  read("annotations", out.set_annotations, out.drop_annotations);
  const Json* added = json::Find(*patch, {"metadata", "finalizers"});
  if (added != nullptr) out.add_finalizers = added->get<std::vector<std::string>>();
  const Json* removed = json::Find(*patch, {"metadata", "$deleteFromPrimitiveList/finalizers"});
  if (removed != nullptr) out.drop_finalizers = removed->get<std::vector<std::string>>();
  const Json* order = json::Find(*patch, {"metadata", "$setElementOrder/finalizers"});
  if (order != nullptr) out.finalizers = order->get<std::vector<std::string>>();
}

Refresh RefreshGrace(const PodRecord& pod, absl::Time now) {
  Refresh out;
  const api::GraceDocument& grace = *pod.book->grace;
  if (!pod.book->progress) {
    out.why = Because(Code::kGraceWithoutState);
    out.error = true;
    return out;
  }
  const Progress& progress = *pod.book->progress;
  if (!api::SameRevision(pod.revision.view(), grace.revision)) {
    out.why = Because(Code::kGraceSuperseded);
    out.step.emplace().drop_grace = true;
    return out;
  }
  const absl::Duration left =
      absl::FromUnixSeconds(progress.started) + absl::Seconds(grace.grace_seconds) - now;
  if (left > absl::ZeroDuration()) {
    out.wait = absl::Ceil(left, absl::Seconds(1));
    out.why = Because(Code::kGraceRunning);
    out.why.figures = {absl::ToInt64Seconds(*out.wait), grace.grace_seconds, 0};
    return out;
  }
  InPlaceStep& step = out.step.emplace();
  step.drop_grace = true;
  step.progress = progress;
  if (grace.has_metadata_patch) ReadPatch(grace.metadata_patch, step.metadata);
  WriteBatch(pod, FromGrace(pod, grace), now, *step.progress, step);
  out.why = Because(Code::kGraceOver);
  return out;
}

std::string NamesOf(const PodRecord& pod, uint64_t bits) {
  std::vector<std::string> names;
  for (size_t i = 0; i < pod.shape->containers.size(); ++i) {
    if ((bits & Bit(i)) != 0) names.push_back(pod.shape->containers[i].name);
  }
  return absl::StrJoin(names, ", ");
}

}  // namespace

InPlaceStep StartUpdate(const PodRecord& pod, const Comparison& comparison, const Revision& target,
                        int32_t grace_seconds, bool short_label, absl::Time now,
                        const InPlaceOptions&) {
  InPlaceStep step;
  const UpdateSpec& update = comparison.update;
  const PendingMap pending = PlanContainers(pod, update, target);
  step.metadata = update.metadata;
  if (pod.book && pod.book->grace)
    MergePlainPatch(pod.book->grace->metadata_patch, target, step.metadata);
  step.set_unready = pod.shape->gate_in_place && Disrupts(pod, pending);
  step.revision =
      api::Text(short_label ? api::AfterLastDash(target.name) : absl::string_view(target.name));
  Progress progress;
  progress.revision = api::Text(target.name);
  progress.started = absl::ToUnixSeconds(now);
  for (const auto& [index, change] : pending) {
    progress.images = progress.images || !change.image.empty();
    progress.resources = progress.resources || !change.resources.empty();
    progress.env_from_metadata = progress.env_from_metadata || change.env;
  }
  // Grace drains traffic before a container stops; without a stop there is nothing to drain.
  if (grace_seconds > 0 && Disrupts(pod, pending)) {
    api::GraceDocument grace;
    grace.revision = target.name;
    grace.grace_seconds = grace_seconds;
    grace.env_from_metadata = progress.env_from_metadata;
    for (const auto& [index, change] : pending) {
      const std::string& name = pod.shape->containers[index].name;
      if (!change.image.empty()) grace.images[name] = change.image.str();
      if (!change.metadata.empty()) grace.metadata[name] = change.metadata;
      if (!change.resources.empty()) grace.resources[name] = change.resources;
      if (change.restart || change.replace) grace.restarts.push_back(name);
    }
    if (step.metadata.any) {
      const Json metadata = ToJson(step.metadata);
      grace.has_metadata_patch = true;
      grace.metadata_patch =
          json::DumpLikeGo(metadata.empty() ? Json::object() : Json{{"metadata", metadata}});
      step.metadata = MetadataChange();
    }
    step.grace = std::move(grace);
  } else {
    WriteBatch(pod, pending, now, progress, step);
    step.drop_grace = pod.book != nullptr && (pod.book->grace || pod.book->grace_invalid);
  }
  step.progress = std::move(progress);
  return step;
}

std::optional<Reason> Obstacle(const PodRecord& pod, const Comparison& comparison) {
  for (const ContainerChange& change : comparison.update.containers) {
    const int index = pod.shape->IndexOf(change.name);
    if (index < 0 || !change.Restarts()) continue;
    const api::ContainerShape& container = pod.shape->containers[static_cast<size_t>(index)];
    const api::ContainerStatus& status = pod.statuses[static_cast<size_t>(index)];
    const bool never =
        container.never_restarts || pod.shape->restart_policy == api::RestartPolicy::kNever;
    const bool ended =
        status.present && !status.running && status.id != 0 && status.waiting.empty();
    if (never && ended) return Because(Code::kNeverRestarts, change.name);
    // The node daemon restarts for a changed environment only while the gate's condition is False.
    if (change.env && change.image.empty() && !pod.shape->gate_in_place) {
      return Because(Code::kNoGate);
    }
  }
  return std::nullopt;
}

Refresh RefreshPod(const PodRecord& pod, absl::Time now, const InPlaceOptions& options) {
  Refresh out;
  if (pod.book && pod.book->grace && !pod.book->state_invalid) return RefreshGrace(pod, now);
  const Completion completion = CompletionOf(pod, options);
  out.why = completion.why;
  if (!completion.containers_done) return out;
  if (pod.book && pod.book->progress && pod.book->progress->HasNext()) {
    const Progress& progress = *pod.book->progress;
    for (size_t i = 0; i < pod.statuses.size(); ++i) {
      if ((progress.must_be_ready & Bit(i)) == 0 || pod.statuses[i].ready) continue;
      out.why = Because(Code::kBatchNotReady, pod.shape->containers[i].name);
      return out;
    }
    InPlaceStep& step = out.step.emplace();
    step.progress = progress;
    WriteBatch(pod, FromNext(pod, progress), now, *step.progress, step);
    out.why = Because(Code::kNextBatch, NamesOf(pod, step.progress->batches.back().containers));
    return out;
  }
  if (!pod.shape->gate_in_place || (pod.in_place_ready == api::Tri::kTrue && !pod.in_place_noise)) {
    return out;
  }
  out.step.emplace().set_ready = true;
  if (out.why.code != Code::kUpToDate) return out;
  const bool updated = pod.book != nullptr && pod.book->progress.has_value();
  out.why = Because(updated ? Code::kFinished : Code::kOpenGate);
  return out;
}

Disagreement ContentOf(const PodRecord& pod, const Revision& target,
                       const std::vector<Revision>& history) {
  Disagreement out;
  for (const api::ContainerShape& want : target.pod_template.shape->containers) {
    const int index = pod.shape->IndexOf(want.name);
    if (index < 0) continue;
    const api::Text& have = pod.shape->containers[static_cast<size_t>(index)].image;
    if (have == want.image) continue;
    const bool ours = std::any_of(history.begin(), history.end(), [&](const Revision& r) {
      const int at = r.pod_template.shape->IndexOf(want.name);
      return at >= 0 && r.pod_template.shape->containers[static_cast<size_t>(at)].image == have;
    });
    if (ours) {
      out.repair.emplace_back(static_cast<uint16_t>(index), want.image);
    } else {
      out.foreign.push_back(absl::StrCat("container ", want.name, " has image ", have.view()));
    }
  }
  return out;
}

}  // namespace rekindle::plan
