#ifndef REKINDLE_DAEMON_CRI_GRPC_RUNTIME_H_
#define REKINDLE_DAEMON_CRI_GRPC_RUNTIME_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"

#include "common/base/loop.h"
#include "daemon/cri/calls.h"
#include "daemon/cri/connection.h"
#include "daemon/cri/runtime.h"
#include "daemon/cri/start_queue.h"

namespace rekindle::cri {

// Deadlines after spec/node-runtime 1.1 (what a kubelet uses).
struct GrpcRuntimeOptions {
  // Of every call; StopContainer has its timeout on top.
  absl::Duration call_deadline = absl::Minutes(2);
  // How long a read waits for a connection before it is kUnavailable.
  absl::Duration connect_wait = absl::Milliseconds(1500);
  // What ExecSync has on top of its timeout: the runtime's own way to kill and report.
  absl::Duration exec_slack = absl::Seconds(3);
  // CreateContainer and StartContainer under way at a time; further ones queue, starts first.
  // Stops are not counted: they mostly wait for a grace period.
  int max_creates_and_starts = 8;
  CallObserver observe;
};

// A runtime behind a connection, which others may share. See Runtime for the contract.
// The destructor cancels reads and waits for them. Creates, starts, stops and execs which are under
// way are left to run to their end while the connection lives; their replies are dropped, as are
// calls that still queue. Threads: the loop's thread, constructor and destructor included.
class GrpcRuntime final : public Runtime {
 public:
  GrpcRuntime(Loop& loop, std::shared_ptr<Connection> connection,
              const GrpcRuntimeOptions& options = GrpcRuntimeOptions());
  ~GrpcRuntime() override;

  void Version(Reply<v1::VersionResponse> reply) override;
  void Status(Reply<v1::StatusResponse> reply) override;
  void ListPodSandbox(const v1::PodSandboxFilter& filter,
                      Reply<v1::ListPodSandboxResponse> reply) override;
  void PodSandboxStatus(const std::string& sandbox_id, bool verbose,
                        Reply<v1::PodSandboxStatusResponse> reply) override;
  void ListContainers(const v1::ContainerFilter& filter,
                      Reply<v1::ListContainersResponse> reply) override;
  void ContainerStatus(const std::string& container_id, bool verbose,
                       Reply<v1::ContainerStatusResponse> reply) override;
  void CreateContainer(const v1::CreateContainerRequest& request,
                       Reply<std::string> reply) override;
  void StartContainer(const std::string& container_id, Done done) override;
  void StopContainer(const std::string& container_id, absl::Duration timeout, Done done) override;
  void RemoveContainer(const std::string& container_id, Done done) override;
  void ExecSync(const std::string& container_id, const std::vector<std::string>& command,
                absl::Duration timeout, Reply<v1::ExecSyncResponse> reply) override;
  void ImageStatus(const std::string& image, Reply<std::optional<v1::Image>> reply) override;

  // Creates, starts, stops, removals and execs whose outcome is not known yet, queued ones
  // included. A daemon that shuts down waits (for a bounded time) until there are none.
  size_t mutations_in_flight() const;

 private:
  struct Stubs;

  // Replies soon, with an error and without a call.
  template <typename T>
  void Refuse(absl::Status why, Reply<T> reply);
  void Finish(absl::Status status, Done done);
  void SendRemove(const std::string& container_id, Done done);
  // Ends a task of containerd's that the CRI does not know of.
  void EndLeftTask(const std::string& container_id, absl::AnyInvocable<void()> then);

  Loop& loop_;
  const GrpcRuntimeOptions options_;
  const std::unique_ptr<Stubs> stubs_;
  Calls calls_;
  StartQueue queue_;
  // Holds true until the destructor: for tasks of the loop that outlive this object.
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace rekindle::cri

#endif  // REKINDLE_DAEMON_CRI_GRPC_RUNTIME_H_
