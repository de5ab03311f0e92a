#ifndef REKINDLE_TEST_FAKES_FAKE_RUNTIME_H_
#define REKINDLE_TEST_FAKES_FAKE_RUNTIME_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "common/base/loop.h"
#include "daemon/cri/monitor.h"
#include "daemon/cri/runtime.h"

namespace rekindle {

// A model of a containerd with simulated time, for what a real one cannot be brought to do on
// command: lost replies, failing starts, restarts between two calls. It keeps containerd's rules
// that matter here: names reserved from create to remove, a container starts once in its life, the
// stop signal is sent once, a cut-off stop leaves the process running, a cut-off start kills it.
class FakeRuntime final : public cri::Runtime, public cri::Monitor {
 public:
  struct Container {
    ::runtime::v1::Container summary;
    ::runtime::v1::ContainerStatus status;
    ::runtime::v1::ContainerConfig config;
    int starts = 0;
    int signals = 0;            // stop signals delivered
    absl::Duration stop_after;  // what the process takes to end after its signal
    bool ignores_signal = false;
    int exit_code_on_stop = 0;
  };

  // What the next call of a method does instead of succeeding.
  struct Fault {
    absl::Status status;
    bool takes_effect = false;  // the work is done all the same; only the reply is lost
  };

  explicit FakeRuntime(Loop& loop) : loop_(loop) {}

  // -- scripting --
  // Adds a ready pod; returns its sandbox ID.
  std::string AddPod(const std::string& ns, const std::string& name, const std::string& uid);
  // Adds a running container (attempt 0 unless told) to a sandbox; returns its ID.
  std::string AddContainer(const std::string& sandbox, const std::string& name,
                           uint32_t attempt = 0);
  // What a kubelet makes of a pod: its annotation on the sandbox; and of a container of such a pod.
  void GiveToKubelet(const std::string& sandbox, const std::string& source = "api");
  Container& Get(const std::string& id);
  bool Has(const std::string& id) const { return containers_.contains(id); }
  // Running containers of that name.
  std::vector<std::string> Running(const std::string& name) const;
  // All containers of that name, oldest first.
  std::vector<std::string> All(const std::string& name) const;
  // The process ends by itself.
  void Exit(const std::string& id, int code);
  void SetSandboxReady(const std::string& sandbox, bool ready);
  void RemoveSandbox(const std::string& sandbox);
  ::runtime::v1::PodSandbox& Sandbox(const std::string& sandbox) { return sandboxes_.at(sandbox); }
  // Queues a fault for the next call of `method` ("CreateContainer", ...).
  void FailNext(const std::string& method, absl::Status status, bool takes_effect = false);
  // The call after `calls_before` more of that method of ours.
  void FailNth(const std::string& method, size_t calls_before, absl::Status status,
               bool takes_effect = false);
  // Every call fails with kUnavailable while down.
  void SetDown(bool down);
  // All replies of calls that are under way are lost, and their work is undone as containerd undoes
  // it: what a killed client leaves behind.
  void DropClient();
  // Makes calls of another client of the same runtime: DropClient does not touch them.
  template <typename Calls>
  void AsOtherClient(Calls calls_of_it) {
    other_client_ = true;
    calls_of_it();
    other_client_ = false;
  }
  // What each started container does: a callback that may script its exit.
  std::function<void(Container&)> on_start;
  // Fails every start of attempts for which this returns a message.
  std::function<std::optional<std::string>(const Container&)> start_error;
  // Images that are present; empty: all.
  std::vector<std::string> missing_images;

  // Calls so far, "StopContainer <id> 30s" and the like.
  std::vector<std::string> calls;
  size_t CountCalls(const std::string& prefix) const;
  // Lists and statuses asked for, other clients' apart.
  size_t reads = 0;
  // Greatest number of StopContainer calls under way at once.
  size_t most_stops_at_once = 0;

  absl::Duration read_latency = absl::Milliseconds(1);
  absl::Duration create_latency = absl::Milliseconds(20);
  absl::Duration start_latency = absl::Milliseconds(70);
  absl::Duration stop_latency = absl::Milliseconds(80);  // after the exit

  // -- for a fake kubelet --
  void ForEach(const std::function<void(const Container&)>& visit) const {
    for (const auto& [id, container] : containers_) visit(container);
  }
  std::string SandboxUid(const std::string& sandbox) const;
  bool SandboxReady(const std::string& sandbox) const;
  // What a kubelet creates the container from.
  ::runtime::v1::CreateContainerRequest RequestLike(const std::string& sandbox,
                                                    const std::string& name, uint32_t attempt);

  // -- cri::Runtime --
  void Version(cri::Reply<::runtime::v1::VersionResponse> reply) override;
  void Status(cri::Reply<::runtime::v1::StatusResponse> reply) override;
  void ListPodSandbox(const ::runtime::v1::PodSandboxFilter& filter,
                      cri::Reply<::runtime::v1::ListPodSandboxResponse> reply) override;
  void PodSandboxStatus(const std::string& id, bool verbose,
                        cri::Reply<::runtime::v1::PodSandboxStatusResponse> reply) override;
  void ListContainers(const ::runtime::v1::ContainerFilter& filter,
                      cri::Reply<::runtime::v1::ListContainersResponse> reply) override;
  void ContainerStatus(const std::string& id, bool verbose,
                       cri::Reply<::runtime::v1::ContainerStatusResponse> reply) override;
  void CreateContainer(const ::runtime::v1::CreateContainerRequest& request,
                       cri::Reply<std::string> reply) override;
  void StartContainer(const std::string& id, cri::Done done) override;
  void StopContainer(const std::string& id, absl::Duration timeout, cri::Done done) override;
  void RemoveContainer(const std::string& id, cri::Done done) override;
  void ExecSync(const std::string& id, const std::vector<std::string>& command,
                absl::Duration timeout, cri::Reply<::runtime::v1::ExecSyncResponse> reply) override;
  void ImageStatus(const std::string& image,
                   cri::Reply<std::optional<::runtime::v1::Image>> reply) override;

  // -- cri::Monitor --
  const State& state() const override { return state_; }
  WatchId WatchState(std::function<void(const State&)> changed) override;
  WatchId WatchExit(
      const std::string& id,
      absl::AnyInvocable<void(absl::StatusOr<::runtime::v1::ContainerStatus>)> exited) override;
  WatchId WatchTaskExit(const std::string& id, absl::AnyInvocable<void()> exited) override;
  WatchId WatchSandbox(const std::string& sandbox, std::function<void()> changed) override;
  WatchId WatchEvents(std::function<void()> changed) override;
  void Unwatch(WatchId watch) override;

 private:
  struct ExitWatch {
    std::string id;
    absl::AnyInvocable<void(absl::StatusOr<::runtime::v1::ContainerStatus>)> exited;
  };
  struct TaskWatch {
    std::string id;
    absl::AnyInvocable<void()> exited;
  };
  struct PendingStop {
    std::string id;
    uint64_t client;
    cri::Done done;
    uint64_t number;
  };

  // The fault queued for a call, or the one of a runtime that is down.
  std::optional<Fault> TakeFault(const std::string& method);
  uint64_t Caller() const { return other_client_ ? kOtherClient : client_; }
  bool Gone(uint64_t caller) const { return caller != kOtherClient && caller != client_; }
  // Runs `work` after `latency` unless the client has gone by then.
  void AfterLatency(absl::Duration latency, absl::AnyInvocable<void()> work);
  std::string NewId();
  int64_t NowNanos() const { return absl::ToUnixNanos(loop_.Now()); }
  void MakeKubelets(Container& container);
  void StartNow(const std::string& id);
  void FinishStops(const std::string& id);
  void FireExit(const std::string& id);
  void FireEvent();
  std::string ContainerInfo(const Container& container) const;

  Loop& loop_;
  State state_{.ready = true,
               .reason = "",
               .endpoint = "fake",
               .runtime_name = "fake",
               .runtime_version = "1",
               .event_source = "relist"};
  static constexpr uint64_t kOtherClient = ~uint64_t{0};
  uint64_t client_ = 0;
  bool other_client_ = false;
  uint64_t next_id_ = 1;
  uint64_t next_watch_ = 1;
  uint64_t next_stop_ = 1;
  int64_t last_created_ = 0;
  bool down_ = false;
  std::map<std::string, ::runtime::v1::PodSandbox> sandboxes_;
  std::map<std::string, Container> containers_;
  std::map<std::string, std::deque<std::optional<Fault>>> faults_;  // none: that call succeeds
  std::vector<PendingStop> stops_;
  std::map<WatchId, ExitWatch> exit_watches_;
  std::map<WatchId, TaskWatch> task_watches_;
  std::map<WatchId, std::pair<std::string, std::function<void()>>> sandbox_watches_;
  std::map<WatchId, std::function<void(const State&)>> state_watches_;
  std::map<WatchId, std::function<void()>> event_watches_;
};

}  // namespace rekindle

#endif  // REKINDLE_TEST_FAKES_FAKE_RUNTIME_H_
