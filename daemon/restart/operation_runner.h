#ifndef REKINDLE_DAEMON_RESTART_OPERATION_RUNNER_H_
#define REKINDLE_DAEMON_RESTART_OPERATION_RUNNER_H_

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/backoff.h"
#include "common/base/blocking.h"
#include "common/base/loop.h"
#include "daemon/cri/monitor.h"
#include "daemon/cri/runtime.h"
#include "daemon/hooks/handler.h"
#include "daemon/kubelet/backoff_estimate.h"
#include "daemon/kubelet/reservation.h"
#include "daemon/restart/aftercare.h"
#include "daemon/restart/cleaner.h"
#include "daemon/restart/journal.h"
#include "daemon/restart/operation.h"
#include "daemon/restart/pod_reader.h"
#include "daemon/restart/replacement/replacement.h"
#include "daemon/restart/stop_gate.h"

namespace rekindle::restart {

// What a replacement is made from, however often: the verbose statuses of a container of that name
// and of its sandbox.
struct ReplacementSource {
  ::runtime::v1::ContainerStatusResponse container;
  std::shared_ptr<const ::runtime::v1::PodSandboxStatusResponse> sandbox;
};

// What all operations have in common. Outlives them.
struct OperationShared {
  explicit OperationShared(size_t max_stopping_of_pod) : gate(max_stopping_of_pod) {}
  StopGate gate;
  kubelet::BackoffEstimate backoff;
};

// What an operation works with. All of it outlives the operations.
struct OperationDeps {
  Loop& loop;
  cri::Runtime& runtime;
  cri::Monitor& monitor;
  hooks::HookRunner& hooks;
  Journal& journal;
  Blocking& files;
};

struct OperationOptions {
  // First and longest pause between tries of what the runtime refused.
  Backoff::Options retry{.initial = absl::Milliseconds(100), .max = absl::Seconds(5)};
  // How long after its deadline an operation whose container has been touched goes on trying to
  // bring it up while the runtime does not answer.
  absl::Duration bring_up_limit = absl::Minutes(10);
  // So many containers of one pod get their stop signal at a time (StopGate); one that takes longer
  // than stop_pace to end keeps the others waiting no longer.
  size_t max_stopping_of_pod = 4;
  absl::Duration stop_pace = absl::Seconds(1);
  // Directories in which sources of mounts can be seen (PrepareFiles); empty: all.
  std::vector<std::string> visible_paths;
  // A replacement gets at least so many starts, whatever the deadline says.
  uint32_t min_start_attempts = 3;
  // Start the replacement on the old process's exit event instead of waiting until the runtime has
  // tidied up after it. Only where the container had its own PID namespace: then no process of it
  // is left.
  bool start_on_exit_event = true;
  // Beside a kubelet: how the name of the attempt after the replacement's is reserved. None: it is
  // not, which only a test may want that shows what happens then.
  std::optional<kubelet::PlaceholderKind> placeholder = kubelet::PlaceholderKind::kUnlabelled;
  // Where log collectors find a kubelet's containers; empty: nowhere.
  std::string log_link_dir;
  // Beside a kubelet: how long a container that the kubelet has made may take to run before the
  // names are released that may keep the kubelet from making another; and how long the kubelet is
  // given when the deadline is already near.
  absl::Duration kubelet_start = absl::Seconds(5);
};

// Runs one operation: the state machine of transitions.h, one method per step, each journaled
// before its action. Never blocks; every wait ends by the operation's deadline (or, once the
// container has been touched, by the limits of OperationOptions).
// Threads: the loop's thread. Held by shared_ptr: late replies find it gone and do nothing.
class OperationRunner : public std::enable_shared_from_this<OperationRunner> {
 public:
  struct Callbacks {
    // After every change of the record, also after it has ended (clean-up).
    absl::AnyInvocable<void(const OperationRecord&)> changed;
    // Once, when it has ended.
    absl::AnyInvocable<void()> ended;
    // Once, when besides its end is stored and nothing is left to clean up: the record will not
    // change any more.
    absl::AnyInvocable<void()> settled;
  };

  // `record` is a new one, or what the journal held.
  // All references outlive it.
  OperationRunner(const OperationDeps& deps, const OperationOptions& options,
                  OperationShared& shared, OperationRecord record, Callbacks callbacks);
  ~OperationRunner();

  const OperationRecord& record() const { return record_; }
  bool begun() const { return begun_; }

  // Starts to watch the deadline; its turn has not come yet.
  void Wait(const std::string& why);

  // Its turn has come.
  void Begin();

  // Its turn comes with its acceptance, so that one write to the journal serves both: the record is
  // kStaged from now on and the files are being prepared, but nothing is done before Stored.
  // `replacement` is what admission has built from `pod`. Not with an unready_grace.
  void BeginStaged(PodDetails pod, Replacement replacement);

  // The record that BeginStaged left has been stored: goes on. Callbacks::changed is not called.
  void Stored();

  // Its turn has come again after the daemon was killed in the phase that the record names: goes
  // on from what the runtime says (recovery.h).
  void Resume();

  // Ends it without touching anything. kFailedPrecondition when that is too late.
  absl::Status Cancel(const std::string& why);

  // The pod is being deleted: cancels it, or, where that is too late, has it start no container any
  // more.
  void EndWithPod();

  // Does not go beyond the point of no return from now on: the daemon is about to exit and will
  // resume it at its next start.
  void Hold() { held_ = true; }

  // True while an exit of the daemon would do harm: between hook and start of a replacement (the
  // container may be down) and while a start is under way (a cut-off call kills it).
  bool InGap() const;

  // Removes what an ended operation left behind, from an earlier life of the daemon too, and goes
  // on with its aftercare.
  void CleanUp();

  // Another operation on the container begins: from now on it looks after all.
  void EndAftercare(const std::string& by);

 private:
  using Step = void (OperationRunner::*)();

  // -- before the container notices: operation_stage.cc --
  void Drain();
  void Stage();
  void BuildFrom(PodDetails pod);
  // What BuildFrom needs of the pod; the attempt that the replacement is to have.
  uint32_t TakeSource(PodDetails pod);
  uint32_t NextAttemptIn(const PodView& pod);
  void PrepareAndCreate();
  void Create();
  void FindCreated();
  void OnCreateFailed(bool attempt_taken);
  void ExplainMissing();
  void OnCreated(const std::string& container_id);
  void Build(uint32_t attempt);
  absl::Status BuildReplacementOf(uint32_t attempt);
  void UseReplacement(uint32_t attempt, Replacement replacement);
  // Goes on once both the journal and the files are ready.
  void CreateIfReady();

  // -- stopping the old container: operation_stop.cc --
  void PreStop();
  // Once the gate lets this container through.
  void Stop(absl::Duration timeout);
  void EnterStopping();
  void IssueStop();
  void CheckStopped();
  void OnStopped();
  bool MayStartOnExitEvent() const;

  // -- starting the new one: operation_start.cc --
  // True when the pod is being deleted; the operation has failed then.
  bool EndedWithPod();
  void StartReplacement();
  void IssueStart();
  void CheckStarted();
  void StartSoon();
  void OnStartFailed(const std::string& why);
  void NextAttempt();
  void PostStart();
  void AfterPostStart(const absl::Status& result);

  // -- is it up: operation_verify.cc --
  void WatchSlowNodeLonger();
  void Verify();
  void WatchReplacement();
  void CheckReady();
  void OnPart(bool* part);
  void OnVerified();
  void CheckOldBeforeStop();

  // -- beside a kubelet, the swap: operation_kubelet.cc --
  void Reserve();
  void Swap(const PodView& pod);
  void SwapAgain(const std::string& why);
  void SwapAnew();
  bool TakenByKubelet(const PodView& pod);
  void FindReserved();
  void OnReserved(const std::string& placeholder_id);
  void ReserveAgain();
  void BringUp();
  void ClearWay();
  void OnKubeletCreateFailed(const PodView& pod);
  void MakeLogLink();
  void StopAfterPostStart();

  // -- beside a kubelet, what is left to it: operation_await.cc --
  void HandOver(const std::string& why);
  void ReleaseNow();
  void AwaitKubelet(const std::string& why);
  void LookForKubelets();
  void OnKubeletsView(const PodView& pod);
  void TakeKubelets(const ::runtime::v1::Container& container);
  void ReadFinished(const std::string& container_id);
  void ShowBackoff();
  std::string AwaitText() const;
  kubelet::BackoffKey BackoffKeyOf() const;

  // -- ends: operation_end.cc --
  void MeasureAndFinish();
  void ReadExit();
  void CollectDead();
  // Is it an instance of our container that nobody needs any more?
  bool IsLeftBehind(const ::runtime::v1::Container& container) const;
  // Lets the runtime find out about an old container that it has lost track of.
  void SettleUnknown(const ::runtime::v1::Container& old);
  void Finish();
  void Fail(const std::string& message, bool service_down = false);
  void End(Phase phase, const std::string& message);
  void StoreEnd();
  void Announce();
  void CheckSettled();
  void OnDeadline();
  void StartAftercare();
  void OnAftercareStep(uint32_t next, const std::string& note);
  void AddToAftercare(const std::string& note);
  // The new container has ended after the operation: nobody but the kubelet starts it again.
  void NoteLateExit(const ::runtime::v1::ContainerStatus& exited);

  // -- after a restart of the daemon: operation_resume.cc --
  void ResumeWith(PodDetails pod);

  // -- common: operation_runner.cc --
  void WatchDeadline();
  void SetPhase(Phase phase, const std::string& message);
  // Moves to `phase`, journals it and goes on with `next` once that is stored.
  void Enter(Phase phase, const std::string& message, absl::AnyInvocable<void()> next);
  // Shows a new message; the phase stays.
  void Say(const std::string& message);
  // What was awaited no longer matters: voids all callbacks made by Here().
  void MoveOn();
  // Runs `step` after the next back-off pause, or fails with `why` when that would be past `limit`.
  void RetryLater(Step step, const std::string& why, absl::Time limit, bool service_down);
  absl::Time TouchedLimit() const { return record_.deadline + options_.bring_up_limit; }
  absl::Time Limit() const;
  bool PastDeadline() const { return deps_.loop.Now() >= record_.deadline; }
  bool Touched() const;
  void WithHookTarget(const std::string& container_id,
                      absl::AnyInvocable<void(absl::StatusOr<hooks::HookTarget>)> reply);

  // Wraps a callback so that it does nothing once the operation is gone or has moved on.
  template <typename F>
  auto Here(F f) {
    return [weak = weak_from_this(), generation = generation_,
            f = std::move(f)](auto&&... args) mutable {
      std::shared_ptr<OperationRunner> self = weak.lock();
      if (self == nullptr || self->generation_ != generation) return;
      f(std::forward<decltype(args)>(args)...);
    };
  }

  OperationDeps deps_;
  const OperationOptions& options_;
  OperationShared& shared_;
  OperationRecord record_;
  Callbacks callbacks_;

  bool begun_ = false;
  bool held_ = false;
  bool end_stored_ = false;
  bool announced_ = false;
  uint64_t generation_ = 0;
  std::optional<ReplacementSource> source_;
  std::optional<Replacement> replacement_;
  bool staging_ = false;                  // the journal is writing the phase kStaged
  std::optional<absl::Status> prepared_;  // its files
  Backoff retry_;
  absl::Status last_error_;                    // of the call that is being looked into
  uint32_t create_failures_ = 0;               // in a row, for the same attempt
  std::unique_ptr<StopGate::Pass> gate_pass_;  // while it waits to be stopped and is fresh in it
  absl::Duration stop_timeout_;
  absl::Duration stop_began_;               // monotonic
  ::runtime::v1::ContainerStatus started_;  // of the replacement, once it runs
  std::optional<hooks::HookTarget> probe_target_;
  uint32_t ready_successes_ = 0;
  bool min_started_passed_ = false;
  bool ready_passed_ = false;
  bool verified_ = false;
  // The new container has just ended as one does that was sent a signal to stop.
  bool ended_as_stopped_ = false;
  bool labelled_ = false;  // its containers carry kContainerNameLabel
  ScopedTimer timer_;
  ScopedTimer deadline_timer_;
  ScopedTimer probe_timer_;
  ScopedTimer pace_timer_;
  cri::Monitor::WatchId exit_watch_ = 0;
  std::shared_ptr<Cleaner> cleaner_;

  // Beside a kubelet.
  bool awaiting_kubelet_ = false;
  bool pod_terminating_ = false;  // it was told so
  std::string await_why_;
  uint32_t await_above_ = 0;   // the attempt that its container must be above
  std::string in_the_way_;     // a placeholder under the replacement's own attempt
  std::string await_dead_id_;  // the newest dead container, and when it ended
  absl::Time await_finished_ = absl::InfinitePast();
  bool released_ = false;
  Backoff look_again_;  // while the kubelet starts what it has created
  absl::Duration created_seen_ = absl::InfiniteDuration();  // monotonic
  cri::Monitor::WatchId sandbox_watch_ = 0;
  cri::Monitor::WatchId placeholder_watch_ = 0;
  ScopedTimer look_timer_;
  std::shared_ptr<Aftercare> aftercare_;
};

}  // namespace rekindle::restart

#endif  // REKINDLE_DAEMON_RESTART_OPERATION_RUNNER_H_
