#include "daemon/restart/admission.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "daemon/hooks/annotation.h"
#include "daemon/kubelet/ownership.h"
#include "daemon/kubelet/replacement_guard.h"
#include "daemon/kubelet/reservation.h"
#include "daemon/restart/grace.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

constexpr char kGraceAnnotation[] = "io.kubernetes.pod.terminationGracePeriod";
// How long a hot replacement must be up before the old one stops, when the request says nothing: a
// program that cannot share its port ends within that time, and then the old one must still be
// there.
constexpr absl::Duration kHotMinStarted = absl::Seconds(3);
// On top of what the containers may take: image look-ups, create, start, a slow node.
constexpr absl::Duration kDeadlineSlack = absl::Minutes(2);

absl::Duration DefaultGrace(const v1::ContainerStatus& status) {
  auto it = status.annotations().find(kGraceAnnotation);
  int64_t seconds = 0;
  if (it == status.annotations().end() || !absl::SimpleAtoi(it->second, &seconds) || seconds < 0) {
    return kDefaultGrace;
  }
  return absl::Seconds(seconds);
}

absl::Status CheckTarget(const std::string& field, const ContainerRestart& wanted, bool force,
                         bool busy, const v1::Container& current) {
  if (force || busy) return absl::OkStatus();
  if (!wanted.expected_container_id.empty() && wanted.expected_container_id != current.id()) {
    return absl::FailedPreconditionError(
        absl::StrCat(field, ".expected_container_id: ", DescribeContainer(current), ", not ",
                     wanted.expected_container_id));
  }
  if (current.state() != v1::CONTAINER_RUNNING) {
    return absl::FailedPreconditionError(absl::StrCat(field, ": ", DescribeContainer(current),
                                                      "; only a forced restart starts it anew"));
  }
  return absl::OkStatus();
}

// What the request says of all its containers alike, and the identity of the pod.
OperationRecord CommonPart(const RestartRequest& request, const PodDetails& pod, absl::Time now) {
  OperationRecord record;
  record.request_id = request.request_id;
  record.pod = pod.view->pod;
  record.ordered = request.order == Order::kListed;
  record.ignore_failures = request.failure_policy == FailurePolicy::kIgnore;
  record.force = request.force;
  record.unready_grace = request.unready_grace;
  record.created = now;
  record.phase = Phase::kAccepted;
  record.history = {{Phase::kAccepted, now}};
  record.sandbox_id = pod.view->sandbox.id();
  return record;
}

kubelet::Way WayOf(Method method) {
  switch (method) {
    case Method::kReplace:
      return kubelet::Way::kReplace;
    case Method::kHot:
      return kubelet::Way::kHot;
    case Method::kDelegate:
      return kubelet::Way::kDelegate;
    case Method::kAuto:
      break;
  }
  return kubelet::Way::kAuto;
}

Method MethodOf(kubelet::Way way) {
  switch (way) {
    case kubelet::Way::kHot:
      return Method::kHot;
    case kubelet::Way::kDelegate:
      return Method::kDelegate;
    default:
      return Method::kReplace;
  }
}

// Without a kubelet there is nothing to choose.
absl::Status ChooseAlone(const std::string& field, const ContainerRestart& wanted,
                         const absl::Status& replacement, OperationRecord& record) {
  if (wanted.method == Method::kDelegate) {
    return absl::FailedPreconditionError(absl::StrCat(
        field,
        ".method: METHOD_DELEGATE leaves the start to a kubelet, and none owns this pod; "
        "use METHOD_REPLACE or METHOD_HOT"));
  }
  if (!replacement.ok()) return Annotate(replacement, field);
  record.method = wanted.method == Method::kAuto ? Method::kReplace : wanted.method;
  record.method_reason =
      wanted.method == Method::kAuto ? "chosen: no kubelet owns the pod" : "asked for";
  return absl::OkStatus();
}

absl::Status ChooseBesideKubelet(const std::string& field, const ContainerRestart& wanted,
                                 const std::optional<KubernetesPod>& described,
                                 const PodDetails& pod, const absl::Status& replacement,
                                 OperationRecord& record) {
  const v1::ContainerStatus& container = pod.current.at(wanted.name).status();
  const KubernetesPod known = described.value_or(KubernetesPod());
  RK_ASSIGN_OR_RETURN(
      const kubelet::Choice choice,
      kubelet::Choose(field,
                      {.wanted = WayOf(wanted.method),
                       .pod_described = described.has_value(),
                       .policy = wanted.restart_policy == kubelet::RestartPolicy::kUnknown
                                     ? known.restart_policy
                                     : wanted.restart_policy,
                       .terminating = known.terminating,
                       .allow_static = known.allow_static_pod,
                       .env_from_references = wanted.env_from_references,
                       .keep_env = wanted.keep_env,
                       .env_overrides = !wanted.env.empty() || !wanted.unset_env.empty(),
                       .is_static = kubelet::IsStaticPod(pod.view->sandbox),
                       .made_for_deletion = kubelet::WasMadeForDeletion(container),
                       .identity = kubelet::CheckKubeletContainer(pod.view->sandbox, container),
                       .replacement = replacement}));
  record.beside_kubelet = true;
  record.method = MethodOf(choice.way);
  record.method_reason = choice.reason;
  return absl::OkStatus();
}

absl::StatusOr<AdmittedRestart> AdmitContainer(OperationRecord record,
                                               const ContainerRestart& wanted,
                                               const std::optional<KubernetesPod>& described,
                                               bool busy, const PodDetails& pod) {
  const std::string field = absl::StrCat("containers[", record.index, "]");
  const v1::Container& current = *pod.view->Newest(wanted.name);
  const v1::ContainerStatusResponse& details = pod.current.at(wanted.name);
  RK_RETURN_IF_ERROR(CheckTarget(field, wanted, record.force, busy, current));

  const bool beside_kubelet = kubelet::OwnedByKubelet(pod.view->sandbox);
  record.container_name = wanted.name;
  record.expected_container_id = wanted.expected_container_id;
  record.requested_method = wanted.method;
  record.beside_kubelet = beside_kubelet;
  record.env = wanted.env;
  record.unset_env = wanted.unset_env;
  absl::StatusOr<Replacement> replacement =
      BuildReplacement(InputFor(record, details, *pod.sandbox, pod.view->NextAttempt(wanted.name)));
  if (beside_kubelet && replacement.ok()) {
    if (absl::Status taken = kubelet::CheckReplacement(details.status(), replacement->request);
        !taken.ok()) {
      replacement = taken;
    }
  }
  // Malformed variables are the request's fault whatever the method.
  if (absl::IsInvalidArgument(replacement.status())) return Annotate(replacement.status(), field);
  if (beside_kubelet) {
    RK_RETURN_IF_ERROR(
        ChooseBesideKubelet(field, wanted, described, pod, replacement.status(), record));
  } else {
    RK_RETURN_IF_ERROR(ChooseAlone(field, wanted, replacement.status(), record));
  }

  record.grace = wanted.grace.value_or(DefaultGrace(details.status()));
  if (wanted.pre_stop.has_value()) {
    record.pre_stop = wanted.pre_stop;
  } else if (!wanted.skip_pre_stop) {
    absl::StatusOr<std::optional<hooks::Handler>> hook =
        hooks::ParsePreStopAnnotation(details.status().annotations());
    if (!hook.ok()) return Annotate(hook.status(), absl::StrCat(field, ": recorded pre-stop hook"));
    record.pre_stop = *std::move(hook);
  }
  if (wanted.skip_pre_stop) {
    record.pre_stop.reset();
    record.pre_stop_result = "skipped: asked for";
  }
  record.post_start = wanted.post_start;
  record.min_started = wanted.min_started;
  if (record.method == Method::kHot && !wanted.ready_check.has_value() &&
      wanted.min_started == absl::ZeroDuration()) {
    record.min_started = kHotMinStarted;
  }
  record.health_checked = record.beside_kubelet && wanted.health_checked;
  if (record.health_checked && record.method != Method::kDelegate) {
    record.min_started = std::max(record.min_started, kKubeletLooks);
  }
  record.ready_check = wanted.ready_check;
  record.old_container_id = current.id();
  record.old_was_running = current.state() == v1::CONTAINER_RUNNING;
  record.old_attempt = current.metadata().attempt();
  if (record.method == Method::kDelegate) return AdmittedRestart{std::move(record), {}};
  return AdmittedRestart{std::move(record), *std::move(replacement)};
}

}  // namespace

absl::Status CheckRequest(const RestartRequest& request) {
  if (request.request_id.empty())
    return absl::InvalidArgumentError("request_id: must not be empty");
  if (request.pod.ns.empty()) return absl::InvalidArgumentError("pod.namespace: must not be empty");
  if (request.pod.name.empty()) return absl::InvalidArgumentError("pod.name: must not be empty");
  if (request.containers.empty()) {
    return absl::InvalidArgumentError("containers: must name at least one container");
  }
  if (request.unready_grace < absl::ZeroDuration()) {
    return absl::InvalidArgumentError("unready_grace: must not be negative");
  }
  if (request.deadline.has_value() && *request.deadline <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("deadline: must be positive");
  }
  std::set<std::string> names;
  for (size_t i = 0; i < request.containers.size(); ++i) {
    const ContainerRestart& container = request.containers[i];
    const std::string field = absl::StrCat("containers[", i, "]");
    if (container.name.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(field, ".name: must not be empty"));
    }
    if (!names.insert(container.name).second) {
      return absl::InvalidArgumentError(
          absl::StrCat(field, ".name: \"", container.name, "\" is listed twice"));
    }
    if (container.grace.value_or(absl::ZeroDuration()) < absl::ZeroDuration()) {
      return absl::InvalidArgumentError(absl::StrCat(field, ".grace: must not be negative"));
    }
    if (container.min_started < absl::ZeroDuration()) {
      return absl::InvalidArgumentError(absl::StrCat(field, ".min_started: must not be negative"));
    }
    if (container.ready_check.has_value() && container.method != Method::kHot) {
      return absl::InvalidArgumentError(absl::StrCat(field, ".ready_check: only with method hot"));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<AdmittedRestart>> Admit(const RestartRequest& request,
                                                   const PodDetails& pod,
                                                   const AdmissionContext& context) {
  std::vector<AdmittedRestart> admitted;
  absl::Duration slowest;
  for (const ContainerRestart& wanted : request.containers) {
    OperationRecord common = CommonPart(request, pod, context.now);
    common.index = static_cast<uint32_t>(admitted.size());
    RK_ASSIGN_OR_RETURN(AdmittedRestart one,
                        AdmitContainer(std::move(common), wanted, request.kubernetes_pod,
                                       context.busy(wanted.name), pod));
    const absl::Duration needs = one.record.grace + one.record.min_started;
    slowest = request.order == Order::kListed ? slowest + needs : std::max(slowest, needs);
    admitted.push_back(std::move(one));
  }
  const absl::Duration deadline =
      request.deadline.value_or(request.unready_grace + slowest + kDeadlineSlack);
  for (AdmittedRestart& one : admitted) one.record.deadline = context.now + deadline;
  return admitted;
}

ReplacementInput InputFor(const OperationRecord& record,
                          const v1::ContainerStatusResponse& container,
                          const v1::PodSandboxStatusResponse& sandbox, uint32_t attempt) {
  ReplacementInput input{.container = &container,
                         .sandbox = &sandbox,
                         .attempt = attempt,
                         .env = record.env,
                         .unset_env = record.unset_env};
  // So that it can be told from one that the kubelet made.
  if (record.beside_kubelet) input.annotations = {{kubelet::kOperationAnnotation, record.id()}};
  return input;
}

std::string StateName(v1::ContainerState state) {
  switch (state) {
    case v1::CONTAINER_CREATED:
      return "created";
    case v1::CONTAINER_RUNNING:
      return "running";
    case v1::CONTAINER_EXITED:
      return "exited";
    default:
      return "unknown";
  }
}

std::string DescribeContainer(const v1::Container& container) {
  return absl::StrCat(container.metadata().name(), " is now ", container.id(), " (attempt ",
                      container.metadata().attempt(), ", ", StateName(container.state()), ")");
}

}  // namespace rekindle::restart
