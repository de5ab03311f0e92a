#include "controller/plan/model.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

#include "common/api/container_hash.h"
#include "common/api/keys.h"
#include "common/api/names.h"

namespace rekindle::plan {
namespace {

using api::Bit;
using api::Lifecycle;
using api::PodRecord;
using api::Tri;

uint64_t AllContainers(const PodRecord& pod) {
  const size_t n = pod.shape->containers.size();
  return n >= 64 ? ~uint64_t{0} : Bit(n) - 1;
}

}  // namespace

ModelCluster::ModelCluster(ModelOptions options, absl::Time start, Hooks hooks,
                           std::string owner_uid)
    : options_(std::move(options)),
      now_(absl::FromUnixSeconds(absl::ToUnixSeconds(start))),
      now_s_(absl::ToUnixSeconds(start)),
      hooks_(std::move(hooks)),
      owner_uid_(owner_uid),
      random_(options_.seed) {}

uint64_t ModelCluster::Random() {
  random_ += 0x9e3779b97f4a7c15ULL;
  uint64_t z = random_;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

int64_t ModelCluster::Delay(int64_t seconds) {
  if (options_.jitter_seconds <= 0) return seconds;
  return seconds +
         static_cast<int64_t>(Random() % static_cast<uint64_t>(options_.jitter_seconds + 1));
}

void ModelCluster::Schedule(int32_t slot, int64_t delay, Kind kind, uint64_t containers) {
  events_.push({now_s_ + delay, order_++, slot, extra_[static_cast<size_t>(slot)].generation, kind,
                containers});
}

void ModelCluster::Changed(int32_t slot) {
  if (std::exchange(extra_[static_cast<size_t>(slot)].changed, true)) return;
  changes_.emplace_back(slot, pods_[static_cast<size_t>(slot)]->name);
}

PodRecord& ModelCluster::Edit(int32_t slot) {
  PodPtr& pod = pods_[static_cast<size_t>(slot)];
  Changed(slot);
  bool& own = extra_[static_cast<size_t>(slot)].own;
  // A record that this class has made and nobody else holds changes in place.
  if (own && pod.use_count() == 1) return const_cast<PodRecord&>(*pod);
  own = true;
  auto copy = std::make_shared<PodRecord>(*pod);
  PodRecord& out = *copy;
  pod = std::move(copy);
  return out;
}

int32_t ModelCluster::Add(PodPtr pod) {
  int32_t slot = 0;
  if (free_.empty()) {
    slot = static_cast<int32_t>(pods_.size());
    pods_.emplace_back();
    extra_.emplace_back();
  } else {
    slot = free_.back();
    free_.pop_back();
    const uint32_t generation = extra_[static_cast<size_t>(slot)].generation + 1;
    extra_[static_cast<size_t>(slot)] = Extra{.generation = generation};
  }
  pods_[static_cast<size_t>(slot)] = std::move(pod);
  Changed(slot);
  GoOn(slot);
  ConsiderHook(slot);
  return slot;
}

// What is under way in a pod when it comes into the model. A container in a back-off stays in it
// until it is restarted, a pod that no node takes stays without.
void ModelCluster::GoOn(int32_t slot) {
  const PodRecord& pod = *pods_[static_cast<size_t>(slot)];
  if (pod.terminating) return Schedule(slot, Delay(options_.stop_seconds), Kind::kGone);
  if (pod.phase == api::Phase::kPending && !pod.unschedulable) {
    if (pod.node.empty()) {
      return Schedule(slot, Delay(options_.schedule_seconds), Kind::kScheduled);
    }
    return Schedule(slot, Delay(options_.start_seconds), Kind::kRunning);
  }
  if (pod.phase != api::Phase::kRunning) return;
  uint64_t starting = 0;
  for (size_t i = 0; i < pod.statuses.size(); ++i) {
    const absl::string_view waiting = pod.statuses[i].waiting.view();
    const bool stuck =
        !waiting.empty() && waiting != "ContainerCreating" && waiting != "PodInitializing";
    if (!pod.statuses[i].ready && !stuck) starting |= Bit(i);
  }
  if (starting == 0) return;
  Schedule(slot, Delay(options_.start_seconds + options_.ready_seconds), Kind::kReady, starting);
}

int32_t ModelCluster::Create(const Creation& creation, const Revision& revision, bool label_short) {
  auto pod = std::make_shared<PodRecord>();
  pod->name = creation.name;
  pod->uid = absl::StrCat("model-", next_id_++);
  pod->instance_id = creation.instance_id;
  pod->owner_uid = owner_uid_;
  pod->revision =
      api::Text(label_short ? api::AfterLastDash(revision.name) : absl::string_view(revision.name));
  pod->has_template_hash = true;
  pod->created = now_s_;
  pod->phase = api::Phase::kPending;
  pod->lifecycle = creation.lifecycle;
  auto& shape = shapes_[absl::StrCat(revision.name, "|", absl::StrJoin(creation.volumes, "|"))];
  if (shape == nullptr ||
      shape->containers.size() != revision.pod_template.shape->containers.size()) {
    auto made = std::make_shared<api::PodShape>(*revision.pod_template.shape);
    made->gate_in_place = made->gate_in_place || creation.adds_gate;
    made->gate_pod_ready = made->gate_pod_ready || options_.pod_ready_gate;
    made->claim_volumes = creation.volumes;
    shape = std::move(made);
  }
  pod->shape = shape;
  pod->statuses.resize(shape->containers.size());
  pod->labels = std::make_shared<api::StringMap>(revision.pod_template.labels);
  pod->annotations = std::make_shared<api::StringMap>(revision.pod_template.annotations);
  if (!revision.pod_template.finalizers.empty()) {
    pod->finalizers = std::make_shared<std::vector<std::string>>(revision.pod_template.finalizers);
  }
  if (shape->gate_pod_ready) pod->pod_ready = Tri::kTrue;
  return Add(std::move(pod));
}

void ModelCluster::Apply(int32_t slot, const PodAction& action) {
  PodPtr& pod = pods_[static_cast<size_t>(slot)];
  if (pod == nullptr) return;
  if (action.action == Action::kDelete) {
    if (pod->terminating) return;
    PodRecord& edit = Edit(slot);
    edit.terminating = true;
    edit.ready = Tri::kFalse;
    Schedule(slot, Delay(options_.stop_seconds), Kind::kGone);
    return;
  }
  if (action.action == Action::kMarkForDeletion) Edit(slot).specified_delete = true;
  if (action.action == Action::kLabelHash) Edit(slot).has_template_hash = true;
  if (action.action == Action::kRepairIdentity) Edit(slot).name_label_ok = true;
  if (action.lifecycle) {
    pods_[static_cast<size_t>(slot)] =
        std::make_shared<PodRecord>(ApplyLifecycle(*pod, *action.lifecycle, hooks_));
    Changed(slot);
    Recompute(slot);
  }
  if (action.step) {
    const InPlaceStep& step = *action.step;
    uint64_t stop = step.restarts;
    for (const auto& [index, image] : step.images) stop |= Bit(index);
    const PodRecord& before = *pods_[static_cast<size_t>(slot)];
    for (const auto& [index, resources] : step.resources) {
      const api::ContainerShape& c = before.shape->containers[index];
      const bool cpu = resources.requests.contains("cpu") || resources.limits.contains("cpu");
      const bool memory =
          resources.requests.contains("memory") || resources.limits.contains("memory");
      if ((cpu && c.restart_on_cpu) || (memory && c.restart_on_memory)) stop |= Bit(index);
    }
    // The daemon restarts containers whose environment is stale while the condition is False.
    if (step.progress && step.progress->env_from_metadata && options_.daemon) {
      for (size_t i = 0; i < before.shape->containers.size(); ++i) {
        for (const api::EnvRef& ref : before.shape->containers[i].refs) {
          const auto& set = ref.label ? step.metadata.set_labels : step.metadata.set_annotations;
          const auto& drop = ref.label ? step.metadata.drop_labels : step.metadata.drop_annotations;
          if (set.Has(ref.key) || std::find(drop.begin(), drop.end(), ref.key) != drop.end()) {
            stop |= Bit(i);
          }
        }
      }
    }
    auto after = std::make_shared<PodRecord>(ApplyStep(before, step));
    if (after->shape != before.shape) {  // equal steps on equal pods give one shape
      std::string key = absl::StrCat(absl::Hex(reinterpret_cast<uintptr_t>(before.shape.get())));
      for (const auto& [index, image] : step.images) {
        absl::StrAppend(&key, "|", index, image.view());
      }
      if (step.resources.empty()) {
        Reshaped& shared = reshaped_[key];
        if (shared.to == nullptr) shared = {before.shape, after->shape};
        after->shape = shared.to;
      }
    }
    pods_[static_cast<size_t>(slot)] = std::move(after);
    Changed(slot);
    Recompute(slot);
    if (stop != 0) StartRestart(slot, stop);
    for (const auto& [index, resources] : step.resources) {
      // One that restarts its container is reported with the new one.
      if ((stop & Bit(index)) != 0) continue;
      Schedule(slot, Delay(options_.report_seconds), Kind::kReported, Bit(index));
    }
  }
  ConsiderHook(slot);
}

void ModelCluster::StartRestart(int32_t slot, uint64_t containers) {
  PodRecord& pod = Edit(slot);
  for (size_t i = 0; i < pod.statuses.size(); ++i) {
    if ((containers & Bit(i)) != 0) pod.statuses[i].ready = false;
  }
  Recompute(slot);
  Schedule(slot, Delay(options_.stop_seconds + options_.start_seconds), Kind::kRestarted,
           containers);
}

void ModelCluster::Restarted(int32_t slot, uint64_t containers) {
  PodRecord& pod = Edit(slot);
  for (size_t i = 0; i < pod.statuses.size(); ++i) {
    if ((containers & Bit(i)) == 0) continue;
    api::ContainerStatus& status = pod.statuses[i];
    const api::ContainerShape& container = pod.shape->containers[i];
    auto& image = images_[container.image.view()];
    if (image == nullptr) {
      image = std::make_shared<api::ImageStatus>(
          api::ImageStatus{container.image.str(), absl::StrCat("sha256:", container.image.view())});
    }
    if (status.id != 0) {
      ++status.restarts;
      ++extra_[static_cast<size_t>(slot)].restarts;
      ++restarts_;
      pod.max_restarts = std::max(pod.max_restarts, status.restarts);
    }
    status.image = image;
    status.id = next_id_++;
    status.present = true;
    status.running = true;
    status.ready = false;
    status.waiting = api::Text();
    status.resources = std::make_shared<api::Resources>(container.resources);
  }
  if (options_.daemon) Schedule(slot, Delay(options_.report_seconds), Kind::kReported);
  Schedule(slot, Delay(options_.ready_seconds), Kind::kReady, containers);
}

void ModelCluster::Reported(int32_t slot, uint64_t containers) {
  PodRecord& pod = Edit(slot);
  for (size_t i = 0; i < pod.statuses.size(); ++i) {
    api::ContainerStatus& status = pod.statuses[i];
    const api::ContainerShape& container = pod.shape->containers[i];
    if (!status.present) continue;
    if ((containers & Bit(i)) != 0) {
      status.resources = std::make_shared<api::Resources>(container.resources);
    }
    if (!options_.daemon) continue;
    pod.meta_present = true;
    status.meta_id = status.id;
    const absl::string_view image = status.image ? absl::string_view(status.image->image) : "";
    status.meta_plain = image == container.image.view() ? container.plain_hash
                                                        : api::PlainHash(container.name, image);
    std::vector<std::pair<std::string, std::string>> env;
    for (const api::EnvRef& ref : container.refs) {
      const absl::string_view value =
          ref.label ? pod.Label(ref.key)
                    : (pod.annotations ? pod.annotations->Get(ref.key) : absl::string_view());
      env.emplace_back(ref.env, std::string(value));
    }
    status.meta_env = api::EnvHash(std::move(env));
  }
}

// What the kubelet makes of the condition Ready.
void ModelCluster::Recompute(int32_t slot) {
  PodRecord& pod = Edit(slot);
  const bool containers = std::all_of(pod.statuses.begin(), pod.statuses.end(),
                                      [](const api::ContainerStatus& s) { return s.ready; });
  pod.containers_ready = containers ? Tri::kTrue : Tri::kFalse;
  const bool ready = containers && pod.phase == api::Phase::kRunning && !pod.terminating &&
                     (!pod.shape->gate_in_place || pod.in_place_ready == Tri::kTrue) &&
                     (!pod.shape->gate_pod_ready || pod.pod_ready != Tri::kFalse);
  if (ready && pod.ready != Tri::kTrue) pod.ready_since = now_s_;
  if (!ready) pod.ready_since = api::kNoTime;
  pod.ready = ready ? Tri::kTrue : Tri::kFalse;
}

// Its pod is gone.
bool ModelCluster::Stale(const Event& event) const {
  const auto index = static_cast<size_t>(event.slot);
  return pods_[index] == nullptr || extra_[index].generation != event.generation;
}

void ModelCluster::Handle(const Event& event) {
  const auto index = static_cast<size_t>(event.slot);
  if (Stale(event)) return;
  switch (event.kind) {
    case Kind::kGone:
      changes_.emplace_back(event.slot, pods_[index]->name);
      extra_[index].changed = false;  // the next pod in the slot is another one
      pods_[index] = nullptr;
      free_.push_back(event.slot);
      return;
    case Kind::kScheduled: {
      PodRecord& pod = Edit(event.slot);
      pod.node = api::Text(absl::StrCat(
          "node-", Random() % static_cast<uint64_t>(std::max<int64_t>(1, options_.nodes))));
      Schedule(event.slot, Delay(options_.start_seconds), Kind::kRunning);
      return;
    }
    case Kind::kRunning:
      Edit(event.slot).phase = api::Phase::kRunning;
      Restarted(event.slot, AllContainers(*pods_[index]));
      return;
    case Kind::kRestarted:
      if (!pods_[index]->terminating) Restarted(event.slot, event.containers);
      return;
    case Kind::kReported:
      Reported(event.slot, event.containers);
      return;
    case Kind::kReady: {
      PodRecord& pod = Edit(event.slot);
      for (size_t i = 0; i < pod.statuses.size(); ++i) {
        if ((event.containers & Bit(i)) == 0 || !pod.statuses[i].present) continue;
        const bool current = pod.statuses[i].image &&
                             pod.statuses[i].image->image == pod.shape->containers[i].image.view();
        if (!current) continue;  // stopped again meanwhile
        if (!options_.never_ready.contains(pod.statuses[i].image->image)) {
          pod.statuses[i].ready = true;
        } else {
          pod.statuses[i].waiting = api::Text("CrashLoopBackOff");
        }
      }
      Recompute(event.slot);
      return;
    }
    case Kind::kHook:
      AnswerHook(event.slot);
      return;
  }
}

// The owner of a hook notices the state of a pod and answers after a while.
void ModelCluster::ConsiderHook(int32_t slot) {
  const PodRecord& pod = *pods_[static_cast<size_t>(slot)];
  Extra& extra = extra_[static_cast<size_t>(slot)];
  const bool asks =
      (pod.lifecycle == Lifecycle::kPreparingUpdate && Holds(hooks_.in_place, pod)) ||
      (pod.lifecycle == Lifecycle::kPreparingDelete && Holds(hooks_.pre_delete, pod)) ||
      (pod.lifecycle == Lifecycle::kUpdated && hooks_.in_place.has_value()) ||
      (pod.lifecycle == Lifecycle::kPreparingNormal && hooks_.pre_normal.has_value());
  if (!asks || extra.hook_pending || extra.hook_dead) return;
  if (options_.hook_never > 0 &&
      static_cast<double>(Random() % 1000) < options_.hook_never * 1000) {
    extra.hook_dead = true;
    return;
  }
  extra.hook_pending = true;
  Schedule(slot, Delay(options_.hook_seconds), Kind::kHook);
}

void ModelCluster::AnswerHook(int32_t slot) {
  extra_[static_cast<size_t>(slot)].hook_pending = false;
  const Lifecycle state = pods_[static_cast<size_t>(slot)]->lifecycle;
  const std::optional<Hook>* hook = nullptr;
  bool put = false;
  if (state == Lifecycle::kPreparingUpdate) hook = &hooks_.in_place;
  if (state == Lifecycle::kPreparingDelete) hook = &hooks_.pre_delete;
  if (state == Lifecycle::kUpdated || state == Lifecycle::kPreparingNormal) {
    hook = state == Lifecycle::kUpdated ? &hooks_.in_place : &hooks_.pre_normal;
    put = true;
  }
  if (hook == nullptr || !hook->has_value()) return;
  PodRecord& pod = Edit(slot);
  auto labels = std::make_shared<api::StringMap>(pod.labels ? *pod.labels : api::StringMap());
  auto list = std::make_shared<std::vector<std::string>>();
  if (pod.finalizers) *list = *pod.finalizers;
  for (const auto& [key, value] : (*hook)->labels) {
    if (put) {
      labels->Set(key, value);
    } else {
      labels->Erase(key);
    }
  }
  for (const std::string& name : (*hook)->finalizers) {
    std::erase(*list, name);
    if (put) list->push_back(name);
  }
  pod.labels = std::move(labels);
  pod.finalizers = std::move(list);
}

absl::Time ModelCluster::NextEvent() {
  while (!events_.empty() && Stale(events_.top())) events_.pop();
  return events_.empty() ? absl::InfiniteFuture() : absl::FromUnixSeconds(events_.top().at);
}

void ModelCluster::AdvanceTo(absl::Time until) {
  const int64_t limit = absl::ToUnixSeconds(until);
  while (!events_.empty() && events_.top().at <= limit) {
    const Event event = events_.top();
    events_.pop();
    now_s_ = std::max(now_s_, event.at);
    now_ = absl::FromUnixSeconds(now_s_);
    Handle(event);
  }
  now_s_ = std::max(now_s_, limit);
  now_ = absl::FromUnixSeconds(now_s_);
}

std::vector<std::pair<int32_t, std::string>> ModelCluster::TakeChanges() {
  for (const auto& [slot, name] : changes_) extra_[static_cast<size_t>(slot)].changed = false;
  return std::exchange(changes_, {});
}

}  // namespace rekindle::plan
