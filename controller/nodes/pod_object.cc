#include "controller/nodes/pod_object.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

#include "common/api/keys.h"
#include "common/api/names.h"
#include "common/api/time.h"
#include "common/base/status_macros.h"
#include "common/base/text.h"
#include "common/json/tree.h"

namespace rekindle::nodes {

namespace pb = ::rekindle::node::v1;

namespace {

constexpr int64_t kDefaultGrace = 30;
constexpr char kGraceAnnotation[] = "io.kubernetes.pod.terminationGracePeriod";
// On a sandbox, by whoever makes it: the condition types of the pod's gates, separated by commas.
constexpr char kGatesAnnotation[] = "rekindle.io/readiness-gates";
constexpr absl::string_view kPolicies[] = {"Always", "OnFailure", "Never"};

std::tuple<int64_t, int32_t> Key(const google::protobuf::Timestamp& time) {
  return {time.seconds(), time.nanos()};
}

std::string Text(const google::protobuf::Timestamp& time) {
  return api::FormatTime(absl::FromUnixSeconds(time.seconds()));
}

// One name's containers: which one stands for it, and how the one before it ended.
struct Chosen {
  const pb::Container* current = nullptr;
  const pb::Container* last = nullptr;  // null: none that is known
};

bool Newer(const pb::Container& a, const pb::Container& b) {
  return a.attempt() != b.attempt() ? a.attempt() > b.attempt()
                                    : Key(a.created()) > Key(b.created());
}

Chosen Choose(std::vector<const pb::Container*> attempts) {
  std::sort(attempts.begin(), attempts.end(),
            [](const pb::Container* a, const pb::Container* b) { return Newer(*a, *b); });
  Chosen out;
  const auto running = std::find_if(attempts.begin(), attempts.end(), [](const pb::Container* one) {
    return one->state() == pb::CONTAINER_STATE_RUNNING;
  });
  out.current = running == attempts.end() ? attempts.front() : *running;
  for (const pb::Container* one : attempts) {
    if (one != out.current && one->state() == pb::CONTAINER_STATE_EXITED) {
      out.last = one;
      break;
    }
  }
  return out;
}

std::map<std::string, Chosen> ChooseAll(const pb::Pod& pod) {
  std::map<std::string, std::vector<const pb::Container*>> by_name;
  for (const pb::Container& container : pod.containers()) {
    by_name[container.name()].push_back(&container);
  }
  std::map<std::string, Chosen> out;
  for (auto& [name, attempts] : by_name) out[name] = Choose(std::move(attempts));
  return out;
}

std::string FullId(const pb::Container& container) {
  return absl::StrCat("containerd://", container.id());
}

Json Terminated(const pb::Container& container) {
  Json out = {{"exitCode", container.exit_code()}, {"containerID", FullId(container)}};
  out["reason"] = !container.reason().empty()  ? container.reason()
                  : container.exit_code() == 0 ? "Completed"
                                               : "Error";
  if (!container.message().empty()) out["message"] = container.message();
  if (container.has_started()) out["startedAt"] = Text(container.started());
  if (container.has_finished()) out["finishedAt"] = Text(container.finished());
  return {{"terminated", std::move(out)}};
}

Json StateOf(const pb::Container& container) {
  switch (container.state()) {
    case pb::CONTAINER_STATE_RUNNING: {
      Json running = Json::object();
      if (container.has_started()) running["startedAt"] = Text(container.started());
      return {{"running", std::move(running)}};
    }
    case pb::CONTAINER_STATE_EXITED:
      return Terminated(container);
    case pb::CONTAINER_STATE_CREATED:
      return {{"waiting",
               {{"reason", "ContainerCreating"}, {"message", "created and not started yet"}}}};
    default:
      return {{"waiting",
               {{"reason", "ContainerStateUnknown"},
                {"message", "the runtime does not know whether it runs"}}}};
  }
}

bool Runs(const pb::Container& container) {
  return container.state() == pb::CONTAINER_STATE_RUNNING;
}
bool Ended(const pb::Container& container) {
  return container.state() == pb::CONTAINER_STATE_EXITED;
}

Json StatusOf(const std::string& name, const Chosen& chosen) {
  const pb::Container& current = *chosen.current;
  Json out = {{"name", name},
              {"containerID", FullId(current)},
              {"image", current.image()},
              {"imageID", current.image_id()},
              {"restartCount", current.attempt()},
              {"ready", Runs(current)},
              {"started", Runs(current)},
              {"state", StateOf(current)}};
  if (chosen.last != nullptr) out["lastState"] = Terminated(*chosen.last);
  return out;
}

std::string PolicyOf(const pb::Pod& pod) {
  const auto it = pod.annotations().find(std::string(api::kAnnotationRestartPolicy));
  if (it != pod.annotations().end()) {
    for (const absl::string_view policy : kPolicies) {
      if (it->second == policy) return it->second;
    }
  }
  return "Always";
}

// Names that the API would refuse are left out: they could never come true.
Json GatesOf(const pb::Pod& pod) {
  Json out = Json::array();
  const auto it = pod.annotations().find(kGatesAnnotation);
  if (it == pod.annotations().end()) return out;
  for (absl::string_view name : absl::StrSplit(it->second, ',', absl::SkipWhitespace())) {
    name = absl::StripAsciiWhitespace(name);
    if (api::IsQualifiedName(name)) out.push_back({{"conditionType", std::string(name)}});
  }
  return out;
}

int64_t GraceOf(const std::map<std::string, Chosen>& containers) {
  for (const auto& [name, chosen] : containers) {
    const auto it = chosen.current->annotations().find(kGraceAnnotation);
    int64_t seconds = 0;
    if (it != chosen.current->annotations().end() && absl::SimpleAtoi(it->second, &seconds) &&
        seconds >= 0) {
      return seconds;
    }
  }
  return kDefaultGrace;
}

std::string PhaseOf(const std::map<std::string, Chosen>& containers, const std::string& policy) {
  bool waiting = false;  // for its first start
  bool running = false;
  bool all_ended = true;
  bool failed = false;
  for (const auto& [name, chosen] : containers) {
    const pb::Container& current = *chosen.current;
    waiting |= !Runs(current) && !Ended(current) && chosen.last == nullptr;
    running |= Runs(current);
    all_ended &= Ended(current);
    failed |= Ended(current) && current.exit_code() != 0;
  }
  if (waiting) return "Pending";
  if (running || !all_ended || policy == "Always") return "Running";
  if (!failed) return "Succeeded";
  return policy == "Never" ? "Failed" : "Running";
}

Json Condition(absl::string_view type, bool holds, absl::string_view reason = {},
               absl::string_view message = {}) {
  Json out = {{"type", std::string(type)}, {"status", holds ? "True" : "False"}};
  if (!reason.empty()) out["reason"] = std::string(reason);
  if (!message.empty()) out["message"] = std::string(message);
  return out;
}

Json ConditionsOf(const pb::Pod& pod, const std::map<std::string, Chosen>& containers,
                  const std::string& phase, const std::string& silence) {
  std::vector<std::string> unready;
  for (const auto& [name, chosen] : containers) {
    if (!Runs(*chosen.current)) unready.push_back(name);
  }
  std::string reason;
  std::string message;
  if (phase == "Succeeded" || phase == "Failed") {
    reason = phase == "Succeeded" ? "PodCompleted" : "PodFailed";
  } else if (!pod.ready()) {
    reason = "SandboxNotReady";
    message = "the pod's sandbox does not run";
  } else if (!unready.empty()) {
    reason = "ContainersNotReady";
    message = absl::StrCat("containers with unready status: [", absl::StrJoin(unready, " "), "]");
  }
  const bool ready = reason.empty();
  return Json::array({Condition("PodScheduled", true), Condition("Initialized", true),
                      Condition("ContainersReady", ready, reason, message),
                      ready && !silence.empty() ? UnheardCondition(silence)
                                                : Condition("Ready", ready, reason, message)});
}

absl::Status CheckNames(const pb::Pod& pod, const std::map<std::string, Chosen>& containers) {
  const auto wrong = [](absl::string_view field, const std::string& value, absl::string_view what) {
    return absl::InvalidArgumentError(
        absl::StrCat(field, ": \"", PrintableText(value), "\" ", what));
  };
  if (!api::IsDns1123Label(pod.ref().namespace_())) {
    return wrong("namespace", pod.ref().namespace_(), "is no name of a namespace");
  }
  if (!api::IsDns1123Subdomain(pod.ref().name())) {
    return wrong("name", pod.ref().name(), "is no name of a pod");
  }
  for (const auto& [name, chosen] : containers) {
    if (!api::IsDns1123Label(name)) return wrong("container", name, "is no name of a container");
    const std::string& image = chosen.current->image();
    if (image.empty() || absl::StripAsciiWhitespace(image) != image) {
      return wrong(absl::StrCat("image of container ", name), image, "is no image");
    }
  }
  if (containers.empty()) {
    return absl::FailedPreconditionError("the pod has no container yet");
  }
  return absl::OkStatus();
}

void SetAddress(const std::string& address, const char* one, const char* all, Json& status) {
  if (address.empty()) return;
  status[one] = address;
  status[all] = Json::array({{{"ip", address}}});
}

}  // namespace

Json PodObject::Whole() const {
  return {{"apiVersion", "v1"}, {"kind", "Pod"}, {"metadata", metadata}, {"spec", spec}};
}

std::vector<std::string> PodObject::ContainerNames() const {
  std::vector<std::string> out;
  for (const Json& container : spec["containers"]) {
    out.emplace_back(json::String(container, "name"));
  }
  return out;
}

absl::StatusOr<PodObject> PodObjectOf(const pb::Pod& pod, const PodPlace& place) {
  const std::map<std::string, Chosen> containers = ChooseAll(pod);
  RK_RETURN_IF_ERROR(CheckNames(pod, containers));
  PodObject out;
  Json labels = Json::object();
  for (const auto& [key, value] : pod.labels()) {
    if (api::IsQualifiedName(key) && api::IsLabelValue(value)) labels[key] = value;
  }
  out.metadata = {{"name", pod.ref().name()},
                  {"namespace", pod.ref().namespace_()},
                  {"labels", std::move(labels)},
                  {"annotations",
                   {{std::string(api::kAnnotationRuntimeUid), pod.ref().uid()},
                    {std::string(api::kAnnotationMirrored), "true"}}}};

  const std::string policy = PolicyOf(pod);
  Json specs = Json::array();
  Json statuses = Json::array();
  for (const auto& [name, chosen] : containers) {
    specs.push_back({{"name", name}, {"image", chosen.current->image()}});
    statuses.push_back(StatusOf(name, chosen));
  }
  out.spec = {{"nodeName", place.node},
              {"restartPolicy", policy},
              {"terminationGracePeriodSeconds", GraceOf(containers)},
              {"containers", std::move(specs)}};
  if (pod.host_network()) out.spec["hostNetwork"] = true;
  if (Json gates = GatesOf(pod); !gates.empty()) out.spec["readinessGates"] = std::move(gates);

  const std::string phase = PhaseOf(containers, policy);
  out.status = {{"phase", phase},
                {"startTime", Text(pod.created())},
                {"conditions", ConditionsOf(pod, containers, phase, place.silence)},
                {"containerStatuses", std::move(statuses)}};
  SetAddress(place.host_ip, "hostIP", "hostIPs", out.status);
  const bool shares_host = pod.ip().empty() && pod.host_network();
  SetAddress(shares_host ? place.host_ip : pod.ip(), "podIP", "podIPs", out.status);
  return out;
}

Json UnheardCondition(absl::string_view silence) {
  return Condition("Ready", false, "NodeNotReady", silence);
}

const pb::Pod& NewestSandbox(const std::vector<const pb::Pod*>& sandboxes) {
  return **std::max_element(
      sandboxes.begin(), sandboxes.end(), [](const pb::Pod* a, const pb::Pod* b) {
        const auto key = [](const pb::Pod& pod) {
          return std::make_tuple(pod.ready(), Key(pod.created()), pod.attempt(), pod.sandbox_id());
        };
        return key(*a) < key(*b);
      });
}

Json MergeConditions(const Json* current, const Json& ours, absl::Time now) {
  Json out = current != nullptr && current->is_array() ? *current : Json::array();
  for (Json condition : ours) {
    const absl::string_view type = json::String(condition, "type");
    const auto before = std::find_if(
        out.begin(), out.end(), [&](const Json& one) { return json::String(one, "type") == type; });
    const bool same =
        before != out.end() && json::String(*before, "status") == json::String(condition, "status");
    const absl::string_view since =
        same ? json::String(*before, "lastTransitionTime") : absl::string_view();
    condition["lastTransitionTime"] = since.empty() ? api::FormatTime(now) : std::string(since);
    if (before == out.end()) {
      out.push_back(std::move(condition));
    } else {
      *before = std::move(condition);
    }
  }
  return out;
}

}  // namespace rekindle::nodes
