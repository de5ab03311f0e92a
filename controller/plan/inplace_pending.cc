#include <algorithm>

#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "controller/plan/inplace_batch.h"

namespace rekindle::plan {
namespace {

using api::Bit;
using api::PodRecord;
using api::Progress;

absl::string_view Value(const PodRecord& pod, const std::string& key, bool label) {
  if (label) return pod.Label(key);
  return pod.annotations ? pod.annotations->Get(key) : absl::string_view();
}

// Brings what an interrupted update left pending for `name` to the values of `target`.
void MergeMetadata(const PodRecord& pod, const Revision& target, const api::RefMetadata& left,
                   Pending& out) {
  const auto merge = [&](const api::StringMap& keys, const api::StringMap& wanted, bool label,
                         api::StringMap& result) {
    for (const auto& [key, value] : keys) {
      const std::string* want = wanted.Find(key);
      if (want == nullptr || Value(pod, key, label) == *want) continue;
      result.Set(key, *want);
      out.env = true;
    }
  };
  merge(left.labels, target.pod_template.labels, true, out.metadata.labels);
  merge(left.annotations, target.pod_template.annotations, false, out.metadata.annotations);
}

api::Resources Differing(const api::Resources& wanted, const api::Resources& have,
                         const api::Resources& keys) {
  api::Resources out;
  const auto pick = [](const api::ResourceValues& want, const api::ResourceValues& now,
                       const api::ResourceValues& among, api::ResourceValues& result) {
    for (const auto& [name, unused] : among) {
      const auto it = want.find(name);
      if (it == want.end()) continue;
      const auto present = now.find(name);
      if (present != now.end() && present->second != it->second) result[name] = it->second;
    }
  };
  pick(wanted.requests, have.requests, keys.requests, out.requests);
  pick(wanted.limits, have.limits, keys.limits, out.limits);
  return out;
}

struct Leftovers {
  std::map<std::string, api::RefMetadata> metadata;
  std::map<std::string, api::Resources> resources;
  std::vector<std::string> images;
  std::vector<std::string> restarts;
  std::string metadata_patch;
};

Leftovers LeftoversOf(const PodRecord& pod) {
  Leftovers out;
  if (pod.book == nullptr) return out;
  if (pod.book->progress) {
    const Progress& p = *pod.book->progress;
    for (const Progress::Value& v : p.next_images) {
      out.images.push_back(pod.shape->containers[v.container].name);
    }
    if (p.next_metadata) out.metadata = *p.next_metadata;
    if (p.next_resources) out.resources = *p.next_resources;
    for (size_t i = 0; i < pod.shape->containers.size(); ++i) {
      if ((p.next_restarts & Bit(i)) != 0) out.restarts.push_back(pod.shape->containers[i].name);
    }
  }
  if (pod.book->grace) {
    const api::GraceDocument& grace = *pod.book->grace;
    for (const auto& [name, image] : grace.images) out.images.push_back(name);
    for (const auto& [name, metadata] : grace.metadata) {
      for (const auto& [key, value] : metadata.labels) out.metadata[name].labels.Set(key, value);
      for (const auto& [key, value] : metadata.annotations) {
        out.metadata[name].annotations.Set(key, value);
      }
    }
    for (const auto& [name, resources] : grace.resources) out.resources[name] = resources;
    out.restarts.insert(out.restarts.end(), grace.restarts.begin(), grace.restarts.end());
    out.metadata_patch = grace.metadata_patch;
  }
  return out;
}

// Brings what an interrupted update has left pending to the values of the target.
void AddLeftovers(const PodRecord& pod, const Revision& target, PendingMap& pending) {
  const Leftovers left = LeftoversOf(pod);
  const auto wanted = [&](const std::string& name) -> const api::ContainerShape* {
    const int index = target.pod_template.shape->IndexOf(name);
    return index < 0 ? nullptr : &target.pod_template.shape->containers[static_cast<size_t>(index)];
  };
  const auto at = [&](const std::string& name) { return pod.shape->IndexOf(name); };
  for (const std::string& name : left.images) {
    const api::ContainerShape* want = wanted(name);
    const int index = at(name);
    if (want == nullptr || index < 0) continue;
    if (pod.shape->containers[static_cast<size_t>(index)].image != want->image) {
      pending[static_cast<uint16_t>(index)].image = want->image;
    }
  }
  for (const auto& [name, metadata] : left.metadata) {
    const int index = at(name);
    if (index < 0) continue;
    Pending entry;
    MergeMetadata(pod, target, metadata, entry);
    if (!entry.env) continue;
    Pending& into = pending[static_cast<uint16_t>(index)];
    into.env = true;
    for (const auto& [key, value] : entry.metadata.labels) into.metadata.labels.Set(key, value);
    for (const auto& [key, value] : entry.metadata.annotations) {
      into.metadata.annotations.Set(key, value);
    }
  }
  for (const auto& [name, resources] : left.resources) {
    const api::ContainerShape* want = wanted(name);
    const int index = at(name);
    if (want == nullptr || index < 0) continue;
    const api::Resources differing = Differing(
        want->resources, pod.shape->containers[static_cast<size_t>(index)].resources, resources);
    if (!differing.empty()) pending[static_cast<uint16_t>(index)].resources = differing;
  }
  for (const std::string& name : left.restarts) {
    if (const int index = at(name); index >= 0)
      pending[static_cast<uint16_t>(index)].restart = true;
  }
}

}  // namespace

void MergePlainPatch(const std::string& text, const Revision& target, MetadataChange& out) {
  absl::StatusOr<Json> patch = json::Parse(text);
  if (!patch.ok()) return;
  const auto merge = [&](absl::string_view map, const api::StringMap& wanted, api::StringMap& set,
                         std::vector<std::string>& drop) {
    const Json* keys = json::Find(*patch, {"metadata", map});
    if (keys == nullptr || !keys->is_object()) return;
    for (const auto& [key, value] : keys->items()) {
      const std::string* want = wanted.Find(key);
      if (want != nullptr) {
        set.Set(key, *want);
      } else if (std::find(drop.begin(), drop.end(), key) == drop.end()) {
        drop.push_back(key);
      }
      out.any = true;
    }
  };
  merge("labels", target.pod_template.labels, out.set_labels, out.drop_labels);
  merge("annotations", target.pod_template.annotations, out.set_annotations, out.drop_annotations);
}

PendingMap PlanContainers(const PodRecord& pod, const UpdateSpec& update, const Revision& target) {
  PendingMap pending;
  for (const ContainerChange& change : update.containers) {
    const int index = pod.shape->IndexOf(change.name);
    if (index < 0) continue;  // removed by a webhook
    Pending entry;
    const api::ContainerShape& have = pod.shape->containers[static_cast<size_t>(index)];
    if (!change.image.empty() && have.image != change.image) entry.image = change.image;
    entry.metadata = change.metadata;
    entry.env = change.env;
    entry.restart = change.restart;
    entry.replace = change.replace;
    entry.resources = Differing(change.resources, have.resources, change.resources);
    const bool any = !entry.image.empty() || entry.env || entry.restart || entry.replace ||
                     !entry.resources.empty();
    if (any) pending[static_cast<uint16_t>(index)] = std::move(entry);
  }
  AddLeftovers(pod, target, pending);
  return pending;
}

PendingMap FromGrace(const PodRecord& pod, const api::GraceDocument& grace) {
  PendingMap pending;
  const auto slot = [&](const std::string& name) -> Pending* {
    const int index = pod.shape->IndexOf(name);
    return index < 0 ? nullptr : &pending[static_cast<uint16_t>(index)];
  };
  for (const auto& [name, image] : grace.images) {
    if (Pending* p = slot(name)) p->image = api::Text(image);
  }
  for (const auto& [name, metadata] : grace.metadata) {
    if (Pending* p = slot(name)) {
      p->metadata = metadata;
      p->env = true;
    }
  }
  for (const auto& [name, resources] : grace.resources) {
    if (Pending* p = slot(name)) p->resources = resources;
  }
  for (const std::string& name : grace.restarts) {
    if (Pending* p = slot(name)) p->restart = true;
  }
  return pending;
}

PendingMap FromNext(const PodRecord& pod, const Progress& progress) {
  PendingMap pending;
  for (const Progress::Value& v : progress.next_images) pending[v.container].image = v.text;
  if (progress.next_metadata) {
    for (const auto& [name, metadata] : *progress.next_metadata) {
      Pending& p = pending[static_cast<uint16_t>(pod.shape->IndexOf(name))];
      p.metadata = metadata;
      p.env = true;
    }
  }
  if (progress.next_resources) {
    for (const auto& [name, resources] : *progress.next_resources) {
      pending[static_cast<uint16_t>(pod.shape->IndexOf(name))].resources = resources;
    }
  }
  for (size_t i = 0; i < pod.shape->containers.size(); ++i) {
    if ((progress.next_restarts & Bit(i)) != 0) pending[static_cast<uint16_t>(i)].restart = true;
  }
  return pending;
}

}  // namespace rekindle::plan
