#ifndef REKINDLE_CONTROLLER_RUNTIME_MANAGER_H_
#define REKINDLE_CONTROLLER_RUNTIME_MANAGER_H_

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

#include "common/api/pod_record.h"
#include "common/base/loop.h"
#include "common/client/api_client.h"
#include "common/client/config/credentials.h"
#include "common/client/events/recorder.h"
#include "common/client/http/transport.h"
#include "common/client/informer.h"
#include "common/client/leader/elector.h"
#include "common/client/pause.h"
#include "common/client/shutdown.h"
#include "common/client/write_gate.h"
#include "controller/runtime/context.h"
#include "controller/runtime/controller.h"
#include "controller/runtime/controller_metrics.h"
#include "controller/runtime/manager_state.h"

namespace rekindle {

// The part of a program that lives on the loop: clients, the cache of pods that all controllers
// share, events, leader election, and the controllers themselves.
//
// Start: caches begin to fill, that of pods where there is a controller; when all are full it
// competes for the lease; when it leads, controllers reconcile. Without an election it leads as
// soon as caches are full. End: see Stop. A lost lease drops everything at once: nothing is written
// any more, controllers are destroyed with their calls to daemons, and `ended` says why.
//
// Threads: the loop's, constructor and destructor too.
class Manager {
 public:
  using Controllers = std::vector<std::unique_ptr<Controller>>;

  struct Options {
    std::string component = "rekindle-controller";  // in events and for field managers
    std::string identity;                           // unique for each process: client::NewIdentity
    std::string name_space;                         // of this process itself
    // None: this process is the only one.
    struct Election {
      client::ObjectKey lease;
      client::LeaseTimes times;
    };
    std::optional<Election> election;
    double requests_per_second = 50;
    double burst = 100;
    // Makes the controllers, in the order of their start. Once, in Make.
    std::function<absl::StatusOr<Controllers>(const ControllerContext&)> make;
    client::Random random = client::SystemRandom();
    // Further caches to show, which nobody waits for. May be empty.
    std::function<std::vector<CacheState>()> caches;
    // Limits of an orderly end; together less than what the system allows it.
    absl::Duration stop_controllers = absl::Seconds(10);
    absl::Duration flush_events = absl::Seconds(5);
    absl::Duration release_lease = absl::Seconds(5);
    // Both on the loop, not inline. After each change of the phase.
    std::function<void()> changed;
    // Once: OK after Stop; kDeadlineExceeded or others when a step of it failed; what the elector
    // said when the lease was lost.
    std::function<void(const absl::Status&)> ended;
  };

  // All outlive the manager. Errors: kInvalidArgument for the times of the lease; those of `make`.
  static absl::StatusOr<std::unique_ptr<Manager>> Make(Loop& loop, client::Transport& transport,
                                                       client::CredentialSource& credentials,
                                                       ControllerMetrics& metrics, Options options);
  ~Manager();
  Manager(const Manager&) = delete;
  Manager& operator=(const Manager&) = delete;

  // Once.
  void Start();

  // The orderly end: controllers stop, events are flushed, caches and calls end, the lease is given
  // back. A second call changes nothing.
  void Stop();

  ManagerState state() const;

  // A call of a client that is not the manager's own, for the observer of that client: it may have
  // filled a cache that is waited for. The manager's own calls are told by themselves.
  void OnCall(const client::CallReport& report);

 private:
  Manager(Loop& loop, ControllerMetrics& metrics, Options options);
  absl::Status Build(client::Transport& transport, client::CredentialSource& credentials);
  absl::Status BuildElector();

  bool Step(ManagerEvent event);
  void CheckSynced();
  void CheckSyncedSoon();
  void Lead();
  void Lose(const absl::Status& why);
  void End(const absl::Status& status);
  void StopControllers(client::ShutdownSequence::StepDone done);
  void EndCalls();

  Loop& loop_;
  ControllerMetrics& metrics_;
  const Options options_;
  ManagerPhase phase_ = ManagerPhase::kIdle;
  absl::Status why_;
  bool check_posted_ = false;
  std::set<std::string> warned_;  // what the server warned of, each once
  ScopedTimer sync_timer_;
  std::shared_ptr<client::WriteGate> gate_ = std::make_shared<client::WriteGate>();
  // In the order of their making; they go in the opposite one.
  std::unique_ptr<client::ApiClient> lease_client_;
  std::unique_ptr<client::ApiClient> client_;
  std::unique_ptr<client::Informer<api::PodRecord>> pods_;
  std::unique_ptr<client::EventRecorder> events_;
  std::unique_ptr<client::LeaderElector> elector_;
  Controllers controllers_;
  std::unique_ptr<client::ShutdownSequence> ending_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle

#endif  // REKINDLE_CONTROLLER_RUNTIME_MANAGER_H_
