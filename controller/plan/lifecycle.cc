#include "controller/plan/lifecycle.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/time.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

using api::Lifecycle;
using api::PodRecord;

std::optional<Hook> ParseHook(const Json* tree) {
  if (tree == nullptr || !tree->is_object()) return std::nullopt;
  Hook out;
  if (const Json* labels = json::Find(*tree, "labelsHandler"); labels && labels->is_object()) {
    for (const auto& [key, value] : labels->items()) {
      if (value.is_string()) out.labels.Set(key, value.get_ref<const std::string&>());
    }
  }
  if (const Json* list = json::Find(*tree, "finalizersHandler"); list && list->is_array()) {
    for (const Json& name : *list) {
      if (name.is_string()) out.finalizers.push_back(name.get<std::string>());
    }
  }
  out.mark_not_ready = json::Bool(*tree, {"markPodNotReady"});
  return out;
}

bool HasLabel(const PodRecord& pod, const api::StringMap::Entry& entry) {
  return pod.Label(entry.first) == entry.second && pod.HasLabel(entry.first);
}

std::string List(const std::optional<Hook>& hook, const PodRecord& pod, bool present) {
  std::vector<std::string> parts;
  if (!hook.has_value()) return "";
  for (const auto& entry : hook->labels) {
    if (HasLabel(pod, entry) == present) {
      parts.push_back(absl::StrCat("label ", entry.first, "=", entry.second));
    }
  }
  for (const std::string& name : hook->finalizers) {
    if (pod.HasFinalizer(name) == present) parts.push_back(absl::StrCat("finalizer ", name));
  }
  return absl::StrJoin(parts, ", ");
}

// What an explanation says about markPodNotReady, which needs the gate KruisePodReady.
std::string Marks(const PodRecord& pod, bool mark) {
  if (!mark) return "";
  return pod.shape->gate_pod_ready
             ? "; it is marked not ready"
             : "; it stays ready: markPodNotReady needs the readiness gate KruisePodReady";
}

// Normal takes the not-ready entry away whatever the hook says now (pitfall 30).
LifecycleStep ToNormal(const PodRecord& pod) {
  LifecycleStep step;
  step.to = Lifecycle::kNormal;
  step.unmark_pre_update = pod.marked_pre_update;
  return step;
}

LifecycleStep ToUpdated(const PodRecord& pod) {
  LifecycleStep step;
  step.to = Lifecycle::kUpdated;
  step.unmark_pre_update = pod.marked_pre_update;
  return step;
}

}  // namespace

Hooks ParseHooks(const Json* lifecycle) {
  Hooks out;
  if (lifecycle == nullptr || !lifecycle->is_object()) return out;
  out.configured = true;
  out.pre_normal = ParseHook(json::Find(*lifecycle, "preNormal"));
  out.pre_delete = ParseHook(json::Find(*lifecycle, "preDelete"));
  out.in_place = ParseHook(json::Find(*lifecycle, "inPlaceUpdate"));
  return out;
}

bool Holds(const std::optional<Hook>& hook, const PodRecord& pod) {
  if (!hook.has_value()) return false;
  return std::any_of(hook->labels.begin(), hook->labels.end(),
                     [&](const auto& entry) { return HasLabel(pod, entry); }) ||
         std::any_of(hook->finalizers.begin(), hook->finalizers.end(),
                     [&](const std::string& name) { return pod.HasFinalizer(name); });
}

bool CompleteOn(const std::optional<Hook>& hook, const PodRecord& pod) {
  if (!hook.has_value()) return false;
  return std::all_of(hook->labels.begin(), hook->labels.end(),
                     [&](const auto& entry) { return HasLabel(pod, entry); }) &&
         std::all_of(hook->finalizers.begin(), hook->finalizers.end(),
                     [&](const std::string& name) { return pod.HasFinalizer(name); });
}

std::string HoldersOf(const std::optional<Hook>& hook, const PodRecord& pod) {
  return List(hook, pod, true);
}
std::string MissingOf(const std::optional<Hook>& hook, const PodRecord& pod) {
  return List(hook, pod, false);
}

PodRecord ApplyLifecycle(const PodRecord& pod, const LifecycleStep& step, const Hooks& hooks) {
  PodRecord out = pod;
  out.lifecycle = step.to;
  const auto mark = [&](bool add, bool drop, bool& flag) {
    if (add && out.shape->gate_pod_ready) flag = true;
    if (drop) flag = false;
  };
  mark(step.mark_pre_delete, step.unmark_pre_delete, out.marked_pre_delete);
  mark(step.mark_pre_update, step.unmark_pre_update, out.marked_pre_update);
  if (out.shape->gate_pod_ready) {
    const bool marked = out.marked_pre_delete || out.marked_pre_update;
    out.pod_ready = marked ? api::Tri::kFalse : api::Tri::kTrue;
    if (marked) out.ready = api::Tri::kFalse;
  }
  if (step.rearm && hooks.in_place.has_value()) {
    auto labels = std::make_shared<api::StringMap>(pod.labels ? *pod.labels : api::StringMap());
    for (const auto& [key, value] : hooks.in_place->labels) labels->Set(key, value);
    out.labels = std::move(labels);
    auto list = std::make_shared<std::vector<std::string>>();
    if (pod.finalizers) *list = *pod.finalizers;
    for (const std::string& name : hooks.in_place->finalizers) {
      if (std::find(list->begin(), list->end(), name) == list->end()) list->push_back(name);
    }
    out.finalizers = std::move(list);
  }
  return out;
}

Json RenderLifecycle(const LifecycleStep& step, const Hooks& hooks, absl::Time now) {
  Json metadata = Json::object();
  metadata["labels"][std::string(api::kLabelLifecycle)] = std::string(api::LifecycleName(step.to));
  metadata["annotations"][std::string(api::kAnnotationLifecycleTime)] = api::FormatTime(now);
  if (step.rearm && hooks.in_place.has_value()) {
    for (const auto& [key, value] : hooks.in_place->labels) metadata["labels"][key] = value;
    if (!hooks.in_place->finalizers.empty()) metadata["finalizers"] = hooks.in_place->finalizers;
  }
  return {{"metadata", metadata}};
}

Json RenderReadiness(const PodRecord& pod, const LifecycleStep& step) {
  if (!pod.shape->gate_pod_ready) return nullptr;
  Json out;
  const auto put = [&](const char* list, bool wanted, const char* key) {
    if (wanted) out[list].push_back({{"userAgent", "Lifecycle"}, {"key", key}});
  };
  put("add", step.mark_pre_delete, "preDeleteHook");
  put("add", step.mark_pre_update, "preUpdateHook");
  put("remove", step.unmark_pre_delete, "preDeleteHook");
  put("remove", step.unmark_pre_update, "preUpdateHook");
  if (out.is_null()) return out;
  return {{"KruisePodReady", std::move(out)}};
}

std::optional<LifecycleStep> RefreshLifecycle(const PodRecord& pod, const Hooks& hooks,
                                              bool update_complete, bool on_target,
                                              bool needs_node) {
  const bool done = !hooks.in_place.has_value() || CompleteOn(hooks.in_place, pod);
  switch (pod.lifecycle) {
    case Lifecycle::kPreparingNormal:
      if (hooks.pre_normal.has_value() ? CompleteOn(hooks.pre_normal, pod)
                                       : !needs_node || !pod.node.empty()) {
        return ToNormal(pod);
      }
      return std::nullopt;
    case Lifecycle::kPreparingUpdate:
      if (!on_target) return std::nullopt;
      return done ? ToNormal(pod) : ToUpdated(pod);  // the template was rolled back meanwhile
    case Lifecycle::kUpdating:
      // Without an inPlaceUpdate hook there is nothing to wait for in Updated (cloneset P21).
      if (!update_complete) return std::nullopt;
      return done ? ToNormal(pod) : ToUpdated(pod);
    case Lifecycle::kUpdated:
      if (done) return ToNormal(pod);
      return std::nullopt;
    case Lifecycle::kEmpty:
    case Lifecycle::kNormal:
    case Lifecycle::kPreparingDelete:
    case Lifecycle::kOther:
      break;
  }
  return std::nullopt;
}

Passage BeforeUpdate(const PodRecord& pod, const Hooks& hooks) {
  Passage out;
  const bool held = Holds(hooks.in_place, pod);
  switch (pod.lifecycle) {
    case Lifecycle::kEmpty:
    case Lifecycle::kPreparingNormal:
    case Lifecycle::kNormal:
      if (!held) {
        out.go = true;
        return out;
      }
      out.step = LifecycleStep{.to = Lifecycle::kPreparingUpdate,
                               .mark_pre_update = hooks.in_place->mark_not_ready};
      out.why = Because(
          Code::kPrepareUpdate,
          absl::StrCat(HoldersOf(hooks.in_place, pod), Marks(pod, hooks.in_place->mark_not_ready)));
      return out;
    case Lifecycle::kPreparingUpdate:
      out.go = !held;
      if (held) out.why = Because(Code::kPreUpdateHook, HoldersOf(hooks.in_place, pod));
      return out;
    case Lifecycle::kUpdating:
      out.go = true;
      return out;
    case Lifecycle::kUpdated:
      if (!hooks.in_place.has_value()) {
        out.why = Because(Code::kPostUpdateHook, "refresh comes first");
        return out;
      }
      out.step = LifecycleStep{.to = Lifecycle::kPreparingUpdate,
                               .mark_pre_update = hooks.in_place->mark_not_ready,
                               .rearm = true};
      out.why = Because(Code::kPrepareAgain, Marks(pod, hooks.in_place->mark_not_ready));
      return out;
    case Lifecycle::kPreparingDelete:
    case Lifecycle::kOther:
      break;
  }
  out.why = Because(Code::kPreDeleteHook, HoldersOf(hooks.pre_delete, pod));
  return out;
}

Passage BeforeDelete(const PodRecord& pod, const Hooks& hooks) {
  Passage out;
  if (!Holds(hooks.pre_delete, pod)) {
    out.go = true;
    return out;
  }
  const std::string holders = HoldersOf(hooks.pre_delete, pod);
  out.why = Because(Code::kPreDeleteHook, holders);
  const bool mark = hooks.pre_delete->mark_not_ready;
  const bool marked = !mark || pod.marked_pre_delete || !pod.shape->gate_pod_ready;
  if (pod.lifecycle != Lifecycle::kPreparingDelete || !marked) {
    out.step = LifecycleStep{.to = Lifecycle::kPreparingDelete, .mark_pre_delete = mark};
    out.why = Because(Code::kPrepareDelete, absl::StrCat(holders, Marks(pod, mark)));
  }
  return out;
}

std::optional<Reason> LifecycleWait(const PodRecord& pod, const Hooks& hooks) {
  switch (pod.lifecycle) {
    case Lifecycle::kEmpty:
    case Lifecycle::kNormal:
      return std::nullopt;
    case Lifecycle::kPreparingNormal:
      if (!hooks.pre_normal.has_value()) return Because(Code::kUnscheduled, "");
      return Because(Code::kPreNormalHook, MissingOf(hooks.pre_normal, pod));
    case Lifecycle::kPreparingUpdate:
      return Because(Code::kPreUpdateHook, HoldersOf(hooks.in_place, pod));
    case Lifecycle::kUpdating:
      return Because(Code::kNotReady, "updating");
    case Lifecycle::kUpdated:
      return Because(Code::kPostUpdateHook, MissingOf(hooks.in_place, pod));
    case Lifecycle::kPreparingDelete:
      return Because(Code::kPreDeleteHook, HoldersOf(hooks.pre_delete, pod));
    case Lifecycle::kOther:
      break;
  }
  return Because(Code::kNotReady, "its lifecycle state is unknown");
}

Reason NotReady(const api::PodRecord& pod) {
  std::string detail = pod.unschedulable ? "unschedulable" : "starting";
  for (size_t i = 0; i < pod.statuses.size(); ++i) {
    if (pod.statuses[i].waiting.empty()) continue;
    detail = absl::StrCat(pod.shape->containers[i].name, ": ", pod.statuses[i].waiting.view());
    break;
  }
  return Because(Code::kNotReady, detail);
}

}  // namespace rekindle::plan
