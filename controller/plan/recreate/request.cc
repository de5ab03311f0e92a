#include "controller/plan/recreate/request.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "common/api/keys.h"
#include "common/api/object_meta.h"
#include "common/api/pod_record.h"
#include "common/api/time.h"
#include "common/base/status_macros.h"
#include "common/json/tree.h"

namespace rekindle::plan {
namespace {

// Ten years: more means for ever, and stays a finite number for whoever computes with it.
constexpr int64_t kLongest = int64_t{10} * 365 * 24 * 3600;

std::optional<absl::Duration> Seconds(const Json& tree, absl::string_view key) {
  const std::optional<int64_t> seconds = json::Int(tree, key);
  if (!seconds.has_value()) return std::nullopt;
  return absl::Seconds(std::clamp<int64_t>(*seconds, 0, kLongest));
}

RecreatePhase PhaseOf(absl::string_view text) {
  for (const RecreatePhase phase :
       {RecreatePhase::kPending, RecreatePhase::kRecreating, RecreatePhase::kCompleted}) {
    if (text == RecreatePhaseName(phase)) return phase;
  }
  return RecreatePhase::kNone;
}

ContainerPhase ContainerPhaseOf(absl::string_view text) {
  for (const ContainerPhase phase :
       {ContainerPhase::kRecreating, ContainerPhase::kSucceeded, ContainerPhase::kFailed}) {
    if (text == ContainerPhaseName(phase)) return phase;
  }
  return ContainerPhase::kPending;
}

// The entries of a list; of anything else none.
const Json& ListAt(const Json& tree, absl::string_view key) {
  static const Json empty = Json::array();
  const Json* list = json::Find(tree, key);
  return list != nullptr && list->is_array() ? *list : empty;
}

void ReadAnnotations(const api::StringMap& annotations, RecreateRequest& out) {
  const absl::string_view method = annotations.Get(api::kAnnotationRestartMethod);
  if (method == "replace") {
    out.method = RestartMethod::kReplace;
  } else if (method == "hot") {
    out.method = RestartMethod::kHot;
  } else if (method == "delegate") {
    out.method = RestartMethod::kDelegate;
  } else if (!method.empty() && method != "auto") {
    out.problem = absl::StrCat("annotation ", api::kAnnotationRestartMethod, ": \"", method,
                               "\" is none of auto, replace, hot, delegate");
  }
  const auto flag = [&](absl::string_view key) {
    const absl::string_view value = annotations.Get(key);
    if (value.empty() || value == "false" || value == "true") return value == "true";
    out.problem =
        absl::StrCat("annotation ", key, ": \"", value, "\" is neither \"true\" nor \"false\"");
    return false;
  };
  out.skip_pre_stop = flag(api::kAnnotationSkipPreStop);
  out.respect_budget = flag(api::kAnnotationRespectBudget);
}

void ReadSpec(const Json& spec, RecreateRequest& out) {
  out.pod_name = std::string(json::String(spec, "podName"));
  for (const Json& entry : ListAt(spec, "containers")) {
    out.containers.push_back(
        {.name = std::string(json::String(entry, "name")),
         .id = std::string(json::String(entry, {"statusContext", "containerID"})),
         .restarts = static_cast<int32_t>(
             json::Int(entry, {"statusContext", "restartCount"}).value_or(0))});
  }
  if (const Json* strategy = json::Find(spec, "strategy"); strategy != nullptr) {
    out.ignore_failures = json::String(*strategy, "failurePolicy") == "Ignore";
    out.ordered = json::Bool(*strategy, {"orderedRecreate"});
    out.force = json::Bool(*strategy, {"forceRecreate"});
    out.grace = Seconds(*strategy, "terminationGracePeriodSeconds");
    out.unready_grace = Seconds(*strategy, "unreadyGracePeriodSeconds");
    out.min_started = Seconds(*strategy, "minStartedSeconds").value_or(absl::ZeroDuration());
  }
  out.active_deadline = Seconds(spec, "activeDeadlineSeconds");
  out.ttl = Seconds(spec, "ttlSecondsAfterFinished");
}

void ReadConditions(const Json& list, RecreateRequest& out) {
  Json others = Json::array();
  for (const Json& condition : list) {
    if (json::String(condition, "type") != api::kConditionPreRecreateGrace) {
      others.push_back(condition);
    } else if (json::String(condition, "status") == "True") {
      out.drain_since = api::ParseTime(json::String(condition, "lastTransitionTime"));
    }
  }
  if (!others.empty()) out.other_conditions = json::Dump(others);
}

void ReadStatus(const Json& status, RecreateRequest& out) {
  out.phase = PhaseOf(json::String(status, "phase"));
  out.completed = api::ParseTime(json::String(status, "completionTime"));
  out.message = std::string(json::String(status, "message"));
  ReadConditions(ListAt(status, "conditions"), out);
  for (const Json& state : ListAt(status, "containerRecreateStates")) {
    out.states.push_back({.name = std::string(json::String(state, "name")),
                          .phase = ContainerPhaseOf(json::String(state, "phase")),
                          .message = std::string(json::String(state, "message")),
                          .killed = json::Bool(state, {"isKilled"})});
  }
  for (const Json& entry : ListAt(status, "containerStatusSnapshot")) {
    out.snapshot.push_back(
        {.name = std::string(json::String(entry, "name")),
         .ready = json::Bool(entry, {"ready"}),
         .restarts = static_cast<int32_t>(json::Int(entry, "restartCount").value_or(0)),
         .id = std::string(json::String(entry, "containerID"))});
  }
}

}  // namespace

absl::string_view RecreatePhaseName(RecreatePhase phase) {
  switch (phase) {
    case RecreatePhase::kPending:
      return "Pending";
    case RecreatePhase::kRecreating:
      return "Recreating";
    case RecreatePhase::kCompleted:
      return "Completed";
    case RecreatePhase::kNone:
      break;
  }
  return "";
}

absl::string_view ContainerPhaseName(ContainerPhase phase) {
  switch (phase) {
    case ContainerPhase::kRecreating:
      return "Recreating";
    case ContainerPhase::kSucceeded:
      return "Succeeded";
    case ContainerPhase::kFailed:
      return "Failed";
    case ContainerPhase::kPending:
      break;
  }
  return "Pending";
}

bool RecreateRequest::HasFinalizer() const {
  return std::find(finalizers.begin(), finalizers.end(), api::kFinalizerRecreateUnready) !=
         finalizers.end();
}

absl::StatusOr<RecreateRequest> ParseRecreateRequest(const Json& object) {
  RK_ASSIGN_OR_RETURN(const api::ObjectMeta meta, api::ReadObjectMeta(object));
  if (meta.name.empty()) return absl::InvalidArgumentError("metadata.name: is empty");
  RecreateRequest out;
  out.name_space = meta.name_space;
  out.name = meta.name;
  out.uid = meta.uid;
  out.resource_version = meta.resource_version;
  out.created = meta.created.value_or(absl::InfinitePast());
  out.deleting = meta.BeingDeleted();
  out.finalizers = meta.finalizers;
  out.pod_uid = std::string(meta.labels.Get(api::kLabelRecreatePodUid));
  out.node = std::string(meta.labels.Get(api::kLabelRecreateNode));
  out.active = meta.labels.Has(api::kLabelRecreateActive);
  out.virtual_kubelet = meta.labels.Get("type") == "virtual-kubelet";
  ReadAnnotations(meta.annotations, out);
  if (const Json* spec = json::Find(object, "spec"); spec != nullptr) ReadSpec(*spec, out);
  if (const Json* status = json::Find(object, "status"); status != nullptr) {
    ReadStatus(*status, out);
  }
  if (out.Completed()) {
    for (const SnapshotEntry& entry : out.snapshot) out.made.push_back(api::Fingerprint(entry.id));
    out.containers = {};
    out.states = {};
    out.snapshot = {};
    out.other_conditions = {};
  }
  return out;
}

absl::string_view BareContainerId(absl::string_view id) {
  const size_t slashes = id.find("://");
  return slashes == absl::string_view::npos ? id : id.substr(slashes + 3);
}

std::string WithRuntimeOf(absl::string_view id, absl::string_view bare) {
  const size_t slashes = id.find("://");
  return slashes == absl::string_view::npos ? std::string(bare)
                                            : absl::StrCat(id.substr(0, slashes + 3), bare);
}

std::string RuntimeProblem(const RecreateRequest& request) {
  std::set<std::string> runtimes;
  for (const RecreateContainer& container : request.containers) {
    if (container.id.empty()) {
      return absl::StrCat("no statusContext or empty containerID in ", container.name,
                          " container");
    }
    const size_t slashes = container.id.find("://");
    if (slashes == std::string::npos || slashes == 0 || slashes + 3 == container.id.size()) {
      return absl::StrCat("failed to parse containerID ", container.id, " in ", container.name,
                          " container: it is not <runtime>://<id>");
    }
    runtimes.insert(container.id.substr(0, slashes));
  }
  if (runtimes.empty()) return "no runtime type found in Pod";
  if (runtimes.size() > 1) {
    return absl::StrCat("has different runtime types ", *runtimes.begin(), ", ",
                        *std::next(runtimes.begin()), " in Pod");
  }
  return "";
}

}  // namespace rekindle::plan
