#include "common/api/pod_record.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/container_hash.h"
#include "common/api/keys.h"
#include "common/api/names.h"
#include "common/api/pod_pools.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

constexpr absl::string_view kLifecycleNames[] = {
    "", "PreparingNormal", "Normal", "PreparingUpdate", "Updating", "Updated", "PreparingDelete"};

// Labels that differ from pod to pod and live in fields of their own.
constexpr absl::string_view kOwnLabels[] = {
    kLabelRevision, kLabelTemplateHash, kLabelInstanceId,     kLabelPodName,
    kLabelPodIndex, kLabelLifecycle,    kLabelSpecifiedDelete};

Lifecycle ParseLifecycle(absl::string_view text) {
  for (size_t i = 0; i < std::size(kLifecycleNames); ++i) {
    if (kLifecycleNames[i] == text) return static_cast<Lifecycle>(i);
  }
  return Lifecycle::kOther;
}

Phase ParsePhase(absl::string_view text) {
  if (text == "Pending") return Phase::kPending;
  if (text == "Running") return Phase::kRunning;
  if (text == "Succeeded") return Phase::kSucceeded;
  if (text == "Failed") return Phase::kFailed;
  return text.empty() ? Phase::kNone : Phase::kUnknown;
}

int64_t Seconds(absl::string_view text) {
  const std::optional<absl::Time> time = ParseTime(text);
  return time.has_value() ? absl::ToUnixSeconds(*time) : kNoTime;
}

StringMap ReadMap(const Json* tree) {
  StringMap out;
  if (tree == nullptr || !tree->is_object()) return out;
  for (const auto& [key, value] : tree->items()) {
    if (value.is_string()) out.Set(key, value.get_ref<const std::string&>());
  }
  return out;
}

std::string KeyOf(const StringMap& map) {
  std::string key;
  for (const auto& [name, value] : map) absl::StrAppend(&key, name, "\x1f", value, "\x1e");
  return key;
}

Tri ToTri(absl::string_view status) { return status == "True" ? Tri::kTrue : Tri::kFalse; }

// Valid costs: int32 decimals that start with `-` or 1-9, or exactly "0" (spec cloneset 16).
int32_t DeletionCost(absl::string_view text) {
  int32_t cost = 0;
  if (text == "0" || text.empty()) return 0;
  const char first = text[0];
  if (first != '-' && (first < '1' || first > '9')) return 0;
  return absl::SimpleAtoi(text, &cost) ? cost : 0;
}

void ReadConditions(const Json& status, PodRecord& out) {
  const Json* list = json::Find(status, "conditions");
  if (list == nullptr || !list->is_array()) return;
  for (const Json& condition : *list) {
    const absl::string_view type = json::String(condition, "type");
    const absl::string_view reason = json::String(condition, "reason");
    const Tri value = ToTri(json::String(condition, "status"));
    if (type == "Ready") {
      out.ready = value;
      if (value == Tri::kTrue) {
        out.ready_since = Seconds(json::String(condition, "lastTransitionTime"));
      }
    } else if (type == "ContainersReady") {
      out.containers_ready = value;
    } else if (type == kGateInPlace) {
      out.in_place_ready = value;
      out.in_place_noise = !reason.empty() || !json::String(condition, "message").empty();
    } else if (type == kGatePodReady) {
      out.pod_ready = value;
      const absl::string_view message = json::String(condition, "message");
      out.marked_pre_delete = message.find("\"preDeleteHook\"") != absl::string_view::npos;
      out.marked_pre_update = message.find("\"preUpdateHook\"") != absl::string_view::npos;
    } else if (type == "PodScheduled") {
      out.unschedulable = value == Tri::kFalse && reason == "Unschedulable";
    } else if (type == "PodResizePending" && value == Tri::kTrue) {
      out.resize_infeasible = reason == "Infeasible";
      out.resize_deferred = reason == "Deferred";
    }
  }
  const absl::string_view resize = json::String(status, "resize");
  out.resize_infeasible = out.resize_infeasible || resize == "Infeasible";
  out.resize_deferred = out.resize_deferred || resize == "Deferred";
}

absl::string_view Annotation(const StringMap& all, absl::string_view key, absl::string_view old) {
  const std::string* value = all.Find(key);
  if (value == nullptr && !old.empty()) value = all.Find(old);
  return value == nullptr ? absl::string_view() : absl::string_view(*value);
}

std::shared_ptr<const InPlaceBook> ReadBook(const StringMap& all, const PodShape& shape,
                                            TextPool& texts) {
  const absl::string_view state = Annotation(all, kAnnotationState, kAnnotationStateOld);
  // An empty grace annotation counts as absent everywhere (in-place-update pitfall 28).
  const absl::string_view grace = Annotation(all, kAnnotationGrace, kAnnotationGraceOld);
  if (state.empty() && grace.empty()) return nullptr;
  auto out = std::make_shared<InPlaceBook>();
  if (!state.empty()) {
    absl::StatusOr<InPlaceState> parsed = ParseInPlaceState(state, &texts);
    out->state_invalid = !parsed.ok();
    if (parsed.ok()) {
      out->progress = CompactState(*parsed, shape);
      out->progress->revision = texts.Get(parsed->revision);
      // Images repeat from pod to pod.
      for (auto* list : {&out->progress->last_image_ids, &out->progress->next_images}) {
        for (Progress::Value& value : *list) value.text = texts.Get(value.text.view());
      }
    }
  }
  if (!grace.empty()) {
    absl::StatusOr<GraceDocument> parsed = ParseGrace(grace);
    out->grace_invalid = !parsed.ok();
    if (parsed.ok()) out->grace = std::make_shared<GraceDocument>(*std::move(parsed));
  }
  return out;
}

// Duplicate entries: the last one counts (spec in-place-update 12.3).
// `containers` are those of the pod's spec, in the order of its shape.
void ReadMeta(absl::string_view text, const Json& containers, PodRecord& out) {
  if (text.empty()) return;
  out.meta_present = true;
  absl::StatusOr<std::vector<RuntimeMeta>> parsed = ParseRuntimeMeta(text);
  out.meta_invalid = !parsed.ok();
  if (!parsed.ok()) return;
  for (const RuntimeMeta& entry : *parsed) {
    const int index = out.shape->IndexOf(entry.name);
    if (index < 0) continue;
    ContainerStatus& status = out.statuses[static_cast<size_t>(index)];
    status.meta_id = Fingerprint(entry.container_id);
    status.meta_env = static_cast<uint32_t>(entry.env_hash);
    status.meta_plain = static_cast<uint32_t>(entry.plain_hash);
    // Older node daemons hash the whole container, with what differs from pod to pod (the mount of
    // its token): looked at here, so that no shape depends on it, and only where it is needed.
    const uint32_t plain = out.shape->containers[static_cast<size_t>(index)].plain_hash;
    if (status.meta_plain != plain &&
        status.meta_plain == OldPlainHash(containers[static_cast<size_t>(index)])) {
      status.meta_plain = plain;
    }
  }
}

int32_t MaxSidecarRestarts(const Json* specs, const Json& pod_status) {
  int32_t out = 0;
  const Json* statuses = json::Find(pod_status, "initContainerStatuses");
  if (specs == nullptr || statuses == nullptr || !specs->is_array() || !statuses->is_array()) {
    return out;
  }
  for (const Json& spec : *specs) {
    if (json::String(spec, "restartPolicy") != "Always") continue;
    for (const Json& status : *statuses) {
      if (json::String(status, "name") != json::String(spec, "name")) continue;
      out = std::max(out, static_cast<int32_t>(json::Int(status, "restartCount").value_or(0)));
    }
  }
  return out;
}

size_t HeapOf(const std::string& text) { return text.capacity() > 15 ? text.capacity() + 17 : 0; }

}  // namespace

absl::string_view LifecycleName(Lifecycle state) {
  const auto index = static_cast<size_t>(state);
  return index < std::size(kLifecycleNames) ? kLifecycleNames[index] : "?";
}

uint64_t Fingerprint(absl::string_view text) {
  if (text.empty()) return 0;
  uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash == 0 ? 1 : hash;
}

Progress CompactState(const InPlaceState& state, const PodShape& shape) {
  Progress out;
  out.revision = Text(state.revision);
  out.started = absl::ToUnixSeconds(state.update_time);
  const auto mask = [&](const std::vector<std::string>& names) {
    uint64_t bits = 0;
    for (const std::string& name : names) {
      if (const int index = shape.IndexOf(name); index >= 0)
        bits |= Bit(static_cast<size_t>(index));
    }
    return bits;
  };
  for (const auto& [name, id] : state.last_image_ids) {
    const int index = shape.IndexOf(name);
    if (index < 0) {
      out.recorded_gone = true;
    } else {
      out.last_image_ids.push_back({static_cast<uint16_t>(index), id});
    }
  }
  for (const auto& [name, image] : state.next_images) {
    const int index = shape.IndexOf(name);
    if (index >= 0) out.next_images.push_back({static_cast<uint16_t>(index), Text(image)});
  }
  for (const auto& [name, id] : state.last_container_ids) {
    const int index = shape.IndexOf(name);
    uint64_t value = 0;
    if (index < 0 || !absl::SimpleHexAtoi(id, &value)) continue;
    out.last_ids.emplace_back(static_cast<uint16_t>(index), value);
  }
  for (const BatchRecord& batch : state.batches) {
    out.batches.push_back({absl::ToUnixSeconds(batch.time), mask(batch.containers)});
  }
  std::map<std::string, RefMetadata> metadata;
  for (const auto& entry : state.next_metadata) {
    if (shape.IndexOf(entry.first) >= 0) metadata.insert(entry);
  }
  if (!metadata.empty()) {
    out.next_metadata =
        std::make_shared<const std::map<std::string, RefMetadata>>(std::move(metadata));
  }
  std::map<std::string, Resources> resources;
  for (const auto& entry : state.next_resources) {
    if (shape.IndexOf(entry.first) >= 0) resources.insert(entry);
  }
  if (!resources.empty()) {
    out.next_resources =
        std::make_shared<const std::map<std::string, Resources>>(std::move(resources));
  }
  out.next_restarts = mask(state.next_restarts);
  out.must_be_ready = mask(state.must_be_ready);
  out.env_from_metadata = state.env_from_metadata;
  out.resources = state.resources;
  out.images = state.images;
  return out;
}

InPlaceState ExpandState(const Progress& progress, const PodShape& shape) {
  InPlaceState out;
  out.revision = progress.revision.str();
  out.update_time = absl::FromUnixSeconds(progress.started);
  const auto names = [&](uint64_t bits) {
    std::vector<std::string> list;
    for (size_t i = 0; i < shape.containers.size(); ++i) {
      if ((bits & Bit(i)) != 0) list.push_back(shape.containers[i].name);
    }
    std::sort(list.begin(), list.end());
    return list;
  };
  for (const Progress::Value& value : progress.last_image_ids) {
    out.last_image_ids[shape.containers[value.container].name] = value.text;
  }
  for (const Progress::Value& value : progress.next_images) {
    out.next_images[shape.containers[value.container].name] = value.text.str();
  }
  for (const auto& [container, id] : progress.last_ids) {
    out.last_container_ids[shape.containers[container].name] = absl::StrCat(absl::Hex(id));
  }
  for (const Progress::Batch& batch : progress.batches) {
    out.batches.push_back({absl::FromUnixSeconds(batch.time), names(batch.containers)});
  }
  if (progress.next_metadata) out.next_metadata = *progress.next_metadata;
  if (progress.next_resources) out.next_resources = *progress.next_resources;
  out.next_restarts = names(progress.next_restarts);
  out.must_be_ready = names(progress.must_be_ready);
  out.env_from_metadata = progress.env_from_metadata;
  out.resources = progress.resources;
  out.images = progress.images;
  return out;
}

absl::string_view PodRecord::Label(absl::string_view key) const {
  if (key == kLabelRevision) return revision.view();
  if (key == kLabelTemplateHash) {
    return has_template_hash ? AfterLastDash(revision.view()) : absl::string_view();
  }
  if (key == kLabelInstanceId) return instance_id;
  if (key == kLabelPodName && name_label_ok) return name;
  if (key == kLabelLifecycle) return LifecycleName(lifecycle);
  return labels ? labels->Get(key) : absl::string_view();
}

bool PodRecord::HasLabel(absl::string_view key) const {
  if (key == kLabelSpecifiedDelete) return specified_delete;
  return (labels && labels->Has(key)) || !Label(key).empty();
}

bool PodRecord::HasFinalizer(absl::string_view finalizer) const {
  return finalizers &&
         std::find(finalizers->begin(), finalizers->end(), finalizer) != finalizers->end();
}

StringMap PodRecord::AllLabels() const {
  StringMap out = labels ? *labels : StringMap();
  for (const absl::string_view key : kOwnLabels) {
    const absl::string_view value = Label(key);
    if (!value.empty()) out.Set(key, value);
  }
  if (specified_delete) out.Set(kLabelSpecifiedDelete, "true");
  return out;
}

size_t PodRecord::MemoryBytes() const {
  constexpr size_t kControlBlock = 16;
  size_t bytes = sizeof(*this) + HeapOf(name) + HeapOf(uid) + HeapOf(instance_id);
  bytes += statuses.capacity() * sizeof(ContainerStatus);
  if (book == nullptr) return bytes;
  bytes += sizeof(InPlaceBook) + kControlBlock;
  if (!book->progress) return bytes;
  const Progress& p = *book->progress;
  bytes += (p.last_image_ids.capacity() + p.next_images.capacity()) * sizeof(Progress::Value);
  bytes += p.last_ids.capacity() * sizeof(p.last_ids[0]);
  bytes += p.batches.capacity() * sizeof(Progress::Batch);
  return bytes;
}

PodParser::PodParser() : pools_(std::make_unique<Pools>()) {}
PodParser::~PodParser() = default;

absl::StatusOr<PodRecord> PodParser::Parse(const Json& pod) {
  absl::StatusOr<PodContainers> containers = ContainersOf(pod);
  if (!containers.ok()) return containers.status();
  return Parse(pod, *containers);
}

absl::StatusOr<PodRecord> PodParser::Parse(const Json& pod, const PodContainers& containers) {
  PodRecord out;
  TextPool& texts = pools_->texts;
  out.name = std::string(json::String(pod, {"metadata", "name"}));
  if (out.name.empty()) return absl::InvalidArgumentError("metadata.name: missing");
  const Json* spec = json::Find(pod, "spec");
  if (spec == nullptr) return absl::InvalidArgumentError("spec: missing");
  out.shape = ShapeOf(*spec, containers, out.name);
  const Json& meta = *json::Find(pod, "metadata");
  out.uid = std::string(json::String(meta, "uid"));
  (void)absl::SimpleAtoi(json::String(meta, "resourceVersion"), &out.resource_version);
  out.created = Seconds(json::String(meta, "creationTimestamp"));
  out.terminating = json::Find(meta, "deletionTimestamp") != nullptr;
  out.node = texts.Get(json::String(*spec, "nodeName"));
  if (const Json* owners = json::Find(meta, "ownerReferences"); owners && owners->is_array()) {
    for (const Json& owner : *owners) {
      if (json::Bool(owner, {"controller"})) out.owner_uid = texts.Get(json::String(owner, "uid"));
    }
  }
  StringMap labels = ReadMap(json::Find(meta, "labels"));
  out.revision = texts.Get(labels.Get(kLabelRevision));
  out.has_template_hash = labels.Has(kLabelTemplateHash);
  out.instance_id = std::string(labels.Get(kLabelInstanceId));
  out.lifecycle = ParseLifecycle(labels.Get(kLabelLifecycle));
  out.specified_delete = labels.Has(kLabelSpecifiedDelete);
  out.name_label_ok = labels.Get(kLabelPodName) == out.name;
  for (const absl::string_view key : kOwnLabels) labels.Erase(key);
  out.labels = pools_->maps.Get(KeyOf(labels), [&] { return std::make_shared<StringMap>(labels); });

  const StringMap annotations = ReadMap(json::Find(meta, "annotations"));
  out.deletion_cost = DeletionCost(annotations.Get(kAnnotationDeletionCost));
  out.lifecycle_since = Seconds(annotations.Get(kAnnotationLifecycleTime));
  StringMap read;
  for (const ContainerShape& container : out.shape->containers) {
    for (const EnvRef& ref : container.refs) {
      const std::string* value = ref.label ? nullptr : annotations.Find(ref.key);
      if (value != nullptr) read.Set(ref.key, *value);
    }
  }
  out.annotations =
      pools_->maps.Get(KeyOf(read), [&] { return std::make_shared<StringMap>(read); });
  if (const Json* list = json::Find(meta, "finalizers");
      list && list->is_array() && !list->empty()) {
    std::vector<std::string> names;
    for (const Json& name : *list) {
      if (name.is_string()) names.push_back(name.get<std::string>());
    }
    out.finalizers = pools_->lists.Get(
        json::Dump(*list), [&] { return std::make_shared<std::vector<std::string>>(names); });
  }
  out.book = ReadBook(annotations, *out.shape, texts);

  const Json* status = json::Find(pod, "status");
  out.statuses.resize(out.shape->containers.size());
  out.statuses.shrink_to_fit();
  ReadMeta(annotations.Get(kAnnotationRuntimeMeta), *containers.list, out);
  if (status == nullptr) return out;
  out.phase = ParsePhase(json::String(*status, "phase"));
  ReadConditions(*status, out);
  out.max_sidecar_restarts = MaxSidecarRestarts(containers.init, *status);
  const Json* list = json::Find(*status, "containerStatuses");
  if (list == nullptr || !list->is_array()) return out;
  for (const Json& tree : *list) {
    const int index = out.shape->IndexOf(json::String(tree, "name"));
    if (index < 0) continue;
    ContainerStatus& s = out.statuses[static_cast<size_t>(index)];
    s.present = true;
    const absl::string_view image = json::String(tree, "image");
    const absl::string_view image_id = json::String(tree, "imageID");
    s.image = pools_->images.Get(absl::StrCat(image, "|", image_id), [&] {
      return std::make_shared<ImageStatus>(ImageStatus{std::string(image), std::string(image_id)});
    });
    s.id = Fingerprint(json::String(tree, "containerID"));
    s.ready = json::Bool(tree, {"ready"});
    s.restarts = static_cast<int32_t>(json::Int(tree, "restartCount").value_or(0));
    s.running = json::Find(tree, {"state", "running"}) != nullptr;
    s.waiting = texts.Get(json::String(tree, {"state", "waiting", "reason"}));
    out.max_restarts = std::max(out.max_restarts, s.restarts);
    if (const Json* resources = json::Find(tree, "resources")) {
      absl::StatusOr<Resources> parsed = ParseResources(*resources, "resources");
      if (parsed.ok()) {
        s.resources = pools_->resources.Get(json::Dump(*resources),
                                            [&] { return std::make_shared<Resources>(*parsed); });
      }
    }
  }
  return out;
}

}  // namespace rekindle::api
