#include "controller/plan/recreate/judge.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "common/api/pod_record.h"

namespace rekindle::plan {
namespace {

using Next = ContainerVerdict::Next;

// minStartedSeconds is "longer than", and timers are not early.
constexpr absl::Duration kStrictly = absl::Milliseconds(10);

class Judge {
 public:
  Judge(const RecreateInput& input, size_t index)
      : input_(input),
        request_(*input.request),
        container_(request_.containers[index]),
        pod_(Find(input.pod->containers)),
        call_(Find(input.calls)) {
    out_.state.name = container_.name;
    for (const RecreateState& state : input.states) {
      if (state.name == container_.name) out_.state = state;
    }
  }

  ContainerVerdict Run() && {
    if (IsFinal(out_.state.phase)) {
      out_.next = Next::kSettled;
    } else if (call_ != nullptr && call_->operation.has_value()) {
      ByOperation(*call_->operation);
    } else if (call_ != nullptr && call_->under_way) {
      out_.state.phase = ContainerPhase::kRecreating;
      out_.state.message.clear();
      out_.next = Next::kStopping;
      out_.waiting = call_->waiting;
    } else if (input_.live.has_value()) {
      ByRuntime();
    }
    return std::move(out_);
  }

 private:
  template <typename Map>
  auto Find(const Map& map) const -> const typename Map::mapped_type* {
    const auto it = map.find(container_.name);
    return it == map.end() ? nullptr : &it->second;
  }

  void ByOperation(const HeardOperation& operation) {
    out_.state.killed = operation.killed;
    out_.state.message.clear();
    switch (operation.at) {
      case HeardOperation::At::kBefore:
      case HeardOperation::At::kStopping:
        out_.state.phase = ContainerPhase::kRecreating;
        out_.next = Next::kStopping;
        break;
      case HeardOperation::At::kStarting:
        out_.state.phase = ContainerPhase::kRecreating;
        out_.next = Next::kRestarted;
        break;
      case HeardOperation::At::kDone:
        return ByNewContainer(operation);
      case HeardOperation::At::kFailed:
        return Fail(operation.stopped ? absl::StrCat("restart failed: ", operation.message)
                                      : absl::StrCat("kill container error: ", operation.message));
      case HeardOperation::At::kCancelled:
        return Cancelled(operation);
    }
    out_.waiting = call_->waiting.empty() ? operation.message : call_->waiting;
  }

  void Cancelled(const HeardOperation& operation) {
    Fail(absl::StrCat("cancelled before it was stopped: ", operation.message));
  }

  // The daemon has restarted it. Without a probe its word is enough; else the pod's status has to
  // show the new container, or one that came after it, ready.
  void ByNewContainer(const HeardOperation& operation) {
    const std::string id = WithRuntimeOf(container_.id, operation.new_id);
    if (pod_ == nullptr || !pod_->probed) {
      return Succeed(
          {.name = container_.name, .ready = true, .restarts = operation.attempt, .id = id});
    }
    out_.state.phase = ContainerPhase::kRecreating;
    out_.next = Next::kRestarted;
    out_.waiting = absl::StrCat("waits until container ", container_.name, " is ready");
    const bool shown = pod_->id == api::Fingerprint(id) || pod_->restarts > operation.attempt;
    if (!shown || !pod_->running || !pod_->ready) return;
    SucceedAsShown(pod_->id == api::Fingerprint(id) ? id : pod_->id_text);
  }

  // The table of 8.6, without a test of times.
  void ByRuntime() {
    const LiveContainer* live = Find(*input_.live);
    if (live == nullptr) {
      out_.state.phase = ContainerPhase::kPending;
      out_.state.message = kNotFoundOnNode;
      out_.next = Next::kBlocked;
      out_.waiting = absl::StrCat("container ", container_.name, " is not on the node");
      return;
    }
    // What another process may have handed over is asked for under the same ID: the daemon attaches
    // to it, or refuses what has changed since.
    if (input_.resumed && !out_.state.killed && (call_ == nullptr || !call_->not_taken)) {
      out_.next = Next::kCall;
      return;
    }
    out_.state.message.clear();
    if (live->exited) return AwaitAnother(*live);
    const bool changed =
        (live->id != BareContainerId(container_.id) || live->attempt > container_.restarts) &&
        !MadeBefore(container_, *live, input_.made_before);
    if (request_.force ? out_.state.killed : changed) return ByChanged(*live);
    if (call_ != nullptr && !call_->refusal.empty() && call_->refused_id == live->id) {
      return Fail(absl::StrCat("kill container error: ", call_->refusal));
    }
    out_.state.phase = ContainerPhase::kPending;
    out_.next = Next::kCall;
  }

  // It has exited by itself: nothing is stopped, and whoever owns the pod starts the next one.
  void AwaitAnother(const LiveContainer& exited) {
    Restarted(absl::StrCat("container ", container_.name,
                           " has exited; waits until it is started again"));
    const std::string id = WithRuntimeOf(container_.id, exited.id);
    if (pod_ == nullptr || pod_->id == 0 || pod_->id == api::Fingerprint(id)) return;
    if (pod_->running && pod_->ready && OldEnough(pod_->id)) SucceedAsShown(pod_->id_text);
  }

  // It has changed since the request was made.
  void ByChanged(const LiveContainer& live) {
    const bool killed = out_.state.killed;
    Restarted(absl::StrCat("container ", container_.name,
                           " has been restarted already; waits until it is ready"));
    const std::string id = WithRuntimeOf(container_.id, live.id);
    if (pod_ != nullptr && pod_->probed) {
      // The status may be ahead of the list.
      const bool shown = pod_->id == api::Fingerprint(id) || pod_->restarts > live.attempt;
      if (!shown || !pod_->running || !pod_->ready || !OldEnough(pod_->id)) return;
      SucceedAsShown(pod_->id == api::Fingerprint(id) ? id : pod_->id_text);
    } else if (OldEnough(api::Fingerprint(id))) {
      Succeed({.name = container_.name, .ready = true, .restarts = live.attempt, .id = id});
    }
    if (out_.state.phase == ContainerPhase::kSucceeded) out_.state.killed = killed;
  }

  bool OldEnough(uint64_t id) {
    if (request_.min_started == absl::ZeroDuration()) return true;
    out_.watched = id;
    const RecreateInput::Watched* watched = Find(input_.watched);
    const absl::Duration known =
        watched != nullptr && watched->id == id ? watched->known : absl::ZeroDuration();
    if (known > request_.min_started) return true;
    out_.wake = request_.min_started - known + kStrictly;
    return false;
  }

  void Restarted(std::string waiting) {
    out_.state.phase = ContainerPhase::kRecreating;
    out_.state.killed = true;
    out_.next = Next::kRestarted;
    out_.waiting = std::move(waiting);
  }

  void SucceedAsShown(const std::string& id) {
    if (id.empty()) {
      out_.read_pod = true;
      return;
    }
    Succeed({.name = container_.name, .ready = true, .restarts = pod_->restarts, .id = id});
  }

  void Succeed(SnapshotEntry entry) {
    out_.state.phase = ContainerPhase::kSucceeded;
    // One that was started more than once says so: a start is cut off when daemon or runtime die.
    const bool again = call_ != nullptr && call_->operation.has_value() &&
                       call_->operation->at == HeardOperation::At::kDone &&
                       call_->operation->start_failures > 0;
    out_.state.message = again ? call_->operation->message : "";
    out_.next = Next::kSettled;
    out_.snapshot = std::move(entry);
    out_.waiting.clear();
  }

  void Fail(std::string message) {
    out_.state.phase = ContainerPhase::kFailed;
    out_.state.message = std::move(message);
    out_.next = Next::kSettled;
  }

  const RecreateInput& input_;
  const RecreateRequest& request_;
  const RecreateContainer& container_;
  const PodContainerView* pod_;
  const RecreateCall* call_;
  ContainerVerdict out_;
};

}  // namespace

bool MadeBefore(const RecreateContainer& container, const LiveContainer& live,
                const std::vector<uint64_t>& made_before) {
  const uint64_t id = api::Fingerprint(WithRuntimeOf(container.id, live.id));
  return std::find(made_before.begin(), made_before.end(), id) != made_before.end();
}

ContainerVerdict JudgeContainer(const RecreateInput& input, size_t index) {
  return Judge(input, index).Run();
}

}  // namespace rekindle::plan
