#include "controller/plan/recreate/decide.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/base/text.h"
#include "controller/plan/recreate/judge.h"

namespace rekindle::plan {
namespace {

using Next = ContainerVerdict::Next;

void WakeBy(RecreatePlan& plan, absl::Duration after) { plan.wake = std::min(plan.wake, after); }

class Planner {
 public:
  explicit Planner(const RecreateInput& input) : in_(input), request_(*input.request) {}

  RecreatePlan Run() && {
    plan_.states = in_.states;
    plan_.snapshot = in_.snapshot;
    if (EndsEarly()) return std::move(plan_);
    if (!in_.pod.has_value()) {
      // Both at once: the listing takes as long as the read.
      plan_.read_pod = true;
      plan_.list_containers = !in_.live.has_value();
      plan_.waiting = in_.unreachable;
      WriteProgress();
      return std::move(plan_);
    }
    JudgeAll();
    if (Ended()) {
      Complete("");
    } else {
      Choose();
      if (plan_.call.has_value()) Prepare();
      WriteProgress();
    }
    return std::move(plan_);
  }

 private:
  // What ends a request whatever its containers do.
  bool EndsEarly() {
    if (!request_.problem.empty()) return Abort(request_.problem, "");
    if (request_.pod_uid.empty()) {
      return Abort("label crr.apps.kruise.io/pod-uid is missing: the request was not admitted", "");
    }
    if (const std::string problem = RuntimeProblem(request_); !problem.empty()) {
      return Abort(absl::StrCat("failed to find runtime service: ", problem), "");
    }
    if (in_.pod.has_value() && in_.pod->gone) return Abort(kPodHasGone, "");
    if (in_.pod.has_value() && !in_.pod->ended.empty()) {
      return Abort(absl::StrCat("pod has ended with phase ", in_.pod->ended), "");
    }
    if (request_.active_deadline.has_value()) {
      const absl::Duration left = *request_.active_deadline - in_.age;
      if (left <= absl::ZeroDuration()) return Abort(kDeadlineExceeded, LastWait());
      WakeBy(plan_, left);
    }
    return Unanswered();
  }

  // Nothing is heard of the daemon, or no more of an operation that it has.
  bool Unanswered() {
    bool heard = false;
    for (const auto& [name, call] : in_.calls) {
      if (call.timed_out) return Abort(kNoResponse, call.waiting);
      heard = heard || (call.operation.has_value() && !call.operation->Ended());
    }
    if (heard || in_.unreachable.empty()) return false;
    if (in_.unreachable_for >= kNoResponseAfter) {
      return Abort(in_.refuses ? kDaemonRefuses : kNoResponse, in_.unreachable);
    }
    WakeBy(plan_, kNoResponseAfter - in_.unreachable_for);
    return false;
  }

  std::string LastWait() const {
    for (const auto& [name, call] : in_.calls) {
      if (!call.waiting.empty()) return call.waiting;
      if (call.operation.has_value() && !call.operation->Ended()) return call.operation->message;
    }
    return in_.unreachable;
  }

  bool Abort(const std::string& message, const std::string& detail) {
    plan_.completes = true;
    plan_.give_up = true;
    plan_.write = AbortedStatus(request_, in_.states, in_.snapshot, message, detail, in_.now);
    plan_.states = plan_.write->states;
    return true;
  }

  void JudgeAll() {
    plan_.states.clear();
    for (size_t i = 0; i < request_.containers.size(); ++i) {
      ContainerVerdict verdict = JudgeContainer(in_, i);
      plan_.states.push_back(verdict.state);
      if (verdict.snapshot.has_value()) Remember(*verdict.snapshot);
      plan_.read_pod = plan_.read_pod || verdict.read_pod;
      if (verdict.watched != 0) plan_.watched[verdict.state.name] = verdict.watched;
      WakeBy(plan_, verdict.wake);
      verdicts_.push_back(std::move(verdict));
    }
  }

  // In the order of spec.containers (7.3).
  void Remember(const SnapshotEntry& entry) {
    std::vector<SnapshotEntry> out;
    for (const RecreateContainer& container : request_.containers) {
      if (container.name == entry.name) {
        out.push_back(entry);
        continue;
      }
      for (const SnapshotEntry& old : plan_.snapshot) {
        if (old.name == container.name) out.push_back(old);
      }
    }
    plan_.snapshot = std::move(out);
  }

  bool Failed() const {
    return std::any_of(plan_.states.begin(), plan_.states.end(), [](const RecreateState& state) {
      return state.phase == ContainerPhase::kFailed;
    });
  }

  bool Ended() const {
    const bool all = std::all_of(plan_.states.begin(), plan_.states.end(),
                                 [](const RecreateState& state) { return IsFinal(state.phase); });
    if (all) return true;
    if (!Failed() || request_.ignore_failures) return false;
    // What the daemon has begun comes to its end first, so that the states are true.
    return std::none_of(in_.calls.begin(), in_.calls.end(), [](const auto& entry) {
      const RecreateCall& call = entry.second;
      return call.under_way && !(call.operation.has_value() && call.operation->Ended());
    });
  }

  // Whose turn it is among the containers (8.7).
  void Choose() {
    if (Failed() && !request_.ignore_failures) return;
    for (size_t i = 0; i < verdicts_.size(); ++i) {
      const ContainerVerdict& verdict = verdicts_[i];
      if (plan_.waiting.empty()) plan_.waiting = verdict.waiting;
      switch (verdict.next) {
        case Next::kSettled:
          continue;
        case Next::kRestarted:
          if (request_.ordered) return;
          continue;
        case Next::kCall:
          plan_.call = i;
          return;
        case Next::kUnknown:
          plan_.list_containers = true;
          if (plan_.waiting.empty()) plan_.waiting = in_.unreachable;
          return;
        case Next::kStopping:
        case Next::kBlocked:
          return;
      }
    }
  }

  // What comes before the first container is touched.
  void Prepare() {
    const bool first = in_.calls.empty() && !in_.resumed;
    if (first && !in_.drained_for.has_value() && !in_.budget.empty()) {
      plan_.waiting = in_.budget;
      plan_.call.reset();
      return;
    }
    if (request_.unready_grace.has_value() && !Drained()) {
      plan_.call.reset();
      return;
    }
    if (!in_.fresh) {
      plan_.refresh = true;
      plan_.call.reset();
    }
  }

  // Finalizer, then the pod's key, then the condition, then the time (7.4, 7.6, 8.4).
  bool Drained() {
    if (in_.drained_for.has_value()) {
      const absl::Duration left = *request_.unready_grace - *in_.drained_for;
      if (left <= absl::ZeroDuration()) return true;
      WakeBy(plan_, left);
      plan_.waiting = absl::StrCat("waits ", DurationText(*request_.unready_grace),
                                   " with the pod out of service before the first stop");
      return false;
    }
    if (in_.pod->gate && !request_.HasFinalizer()) {
      plan_.take_finalizer = true;
    } else if (in_.pod->gate && !in_.key_taken) {
      plan_.take_key = true;
    } else {
      plan_.no_gate = !in_.pod->gate;
      drain_begins_ = true;
    }
    return false;
  }

  void Complete(const std::string& message) {
    plan_.completes = true;
    plan_.write = Status(RecreatePhase::kCompleted);
    plan_.write->completed = in_.now;
    plan_.write->message = message;
  }

  RecreateStatus Status(RecreatePhase phase) const {
    RecreateStatus out = StatusOf(request_);
    out.phase = phase;
    out.message.clear();
    out.states = plan_.states;
    out.snapshot = plan_.snapshot;
    if (drain_begins_) out.drain_since = in_.now;
    return out;
  }

  // Whether anything has come of the request yet.
  bool Begun() const {
    if (plan_.call.has_value() || drain_begins_ || !in_.calls.empty()) return true;
    return std::any_of(verdicts_.begin(), verdicts_.end(), [](const ContainerVerdict& verdict) {
      return verdict.next == Next::kRestarted || verdict.next == Next::kBlocked ||
             IsFinal(verdict.state.phase);
    });
  }

  void WriteProgress() {
    if (plan_.call.has_value()) {
      RecreateState& state = plan_.states[*plan_.call];
      state.phase = ContainerPhase::kRecreating;
      state.message.clear();
    }
    if (request_.phase != RecreatePhase::kRecreating) {
      if (Begun()) {
        plan_.write = Status(RecreatePhase::kRecreating);
      } else if (!plan_.waiting.empty() &&
                 (request_.phase == RecreatePhase::kNone || request_.message != plan_.waiting)) {
        RecreateStatus waits = StatusOf(request_);
        waits.phase = RecreatePhase::kPending;
        waits.message = plan_.waiting;
        plan_.write = std::move(waits);
      }
      return;
    }
    if (drain_begins_ || NewlyStored()) plan_.write = Status(RecreatePhase::kRecreating);
  }

  // In the middle only what must outlive this process, and what a user cannot see elsewhere.
  bool NewlyStored() const {
    for (const RecreateState& state : plan_.states) {
      const auto stored =
          std::find_if(request_.states.begin(), request_.states.end(),
                       [&](const RecreateState& other) { return other.name == state.name; });
      const bool final_before = stored != request_.states.end() && IsFinal(stored->phase);
      if (request_.ordered && IsFinal(state.phase) && !final_before) return true;
      if (stored != request_.states.end() && state.phase == ContainerPhase::kPending &&
          state.message != stored->message) {
        return true;
      }
    }
    return false;
  }

  const RecreateInput& in_;
  const RecreateRequest& request_;
  RecreatePlan plan_;
  std::vector<ContainerVerdict> verdicts_;
  bool drain_begins_ = false;
};

}  // namespace

RecreatePlan PlanRecreate(const RecreateInput& input) { return Planner(input).Run(); }

RecreateStatus AbortedStatus(const RecreateRequest& request,
                             const std::vector<RecreateState>& states,
                             const std::vector<SnapshotEntry>& snapshot, const std::string& message,
                             const std::string& detail, absl::Time now) {
  RecreateStatus out = StatusOf(request);
  out.phase = RecreatePhase::kCompleted;
  out.completed = now;
  out.message = message;
  out.snapshot = snapshot;
  out.states.clear();
  for (const RecreateContainer& container : request.containers) {
    RecreateState state = {.name = container.name};
    for (const RecreateState& known : states) {
      if (known.name == container.name) state = known;
    }
    if (!IsFinal(state.phase)) {
      const std::string before = std::exchange(
          state.message, detail.empty() ? message : absl::StrCat(message, ": ", detail));
      if (before == kNotFoundOnNode) absl::StrAppend(&state.message, ": ", before);
      state.phase = ContainerPhase::kFailed;
    }
    out.states.push_back(std::move(state));
  }
  return out;
}

WaitingPlan PlanWaiting(const RecreateRequest& request, const std::string& reason, bool pod_gone,
                        absl::Duration age, absl::Time now) {
  WaitingPlan plan;
  const auto abort = [&](const char* message) {
    plan.completes = true;
    plan.write = AbortedStatus(request, request.states, request.snapshot, message, "", now);
    return plan;
  };
  if (pod_gone) return abort(kPodHasGone);
  if (request.active_deadline.has_value()) {
    plan.wake = *request.active_deadline - age;
    if (plan.wake <= absl::ZeroDuration()) return abort(kDeadlineExceeded);
  }
  if (request.phase == RecreatePhase::kNone || request.message != reason) {
    RecreateStatus status = StatusOf(request);
    status.phase = RecreatePhase::kPending;
    status.message = reason;
    plan.write = std::move(status);
  }
  return plan;
}

WaitingPlan PlanVirtual(const RecreateRequest& request, bool pod_gone, absl::Duration age,
                        absl::Time now) {
  WaitingPlan plan = PlanWaiting(request, "", pod_gone, age, now);
  if (plan.completes) return plan;
  plan.write.reset();
  if (request.phase != RecreatePhase::kNone) return plan;
  const absl::Duration left = kNoResponseAfter - age;
  if (left <= absl::ZeroDuration()) {
    plan.completes = true;
    plan.write = AbortedStatus(request, request.states, request.snapshot, kNoResponse, "", now);
    return plan;
  }
  plan.wake = std::min(plan.wake, left);
  return plan;
}

}  // namespace rekindle::plan
