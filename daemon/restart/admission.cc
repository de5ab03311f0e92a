#include "daemon/restart/admission.h"

#include <algorithm>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "daemon/hooks/annotation.h"
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

absl::StatusOr<AdmittedRestart> AdmitContainer(OperationRecord record,
                                               const ContainerRestart& wanted, bool busy,
                                               const PodDetails& pod) {
  const std::string field = absl::StrCat("containers[", record.index, "]");
  const v1::Container& current = *pod.view->Newest(wanted.name);
  const v1::ContainerStatusResponse& details = pod.current.at(wanted.name);
  RK_RETURN_IF_ERROR(CheckTarget(field, wanted, record.force, busy, current));

  ReplacementInput input{.container = &details,
                         .sandbox = pod.sandbox.get(),
                         .attempt = pod.view->NextAttempt(wanted.name),
                         .env = wanted.env,
                         .unset_env = wanted.unset_env};
  absl::StatusOr<Replacement> replacement = BuildReplacement(input);
  if (!replacement.ok()) return Annotate(replacement.status(), field);

  record.container_name = wanted.name;
  record.expected_container_id = wanted.expected_container_id;
  record.method = wanted.method;
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
  if (wanted.method == Method::kHot && !wanted.ready_check.has_value() &&
      wanted.min_started == absl::ZeroDuration()) {
    record.min_started = kHotMinStarted;
  }
  record.ready_check = wanted.ready_check;
  record.env = wanted.env;
  record.unset_env = wanted.unset_env;
  record.old_container_id = current.id();
  record.old_was_running = current.state() == v1::CONTAINER_RUNNING;
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
  if (OwnedByKubelet(pod.view->sandbox)) {
    return absl::FailedPreconditionError(
        absl::StrCat("pod: ", pod.view->pod.ns, "/", pod.view->pod.name,
                     " is owned by a kubelet; this daemon restarts only pods without one"));
  }
  std::vector<AdmittedRestart> admitted;
  absl::Duration slowest;
  for (const ContainerRestart& wanted : request.containers) {
    OperationRecord common = CommonPart(request, pod, context.now);
    common.index = static_cast<uint32_t>(admitted.size());
    RK_ASSIGN_OR_RETURN(AdmittedRestart one,
                        AdmitContainer(std::move(common), wanted, context.busy(wanted.name), pod));
    const absl::Duration needs = one.record.grace + one.record.min_started;
    slowest = request.order == Order::kListed ? slowest + needs : std::max(slowest, needs);
    admitted.push_back(std::move(one));
  }
  const absl::Duration deadline =
      request.deadline.value_or(request.unready_grace + slowest + kDeadlineSlack);
  for (AdmittedRestart& one : admitted) one.record.deadline = context.now + deadline;
  return admitted;
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
