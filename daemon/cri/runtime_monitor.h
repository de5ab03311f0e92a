#ifndef REKINDLE_DAEMON_CRI_RUNTIME_MONITOR_H_
#define REKINDLE_DAEMON_CRI_RUNTIME_MONITOR_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

#include "common/base/backoff.h"
#include "common/base/loop.h"
#include "containerd/v1/events.pb.h"
#include "cri/v1/api.pb.h"
#include "daemon/cri/connection.h"
#include "daemon/cri/event_source.h"
#include "daemon/cri/exit_watches.h"
#include "daemon/cri/monitor.h"
#include "daemon/cri/runtime.h"
#include "daemon/cri/sandbox_watches.h"

namespace rekindle::cri {

// The times of the monitor, all of them injected for tests.
struct RuntimeMonitorOptions {
  // How long the runtime may take to answer before it is "not ready"; we go on waiting.
  absl::Duration probe_patience = absl::Seconds(10);
  // The safety net beside an event stream, and without watches the sign of life. Far apart: an idle
  // daemon must cost nothing, and a containerd with 300 containers must not feel it.
  absl::Duration relist_with_events = absl::Seconds(10);
  absl::Duration probe_idle = absl::Seconds(30);
  // While somebody waits for an exit and the runtime has no events.
  absl::Duration relist_without_events = absl::Milliseconds(500);
  Backoff::Options reconnect;  // 100 ms doubling to 5 s
};

// Keeps up the knowledge of the runtime: asks Version and Status, follows the best stream of events
// that the runtime has (event_source.h), lists all containers after every reconnection and again as
// a safety net. It never gives up; while the runtime is away the state says why.
// Threads: the loop's thread, constructor and destructor included.
class RuntimeMonitor final : public Monitor {
 public:
  // Starts at once. `runtime` must use the same connection and outlive this object.
  RuntimeMonitor(Loop& loop, Runtime& runtime, std::shared_ptr<Connection> connection,
                 const RuntimeMonitorOptions& options = RuntimeMonitorOptions());
  RuntimeMonitor(const RuntimeMonitor&) = delete;
  RuntimeMonitor& operator=(const RuntimeMonitor&) = delete;
  ~RuntimeMonitor() override;

  const State& state() const override { return state_; }
  WatchId WatchState(std::function<void(const State&)> changed) override;
  WatchId WatchExit(const std::string& container_id,
                    absl::AnyInvocable<void(absl::StatusOr<v1::ContainerStatus>)> exited) override;
  WatchId WatchTaskExit(const std::string& container_id,
                        absl::AnyInvocable<void()> exited) override;
  WatchId WatchSandbox(const std::string& sandbox_id, std::function<void()> changed) override;
  WatchId WatchEvents(std::function<void()> changed) override;
  void Unwatch(WatchId watch) override;

  // Lists of all containers asked for so far: what idle costs.
  int64_t relists() const { return relists_; }

 private:
  struct Streams;

  // Version, Status, stream, list; any failure: again after the back-off.
  void Probe();
  void OnVersion(absl::StatusOr<v1::VersionResponse> version);
  void OnStatus(absl::StatusOr<v1::StatusResponse> status);
  void ProbeFailed(const absl::Status& why);

  void OpenStream();
  void OnStreamEnd(absl::Status why);
  void OnContainerExit(const std::string& container_id);
  void OnCriEvent(const v1::ContainerEventResponse& event);
  void OnContainerdEvent(const containerd::services::events::v1::Envelope& envelope);
  bool Watched() const { return !exits_.empty() || !sandboxes_.empty(); }
  EventSource source() const { return sources_[source_]; }

  void Relist();
  // The next list or sign of life, by what is watched and by how long ago the stream was opened.
  void ScheduleLook();
  void Look();

  void SetReady(bool ready, std::string reason);
  void TellEvent();
  // Wraps a reply so that it is dropped once this object is gone.
  template <typename T>
  Reply<T> Mine(void (RuntimeMonitor::*then)(absl::StatusOr<T>));

  Loop& loop_;
  Runtime& runtime_;
  const std::shared_ptr<Connection> connection_;
  const RuntimeMonitorOptions options_;

  State state_;
  bool probing_ = false;
  bool listing_ = false;
  Backoff reconnect_;
  ScopedTimer retry_;
  ScopedTimer patience_;
  ScopedTimer look_;

  std::vector<EventSource> sources_{EventSource::kRelist};
  size_t source_ = 0;
  std::unique_ptr<Streams> streams_;
  absl::Duration stream_opened_;
  int short_streams_ = 0;  // streams that ended at once, in a row
  size_t looks_since_open_ = 0;
  int64_t relists_ = 0;

  WatchId next_watch_ = 1;
  absl::btree_map<WatchId, std::shared_ptr<std::function<void(const State&)>>> state_watches_;
  absl::btree_map<WatchId, std::shared_ptr<std::function<void()>>> event_watches_;
  ExitWatches exits_;
  SandboxWatches sandboxes_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_RUNTIME_MONITOR_H_
