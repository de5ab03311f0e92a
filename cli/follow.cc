#include "cli/follow.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cli/call.h"
#include "cli/live_view.h"
#include "cli/restart_wait.h"

#include "common/base/proto_time.h"
#include "common/base/sync.h"
#include "common/base/text.h"

namespace rekindle::cli {
namespace {

constexpr absl::Duration kFirstAnswer = absl::Seconds(60);   // journal and runtime are asked first
constexpr absl::Duration kReconnectFor = absl::Seconds(60);  // a daemon that is being updated
constexpr absl::Duration kReconnectPause = absl::Milliseconds(200);

using Updates = Stream<v1::RestartContainersResponse>;

// Time that no change of the wall clock moves.
absl::Duration Monotonic() {
  return absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

class Follower {
 public:
  Follower(const Session& session, const v1::RestartContainersRequest& request, Wait wait)
      : session_(session),
        request_(request),
        wait_(wait),
        view_(session.io.out, session.io.out_is_tty && session.for_people()),
        give_up_(Monotonic() + session.timeout.value_or(kFirstAnswer)),
        connection_(session.io, kReconnectFor) {}

  int Run() {
    while (true) {
      const absl::Status status = FollowOnce();
      view_.Clear();
      if (session_.io.interrupted.load()) return End(kExitInterrupted);
      if (status.ok()) return Finish();
      if (absl::IsDeadlineExceeded(status) && Monotonic() >= give_up_) return End(kExitTimedOut);
      // Before the first answer the daemon may not have taken the request; the user repeats it.
      if (!absl::IsUnavailable(status) || operations_.empty()) return Refused(status);
      if (connection_.Lost(
              Monotonic(),
              "connection to the daemon lost; the restart goes on there; trying again")) {
        return Refused(status);
      }
      Latch().WaitFor(kReconnectPause);
    }
  }

 private:
  // Follows one stream to its end. OK: there is nothing more to wait for.
  absl::Status FollowOnce() {
    Updates stream(absl::InfiniteDuration(), [this](auto* context, auto* queue) {
      return session_.stub->PrepareAsyncRestartContainers(context, request_, queue);
    });
    v1::RestartContainersResponse update;
    while (true) {
      if (session_.io.interrupted.load()) return absl::CancelledError("interrupted");
      if (Monotonic() >= give_up_) return absl::DeadlineExceededError("waited long enough");
      switch (stream.Next(kTick, update)) {
        case Updates::Event::kMessage:
          connection_.Heard();
          Take(update.operation());
          if (wait_ == Wait::kUntilAccepted && AllAccepted()) return absl::OkStatus();
          break;
        case Updates::Event::kEnd:
          return stream.status();
        case Updates::Event::kNothing:
          break;
      }
      if (view_.enabled() && wait_ == Wait::kUntilEnded) {
        view_.Draw(RenderLive(operations_, session_.style()));
      }
    }
  }

  void Take(const v1::Operation& operation) {
    // The daemon bounds each operation; the wait ends a while after the last bound, counted on our
    // own clock.
    if (!session_.timeout.has_value() && operation.has_deadline()) {
      const absl::Duration bound = FromProto(operation.deadline()) - FromProto(operation.created());
      give_up_ = std::max(give_up_, started_ + bound + kAfterDeadline);
    }
    const auto it = std::find_if(operations_.begin(), operations_.end(),
                                 [&](const auto& known) { return known.id() == operation.id(); });
    const bool news = it == operations_.end() || it->phase() != operation.phase() ||
                      it->message() != operation.message();
    if (it == operations_.end()) {
      operations_.push_back(operation);
    } else {
      *it = operation;
    }
    if (news && session_.for_people() && !view_.enabled() && wait_ == Wait::kUntilEnded &&
        !HasEnded(operation)) {
      session_.io.out << RenderChange(operation, session_.style());
      session_.io.out.flush();
    }
  }

  bool AllAccepted() const {
    return operations_.size() >= static_cast<size_t>(request_.containers_size());
  }

  v1::ListOperationsResponse Result() const {
    v1::ListOperationsResponse result;
    for (const auto& operation : operations_) *result.add_operations() = operation;
    return result;
  }

  int Finish() const {
    session_.Print(Result(), [this] {
      std::string out;
      for (const auto& operation : operations_) {
        if (wait_ == Wait::kUntilAccepted && !HasEnded(operation)) {
          absl::StrAppend(&out, PrintableText(operation.id()), "\n");
        } else {
          absl::StrAppend(&out, RenderOutcome(operation, session_.style()));
        }
      }
      return out;
    });
    const bool failed =
        std::any_of(operations_.begin(), operations_.end(), [](const auto& operation) {
          return HasEnded(operation) && operation.phase() != v1::PHASE_DONE;
        });
    return failed ? kExitFailed : kExitOk;
  }

  void SayHowToLook() const {
    if (operations_.empty()) {
      session_.io.err << "Whether it was accepted is not known; look with: rekindle node ops "
                      << request_.request_id() << "\n";
      return;
    }
    for (const auto& operation : operations_) {
      if (HasEnded(operation)) continue;
      session_.io.err << "The restart goes on; look at it with: rekindle node ops "
                      << PrintableText(operation.id()) << "\n";
    }
  }

  int End(ExitCode code) const {
    SayWhyEnded(session_.io, code);
    SayHowToLook();
    return code;
  }

  int Refused(const absl::Status& status) const {
    const int code = session_.Fail(Improve(status));
    if (!operations_.empty()) SayHowToLook();
    return code;
  }

  // Adds what would help: the nearest names to a wrong one, what runs to a stale ID.
  absl::Status Improve(const absl::Status& status) const {
    if (absl::IsNotFound(status)) {
      const auto pods = session_.ListPods({}, /*include_exited=*/true);
      if (!pods.ok()) return status;
      std::vector<std::string> pod_names;
      std::vector<std::string> container_names;
      for (const v1::Pod& pod : pods->pods()) {
        pod_names.push_back(PodName(pod.ref()));
        if (pod_names.back() != PodName(request_.pod())) continue;
        for (const auto& container : pod.containers()) container_names.push_back(container.name());
      }
      if (container_names.empty()) return WithNearest(status, PodName(request_.pod()), pod_names);
      for (const auto& wanted : request_.containers()) {
        const bool known = std::find(container_names.begin(), container_names.end(),
                                     wanted.name()) != container_names.end();
        if (!known) return WithNearest(status, wanted.name(), container_names);
      }
      return status;
    }
    if (absl::IsFailedPrecondition(status)) return WithWhatRuns(status);
    return status;
  }

  absl::Status WithWhatRuns(const absl::Status& status) const {
    const auto pods = session_.ListPods(request_.pod(), /*include_exited=*/false);
    if (!pods.ok()) return status;
    std::string runs;
    for (const auto& wanted : request_.containers()) {
      if (wanted.expected_container_id().empty()) continue;
      for (const v1::Pod& pod : pods->pods()) {
        for (const auto& container : pod.containers()) {
          if (container.name() != wanted.name()) continue;
          absl::StrAppend(&runs, "\nContainer ", container.name(), " is now ", container.id(),
                          " (attempt ", container.attempt(), ", ",
                          ContainerStateName(container.state()), ").");
        }
      }
    }
    // Explain() makes the daemon's text printable; these lines are ours.
    if (runs.empty()) return status;
    return absl::FailedPreconditionError(
        absl::StrCat(status.message(), "; ", PrintableText(runs.substr(1)),
                     " Leave out --expect-id or use --force to restart it all the same."));
  }

  const Session& session_;
  const v1::RestartContainersRequest& request_;
  const Wait wait_;
  LiveView view_;
  const absl::Duration started_ = Monotonic();
  absl::Duration give_up_;
  LostConnection connection_;
  std::vector<v1::Operation> operations_;  // in the order of their first appearance
};

}  // namespace

int FollowRestart(const Session& session, const v1::RestartContainersRequest& request, Wait wait) {
  return Follower(session, request, wait).Run();
}

}  // namespace rekindle::cli
