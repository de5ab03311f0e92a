#include "controller/plan/inplace_batch.h"

#include <algorithm>
#include <optional>

namespace rekindle::plan {
namespace {

using api::Bit;
using api::PodRecord;
using api::Progress;

// Containers of the first batch: those without priority, those with the highest one, and those that
// share a changed label or annotation with one of them (spec 10, steps 3 and 4).
uint64_t SelectBatch(const PodRecord& pod, const PendingMap& pending) {
  std::optional<int32_t> highest;
  for (const auto& [index, change] : pending) {
    const std::optional<int32_t>& priority = pod.shape->containers[index].priority;
    if (priority.has_value() && (!highest.has_value() || *priority > *highest)) highest = priority;
  }
  uint64_t selected = 0;
  for (const auto& [index, change] : pending) {
    const std::optional<int32_t>& priority = pod.shape->containers[index].priority;
    if (!priority.has_value() || priority == highest) selected |= Bit(index);
  }
  const auto shares = [](const api::RefMetadata& a, const api::RefMetadata& b) {
    const auto meet = [](const api::StringMap& x, const api::StringMap& y) {
      return std::any_of(x.begin(), x.end(), [&](const auto& entry) { return y.Has(entry.first); });
    };
    return meet(a.labels, b.labels) || meet(a.annotations, b.annotations);
  };
  for (bool grew = true; grew;) {
    grew = false;
    for (const auto& [index, change] : pending) {
      if ((selected & Bit(index)) != 0) continue;
      for (const auto& [other, chosen] : pending) {
        if ((selected & Bit(other)) == 0 || !shares(change.metadata, chosen.metadata)) continue;
        selected |= Bit(index);
        grew = true;
        break;
      }
    }
  }
  return selected;
}

}  // namespace

void WriteBatch(const PodRecord& pod, const PendingMap& pending, absl::Time now, Progress& progress,
                InPlaceStep& step) {
  const uint64_t selected = SelectBatch(pod, pending);
  progress.next_images.clear();
  progress.next_metadata = nullptr;
  progress.next_resources = nullptr;
  progress.next_restarts = 0;
  std::map<std::string, api::RefMetadata> next_metadata;
  std::map<std::string, api::Resources> next_resources;
  for (const auto& changed : pending) {
    const auto index = changed.first;
    const auto& change = changed.second;
    const std::string& name = pod.shape->containers[index].name;
    if ((selected & Bit(index)) == 0) {
      if (!change.image.empty()) progress.next_images.push_back({index, change.image});
      if (!change.metadata.empty()) next_metadata[name] = change.metadata;
      if (!change.resources.empty()) next_resources[name] = change.resources;
      if (change.restart || change.replace) progress.next_restarts |= Bit(index);
      continue;
    }
    if (!change.image.empty()) {
      step.images.emplace_back(index, change.image);
      std::erase_if(progress.last_image_ids,
                    [&](const Progress::Value& v) { return v.container == index; });
      if (pod.statuses[index].present) {
        progress.last_image_ids.push_back({index, api::Text(pod.statuses[index].image_id())});
      }
    } else if (change.restart || change.replace) {
      step.restarts |= Bit(index);
      if (change.replace) step.replaces |= Bit(index);
      std::erase_if(progress.last_ids, [&](const auto& entry) { return entry.first == index; });
      progress.last_ids.emplace_back(index, pod.statuses[index].id);
    }
    for (const auto& [key, value] : change.metadata.labels)
      step.metadata.set_labels.Set(key, value);
    for (const auto& [key, value] : change.metadata.annotations) {
      step.metadata.set_annotations.Set(key, value);
    }
    if (!change.resources.empty()) step.resources.emplace_back(index, change.resources);
  }
  if (!next_metadata.empty()) {
    progress.next_metadata =
        std::make_shared<const std::map<std::string, api::RefMetadata>>(std::move(next_metadata));
  }
  if (!next_resources.empty()) {
    progress.next_resources =
        std::make_shared<const std::map<std::string, api::Resources>>(std::move(next_resources));
  }
  progress.must_be_ready = progress.HasNext() ? selected : 0;
  progress.batches.push_back({absl::ToUnixSeconds(now), selected});
  progress.last_image_ids.shrink_to_fit();
  progress.batches.shrink_to_fit();
}

bool Disrupts(const PodRecord& pod, const PendingMap& pending) {
  return std::any_of(pending.begin(), pending.end(), [&](const auto& entry) {
    const Pending& change = entry.second;
    if (!change.image.empty() || change.env || change.restart || change.replace) return true;
    const api::ContainerShape& container = pod.shape->containers[entry.first];
    const auto touches = [&](const std::string& name) {
      return change.resources.requests.contains(name) || change.resources.limits.contains(name);
    };
    return (container.restart_on_cpu && touches("cpu")) ||
           (container.restart_on_memory && touches("memory"));
  });
}

}  // namespace rekindle::plan
