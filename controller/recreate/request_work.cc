#include "controller/recreate/request_work.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include <nlohmann/json.hpp>

#include "controller/plan/recreate/judge.h"
#include "controller/plan/recreate/pod_view.h"
#include "controller/plan/recreate/static_pod.h"
#include "controller/recreate/node_request.h"

namespace rekindle::recreate {
namespace {

namespace v1 = ::rekindle::node::v1;

constexpr absl::Duration kFreshFor = absl::Seconds(2);
constexpr absl::Duration kListTimeout = absl::Seconds(10);
constexpr absl::Duration kFirstPause = absl::Milliseconds(250);
constexpr absl::Duration kLongestPause = absl::Seconds(5);
// What the daemon needs to tell its end, once its own deadline has passed.
constexpr absl::Duration kCallSlack = absl::Minutes(2);
constexpr absl::Duration kCancelTimeout = absl::Seconds(10);
// Shorter waits are not worth an event; nor is it that the daemon works on what ends sooner, which
// has an event of its own.
constexpr absl::Duration kWorthTelling = absl::Seconds(2);
// Times in conditions are cut to seconds.
constexpr absl::Duration kConditionResolution = absl::Seconds(1);

// It answers, but not to this controller.
bool IsRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsUnauthenticated(status);
}

}  // namespace

RequestWork::RequestWork(Tools tools, const plan::RecreateRequest& request)
    : tools_(std::move(tools)),
      about_(request),
      resumed_(request.phase == plan::RecreatePhase::kRecreating),
      drain_since_(request.drain_since),
      states_(request.states),
      snapshot_(request.snapshot) {}

RequestWork::~RequestWork() {
  if (list_call_ != 0) tools_.nodes.Drop(list_call_);
  for (const auto& [name, call] : calls_) {
    if (call.id != 0) tools_.nodes.Drop(call.id);
  }
}

plan::RecreateInput RequestWork::Input(const plan::RecreateRequest& request,
                                       const api::PodRecord* cached, absl::Duration age) const {
  plan::RecreateInput in = {.request = &request,
                            .states = states_,
                            .snapshot = snapshot_,
                            .now = tools_.client.loop().Now(),
                            .age = age,
                            .resumed = resumed_,
                            .unreachable = unreachable_,
                            .refuses = refuses_,
                            .made_before = made_before,
                            .key_taken = key_taken_,
                            .budget = budget};
  if (pod_known_) in.pod = plan::ViewPod(pod_.get(), cached, request.pod_uid);
  if (listed_.has_value() && pod_ != nullptr) {
    in.live = NewestContainers(*listed_, plan::RuntimeUid(*pod_));
  }
  in.fresh = Now() - std::min(pod_read_, list_read_) <= kFreshFor;
  if (unreachable_since_.has_value()) in.unreachable_for = Now() - *unreachable_since_;
  for (const auto& [name, call] : calls_) in.calls[name] = call.view;
  if (drain_began_.has_value()) {
    in.drained_for = Now() - *drain_began_;
  } else if (drain_since_.has_value()) {
    // Another process began it: by the wall clock, which may have jumped.
    in.drained_for = std::max(in.now - *drain_since_ - kConditionResolution, absl::ZeroDuration());
  }
  for (const auto& [name, watched] : watched_) {
    in.watched[name] = {.id = watched.id, .known = Now() - watched_since_.at(name)};
  }
  return in;
}

void RequestWork::Keep(const plan::RecreatePlan& plan) {
  states_ = plan.states;
  snapshot_ = plan.snapshot;
  for (const auto& [name, id] : plan.watched) {
    const auto found = watched_.find(name);
    if (found != watched_.end() && found->second.id == id) continue;
    watched_[name] = {.id = id};
    watched_since_[name] = Now();
  }
}

void RequestWork::DrainBegan() {
  if (!drain_began_.has_value()) drain_began_ = Now();
}

void RequestWork::ReadPod(const plan::RecreateRequest& request) {
  if (reading_ || pod_pause_.pending()) return;
  reading_ = true;
  pod_stale_ = false;
  pod_call_.Set(
      tools_.client,
      tools_.client.Get(
          {client::PodResource(), {.name_space = request.name_space, .name = request.pod_name}, ""},
          [this](absl::StatusOr<Json> got) { OnPod(std::move(got)); }));
}

void RequestWork::OnPod(absl::StatusOr<Json> got) {
  pod_call_.Over();
  reading_ = false;
  if (got.ok() || absl::IsNotFound(got.status())) {
    pod_known_ = true;
    pod_read_ = Now();
    pod_ = got.ok() ? std::make_unique<Json>(*std::move(got)) : nullptr;
  } else {
    pod_stale_ = true;
    pod_pause_.Set(tools_.client.loop(), kLongestPause, tools_.wake);
  }
  tools_.wake();
}

void RequestWork::ListContainers(const plan::RecreateRequest& request) {
  if (list_call_ != 0 || list_pause_.pending()) return;
  v1::ListPodsRequest ask;
  ask.set_namespace_(request.name_space);
  ask.set_name(request.pod_name);
  ask.set_include_exited(true);
  list_call_ = tools_.nodes.ListPods(
      request.node, ask, kListTimeout,
      [this](const absl::StatusOr<v1::ListPodsResponse>& got) { OnListed(got); });
}

void RequestWork::OnListed(const absl::StatusOr<v1::ListPodsResponse>& got) {
  list_call_ = 0;
  if (got.ok()) {
    Reached();
    list_failures_ = 0;
    if (!std::exchange(list_stale_, false)) listed_ = *got;
    list_read_ = Now();
    tools_.wake();
    return;
  }
  Unreachable(got.status());
  const absl::Duration pause =
      std::min(kFirstPause * (1 << std::min(list_failures_++, 10)), kLongestPause);
  list_pause_.Set(tools_.client.loop(), pause, tools_.wake);
  tools_.wake();
}

void RequestWork::ContainersChanged() {
  listed_.reset();
  list_stale_ = list_call_ != 0;
}

void RequestWork::Refresh(const plan::RecreateRequest& request) {
  if (Now() - pod_read_ > kFreshFor) ReadPod(request);
  if (Now() - list_read_ > kFreshFor) ListContainers(request);
}

void RequestWork::Reached() {
  unreachable_since_.reset();
  unreachable_.clear();
}

void RequestWork::Unreachable(const absl::Status& why) {
  unreachable_ = why.message().empty() ? why.ToString() : std::string(why.message());
  refuses_ = IsRefusal(why);
  // It is busy, and says so.
  if (absl::IsResourceExhausted(why)) {
    unreachable_since_.reset();
  } else if (!unreachable_since_.has_value()) {
    unreachable_since_ = Now();
  }
}

// With the ID of its statusContext the daemon refuses what has changed since.
std::string RequestWork::ExpectedId(const plan::RecreateRequest& request, size_t index,
                                    const plan::LiveContainer& live) const {
  const plan::RecreateContainer& container = request.containers[index];
  if (request.force || plan::MadeBefore(container, live, made_before)) return live.id;
  return std::string(plan::BareContainerId(container.id));
}

void RequestWork::HandOver(const plan::RecreateRequest& request, size_t index, absl::Duration age) {
  const std::string& name = request.containers[index].name;
  Call& call = calls_[name];
  const auto live = NewestContainers(*listed_, plan::RuntimeUid(*pod_)).at(name);
  call.live_id = live.id;
  call.view.refusal.clear();
  const absl::Duration deadline = NodeDeadline(request, age);
  absl::StatusOr<v1::RestartContainersRequest> ask =
      BuildNodeRequest(request, index, *pod_, ExpectedId(request, index, live), deadline);
  if (!ask.ok()) return Refused(call, ask.status());
  call.operation = absl::StrCat(ask->request_id(), "/", name);
  call.view.under_way = true;
  if (!resumed_ || call.view.not_taken) {
    call.accepted.Set(tools_.client.loop(), kWorthTelling,
                      [this, name] { tools_.notices.Accepted(about_, name); });
  }
  call.id = tools_.nodes.Restart(
      request.node, *std::move(ask), deadline + kCallSlack,
      {.progress = [this, name](const v1::Operation& operation) { OnProgress(name, operation); },
       .waiting = [this, name](const absl::Status& why) { OnWaiting(name, why); },
       .ended = [this, name](const absl::Status& status) { OnEnded(name, status); }});
}

void RequestWork::OnProgress(const std::string& container, const v1::Operation& operation) {
  Call& call = calls_[container];
  Reached();
  const bool first = !call.view.operation.has_value();
  call.view.operation = Heard(operation);
  call.view.waiting.clear();
  const bool ended = call.view.operation->Ended();
  // An operation that is found at its end was told of by the process before this one.
  if (first && ended && resumed_) call.end_told = true;
  if (first && resumed_ && call.view.operation->at != plan::HeardOperation::At::kBefore) {
    call.killing_told = true;
  }
  if (!call.killing_told && (call.view.operation->at == plan::HeardOperation::At::kStopping ||
                             call.view.operation->killed)) {
    call.killing_told = true;
    tools_.notices.Killing(about_, container);
  }
  if (ended) call.accepted.Cancel();
  if (ended && !std::exchange(call.end_told, true)) {
    const std::string& hook = operation.pre_stop_result();
    if (hook.rfind("failed", 0) == 0 || hook.rfind("interrupted", 0) == 0) {
      tools_.notices.HookFailed(about_, container);
    }
    tools_.notices.Ended(about_, operation);
  }
  tools_.wake();
}

void RequestWork::OnWaiting(const std::string& container, const absl::Status& why) {
  Call& call = calls_[container];
  if (why.ok()) {
    Reached();
    call.view.waiting.clear();
  } else {
    Unreachable(why);
    call.view.waiting = unreachable_;
  }
  tools_.wake();
}

void RequestWork::OnEnded(const std::string& container, const absl::Status& status) {
  Call& call = calls_[container];
  call.id = 0;
  call.accepted.Cancel();
  call.view.under_way = false;
  const bool end_known = call.view.operation.has_value() && call.view.operation->Ended();
  if (absl::IsDeadlineExceeded(status) || (status.ok() && !end_known)) {
    call.view.timed_out = !end_known;
    if (!status.ok()) call.view.waiting = std::string(status.message());
  } else if (!status.ok() && !end_known) {
    Reached();
    call.view.operation.reset();
    Refused(call, status);
  }
  tools_.wake();
}

// Nothing was touched. What runs is looked at again: if it is something else now, that decides.
void RequestWork::Refused(Call& call, const absl::Status& why) {
  if (resumed_ && !call.view.not_taken) {
    call.view.not_taken = true;
  } else {
    call.view.refusal = std::string(why.message());
    call.view.refused_id = call.live_id;
  }
  listed_.reset();
  pod_known_ = false;
  tools_.wake();
}

void RequestWork::GiveUp(bool pod_terminating) {
  for (auto& [name, call] : calls_) {
    if (call.id == 0) continue;
    tools_.nodes.Drop(std::exchange(call.id, 0));
    call.accepted.Cancel();
    call.view.under_way = false;
    // What has begun to stop is not aborted (10.7); the daemon knows, and refuses.
    tools_.nodes.CancelOperation(about_.node, call.operation, pod_terminating, kCancelTimeout,
                                 [](const absl::StatusOr<v1::Operation>&) {});
  }
}

absl::Duration RequestWork::TellWait(const plan::RecreateRequest& request, const std::string& why) {
  if (why != wait_) {
    wait_ = why;
    wait_since_ = Now();
    wait_told_ = false;
  }
  if (why.empty() || wait_told_) return absl::InfiniteDuration();
  const absl::Duration left = kWorthTelling - (Now() - wait_since_);
  if (left > absl::ZeroDuration()) return left;
  wait_told_ = true;
  tools_.notices.Waiting(request, why);
  return absl::InfiniteDuration();
}

}  // namespace rekindle::recreate
